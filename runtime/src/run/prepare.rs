//! The steps before a start: what a run's flags come to, as data for `sys`.

use std::collections::BTreeSet;
use std::ffi::{CString, OsStr, OsString};
use std::os::fd::RawFd;
use std::os::unix::ffi::OsStringExt;
use std::path::Path;

use libp2p_identity::PeerId;
use nix::unistd::geteuid;

use super::grants::Held;
use super::place::{self, Place};
use super::wait::until_interrupted;
use super::{GrantError, RunError, refused, trees};
use crate::cli::RunArgs;
use crate::content::{Content, ContentPath, Origins, Timeouts};
use crate::env::{EnvEntry, environment};
use crate::fds::FdPlan;
use crate::jail::bounds::{Asked, Size, counts_processes};
use crate::jail::grant::{Access, PathGrant};
use crate::jail::landlock::Inherited;
use crate::jail::limits;
use crate::jail::view::ThisHost;
use crate::jail::{Bounds, Filter, Identity, Jail, Landlock, Level, Session, View};
use crate::peers::address::Listen;
use crate::peers::{Coming, Who, bound, identity};
use crate::progress::during;
use crate::resolve::{self, Binary, Image, ResolveError, interpreter};
use crate::rundir::RunDir;
use crate::sys::cgroup::Cgroup;
use crate::sys::signals::Signals;
use crate::sys::terminal::Terminal;
use crate::sys::usage::{kernel, memory_of_machine};
use crate::sys::{self, Program, StartError};

/// Whom peers find.
pub(super) fn who(identity: Option<&Path>, allowed: BTreeSet<PeerId>) -> Result<Who, RunError> {
    let identity = identity.map(identity::read).transpose()?;
    Ok(Who { identity, allowed })
}

/// Where they find it: what was asked for is listened at from here on.
pub(super) fn peers(listen: Listen, who: Who) -> Result<Option<Coming>, RunError> {
    let at = match listen {
        Listen::Nowhere => return Ok(None),
        Listen::Loopback => None,
        Listen::At(addresses) => Some(bound::all(&addresses)?),
    };
    Ok(Some(Coming { who, at }))
}

/// Where content comes from; nothing of it is opened or dialled yet.
pub(super) fn content(args: &RunArgs) -> Content {
    let timeouts = Timeouts { idle: args.ipfs_timeout, ..Timeouts::default() };
    let (daemon, gateways) = match args.offline {
        true => (None, Vec::new()),
        false => (Some(args.endpoint.clone()), args.gateways.clone()),
    };
    Content::from(Origins { daemon, named: args.named, gateways }, timeouts)
}

/// The program, found or fetched.
pub(super) fn image(
    args: &RunArgs,
    identity: &Identity,
    content: &Content,
    held: &Held,
    signals: &Signals,
) -> Result<Image, RunError> {
    let image = match Binary::of(&args.binary) {
        Binary::Local(path) => resolve::local(&path, identity, geteuid().as_raw())?,
        Binary::Ipfs(Err(source)) => {
            let path = args.binary.to_string_lossy().into_owned();
            return Err(ResolveError::Fetch { path, source: source.into() }.into());
        }
        Binary::Ipfs(Ok(path)) => match held.program(&path) {
            Some(image) => image,
            None => {
                let fetch = resolve::fetch(&path, content, args.max_size);
                until_interrupted(signals, during(args.telling.progress, content, fetch))??
            }
        },
    };
    if !args.level.has_namespaces() {
        // The cell walks to it as its own user, without an init that took it for the view.
        image.let_in(identity).map_err(|source| RunError::Directory { source })?;
    }
    Ok(image)
}

/// A tree of IPFS's for the cell's view.
pub(super) fn tree(
    path: &ContentPath,
    content: &Content,
    args: &RunArgs,
    signals: &Signals,
) -> Result<RunDir, RunError> {
    let fetching = during(args.telling.progress, content, trees::fetch(path, content, args.max_size));
    Ok(until_interrupted(signals, fetching)?.map_err(GrantError::from)?)
}

/// What bounds the run, as far as it can be kept.
pub(super) fn bounds(asked: Asked, level: Level) -> Result<Bounds, RunError> {
    let counts = counts_processes(level.has_namespaces(), &kernel());
    if let (Some(asked), Err(source)) = (asked.processes, counts.clone()) {
        return Err(RunError::Processes { asked, source });
    }
    Ok(Bounds::new(asked, memory_of_machine(), counts.is_ok()))
}

/// The cgroup of the run, where a bound takes one.
pub(super) fn cgroup(bounds: &Bounds) -> Result<Option<Cgroup>, RunError> {
    let refused = |source| RunError::Memory { asked: Size(bounds.memory), source };
    bounds.exact.then(|| Cgroup::create(bounds.memory, true)).transpose().map_err(refused)
}

