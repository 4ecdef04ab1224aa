//! The process between the host and a cell without namespaces: there is no pid namespace whose end would end all that
//! the cell started, so this process sees to it.
//!
//! It is a fork of the host, single-threaded as that is, and the reaper of whatever its descendants leave
//! (PR_SET_CHILD_SUBREAPER, prctl(2)). It says the same over the control socket as a cell's pid 1 does.
//! What must stay true: it stays the caller, whom a restricted cell can neither signal nor trace; it ends when all
//! below it has, and it ends all when the cell or the host does. The cell itself dies with it (PR_SET_PDEATHSIG).
//! What isn't promised: a process that forks faster than it is killed, or that another user owns (`--jail none` and a
//! setuid program), may get away.
//! Clauses: SIG-05, SIG-07, JAIL-46.

mod birth;
mod end;

use std::io::{self, IoSlice};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout};
use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::sys::socket::{ControlMessage, MsgFlags, sendmsg};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;

use super::cell::{Orders, Spawned};
use super::cgroup;
use super::init::default_signals;
use super::privileges::{become_cell, bound_capabilities, drop_capabilities, leave_keyring};
use super::raw;
use super::report::{Event, Failure, Message, Stage};
use super::running::retry;
use super::sole::SoleThread;
use crate::jail::{Identity, Level, Session};

/// Forks the guard, which starts the cell.
pub(super) fn fork(_: &SoleThread, orders: &Orders<'_>, control: RawFd) -> io::Result<Pid> {
    // SAFETY: the token proves that no other thread holds a lock in the child's copy; `run` never returns, so no value
    // of the host's is dropped twice.
    match unsafe { libc::fork() } {
        -1 => Err(io::Error::last_os_error()),
        0 => run(orders, control),
        pid => Ok(Pid::from_raw(pid)),
    }
}

fn run(orders: &Orders<'_>, control: RawFd) -> ! {
    default_signals();
    // SAFETY: the host keeps its end of the pair elsewhere; this number stays open until this process ends.
    let socket = unsafe { BorrowedFd::borrow_raw(control) };
    match prepare(orders).and_then(|()| birth::spawn(orders)) {
        Ok(cell) => {
            let started = send(socket, Message::Started, Some(cell.pidfd));
            let _ = raw::close_range(0, control - 1);
            let _ = raw::close_range(control + 1, RawFd::MAX);
            // A cell that is reaped has no pid to look at: the host's word comes first.
            if started.is_ok() && hears_word(socket) {
                watch(&cell, socket);
            }
            end::all();
        }
        Err(failure) => {
            let _ = send(socket, Message::Failed(failure), None);
        }
    }
    // SAFETY: ends this process without running the host's destructors, of which this memory is a copy.
    unsafe { libc::_exit(0) }
}

fn prepare(orders: &Orders<'_>) -> Result<(), Failure> {
    if let Some(list) = orders.cgroup {
        cgroup::enter(list).map_err(Failure::at(Stage::Cgroup))?;
    }
    let failed = Failure::at(Stage::Privileges);
    raw::prctl(libc::PR_SET_CHILD_SUBREAPER, 1).map_err(&failed)?;
    // A cell of the same user's can't look into this copy of the host.
    raw::prctl(libc::PR_SET_DUMPABLE, 0).map_err(&failed)?;
    raw::set_umask(0o022);
    if orders.jail.session == Session::Own {
        let _ = nix::unistd::setsid();
    }
    Ok(())
}

/// In the cell's process, before anything else: has what its level takes away taken away, and dies with the guard.
fn restrict(level: Level, identity: &Identity) -> Result<(), Failure> {
    if level.confines() {
        privileges(identity).map_err(Failure::at(Stage::Privileges))?;
    }
    // After the user was changed, which clears it. Its parent is the guard, which waits for it to execute something.
    raw::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL as usize).map_err(Failure::at(Stage::Identity))
}

/// An ordinary user has no capability to empty the bounding set with, and needs none: `no_new_privs` keeps what is in
/// it out of reach.
fn privileges(identity: &Identity) -> Result<(), raw::Errno> {
    if identity.drops_groups {
        bound_capabilities()?;
        become_cell(identity)?;
    }
    leave_keyring().and_then(|()| drop_capabilities())
}

/// Tells the host what happens to the cell, until it or the host is gone.
fn watch(cell: &Spawned, socket: BorrowedFd<'_>) {
    let mut children = SigSet::empty();
    children.add(Signal::SIGCHLD);
    let Ok(news) = SignalFd::with_flags(&children, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK) else { return };
    loop {
        if let Some(event) = reap(Pid::from_raw(cell.pid), socket) {
            // Before the host hears of it: whoever waits for the host finds nothing left.
            end::all();
            let _ = send(socket, Message::Event(event), None);
            return;
        }
        let mut either = [PollFd::new(news.as_fd(), PollFlags::POLLIN), PollFd::new(socket, PollFlags::empty())];
        let _ = nix::poll::poll(&mut either, PollTimeout::NONE);
        if either[1].revents().is_some_and(|found| !found.is_empty()) {
            return;
        }
        while let Ok(Some(_)) = news.read_signal() {}
    }
}

/// Reaps whatever has ended; the cell's own end, if it is among it.
fn reap(cell: Pid, socket: BorrowedFd<'_>) -> Option<Event> {
    loop {
        match waitpid(None, Some(WaitPidFlag::WNOHANG | WaitPidFlag::WUNTRACED)) {
            Ok(WaitStatus::Exited(pid, code)) if pid == cell => return Some(Event::Exited(code as u8)),
            Ok(WaitStatus::Signaled(pid, signal, _)) if pid == cell => return Some(Event::Signalled(signal as u8)),
            Ok(WaitStatus::Stopped(pid, _)) if pid == cell => {
                let _ = send(socket, Message::Event(Event::Stopped), None);
            }
            Ok(WaitStatus::StillAlive) | Err(Errno::ECHILD) => return None,
            Ok(_) | Err(_) => {}
        }
    }
}

/// Waits until the host lets this process go on; not where the host is gone.
fn hears_word(socket: BorrowedFd<'_>) -> bool {
    retry(|| nix::unistd::read(socket, &mut [0])).is_ok_and(|count| count == 1)
}

fn send(socket: BorrowedFd<'_>, message: Message, pidfd: Option<RawFd>) -> nix::Result<()> {
    let (bytes, fds) = (message.encode(), [pidfd.unwrap_or(-1)]);
    let rights = pidfd.map(|_| ControlMessage::ScmRights(&fds));
    let part = [IoSlice::new(&bytes)];
    sendmsg::<()>(socket.as_raw_fd(), &part, rights.as_slice(), MsgFlags::MSG_NOSIGNAL, None).map(drop)
}
