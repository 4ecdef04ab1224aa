//! The host's side of a start: the init's clone3, the id maps, and what is told of the rest.

use std::ffi::{CString, c_char};
use std::io;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};

use nix::sys::socket::{AddressFamily, SockFlag, SockType, socketpair};
use nix::unistd::Pid;

use super::birth::{Stack, give_birth};
use super::cell::Orders;
use super::cgroup::{Cgroup, Entrance};
use super::guard;
use super::image::init_image;
use super::init::{self, Errand};
use super::limits::attainable;
use super::maps;
use super::raw::Errno;
use super::report::{Failure, Stage};
use super::running::{Cell, give_word, kill_and_reap};
use super::sole::{SoleThread, ThreadsError};
use super::spread::Processors;
use super::steps::Steps;
use super::told::{receive, told_before};
use crate::fds::Move;
use crate::jail::view::What;
use crate::jail::{Identity, Jail, Part};

/// All but the network, which the cell's process makes while the init builds the view.
const NAMESPACES: i32 = libc::CLONE_NEWUSER
    | libc::CLONE_NEWPID
    | libc::CLONE_NEWNS
    | libc::CLONE_NEWIPC
    | libc::CLONE_NEWUTS
    | libc::CLONE_NEWCGROUP;

/// CLONE_INTO_CGROUP of linux/sched.h, which doesn't fit into libc's type for it.
const INTO_CGROUP: u64 = 0x2_0000_0000;

/// What the cell executes.
#[derive(Debug)]
pub struct Program {
    /// Its path in the cell's view.
    pub path: CString,
    /// `argv`, the program's name first.
    pub arguments: Vec<CString>,
    /// The environment, `KEY=VALUE` each.
    pub environment: Vec<CString>,
}

