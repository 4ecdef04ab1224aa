//! The suite's system calls that no safe crate has: the only module of it with `unsafe`.
//!
//! What it does: fork, exact descriptor numbers, signal dispositions, for the launcher, which has
//! one thread and is a process of its own.
//! What must stay true: [`fork`], [`place`] and [`dispositions`] change the whole process, so the
//! test runner never calls them.
#![expect(unsafe_code, reason = "fork, dup2 and sigaction have no safe form; kept in this one module")]

use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

use nix::errno::Errno;
use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction};
use nix::unistd::{ForkResult, Pid};
use serde::{Deserialize, Serialize};

/// Forks; `None` in the child.
///
/// # Errors
/// What fork(2) says.
pub(crate) fn fork() -> Result<Option<Pid>, Errno> {
    // SAFETY: only the launcher calls this, which never starts a thread, so that the child may
    // do whatever the parent may.
    match unsafe { nix::unistd::fork() }? {
        ForkResult::Parent { child } => Ok(Some(child)),
        ForkResult::Child => Ok(None),
    }
}

/// Makes `number` lead to what `source` leads to, without close-on-exec. `number` isn't owned by
/// any value: it is meant for the program that is executed next.
///
/// # Errors
/// What dup2(2) says.
pub(crate) fn place(source: BorrowedFd<'_>, number: RawFd) -> Result<(), Errno> {
    // SAFETY: the launcher's child calls this after it has lifted all that it owns above every
    // number that it places, so no owned descriptor is replaced.
    Errno::result(unsafe { libc::dup2(source.as_raw_fd(), number) }).map(drop)
}

/// Closes a number that no value owns.
pub(crate) fn close(number: RawFd) {
    // SAFETY: as for `place`: the numbers below those that the child owns belong to nobody.
    unsafe { libc::close(number) };
}

/// Marks a number close-on-exec.
pub(crate) fn close_on_exec(number: RawFd) {
    // SAFETY: F_SETFD takes numbers, and doesn't end the life of an owned descriptor.
    unsafe { libc::fcntl(number, libc::F_SETFD, libc::FD_CLOEXEC) };
}

/// Takes what the kernel just handed over in a message.
pub(crate) fn received(numbers: Vec<RawFd>) -> Vec<OwnedFd> {
    // SAFETY: the numbers come straight out of SCM_RIGHTS, which gives new descriptors that
    // nothing else in the process knows.
    numbers.into_iter().map(|number| unsafe { OwnedFd::from_raw_fd(number) }).collect()
}

/// Sets every signal to its default, save those that are to be ignored.
///
/// # Errors
/// What sigaction(2) says of one that is to be ignored.
pub(crate) fn dispositions(ignored: &[i32]) -> Result<(), Errno> {
    for signal in Signal::iterator() {
        let handler = if ignored.contains(&(signal as i32)) { SigHandler::SigIgn } else { SigHandler::SigDfl };
        let action = SigAction::new(handler, SaFlags::empty(), SigSet::empty());
        // SAFETY: neither default nor ignore runs code of ours.
        match unsafe { sigaction(signal, &action) } {
            // SIGKILL and SIGSTOP can't be set, and their default is what they have.
            Ok(_) | Err(Errno::EINVAL) => {}
            Err(fault) => return Err(fault),
        }
    }
    Ok(())
}

/// Makes a terminal the controlling one of the calling process, which leads a session.
///
/// # Errors
/// What ioctl(2) says of TIOCSCTTY.
pub(crate) fn take_terminal(number: RawFd) -> Result<(), Errno> {
    // SAFETY: TIOCSCTTY takes a number.
    Errno::result(unsafe { libc::ioctl(number, libc::TIOCSCTTY, 0) }).map(drop)
}

/// Sets a limit by its number in setrlimit(2); `None` is "no limit".
///
/// # Errors
/// What setrlimit(2) says.
pub(crate) fn limit(resource: u32, soft: Option<u64>, hard: Option<u64>) -> Result<(), Errno> {
    let value = |limit: Option<u64>| limit.unwrap_or(libc::RLIM_INFINITY);
    let limit = libc::rlimit { rlim_cur: value(soft), rlim_max: value(hard) };
    // SAFETY: the call reads the value that it is given.
    Errno::result(unsafe { libc::setrlimit(resource, &raw const limit) }).map(drop)
}

