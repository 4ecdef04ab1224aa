//! The signals that the host passes on: blocked from the start, read from a descriptor, never lost in between.
//!
//! What must stay true: a signal that the terminal sent has reached the cell already and is not sent again.
//! Clauses: SIG-*.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};

use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction};
use nix::sys::signalfd::{SfdFlags, SignalFd};

/// What is passed on to the cell.
const PASSED_ON: [Signal; 9] = [
    Signal::SIGINT,
    Signal::SIGTERM,
    Signal::SIGHUP,
    Signal::SIGQUIT,
    Signal::SIGUSR1,
    Signal::SIGUSR2,
    Signal::SIGWINCH,
    Signal::SIGTSTP,
    Signal::SIGCONT,
];

/// The signals of the host, from [`Signals::block`] on.
#[derive(Debug)]
pub struct Signals {
    fd: SignalFd,
}

/// A signal that came, and who sent it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Received {
    /// Its number.
    pub signal: i32,
    /// The terminal sent it, to the whole foreground job.
    pub by_terminal: bool,
    /// The sender's pid as the host sees it, 0 where there is none.
    pub sender: i32,
}

impl Signals {
    /// Blocks the signals and opens the descriptor they are read from. SIGCHLD and SIGTTOU get known states:
    /// a caller may have ignored the one, and the other would stop a host that gives the terminal back.
    pub fn block() -> io::Result<Signals> {
        let mut set = SigSet::empty();
        PASSED_ON.iter().for_each(|signal| set.add(*signal));
        set.thread_set_mask()?;
        // SAFETY: neither disposition runs code of ours.
        unsafe {
            sigaction(Signal::SIGCHLD, &SigAction::new(SigHandler::SigDfl, SaFlags::empty(), SigSet::empty()))?;
            sigaction(Signal::SIGTTOU, &SigAction::new(SigHandler::SigIgn, SaFlags::empty(), SigSet::empty()))?;
        }
        let fd = SignalFd::with_flags(&set, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK)?;
        Ok(Signals { fd })
    }

    /// Readable when [`Signals::next`] has something to tell.
    pub fn descriptor(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }

    /// The next signal that came; `None` where none is waiting.
    pub fn next(&self) -> io::Result<Option<Received>> {
        let info = self.fd.read_signal()?;
        Ok(info.map(|info| Received {
            signal: info.ssi_signo as i32,
            by_terminal: info.ssi_code == libc::SI_KERNEL,
            sender: info.ssi_pid as i32,
        }))
    }
}

impl Received {
    /// Whether it asks a host that has no cell yet to end.
    pub fn ends_the_host(&self) -> bool {
        [libc::SIGINT, libc::SIGTERM, libc::SIGHUP, libc::SIGQUIT, libc::SIGUSR1, libc::SIGUSR2].contains(&self.signal)
    }
}

/// Stops this process until somebody continues it.
pub fn stop_self() {
    let _ = nix::sys::signal::raise(Signal::SIGSTOP);
}
