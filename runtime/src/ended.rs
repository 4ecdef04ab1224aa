//! How a cell ended, and the exit code that says so.
//!
//! Clauses: EXIT-*, STATUS-*.

/// Added to the number of the signal that ended a program, as shells do.
const SIGNALLED: u8 = 128;

/// How a cell ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// It exited with this code.
    Exited(u8),
    /// This signal ended it.
    Signalled(u8),
}

impl Ended {
    /// The exit code of `ww`: the cell's own, or 128+n where signal n ended it.
    pub fn code(self) -> u8 {
        match self {
            Ended::Exited(code) => code,
            Ended::Signalled(signal) => SIGNALLED.wrapping_add(signal),
        }
    }
}
