//! The terminal behind the standard streams: given back as it was found, and shared with the caller's job.
//!
//! What must stay true: it is put back only while it is ours; a shell that took it meanwhile keeps it. What is
//! kept in between is an O_PATH descriptor, which doesn't hold the terminal open.
//! Clauses: STDIO-*.

use std::fs::File;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};

use nix::fcntl::{OFlag, open};
use nix::sys::stat::{Mode, fstat};
use nix::sys::termios::{FlowArg, SetArg, Termios, tcflow, tcgetattr, tcsetattr};
use nix::unistd::{Pid, getpgrp, isatty, tcgetpgrp, tcsetpgrp};

use crate::jail::Session;

/// A terminal as it was found.
pub struct Terminal {
    path: OwnedFd,
    modes: Termios,
    /// Whether it is the one that controls this session.
    controls: bool,
    /// Whether this process's group was in the foreground.
    ours: bool,
}

impl Terminal {
    /// The first terminal among the standard streams.
    pub fn find() -> Option<Terminal> {
        (0..3).find_map(|fd| Terminal::at(fd, borrow(fd)))
    }

    fn at(number: RawFd, fd: BorrowedFd<'_>) -> Option<Terminal> {
        let modes = tcgetattr(fd).ok()?;
        let place = format!("/proc/self/fd/{number}");
        let path = open(place.as_str(), OFlag::O_PATH | OFlag::O_CLOEXEC, Mode::empty()).ok()?;
        let foreground = tcgetpgrp(fd).ok();
        Some(Terminal { path, modes, controls: foreground.is_some(), ours: foreground == Some(getpgrp()) })
    }

    /// Which session a cell on it runs in.
    pub fn session(&self) -> Session {
        Session::new(self.controls, self.is_at(0) && self.is_at(1), self.ours)
    }

    /// Whether the cell is a part of the caller's job in it.
    pub fn controls_the_session(&self) -> bool {
        self.controls
    }

    /// Hands the foreground, where it is ours now, to the cell's group.
    pub fn hand_to(&self, group: Pid) {
        if let Some(file) = self.reopen()
            && tcgetpgrp(&file).ok() == Some(getpgrp())
        {
            let _ = tcsetpgrp(&file, group);
        }
    }

    /// Puts modes and foreground back, unless another job has the terminal now.
    fn restore(&self) {
        let Some(file) = self.reopen() else { return };
        if self.controls {
            let Ok(now) = tcgetpgrp(&file) else { return };
            if !self.ours || (now != getpgrp() && is_alive(now)) {
                return;
            }
            let _ = tcsetpgrp(&file, getpgrp());
        }
        let _ = tcsetattr(&file, SetArg::TCSANOW, &self.modes);
        // What was held back by tcflow(3), as opposed to a key, nobody could let go.
        let _ = tcflow(&file, FlowArg::TCOON);
    }

    /// Whether a standard stream leads to this terminal.
    fn is_at(&self, stream: RawFd) -> bool {
        let device = |fd: BorrowedFd<'_>| fstat(fd).ok().map(|stat| stat.st_rdev);
        isatty(borrow(stream)).unwrap_or(false) && device(borrow(stream)) == device(self.path.as_fd())
    }

    fn reopen(&self) -> Option<File> {
        let place = format!("/proc/self/fd/{}", self.path.as_raw_fd());
        // A terminal of another user's (after su) opens by its controlling name alone.
        let places = [place.as_str(), "/dev/tty"].into_iter().take(1 + usize::from(self.controls));
        let flags = OFlag::O_RDWR | OFlag::O_NOCTTY | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC;
        places.map(|place| open(place, flags, Mode::empty())).find_map(Result::ok).map(File::from)
    }
}

/// However a run ends, also where its program couldn't be executed after all.
impl Drop for Terminal {
    fn drop(&mut self) {
        self.restore();
    }
}

fn is_alive(group: Pid) -> bool {
    nix::sys::signal::killpg(group, None) != Err(nix::errno::Errno::ESRCH)
}

fn borrow(fd: RawFd) -> BorrowedFd<'static> {
    // SAFETY: 0, 1 and 2 are open from before main: std opens /dev/null where the caller closed one.
    unsafe { BorrowedFd::borrow_raw(fd) }
}
