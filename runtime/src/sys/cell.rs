//! Pid 2: from the vfork to the exec of the program.
//!
//! It shares its init's memory until the exec and the init sleeps that long, so a failed step is left in that
//! memory. Seccomp's filter has its place right before the exec.
//! What must stay true: after the moves nothing is open but the standard streams, the RPC socket and the grants.

use std::ffi::{CStr, c_char, c_int, c_void};
use std::os::fd::RawFd;

use super::raw::{self, Errno, call, fd, path};
use super::report::{Failure, Stage};
use crate::fds::Move;
use crate::jail::{Jail, Landlock, Limit, Session};

/// Bytes of stack for the steps between the vfork and the exec.
const STACK: usize = 64 << 10;

/// All that the init and the cell need, laid out by the host before the fork.
pub(super) struct Orders<'a> {
    pub(super) jail: &'a Jail,
    pub(super) limits: &'a [Limit],
    pub(super) moves: &'a [Move],
    /// The highest descriptor that stays open.
    pub(super) last_fd: RawFd,
    pub(super) workdir: &'a CStr,
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

struct Birth<'a> {
    orders: &'a Orders<'a>,
    failure: Option<Failure>,
}

/// Starts the program as pid 2; returns once it has been executed.
pub(super) fn spawn(orders: &Orders<'_>) -> Result<Spawned, Failure> {
    #[repr(align(16))]
    struct Stack([u8; STACK]);
    let mut stack = Stack([0; STACK]);
    let mut birth = Birth { orders, failure: None };
    let mut pidfd: RawFd = -1;
    let flags = libc::CLONE_VM | libc::CLONE_VFORK | libc::CLONE_PIDFD | libc::SIGCHLD;
    // SAFETY: the stack grows down from one past the end of `stack`, which is aligned to 16. `stack`, `birth`
    // and `pidfd` stay in this frame until clone returns, and CLONE_VFORK lets it return only when the child
    // has executed the program or is gone.
    let pid = unsafe {
        let top = stack.0.as_mut_ptr().add(STACK).cast::<c_void>();
        libc::clone(live, top, flags, (&raw mut birth).cast(), &raw mut pidfd)
    };
    if pid == -1 {
        return Err(Failure::at(Stage::Fork)(raw::errno()));
    }
    // SAFETY: reads a field that the child may have written through the pointer it was given; it is gone.
    match unsafe { (&raw const birth.failure).read_volatile() } {
        Some(failure) => Err(failure),
        None => Ok(Spawned { pid, pidfd }),
    }
}

extern "C" fn live(birth: *mut c_void) -> c_int {
    // SAFETY: `spawn` passed a pointer to its own `birth` and waits; nobody else has it.
    let birth = unsafe { &mut *birth.cast::<Birth<'_>>() };
    if let Err(failure) = execute(birth.orders) {
        birth.failure = Some(failure);
    }
    1
}

fn execute(orders: &Orders<'_>) -> Result<(), Failure> {
    join_group(orders.jail.session);
    if let Some(landlock) = &orders.jail.landlock {
        restrict(landlock).map_err(Failure::at(Stage::Landlock))?;
    }
    move_descriptors(orders).map_err(Failure::at(Stage::Descriptors))?;
    limit(orders.limits).map_err(Failure::at(Stage::Limits))?;
    unblock_signals();
    // SAFETY: `workdir` and `program` are CStrings, the arrays end with null, and the host's memory behind all
    // of them is not touched by anyone between the fork and this exec.
    unsafe {
        call(libc::SYS_chdir, [path(orders.workdir), 0, 0, 0, 0, 0]).map_err(Failure::at(Stage::Pivot))?;
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
    unsafe { libc::setpgid(0, 0) };
    if session == (Session::Leader { foreground: true }) {
        // SAFETY: standard input is the terminal (that makes a leader). A terminal that was taken away meanwhile
        // refuses, and the cell starts in the background as any other job would.
        unsafe { libc::tcsetpgrp(0, libc::getpid()) };
    }
}

/// All of the cell's own root is allowed; of what descriptors of the host lead to, what the rules say.
fn restrict(landlock: &Landlock) -> Result<(), Errno> {
    /// linux/landlock.h: struct landlock_ruleset_attr; a kernel with an older ABI wants the rest to be zero.
    #[repr(C)]
    struct Attributes {
        handled_access_fs: u64,
        handled_access_net: u64,
        scoped: u64,
    }
    let attributes = Attributes { handled_access_fs: landlock.handled, handled_access_net: 0, scoped: landlock.scoped };
    let (address, size) = (&raw const attributes as usize, size_of::<Attributes>());
    // SAFETY: `attributes` is alive and passed with its size; the other arguments are integers.
    let ruleset = unsafe { call(libc::SYS_landlock_create_ruleset, [address, size, 0, 0, 0, 0])? } as RawFd;
    let flags = (libc::O_PATH | libc::O_DIRECTORY | libc::O_CLOEXEC) as usize;
    // SAFETY: a constant path.
    let root = unsafe { call(libc::SYS_openat, [fd(libc::AT_FDCWD), path(c"/"), flags, 0, 0, 0])? } as RawFd;
    allow(ruleset, root, landlock.handled)?;
    for rule in &landlock.rules {
        match allow(ruleset, rule.fd, rule.allowed) {
            // A file that is in no tree (deleted, on an internal mount) needs no rule to be kept.
            Ok(()) | Err(libc::EBADFD) => {}
            Err(errno) => return Err(errno),
        }
    }
    // SAFETY: integers. Both descriptors are closed with all others before the exec.
    unsafe { call(libc::SYS_landlock_restrict_self, [fd(ruleset), 0, 0, 0, 0, 0]) }.map(drop)
}

fn allow(ruleset: RawFd, below: RawFd, access: u64) -> Result<(), Errno> {
    const PATH_BENEATH: usize = 1;
    /// linux/landlock.h: struct landlock_path_beneath_attr.
    #[repr(C, packed)]
    struct Beneath {
        allowed_access: u64,
        parent_fd: i32,
    }
    let beneath = Beneath { allowed_access: access, parent_fd: below };
    let address = &raw const beneath as usize;
    // SAFETY: `beneath` is alive and laid out as the header says.
    unsafe { call(libc::SYS_landlock_add_rule, [fd(ruleset), PATH_BENEATH, address, 0, 0, 0]) }.map(drop)
}

fn move_descriptors(orders: &Orders<'_>) -> Result<(), Errno> {
    for Move { from, to } in orders.moves {
        // SAFETY: integers. dup2 onto itself keeps close-on-exec, so that case clears the flag (dup(2)).
        let result =
            unsafe { if from == to { libc::fcntl(*from, libc::F_SETFD, 0) } else { libc::dup3(*from, *to, 0) } };
        if result == -1 {
            return Err(raw::errno());
        }
    }
    for stream in 0..3 {
        // SAFETY: integers; the standard streams stay open whatever flag the caller left on them.
        unsafe { libc::fcntl(stream, libc::F_SETFD, 0) };
    }
    raw::close_range(orders.last_fd + 1, RawFd::MAX)
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
