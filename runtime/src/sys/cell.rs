//! Pid 2: from its birth to the exec of the program.
//!
//! It shares the host's memory until the exec, as its init does: a failed step is left there ([`Steps`]). It is
//! filtered while its init still builds the view, which hides what the filter costs: the steps after that are made of
//! calls that a cell may make too.
//! What must stay true: after the moves nothing is open but the standard streams, the RPC socket and the grants.

use std::ffi::{CStr, c_char, c_void};
use std::os::fd::RawFd;

use super::birth::{Stack, give_birth};
use super::known_state;
use super::landlock::restrict;
use super::mounts::identify;
use super::privileges::{become_cell, bound_capabilities, drop_capabilities, leave_keyring};
use super::raw::{self, Errno, call, fd, path};
use super::report::{Failure, Stage};
use super::seccomp;
use super::spread::Processors;
use super::steps::{Init, Steps};
use crate::fds::Move;
use crate::jail::{Jail, Limit, Session};

/// All that the init and the cell need, laid out by the host before the fork.
pub(super) struct Orders<'a> {
    pub(super) jail: &'a Jail,
    pub(super) limits: &'a [Limit],
    /// The list of the run's cgroup, where it has one that the init enters by itself.
    pub(super) cgroup: Option<RawFd>,
    pub(super) moves: &'a [Move],
    /// The highest descriptor that stays open.
    pub(super) last_fd: RawFd,
    pub(super) program: &'a CStr,
    /// Ends with a null pointer, as does `environment`.
    pub(super) arguments: &'a [*const c_char],
    pub(super) environment: &'a [*const c_char],
}

/// The cell's process, as its init sees it.
pub(super) struct Spawned {
    pub(super) pid: libc::pid_t,
    pub(super) pidfd: RawFd,
}

#[derive(Clone, Copy)]
struct Errand<'a> {
    orders: &'a Orders<'a>,
    steps: &'a Steps,
    processors: &'a Processors,
}

/// Makes pid 2, which goes on in this memory beside its init until it executes the program.
pub(super) fn spawn(
    orders: &Orders<'_>,
    steps: &Steps,
    processors: &Processors,
    stack: &mut Stack,
) -> Result<Spawned, Failure> {
    let errand = stack.keep(Errand { orders, steps, processors });
    let mut pidfd: RawFd = -1;
    // SAFETY: clone_args is plain integers, for which all zero is valid.
    let mut arguments = unsafe { std::mem::zeroed::<libc::clone_args>() };
    // One table of descriptors, so that the init can have the cell's network from it; the cell leaves it.
    arguments.flags = (libc::CLONE_FILES | libc::CLONE_PIDFD | libc::CLONE_CHILD_CLEARTID) as u64;
    arguments.exit_signal = libc::SIGCHLD as u64;
    arguments.pidfd = &raw mut pidfd as u64;
    arguments.child_tid = steps.gone();
    // SAFETY: `stack` and `steps` are in the init's errand, which the host keeps until the init runs another program or
    // is gone; the init does neither before the cell's process has executed its own or is gone, or both are killed.
    // The same is true of the orders. `live` makes system calls and nothing else.
    let pid = unsafe { give_birth(arguments, stack, live, errand) };
    Ok(Spawned { pid: pid.map_err(Failure::at(Stage::Fork))?, pidfd })
}