/// Why a cell didn't start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The program was there and execve(2) refused it.
    #[error("cannot execute the program")]
    Exec(#[source] io::Error),
    /// The kernel gives no namespaces.
    #[error("cannot have the cell's own namespaces (user, pid, mount, network, ipc, uts, cgroup)")]
    Namespaces(#[source] io::Error),
    /// A step that failed.
    #[error("cannot {step}")]
    Stage {
        /// The part of the jail that can't be had then, where it is for want of one.
        part: Option<Part>,
        /// What was being done, on what.
        step: String,
        /// Why it failed.
        #[source]
        source: io::Error,
    },
    /// The view has no such directory, or the cell may not enter it.
    #[error("cannot start in {path} (a path in the cell; --ro or --rw shows it a directory of yours)")]
    Workdir {
        /// The directory, in the cell's view.
        path: String,
        /// Why it failed.
        #[source]
        source: io::Error,
    },
    /// Something the host needs for itself.
    #[error("{what}")]
    Os {
        /// What was being done.
        what: &'static str,
        /// Why it failed.
        source: io::Error,
    },
    /// The process isn't known to have one thread.
    #[error(transparent)]
    Threads(#[from] ThreadsError),
}

/// Starts `program` in `jail`; returns once it has been executed. `moves` bring its descriptors to their
/// numbers, of which `last_fd` is the highest; `cgroup` is where the run lives, if it has one of its own. What the host
/// can do in the time goes into `meanwhile`.
pub fn start<T>(
    sole: SoleThread,
    program: &Program,
    jail: &Jail,
    moves: &[Move],
    last_fd: RawFd,
    cgroup: Option<&Cgroup>,
    meanwhile: impl FnOnce() -> T,
) -> Result<(Cell, T), StartError> {
    let limits = attainable(&jail.limits);
    let entrance = cgroup.map(|cgroup| cgroup.entrance(jail.level.has_namespaces()));
    let (host, control) = socketpair(AddressFamily::Unix, SockType::SeqPacket, None, SockFlag::SOCK_CLOEXEC)
        .map_err(|errno| StartError::Os { what: "cannot make the control socket", source: errno.into() })?;
    let (arguments, environment) = (pointers(&program.arguments), pointers(&program.environment));
    let orders = Orders {
        jail,
        limits: &limits,
        cgroup: match entrance {
            Some(Entrance::Enters(list)) => Some(list),
            Some(Entrance::Born(_)) | None => None,
        },
        moves,
        last_fd,
        program: &program.path,
        arguments: &arguments,
        environment: &environment,
    };
    if !jail.level.has_namespaces() {
        let forked = guard::fork(&sole, &orders, control.as_raw_fd());
        let guard = forked.map(Unfinished);
        let guard = guard.map_err(|source| StartError::Os { what: "cannot fork the cell's guard", source })?;
        drop(control);
        return started(host, guard, jail, meanwhile);
    }
    let image = init_image().map_err(|source| StartError::Os { what: "cannot lay out the init's program", source })?;
    let stack =
        || Stack::new().map_err(|source| StartError::Os { what: "cannot lay out a stack for the init", source });
    let processors = Processors::of_caller();
    let mut errand = Errand {
        orders,
        processors,
        steps: Steps::new(),
        parts: vec![-1; jail.view.entries.len()],
        stack: stack()?,
        control: control.as_raw_fd(),
        lifeline: host.as_raw_fd(),
        image: image.as_raw_fd(),
    };
    let mut stack = stack()?;
    let init = make_init(&sole, &mut errand, &mut stack, entrance)?;
    drop(control);
    processors.send_away(init.0.as_raw());
    release(&host, init.0, &jail.identity)
        .map_err(|refusal| told_before(&host).map_or(refusal, |failure| explain(failure, jail)))?;
    started(host, init, jail, meanwhile)
}

/// The cell, once its init or its guard says that it runs.
fn started<T>(
    host: OwnedFd,
    init: Unfinished,
    jail: &Jail,
    meanwhile: impl FnOnce() -> T,
) -> Result<(Cell, T), StartError> {
    let done = meanwhile();
    let pidfd = receive(&host)?.map_err(|failure| explain(failure, jail))?;
    let cell = Cell::new(host, init.0, pidfd, jail.level);
    let cell = cell.map_err(|source| StartError::Os { what: "cannot read the cell's pid", source })?;
    init.stay();
    Ok((cell, done))
}

/// An init that uses this process's memory: however `start` ends, only after it.
struct Unfinished(Pid);

impl Unfinished {
    /// It runs another program.
    fn stay(self) {
        std::mem::forget(self);
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        kill_and_reap(self.0);
    }
}

fn make_init(
    _: &SoleThread,
    errand: &mut Errand<'_>,
    stack: &mut Stack,
    entrance: Option<Entrance>,
) -> Result<Unfinished, StartError> {
    // SAFETY: clone_args is plain integers, for which all zero is valid.
    let mut arguments = unsafe { std::mem::zeroed::<libc::clone_args>() };
    arguments.flags = NAMESPACES as u64;
    arguments.exit_signal = libc::SIGCHLD as u64;
    if let Some(Entrance::Born(cgroup)) = entrance {
        arguments.flags |= INTO_CGROUP;
        arguments.cgroup = cgroup as u64;
    }
    // SAFETY: `start` keeps `errand` and `stack`, and doesn't look at them, until the init has said that it runs
    // another program or has been reaped. The init makes system calls and nothing else. The token proves that there is
    // no other thread, which might be killed with the init's memory in hand.
    let init = unsafe { give_birth(arguments, stack, init::run, std::ptr::from_mut(errand).cast()) };
    init.map(|pid| Unfinished(Pid::from_raw(pid)))
        .map_err(|errno| StartError::Namespaces(io::Error::from_raw_os_error(errno)))
}

/// Writes the id maps (user_namespaces(7)) and lets the init go on.
fn release(host: &OwnedFd, init: Pid, identity: &Identity) -> Result<(), StartError> {
    maps::write(init, identity).map_err(|source| StartError::Stage {
        part: Some(Part::IdMaps),
        step: "map the cell's user".to_owned(),
        source,
    })?;
    give_word(host).map_err(|source| StartError::Os { what: "cannot reach the init", source })
}

fn explain(Failure { stage, index, errno }: Failure, jail: &Jail) -> StartError {
    let source = io::Error::from_raw_os_error(errno);
    let place = || {
        let entry = jail.view.entries.get(usize::from(index));
        entry.map(|entry| format!("/{}", entry.at.to_string_lossy())).unwrap_or_default()
    };
    let step = match stage {
        Stage::Exec => return StartError::Exec(source),
        Stage::Network => "have a network of the cell's own".to_owned(),
        Stage::Take => format!("show the cell {}", place()),
        Stage::Swapped => format!("show the cell {}: it is no longer the file that was asked for", place()),
        Stage::Workdir => return StartError::Workdir { path: jail.workdir.to_string_lossy().into_owned(), source },
        Stage::Identity => "become the cell's user".to_owned(),
        Stage::Root => "mount the cell's root".to_owned(),
        Stage::Place => format!("put {} into the cell's root", place()),
        Stage::Pivot => "leave the host's root".to_owned(),
        Stage::Privileges => "drop privileges".to_owned(),
        Stage::Fork => "start the cell's process".to_owned(),
        Stage::State => "leave the caller's scheduling and personality".to_owned(),
        Stage::Landlock => "apply Landlock".to_owned(),
        Stage::Descriptors => "move the cell's descriptors (is RLIMIT_NOFILE too low for them?)".to_owned(),
        Stage::Limits => "set the cell's limits".to_owned(),
        Stage::Seccomp => "install the seccomp filter (is the kernel built with CONFIG_SECCOMP_FILTER?)".to_owned(),
        Stage::Cgroup => "enter the run's cgroup".to_owned(),
        Stage::Init => "execute the init's program".to_owned(),
    };
    let entry = jail.view.entries.get(usize::from(index)).map(|entry| &entry.what);
    StartError::Stage { part: part_of(stage, errno, entry), step, source }
}

/// The part of the jail that a step is for. What lies on the host may refuse to be taken for reasons of its own.
fn part_of(stage: Stage, errno: Errno, entry: Option<&What>) -> Option<Part> {
    match stage {
        Stage::Take if [libc::EPERM, libc::ENOSYS, libc::EINVAL].contains(&errno) => Some(Part::Mounts),
        Stage::Place if matches!(entry, Some(What::Processes)) => Some(Part::Processes),
        Stage::Root | Stage::Place => Some(Part::Mounts),
        Stage::Pivot => Some(Part::Pivot),
        Stage::Identity => Some(Part::IdMaps),
        Stage::Network => Some(Part::NetworkNamespace),
        Stage::Privileges => Some(Part::Privileges),
        Stage::Landlock => Some(Part::Landlock),
        Stage::Seccomp => Some(Part::Seccomp),
        _ => None,
    }
}

/// The strings' addresses, and null behind them.
fn pointers(strings: &[CString]) -> Vec<*const c_char> {
    strings.iter().map(|string| string.as_ptr()).chain([std::ptr::null()]).collect()
}
