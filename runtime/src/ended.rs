//! How a cell ended, and the exit code that says so.
//!
//! Clauses: EXIT-*, STATUS-*, LIMIT-07.

/// Added to the number of the signal that ended a program, as shells do.
const SIGNALLED: u8 = 128;
/// However it then ended, as timeout(1) has it.
const TIMED_OUT: u8 = 124;

/// How a cell ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// It exited with this code.
    Exited(u8),
    /// This signal ended it.
    Signalled(u8),
    /// Its time was over, and then this signal ended it, or it exited.
    TimedOut(Option<u8>),
}

impl Ended {
    /// The exit code of `ww`: the cell's own, or 128+n where signal n ended it, 124 where its time was over.
    pub fn code(self) -> u8 {
        match self {
            Ended::Exited(code) => code,
            Ended::Signalled(signal) => SIGNALLED.wrapping_add(signal),
            Ended::TimedOut(_) => TIMED_OUT,
        }
    }

    /// The signal that ended it, if one did.
    pub fn signal(self) -> Option<u8> {
        match self {
            Ended::Exited(_) => None,
            Ended::Signalled(signal) => Some(signal),
            Ended::TimedOut(signal) => signal,
        }
    }

    /// The same, after its time was over.
    pub fn timed_out(self) -> Ended {
        Ended::TimedOut(self.signal())
    }
}