unsafe extern "C" fn live(errand: *mut c_void) -> ! {
    // SAFETY: `spawn` left it on this stack; nobody else has it.
    let Errand { orders, steps, processors } = unsafe { &*errand.cast::<Errand<'_>>() };
    let prepared =
        prepare(orders, steps, processors).and_then(|()| own_descriptors().map_err(Failure::at(Stage::Descriptors)));
    if let Err(failure) = prepared.and_then(|()| execute(orders)) {
        steps.failed(failure);
    }
    raw::exit()
}

/// Makes what is the cell's own while the init builds the view; returns when that is there.
fn prepare(orders: &Orders<'_>, steps: &Steps, processors: &Processors) -> Result<(), Failure> {
    steps.connected(own_network().map_err(Failure::at(Stage::Network))?);
    bound_capabilities().and_then(|()| leave_keyring()).map_err(Failure::at(Stage::Privileges))?;
    known_state::enter().map_err(Failure::at(Stage::State))?;
    raw::set_umask(0o022);
    steps.wait_for_init(Init::Mapped);
    processors.take_back();
    become_cell(&orders.jail.identity).map_err(Failure::at(Stage::Identity))?;
    drop_capabilities().map_err(Failure::at(Stage::Privileges))?;
    filter(orders.jail)?;
    steps.wait_for_init(Init::Rooted);
    is_at_root(steps.root_device()).map_err(Failure::at(Stage::Pivot))
}

/// A network namespace of this process's own, the dearest part of a start: a descriptor of it.
fn own_network() -> Result<RawFd, Errno> {
    // SAFETY: integers.
    unsafe { call(libc::SYS_unshare, [libc::CLONE_NEWNET as usize, 0, 0, 0, 0, 0])? };
    let flags = (libc::O_RDONLY | libc::O_CLOEXEC) as usize;
    // SAFETY: a constant path.
    unsafe { call(libc::SYS_openat, [fd(libc::AT_FDCWD), path(c"/proc/self/ns/net"), flags, 0, 0, 0]) }
        .map(|fd| fd as RawFd)
}

/// The init's pivot_root(2) has brought this process along ("each process or thread in the same mount namespace"):
/// nothing goes on that doesn't stand there.
fn is_at_root(device: u64) -> Result<(), Errno> {
    // SAFETY: a constant path.
    unsafe { call(libc::SYS_chdir, [path(c"/"), 0, 0, 0, 0, 0])? };
    let flags = (libc::O_PATH | libc::O_CLOEXEC) as usize;
    // SAFETY: a constant path.
    let root = unsafe { call(libc::SYS_openat, [fd(libc::AT_FDCWD), path(c"/"), flags, 0, 0, 0])? } as RawFd;
    let found = identify(root)?.0;
    raw::close(root);
    if found == device { Ok(()) } else { Err(libc::ESTALE) }
}

/// Has this process filtered, as its level is; it has `no_new_privs` already.
pub(super) fn filter(jail: &Jail) -> Result<(), Failure> {
    jail.seccomp.map_or(Ok(()), |filter| seccomp::install(filter).map_err(Failure::at(Stage::Seccomp)))
}

/// Makes this process the cell; comes back only where a step failed.
pub(super) fn execute(orders: &Orders<'_>) -> Result<(), Failure> {
    join_group(orders.jail.session);
    if let Some(landlock) = &orders.jail.landlock {
        restrict(landlock).map_err(Failure::at(Stage::Landlock))?;
    }
    move_descriptors(orders).map_err(Failure::at(Stage::Descriptors))?;
    limit(orders.limits).map_err(Failure::at(Stage::Limits))?;
    unblock_signals();
    // SAFETY: the working directory and `program` are CStrings, the arrays end with null, and the host's memory
    // behind all of them is not touched by anyone until the program was executed.
    unsafe {
        let workdir = &orders.jail.workdir;
        call(libc::SYS_chdir, [path(workdir), 0, 0, 0, 0, 0]).map_err(Failure::at(Stage::Workdir))?;
        let (argv, envp) = (orders.arguments.as_ptr() as usize, orders.environment.as_ptr() as usize);
        call(libc::SYS_execve, [path(orders.program), argv, envp, 0, 0, 0]).map_err(Failure::at(Stage::Exec))?;
    }
    Ok(())
}

fn join_group(session: Session) {
    if session == Session::Member {
        return;
    }
    // Its own group, not its init's: a group whose members' parents are all inside is "orphaned", and the kernel
    // ignores SIGTSTP for it (setpgid(2)).
    // SAFETY: integers; a process that has just been born can always lead a group of its own.
    let _ = unsafe { call(libc::SYS_setpgid, [0; 6]) };
    if session == (Session::Leader { foreground: true }) {
        // SAFETY: no arguments, and it can't fail; the group's number is that of this process, which leads it.
        let group = unsafe { call(libc::SYS_getpid, [0; 6]) }.unwrap_or_default() as libc::pid_t;
        let address = &raw const group as usize;
        // SAFETY: standard input is the terminal (that makes a leader), and `group` is alive (tcsetpgrp(3) is this
        // ioctl). A terminal that was taken away meanwhile refuses, and the cell starts in the background as any other
        // job would.
        let _ = unsafe { call(libc::SYS_ioctl, [0, libc::TIOCSPGRP as usize, address, 0, 0, 0]) };
    }
}

/// Leaves the table of descriptors that it shares with its init. Not by unshare(2), which the filter closes: this closes
/// nothing, as no descriptor has that number.
fn own_descriptors() -> Result<(), Errno> {
    const NOBODYS: usize = u32::MAX as usize;
    // SAFETY: integers.
    unsafe { call(libc::SYS_close_range, [NOBODYS, NOBODYS, libc::CLOSE_RANGE_UNSHARE as usize, 0, 0, 0]) }.map(drop)
}

fn move_descriptors(orders: &Orders<'_>) -> Result<(), Errno> {
    for Move { from, to } in orders.moves {
        if from == to {
            // dup3 doesn't copy onto itself (dup(2)).
            stay_open(*from)?;
        } else {
            // SAFETY: integers.
            unsafe { call(libc::SYS_dup3, [fd(*from), fd(*to), 0, 0, 0, 0]) }?;
        }
    }
    for stream in 0..3 {
        // Whatever flag the caller left on them.
        let _ = stay_open(stream);
    }
    raw::close_range(orders.last_fd + 1, RawFd::MAX)
}

/// Clears close-on-exec.
fn stay_open(number: RawFd) -> Result<(), Errno> {
    // SAFETY: integers.
    unsafe { call(libc::SYS_fcntl, [fd(number), libc::F_SETFD as usize, 0, 0, 0, 0]) }.map(drop)
}

fn limit(limits: &[Limit]) -> Result<(), Errno> {
    for Limit { resource, soft, hard } in limits {
        let wanted = libc::rlimit64 { rlim_cur: *soft, rlim_max: *hard };
        let address = &raw const wanted as usize;
        // SAFETY: pid 0 is this process; `wanted` is alive; no old limit is asked for.
        unsafe { call(libc::SYS_prlimit64, [0, *resource as usize, address, 0, 0, 0])? };
    }
    Ok(())
}

fn unblock_signals() {
    let none = 0u64;
    // SAFETY: `none` is a kernel signal set of eight bytes.
    let _ =
        unsafe { call(libc::SYS_rt_sigprocmask, [libc::SIG_SETMASK as usize, &raw const none as usize, 0, 8, 0, 0]) };
}
