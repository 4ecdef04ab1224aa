//! The reference runtime of `ww`: `ww run <binary>` starts a native program as a cell, jailed, with only the
//! authority it is handed.
//!
//! [`run::run`] tells the story of a run from top to bottom. docs/architecture.md says which room does what.
#![deny(unsafe_code)]

pub mod access;
mod amount;
mod block;
pub mod cli;
pub mod content;
pub mod doctor;
pub mod ended;
pub mod endpoint;
pub mod env;
pub mod exit;
pub mod export;
pub mod fds;
pub mod idgen;
pub mod import;
mod interrupted;
pub mod jail;
pub mod notice;
pub mod peers;
pub mod phrase;
pub mod progress;
mod remove;
pub mod resolve;
pub mod run;
pub mod rundir;
pub mod serve;
pub mod status;
pub mod store;
pub mod sys;
mod tame;
mod units;
