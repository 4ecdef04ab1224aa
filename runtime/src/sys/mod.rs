//! The one module that acts: it starts the cell, and it is the only one with `unsafe`.
//!
//! The host makes an init in new namespaces; the init (pid 1) builds the view, drops its privileges, starts the cell
//! (pid 2), and becomes a program of its own. Until each executes something, all three share the host's
//! memory, where everything they need was laid out beforehand: nothing there allocates, locks or logs.
//! Clauses: JAIL-*, SIG-*, STDIO-*, FD-*.
#![expect(unsafe_code, reason = "the one module for it")]

mod birth;
mod cell;
pub mod cgroup;
pub mod fds;
pub mod grants;
mod guard;
pub mod heap;
mod image;
mod init;
mod known_state;
mod landlock;
mod limits;
pub mod line;
pub mod machine;
mod maps;
mod mounts;
mod privileges;
pub mod probe;
mod raw;
pub mod rename;
mod report;
mod running;
pub mod seccomp;
pub mod signals;
pub mod socket;
mod sole;
mod spread;
mod start;
mod steps;
pub mod terminal;
mod told;
mod trap;
pub mod usage;
pub mod writeback;

pub use landlock::landlock_abi;
pub use privileges::disarm;
pub use report::{Event, Stage};
pub use running::Cell;
pub use sole::{SoleThread, ThreadsError};
pub use start::{Program, StartError, start};
