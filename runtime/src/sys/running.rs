//! A cell that runs, as the host holds it: its init, its pidfd, and the socket that tells what happens to it.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use nix::errno::Errno;
use nix::sys::signal::{Signal, kill, killpg};
use nix::sys::socket::{MsgFlags, Shutdown, recv, send, shutdown};
use nix::sys::wait::waitpid;
use nix::unistd::Pid;

use super::cgroup::Cgroup;
use super::raw::call;
use super::report::{Event, MESSAGE_LEN, Message};
use super::usage::Sample;
use crate::jail::Level;

/// A cell that runs.
#[derive(Debug)]
pub struct Cell {
    control: OwnedFd,
    init: Pid,
    pidfd: OwnedFd,
    pid: i32,
    level: Level,
}

impl Cell {
    /// The cell behind `pidfd`, whose init tells over `control`.
    pub(super) fn new(control: OwnedFd, init: Pid, pidfd: OwnedFd, level: Level) -> io::Result<Cell> {
        let text = std::fs::read_to_string(format!("/proc/self/fdinfo/{}", pidfd.as_raw_fd()))?;
        let line = text.lines().find_map(|line| line.strip_prefix("Pid:"));
        let pid = line.and_then(|pid| pid.trim().parse().ok()).ok_or(io::ErrorKind::InvalidData)?;
        give_word(&control)?;
        Ok(Cell { control, init, pidfd, pid, level })
    }

    /// The cell's process as the host sees it.
    pub fn pid(&self) -> i32 {
        self.pid
    }

    /// Readable when [`Cell::event`] has something to tell.
    pub fn control(&self) -> BorrowedFd<'_> {
        self.control.as_fd()
    }

    /// What happened next to the cell; `None` where nothing has. An init that is gone without a word was
    /// killed, and the kernel killed the cell with it.
    pub fn event(&self) -> io::Result<Option<Event>> {
        let mut bytes = [0; MESSAGE_LEN];
        match retry(|| recv(self.control.as_raw_fd(), &mut bytes, MsgFlags::MSG_DONTWAIT)) {
            // Reset: it was killed before it had read all words.
            Ok(0) | Err(Errno::ECONNRESET) => Ok(Some(Event::Signalled(libc::SIGKILL as u8))),
            Ok(_) => match Message::decode(bytes) {
                Some(Message::Event(event)) => Ok(Some(event)),
                _ => Err(io::ErrorKind::InvalidData.into()),
            },
            Err(Errno::EAGAIN) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Sends the cell a signal. One that is gone takes none, which is no error.
    pub fn signal(&self, signal: i32) {
        let pidfd = self.pidfd.as_raw_fd() as usize;
        // SAFETY: integers and a null siginfo, for which the kernel fills one in as kill(2) does.
        let _ = unsafe { call(libc::SYS_pidfd_send_signal, [pidfd, signal as usize, 0, 0, 0, 0]) };
    }

    /// Kills it with all that it started.
    pub fn kill(&self) {
        if self.level.has_namespaces() {
            let _ = kill(self.init, Signal::SIGKILL);
        } else {
            // Its guard takes it for the host's end, and ends all below it.
            let _ = shutdown(self.control.as_raw_fd(), Shutdown::Both);
        }
    }

    /// What it and all that it started use now.
    pub fn sample(&self) -> Sample {
        Sample::of(self.init.as_raw())
    }

    /// Moves it and all that it started into a cgroup; what they start from then on is born there.
    pub fn move_into(&self, cgroup: &Cgroup) -> io::Result<()> {
        /// A process that forks while it is looked for may be missed, and is found the next time.
        const TIMES: usize = 8;
        let mut moved = Vec::new();
        for _ in 0..TIMES {
            let new: Vec<i32> = self.sample().pids().filter(|pid| !moved.contains(pid)).collect();
            if new.is_empty() {
                break;
            }
            new.iter().try_for_each(|pid| cgroup.take(*pid))?;
            moved.extend(new);
        }
        Ok(())
    }

    /// The process group that it leads, if it leads one.
    pub fn group(&self) -> Pid {
        Pid::from_raw(self.pid)
    }

    /// Continues it and all of its group.
    pub fn go_on(&self) {
        if killpg(self.group(), Signal::SIGCONT).is_err() {
            self.signal(Signal::SIGCONT as i32);
        }
    }

    /// Whether a signal has stopped it and none has continued it (proc_pid_stat(5)).
    pub fn is_stopped(&self) -> bool {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.pid)).unwrap_or_default();
        stat.rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with('T'))
    }

    /// Kills what is left, and waits until the init, and with it everything the cell started, is gone.
    pub fn end(self) {
        if self.level.has_namespaces() {
            kill_and_reap(self.init);
        } else {
            // A guard that is killed ends nothing: it is let go of, ends what is left, and then itself.
            drop(self.control);
            let _ = retry(|| waitpid(self.init, None));
        }
    }
}

/// Lets the init go on.
pub(super) fn give_word(control: &OwnedFd) -> io::Result<()> {
    retry(|| send(control.as_raw_fd(), &[1], MsgFlags::MSG_NOSIGNAL))?;
    Ok(())
}

/// The kernel kills what an init leaves behind, and the init isn't gone before all of that is.
pub(super) fn kill_and_reap(init: Pid) {
    let _ = kill(init, Signal::SIGKILL);
    let _ = retry(|| waitpid(init, None));
}

/// Calls again what a signal interrupted.
pub(super) fn retry<T>(mut call: impl FnMut() -> nix::Result<T>) -> Result<T, nix::errno::Errno> {
    loop {
        match call() {
            Err(Errno::EINTR) => {}
            other => return other,
        }
    }
}
