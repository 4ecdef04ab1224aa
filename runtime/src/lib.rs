//! The reference runtime of `ww`.
#![deny(unsafe_code)]
