//! A real pseudo terminal: what is typed goes in at one end, what programs show comes out there.
//!
//! What must stay true: the suite itself never gets it as its controlling terminal.

use std::cell::Cell;
use std::fs::File;
use std::io::Write;
use std::num::NonZero;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Duration;

use nix::fcntl::{FcntlArg, OFlag, fcntl, open};
use nix::pty::{PtyMaster, grantpt, posix_openpt, ptsname_r, unlockpt};
use nix::sys::stat::Mode;
use nix::sys::termios::{Termios, tcgetattr};
use nix::unistd::{Pid, tcgetpgrp};

use crate::capture::Capture;
use crate::invocation::Invocation;
use crate::suite::Suite;
use crate::verdict::{Verdict, checked, fail};

/// How long what a program shows may take to appear.
const PATIENCE: Duration = Duration::from_secs(10);

/// How large a terminal is that doesn't say so.
const LINES: NonZero<u16> = NonZero::new(24).unwrap();
const COLUMNS: NonZero<u16> = NonZero::new(80).unwrap();

/// A terminal.
#[derive(Debug)]
pub struct Terminal {
    keyboard: File,
    screen: Capture,
    master: PtyMaster,
    line: OwnedFd,
    patience: Duration,
    columns: Cell<NonZero<u16>>,
}

impl Terminal {
    /// Opens one.
    ///
    /// # Errors
    /// A fault of the machine.
    pub fn open(suite: &Suite<'_>) -> Verdict<Self> {
        let master = posix_openpt(OFlag::O_RDWR | OFlag::O_NOCTTY | OFlag::O_CLOEXEC)?;
        grantpt(&master)?;
        unlockpt(&master)?;
        let name = ptsname_r(&master)?;
        let line = open(name.as_str(), OFlag::O_RDWR | OFlag::O_NOCTTY | OFlag::O_CLOEXEC, Mode::empty())?;
        let copy =
            || fcntl(&master, FcntlArg::F_DUPFD_CLOEXEC(0)).map(|number| crate::sys::received(vec![number]).remove(0));
        let (keyboard, screen) = (copy()?, copy()?);
        Ok(Self {
            keyboard: File::from(keyboard),
            screen: Capture::of(screen),
            master,
            line,
            patience: suite.patience(PATIENCE),
            columns: Cell::new(COLUMNS),
        })
    }

    /// The end that programs have as their standard streams.
    #[must_use]
    pub fn line(&self) -> BorrowedFd<'_> {
        self.line.as_fd()
    }

    /// Has a command run in it, as the leader of its session.
    #[must_use]
    pub fn with<'a>(&self, run: Invocation<'a>) -> Invocation<'a> {
        run.place(0, &self.line).place(1, &self.line).place(2, &self.line).in_terminal()
    }

    /// Types.
    ///
    /// # Errors
    /// A fault of the machine.
    pub fn types(&mut self, keys: &str) -> Verdict {
        Ok(self.keyboard.write_all(keys.as_bytes())?)
    }

    /// Waits until a text has been shown so many times.
    ///
    /// # Errors
    /// A failure, with all that was shown instead.
    pub fn shows(&self, text: &str, times: usize) -> Verdict {
        checked();
        let seen = |shown: &[u8]| count(shown, text) >= times;
        if self.screen.wait(self.patience, seen) {
            return Ok(());
        }
        fail(format!("the terminal shows {text:?} {times} time(s)"), self.shown())
    }

    /// How often a text has been shown so far.
    #[must_use]
    pub fn has_shown(&self, text: &str) -> usize {
        count(&self.screen.so_far(), text)
    }

    /// Waits until what its screen looked like so far is as it should be: each state that differs from the one before, as text
    /// without blanks at the ends. The last is how it looks now.
    ///
    /// # Errors
    /// A failure, with all that was shown instead.
    pub fn comes_to(&self, what: &str, holds: impl Fn(&[String]) -> bool) -> Verdict {
        checked();
        if self.screen.wait(self.patience, |shown| holds(&self.screens(shown))) {
            return Ok(());
        }
        fail(what, self.shown())
    }

    fn screens(&self, shown: &[u8]) -> Vec<String> {
        let mut screen = vt100::Parser::new(LINES, self.columns.get(), 0);
        let mut seen = vec![String::new()];
        // What stands between two controls appears at once, as far as anybody sees.
        for part in shown.chunk_by(|one, next| one.is_ascii_control() == next.is_ascii_control()) {
            screen.process(part);
            let now = screen.screen().contents().trim().to_owned();
            if seen.last() != Some(&now) {
                seen.push(now);
            }
        }
        seen
    }

    /// Makes it so wide, in characters; it is 80 otherwise.
    ///
    /// # Errors
    /// A fault of the machine.
    pub fn has_columns(&self, columns: u16) -> Verdict {
        self.columns.set(NonZero::new(columns).unwrap_or(COLUMNS));
        let size = rustix::termios::Winsize { ws_row: LINES.get(), ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
        Ok(rustix::termios::tcsetwinsize(&self.line, size).map_err(std::io::Error::from)?)
    }

    /// All that was shown so far, escaped.
    #[must_use]
    pub fn shown(&self) -> String {
        self.screen.so_far().escape_ascii().to_string()
    }

    /// Its settings.
    ///
    /// # Errors
    /// A fault of the machine.
    pub fn settings(&self) -> Verdict<Termios> {
        Ok(tcgetattr(&self.line)?)
    }

    /// Its foreground process group.
    ///
    /// # Errors
    /// A fault of the machine.
    pub fn foreground(&self) -> Verdict<Pid> {
        Ok(tcgetpgrp(&self.master)?)
    }
}

fn count(shown: &[u8], text: &str) -> usize {
    shown.windows(text.len()).filter(|part| *part == text.as_bytes()).count()
}
