//! The steps before a start: what a run's flags come to, as data for `sys`.

use std::ffi::{CString, OsStr, OsString};
use std::io;
use std::os::fd::RawFd;
use std::os::unix::ffi::OsStringExt;

use nix::unistd::{getegid, geteuid};

use super::RunError;
use super::wait::until_interrupted;
use crate::cli::RunArgs;
use crate::content::Content;
use crate::env::{EnvEntry, environment};
use crate::fds::FdPlan;
use crate::jail::identity::maps_nobody;
use crate::jail::landlock::Inherited;
use crate::jail::limits::WANTED;
use crate::jail::view::ThisHost;
use crate::jail::{Identity, Jail, Landlock, Session, View};
use crate::resolve::{self, Binary, Image, ResolveError, interpreter};
use crate::sys::signals::Signals;
use crate::sys::terminal::Terminal;
use crate::sys::{self, Program, StartError};

/// Who the cell is.
pub(super) fn identity() -> io::Result<Identity> {
    let (uid, gid) = (geteuid().as_raw(), getegid().as_raw());
    let nobody_exists = || -> io::Result<bool> {
        let maps = |file| std::fs::read_to_string(file).map(|map| maps_nobody(&map));
        Ok(maps("/proc/self/uid_map")? && maps("/proc/self/gid_map")?)
    };
    Ok(Identity::of_caller(uid, gid, uid == 0 && nobody_exists()?))
}

/// The program, found or fetched.
pub(super) fn image(
    args: &RunArgs,
    identity: &Identity,
    content: &Content,
    signals: &Signals,
) -> Result<Image, RunError> {
    match Binary::of(&args.binary) {
        Binary::Local(path) => Ok(resolve::local(&path, identity, geteuid().as_raw())?),
        Binary::Ipfs(Err(source)) => {
            Err(ResolveError::Fetch { path: args.binary.to_string_lossy().into_owned(), source: source.into() }.into())
        }
        Binary::Ipfs(Ok(path)) => Ok(until_interrupted(signals, resolve::fetch(&path, content, args.max_size))??),
    }
}

/// The jail of this run.
pub(super) fn jail(
    identity: Identity,
    image: &Image,
    plan: &FdPlan,
    terminal: Option<&Terminal>,
) -> Result<Jail, RunError> {
    let look = |fd: RawFd| (fd, sys::fds::inherited(fd));
    let streams = [look(0), look(1), look(2)];
    let grants: Vec<_> = plan.grants.iter().map(|(grant, _)| look(grant.source())).collect();
    let landlock = sys::landlock_abi().map(|abi| Landlock::new(abi, &streams, &grants));
    let directory = streams.iter().chain(&grants).find(|(_, inherited)| *inherited == Inherited::Directory);
    if let (None, Some((fd, _))) = (&landlock, directory) {
        return Err(RunError::DirectoryGrant { fd: *fd });
    }
    Ok(Jail {
        view: View::new(&ThisHost, identity.uid, identity.gid, image.shown.as_ref()),
        identity,
        limits: WANTED.to_vec(),
        landlock,
        session: terminal.map_or(Session::Own, Terminal::session),
    })
}

/// What the cell executes. `argv[0]` is `<binary>` as the user wrote it.
pub(super) fn program(
    image: &Image,
    binary: OsString,
    args: Vec<OsString>,
    entries: Vec<EnvEntry>,
    plan: &FdPlan,
) -> Program {
    let environment = environment(entries, plan.variables(), |key: &OsStr| std::env::var_os(key));
    Program {
        path: image.program.clone(),
        arguments: std::iter::once(binary).chain(args).map(string).collect(),
        environment: environment.into_iter().map(string).collect(),
    }
}

/// Says what the kernel's refusal to execute the program means.
pub(super) fn explain(error: StartError, program: &Program, image: &Image) -> RunError {
    let path = || program.arguments.first().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    match error {
        StartError::Exec(source) if source.raw_os_error() == Some(libc::ENOENT) => match interpreter(&image.on_host) {
            Some(interpreter) => RunError::Interpreter { path: path(), interpreter },
            None => RunError::Resolve(ResolveError::Path { path: path(), source }),
        },
        StartError::Exec(source) => RunError::Execute { path: path(), source },
        other => RunError::Start(other),
    }
}

/// Arguments and environment come from an exec, whose strings end at their NUL: none has one inside.
fn string(text: OsString) -> CString {
    let mut bytes = text.into_vec();
    bytes.truncate(bytes.iter().position(|b| *b == 0).unwrap_or(bytes.len()));
    CString::new(bytes).unwrap_or_default()
}
