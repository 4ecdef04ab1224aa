//! The one module that acts: it starts the cell, and it is the only one with `unsafe`.
//!
//! The host forks an init into new namespaces; the init (pid 1) builds the view, drops its privileges and
//! starts the cell (pid 2) by vfork. Everything they need was laid out by the host beforehand: between the
//! fork and the exec nothing allocates, locks or logs.
//! Clauses: JAIL-*, SIG-*, STDIO-*, FD-*.
#![expect(unsafe_code, reason = "the one module for it")]

mod cell;
pub mod fds;
pub mod heap;
mod init;
mod limits;
mod mounts;
mod raw;
mod report;
mod running;
pub mod signals;
mod start;
pub mod terminal;

pub use report::{Event, Stage};
pub use running::Cell;
pub use start::{Program, SoleThread, StartError, landlock_abi, start};