/// The jail of this run.
#[expect(clippy::too_many_arguments, reason = "each is another part of it")]
pub(super) fn jail(
    level: Level,
    bounds: Bounds,
    identity: Identity,
    place: &Place,
    image: &Image,
    plan: &FdPlan,
    held: &Held,
    terminal: Option<&Terminal>,
) -> Result<Jail, RunError> {
    let look = |fd: RawFd| (fd, sys::fds::inherited(fd));
    let streams = [look(0), look(1), look(2)];
    let grants: Vec<_> = plan.grants.iter().map(|(grant, _)| look(grant.source())).collect();
    let view = match level {
        Level::Full => {
            let mut view = View::new(&ThisHost, identity.uid, identity.gid, image.shown.as_ref());
            held.show(&mut view)?;
            view
        }
        Level::Restricted | Level::None => View::of_the_host(),
    };
    let landlock = refused::landlock(level)?.map(|abi| match level {
        Level::Full => Landlock::new(abi, &view, &streams, &grants),
        Level::Restricted | Level::None => {
            Landlock::of_host(abi, &ThisHost, &image.on_host, place.own(), &held.descriptors(), &streams, &grants)
        }
    });
    // Landlock leaves connecting to a socket below it open (JAIL-23); what is granted besides is meant to be reached.
    let ungranted = |fd: RawFd| grants.iter().all(|(granted, _)| *granted != fd);
    let stream = streams.iter().find(|(fd, inherited)| *inherited == Inherited::Directory && ungranted(*fd));
    if let (Some((fd, _)), true) = (stream, level.confines()) {
        return Err(RunError::DirectoryStream { fd: *fd });
    }
    let directory = streams.iter().chain(&grants).find(|(_, inherited)| *inherited == Inherited::Directory);
    if let (None, Some((fd, _)), true) = (&landlock, directory, level.confines()) {
        return Err(RunError::DirectoryGrant { fd: *fd });
    }
    Ok(Jail {
        level,
        workdir: place.path.clone(),
        view,
        identity,
        limits: limits::wanted(&bounds),
        bounds,
        landlock,
        seccomp: Filter::of(level),
        session: terminal.map_or(Session::Own, Terminal::session),
    })
}

/// What the cell executes. `argv[0]` is `<binary>` as the user wrote it.
pub(super) fn program(
    level: Level,
    image: &Image,
    binary: OsString,
    args: Vec<OsString>,
    entries: Vec<EnvEntry>,
    plan: &FdPlan,
) -> Result<Program, RunError> {
    let environment = environment(entries, plan.variables(), |key: &OsStr| std::env::var_os(key));
    let path = place::program(level, image, &binary).map_err(RunError::host("cannot tell where the program is"))?;
    Ok(Program {
        path,
        arguments: std::iter::once(binary).chain(args).map(string).collect(),
        environment: environment.into_iter().map(string).collect(),
    })
}

/// Says what the kernel's refusal to execute the program means.
pub(super) fn explain(
    error: StartError,
    program: &Program,
    image: &Image,
    jail: &Jail,
    cgroup: Option<&Cgroup>,
) -> RunError {
    if cgroup.is_some_and(Cgroup::has_killed) {
        return RunError::TooLittle(Size(jail.bounds.memory));
    }
    let path = || program.arguments.first().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    match error {
        StartError::Exec(source) if source.raw_os_error() == Some(libc::ENOENT) => match interpreter(&image.on_host) {
            Some(interpreter) => {
                RunError::Interpreter { path: path(), remedy: remedy(Path::new(&interpreter)), interpreter }
            }
            None => RunError::Resolve(ResolveError::Path { path: path(), source }),
        },
        StartError::Exec(source) => RunError::Execute { path: path(), source },
        other => refused::explain(other, jail.level, &jail.identity),
    }
}

/// How the cell can be shown an interpreter that the host has.
fn remedy(interpreter: &Path) -> String {
    if !interpreter.is_absolute() || !interpreter.exists() {
        return String::new();
    }
    let grantable = |path: &&Path| PathGrant::parse(Access::Read, path.as_os_str(), None).is_ok();
    let shown = [interpreter.parent(), Some(interpreter)].into_iter().flatten().find(grantable);
    shown.map(|path| format!("; --ro {} shows it", path.display())).unwrap_or_default()
}

/// Arguments and environment come from an exec, whose strings end at their NUL: none has one inside.
fn string(text: OsString) -> CString {
    let mut bytes = text.into_vec();
    bytes.truncate(bytes.iter().position(|b| *b == 0).unwrap_or(bytes.len()));
    CString::new(bytes).unwrap_or_default()
}
