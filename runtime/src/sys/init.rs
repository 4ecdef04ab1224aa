//! Pid 1 of the cell's namespaces: builds the view, drops privileges, starts the cell, and becomes the program that
//! reports its end (`pid1/`).
//!
//! The cell is pid 2 because the kernel shields pid 1 from its own fatal signals (pid_namespaces(7)): a program
//! that raises SIGTERM has to die of it. When this process ends, the kernel kills all that the cell started.
//! What must stay true: it dies with the host; it holds nothing of the cell's open; it can't be traced. It shares the
//! host's memory until it executes its program, so nothing here allocates, locks, panics or calls libc.

use std::ffi::c_void;
use std::os::fd::RawFd;

use super::birth::Stack;
use super::cell::{self, Orders, Spawned};
use super::cgroup;
use super::mounts;
use super::privileges::{become_cell, drop_capabilities, leave_keyring};
use super::raw::{self, Errno, call, fd, path};
use super::report::{Failure, MESSAGE_LEN, Message, Stage};
use super::spread::Processors;
use super::steps::{Init, Steps};
use crate::jail::Session;

/// All that the init needs, laid out by the host.
pub(super) struct Errand<'a> {
    pub(super) orders: Orders<'a>,
    /// How it keeps step with the cell's process.
    pub(super) steps: Steps,
    /// The caller's.
    pub(super) processors: Processors,
    /// A place for each entry of the view.
    pub(super) parts: Vec<RawFd>,
    /// For the cell's process, until it executes its program.
    pub(super) stack: Stack,
    /// The init's end of the control socket.
    pub(super) control: RawFd,
    /// The host's end, which is the host's alone: its last copy closing tells that the host is gone.
    pub(super) lifeline: RawFd,
    /// The program that it becomes ([`super::image`]).
    pub(super) image: RawFd,
}

/// Runs as pid 1 in the host's memory, until it executes its own program or ends.
///
/// # Safety
/// `errand` must point to an [`Errand`] that nobody else looks at until then.
pub(super) unsafe extern "C" fn run(errand: *mut c_void) -> ! {
    // SAFETY: the caller vouches for it.
    let errand = unsafe { &mut *errand.cast::<Errand<'_>>() };
    // Left alone from here on, the cell is this process's to tell of; where there is none, so is the failure.
    let failure = match prepare(errand) {
        Ok(cell) => Failure::at(Stage::Init)(become_reaper(&cell, errand.control, errand.image)),
        Err(failure) => failure,
    };
    let _ = send(errand.control, Message::Failed(failure));
    raw::exit()
}

/// Builds the view while the cell's process makes what is its own, and lets that go on. Returns once the program runs.
fn prepare(errand: &mut Errand<'_>) -> Result<Spawned, Failure> {
    let Errand { orders, steps, processors, parts, stack, control, lifeline, .. } = errand;
    let jail = orders.jail;
    raw::close(*lifeline);
    die_with_host(*control).map_err(Failure::at(Stage::Identity))?;
    default_signals();
    if let Some(list) = orders.cgroup {
        cgroup::enter(list).map_err(Failure::at(Stage::Cgroup))?;
    }
    if jail.session == Session::Own {
        // SAFETY: no arguments; it can't fail in a process that leads no group.
        let _ = unsafe { call(libc::SYS_setsid, [0; 6]) };
    }
    let cell = cell::spawn(orders, steps, processors, stack)?;
    processors.send_away(cell.pid);
    // Still the caller, who may walk to the program; and the host writes the id maps meanwhile.
    mounts::take(&jail.view, parts)?;
    wait_for_word(*control);
    processors.take_back();
    steps.reached(Init::Mapped);
    become_cell(&jail.identity).map_err(Failure::at(Stage::Identity))?;
    stay_untraced().and_then(|()| die_with_host(*control)).map_err(Failure::at(Stage::Identity))?;
    raw::set_umask(0);
    let root = mounts::make_root().map_err(Failure::at(Stage::Root))?;
    mounts::furnish(root, &jail.view, parts)?;
    mounts::pivot(root).map_err(Failure::at(Stage::Pivot))?;
    steps.rooted_on(mounts::identify(root).map_err(Failure::at(Stage::Pivot))?.0);
    name_host().map_err(Failure::at(Stage::Privileges))?;
    let network = steps.wait_for_network().map_err(|failure| failure.unwrap_or(LOST))?;
    steps.reached(Init::Rooted);
    join_network(network).map_err(Failure::at(Stage::Network))?;
    leave_keyring().and_then(|()| drop_capabilities()).map_err(Failure::at(Stage::Privileges))?;
    steps.wait_for_program()?;
    Ok(cell)
}

/// The cell's process was killed before it could say why.
const LOST: Failure = Failure { stage: Stage::Fork, index: 0, errno: libc::ESRCH };

/// The host name tells nothing.
fn name_host() -> Result<(), Errno> {
    const NAME: &[u8] = b"cell";
    // SAFETY: a constant passed with its length.
    unsafe { call(libc::SYS_sethostname, [NAME.as_ptr() as usize, NAME.len(), 0, 0, 0, 0]) }.map(drop)
}

/// Leaves the host's network for the cell's (setns(2)).
fn join_network(network: RawFd) -> Result<(), Errno> {
    // SAFETY: integers.
    unsafe { call(libc::SYS_setns, [fd(network), libc::CLONE_NEWNET as usize, 0, 0, 0, 0]) }.map(drop)
}

/// Executes the program that reaps, with nothing open but the control socket and the cell's pidfd. Returns why not.
fn become_reaper(cell: &Spawned, control: RawFd, image: RawFd) -> Errno {
    let (mut digits, nothing) = ([0u8; 12], [std::ptr::null::<u8>()]);
    let arguments = [decimal(cell.pid, &mut digits).as_ptr(), std::ptr::null()];
    let execute = || {
        // SAFETY: integers; then the empty path, and two arrays that end with null, of a string that ends with a NUL.
        // All of it is in this frame or a constant.
        unsafe {
            call(libc::SYS_dup3, [fd(control), 0, 0, 0, 0, 0])?;
            call(libc::SYS_dup3, [fd(cell.pidfd), 1, 0, 0, 0, 0])?;
            raw::close_range(2, control.min(image) - 1)?;
            raw::close_range(control.min(image) + 1, control.max(image) - 1)?;
            raw::close_range(control.max(image) + 1, RawFd::MAX)?;
            let (argv, envp) = (arguments.as_ptr() as usize, nothing.as_ptr() as usize);
            let flags = libc::AT_EMPTY_PATH as usize;
            call(libc::SYS_execveat, [fd(image), path(raw::EMPTY), argv, envp, flags, 0])
        }
    };
    match execute() {
        Ok(_) => 0,
        Err(errno) => errno,
    }
}

/// A number's digits, with a NUL behind them.
fn decimal(mut number: libc::pid_t, digits: &mut [u8; 12]) -> &[u8] {
    let mut first = digits.len() - 1;
    loop {
        first -= 1;
        digits[first] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            return &digits[first..];
        }
    }
}

