//! The suite's side of one run: it starts the launcher, hears its events, and collects its report.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::Signal;
use rustix::process::pidfd_send_signal;

use super::channel::Channel;
use super::{Event, LaunchError, Order, Plan, Stray};

/// What became of the command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// Its exit code.
    pub code: Option<i32>,
    /// The signal that ended it.
    pub signal: Option<i32>,
    /// Whether the watchdog had to kill it.
    pub overdue: bool,
    /// Whether that was because it started processes without end.
    pub flooded: bool,
    /// What was alive when it had ended.
    pub left: Vec<Stray>,
    /// What of that didn't go by itself in time and was killed.
    pub killed: Vec<Stray>,
    /// What was left on the file system of its own, where it had one.
    pub files: Vec<String>,
    /// The most memory that a process of the run had resident, in KiB.
    pub peak_kib: i64,
}

/// A command that is running.
#[derive(Debug)]
pub struct Launch {
    channel: Channel,
    launcher: Child,
    pid: i32,
    handle: OwnedFd,
    ended: Option<Event>,
}

impl Launch {
    /// Starts a command through the launcher at `path`; `fds` are the descriptors that the plan
    /// counts.
    ///
    /// # Errors
    /// Where the launcher doesn't start, or a step before the command's execution fails.
    pub fn start(path: &Path, plan: &Plan, fds: &[BorrowedFd<'_>]) -> Result<Self, LaunchError> {
        let (channel, theirs) = Channel::pair()?;
        let launcher = Command::new(path)
            .stdin(Stdio::from(theirs))
            .stdout(Stdio::null())
            .spawn()
            .map_err(|cause| LaunchError::Start { path: path.to_owned(), cause })?;
        let mut launch = Unstarted(Some((channel, launcher)));
        let (channel, _) = launch.parts();
        channel.send(plan, fds)?;
        match channel.receive::<Event>()? {
            Some((Event::Started { pid }, mut handles)) if handles.len() == 1 => {
                let (channel, launcher) = launch.0.take().ok_or(LaunchError::Silent)?;
                Ok(Self { channel, launcher, pid, handle: handles.remove(0), ended: None })
            }
            Some((Event::Refused { stage, errno }, _)) => {
                Err(LaunchError::Arrange { stage, cause: io::Error::from_raw_os_error(errno) })
            }
            _ => Err(LaunchError::Silent),
        }
    }

    /// The command's pid.
    #[must_use]
    pub fn pid(&self) -> i32 {
        self.pid
    }

    /// Sends the command a signal; one that has ended doesn't mind.
    pub fn signal(&self, signal: Signal) {
        if let Some(signal) = rustix::process::Signal::from_named_raw(signal as i32) {
            pidfd_send_signal(&self.handle, signal).ok();
        }
    }

    /// Waits until the command is stopped by job control; false when it ended instead.
    ///
    /// # Errors
    /// When the launcher went away.
    pub fn stopped(&mut self) -> Result<bool, LaunchError> {
        loop {
            match self.event()? {
                Event::Stopped { .. } => return Ok(true),
                Event::Ended { .. } => return Ok(false),
                _ => {}
            }
        }
    }

    /// Whether the command's own process has ended within so many milliseconds.
    #[must_use]
    pub fn ends_within(&self, milliseconds: u16) -> bool {
        let mut one = [PollFd::new(self.handle.as_fd(), PollFlags::POLLIN)];
        poll(&mut one, PollTimeout::from(milliseconds)).is_ok_and(|count| count == 1)
    }

    /// Waits for the end and for all that is left to be gone.
    ///
    /// # Errors
    /// When the launcher went away without its report.
    pub fn finish(mut self) -> Result<Report, LaunchError> {
        loop {
            if let Event::Settled { left, killed, files, peak_kib } = self.event()? {
                let Some(Event::Ended { code, signal, overdue, flooded }) = self.ended else {
                    return Err(LaunchError::Silent);
                };
                return Ok(Report { code, signal, overdue, flooded, left, killed, files, peak_kib });
            }
        }
    }

    fn event(&mut self) -> Result<Event, LaunchError> {
        let (event, _) = self.channel.receive::<Event>()?.ok_or(LaunchError::Silent)?;
        if matches!(event, Event::Ended { .. }) {
            self.ended = Some(event.clone());
        }
        Ok(event)
    }
}

impl Drop for Launch {
    fn drop(&mut self) {
        // An order that can't be sent means that the launcher is gone, or is about to be.
        self.channel.send(&Order::Kill, &[]).ok();
        self.launcher.wait().ok();
    }
}

/// A launcher that hasn't started its command: it is waited for if it never does.
struct Unstarted(Option<(Channel, Child)>);

impl Unstarted {
    fn parts(&mut self) -> (&Channel, &mut Child) {
        match &mut self.0 {
            Some((channel, launcher)) => (channel, launcher),
            None => unreachable!("taken only when the command has started"),
        }
    }
}

impl Drop for Unstarted {
    fn drop(&mut self) {
        if let Some((channel, mut launcher)) = self.0.take() {
            drop(channel);
            launcher.wait().ok();
        }
    }
}
