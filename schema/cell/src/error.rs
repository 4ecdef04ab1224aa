//! Why a cell can't have its host or a grant: one enum, worded for the cell's author.

use std::io;
use std::os::fd::RawFd;

/// Why [`connect`](crate::connect) or [`grant`](crate::grant) failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CellError {
    /// `WW_RPC_FD` isn't set.
    #[error("WW_RPC_FD isn't set: was this program started by `ww run`?")]
    NoHost,
    /// No `--with-fd` has this name.
    #[error("no descriptor was granted as `{name}` ({variable} isn't set): start with `ww run --with-fd {name}=N`")]
    NotGranted {
        /// As the caller wrote it.
        name: String,
        /// The variable that a grant of this name sets.
        variable: String,
    },
    /// No grant can have this name: it doesn't match `[A-Za-z_][A-Za-z0-9_]*` (ruling 3).
    #[error("`{name}` can't be the name of a grant: letters, digits and `_`, not beginning with a digit")]
    Name {
        /// As the caller wrote it.
        name: String,
    },
    /// The variable's value isn't a descriptor that a host hands over.
    #[error("{variable}={value}: not the number of a descriptor above 2")]
    Number {
        /// The variable.
        variable: String,
        /// Its value, lossily decoded.
        value: String,
    },
    /// Nothing is open at that number, as after a `close` by the cell itself.
    #[error("{variable}={fd}: the descriptor isn't open")]
    Closed {
        /// The variable.
        variable: String,
        /// The number.
        fd: RawFd,
    },
    /// The descriptor has an owner: it was given before.
    #[error("{variable}={fd}: the descriptor was taken before")]
    Taken {
        /// The variable.
        variable: String,
        /// The number.
        fd: RawFd,
    },
    /// What is open there isn't the host's socket.
    #[error("WW_RPC_FD={fd}: not a connected Unix stream socket ({found})")]
    NotTheHost {
        /// The number.
        fd: RawFd,
        /// What it is instead.
        found: &'static str,
    },
    /// No tokio runtime with I/O runs here.
    #[error("no tokio runtime runs here: call this inside of `LocalSet::block_on`")]
    NoRuntime,
    /// The descriptor can't be made ready for use.
    #[error("the descriptor can't be set up")]
    Setup(#[from] io::Error),
}