/// Every signal at its default and blocked: the cell unblocks them, pid 1 never acts on any.
pub(super) fn default_signals() {
    /// The kernel's sigaction: all zero is SIG_DFL with no flags and an empty mask.
    const DEFAULT: [u64; 4] = [0; 4];
    for signal in 1..=64 {
        // SAFETY: DEFAULT is as long as the kernel's struct; SIGKILL and SIGSTOP are refused, which is fine.
        let _ = unsafe { call(libc::SYS_rt_sigaction, [signal, DEFAULT.as_ptr() as usize, 0, 8, 0, 0]) };
    }
    let all = u64::MAX;
    // SAFETY: `all` is a kernel signal set of eight bytes.
    let _ =
        unsafe { call(libc::SYS_rt_sigprocmask, [libc::SIG_SETMASK as usize, &raw const all as usize, 0, 8, 0, 0]) };
}

/// Waits until the host lets this process go on: after it wrote the id maps, and after it knows the cell's pid.
/// A host that is gone says nothing: then so is the run.
fn wait_for_word(control: RawFd) {
    let mut byte = [0u8; 1];
    loop {
        // SAFETY: `byte` lives in this frame and is one byte long, as the call is told.
        match unsafe { call(libc::SYS_read, [fd(control), byte.as_mut_ptr() as usize, 1, 0, 0, 0]) } {
            Ok(1) => return,
            Err(libc::EINTR) => {}
            _ => raw::exit(),
        }
    }
}

/// Nobody else looks into this memory, which is the host's (prctl(2), PR_SET_DUMPABLE).
fn stay_untraced() -> Result<(), Errno> {
    raw::prctl(libc::PR_SET_DUMPABLE, 0)
}

/// The kernel kills this process when the host's main thread ends. Changing the user clears that, so it is done before
/// and after; and a host that died in between left a closed socket.
fn die_with_host(control: RawFd) -> Result<(), Errno> {
    raw::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL as usize)?;
    let mut poll = libc::pollfd { fd: control, events: 0, revents: 0 };
    let at_once = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: one pollfd and one timespec, in this frame, and no signal mask.
    unsafe { call(libc::SYS_ppoll, [&raw mut poll as usize, 1, &raw const at_once as usize, 0, 8, 0])? };
    if poll.revents & libc::POLLHUP != 0 {
        raw::exit();
    }
    Ok(())
}

fn send(control: RawFd, message: Message) -> Result<(), Errno> {
    let bytes = message.encode();
    // SAFETY: `bytes` lives in this frame and has the length that the call is told.
    unsafe { call(libc::SYS_write, [fd(control), bytes.as_ptr() as usize, MESSAGE_LEN, 0, 0, 0]) }.map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pid_is_told_in_digits() {
        assert_eq!(
            [0, 2, 4_194_303].map(|pid| decimal(pid, &mut [0; 12]).to_vec()),
            [b"0\0".to_vec(), b"2\0".to_vec(), b"4194303\0".to_vec()]
        );
    }
}
