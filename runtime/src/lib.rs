//! The reference runtime of `ww`.
#![deny(unsafe_code)]

pub mod content;
pub mod endpoint;