/// The hard limit of a resource; `None` is "no limit".
///
/// # Errors
/// What getrlimit(2) says.
pub(crate) fn hard_limit(resource: u32) -> Result<Option<u64>, Errno> {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: the call fills the value that it is given.
    Errno::result(unsafe { libc::getrlimit(resource, &raw mut limit) })?;
    Ok((limit.rlim_max != libc::RLIM_INFINITY).then_some(limit.rlim_max))
}

/// A system call that a filter over the command refuses (seccomp(2)), as those of containers do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefusedCall {
    /// Its number on this machine.
    pub number: i64,
    /// Refused only where its first argument has one of these bits; `None`: always.
    pub flags: Option<u32>,
    /// What it answers.
    pub errno: i32,
}

/// Puts a seccomp filter over the calling process that refuses these calls and lets all others pass.
///
/// # Errors
/// What prctl(2) or seccomp(2) says.
pub(crate) fn refuse(calls: &[RefusedCall]) -> Result<(), Errno> {
    const NUMBER: u32 = 0;
    // The low half of the first argument: seccomp_data has the number, the architecture, the address, the arguments.
    const ARGUMENT: u32 = if cfg!(target_endian = "little") { 16 } else { 20 };
    const REFUSE: u32 = 0x0005_0000;
    const ALLOW: u32 = 0x7fff_0000;
    let step = |code: u32, jt, jf, k| libc::sock_filter { code: code as u16, jt, jf, k };
    let load = |offset| step(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, 0, offset);
    let give = |verdict| step(libc::BPF_RET | libc::BPF_K, 0, 0, verdict);
    let mut program = vec![];
    for call in calls {
        // Each stands for itself: the number is loaded anew, and what doesn't match goes on behind it.
        let number = u32::try_from(call.number).map_err(|_| Errno::EINVAL)?;
        let refusal = give(REFUSE | call.errno.cast_unsigned());
        program.push(load(NUMBER));
        match call.flags {
            None => program.extend([step(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, 0, 1, number), refusal]),
            Some(flags) => program.extend([
                step(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, 0, 3, number),
                load(ARGUMENT),
                step(libc::BPF_JMP | libc::BPF_JSET | libc::BPF_K, 0, 1, flags),
                refusal,
            ]),
        }
    }
    program.push(give(ALLOW));
    let length = u16::try_from(program.len()).map_err(|_| Errno::E2BIG)?;
    let filter = libc::sock_fprog { len: length, filter: program.as_mut_ptr() };
    if !nix::unistd::geteuid().is_root() {
        nix::sys::prctl::set_no_new_privs()?;
    }
    // SAFETY: `filter` points to `program`, which is as long as it says; both live until the call returns.
    Errno::result(unsafe { libc::syscall(libc::SYS_seccomp, libc::SECCOMP_SET_MODE_FILTER, 0, &raw const filter) })
        .map(drop)
}

/// The version of Landlock that this kernel has and lets be used, 0 where it has none (landlock(7)).
pub(crate) fn landlock() -> i64 {
    const VERSION: u32 = 1;
    // SAFETY: asked for the version, the call takes no attributes.
    unsafe { libc::syscall(libc::SYS_landlock_create_ruleset, std::ptr::null::<u8>(), 0usize, VERSION) }.max(0)
}

/// Duplicates a descriptor by its number to the lowest free number from `floor` on, to be kept when
/// another program is executed: for a program that stands in for an implementation.
///
/// # Errors
/// What fcntl(2) says of F_DUPFD.
pub fn duplicate(number: RawFd, floor: RawFd) -> Result<RawFd, Errno> {
    // SAFETY: F_DUPFD takes numbers, and the number that it gives was free.
    Errno::result(unsafe { libc::fcntl(number, libc::F_DUPFD, floor) })
}
