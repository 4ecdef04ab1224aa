//! A tiny `ww run` of the zoo's own: what it does, it does by the clauses, save for one thing.
//!
//! What it does: with no fault it is a control, either bare ([`Jail::None`]) or jailed by bubblewrap
//! ([`Jail::Bubblewrap`]). It starts itself again as the process that becomes the cell ([`cell`]), which puts
//! descriptors in place and forgets what its caller had set; it serves `Host` and `IPFS` ([`rpc`], [`ipfs`]).
//! What must stay true: a fault is asked for by its name, in the one place where it makes a difference; a name
//! that nothing asks for changes nothing, so that no case finds it. It does what the clauses of its faults need
//! and no more: it passes no signals on, writes no status and verifies nothing that it fetches.

mod access;
pub mod cell;
mod content;
pub mod faults;
pub mod faults_hostile;
pub mod faults_jail;
pub mod faults_methods;
pub mod faults_rpc;
pub mod faults_seccomp;
pub mod faults_streams;
mod hostile;
mod ipfs;
mod jail;
mod listing;
mod methods;
mod nodes;
mod program;
mod relay;
mod request;
mod rpc;
mod seccomp;
mod socket;
mod streams;
mod sys;
mod uploads;

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::UnixStream;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode};

use nix::sys::wait::waitpid;
use nix::unistd::{Pid, setgroups};
use ww_conformance::launch::duplicate;

use super::{Call, says};
use access::Granted;
use cell::Plan;
use program::Refusal;

/// What is wrong: nothing (`""`), or the fault of this name.
#[derive(Clone, Copy)]
pub struct Wrong(pub &'static str);

impl Wrong {
    pub fn is(self, name: &str) -> bool {
        self.0 == name
    }
}

/// What confines the cell.
#[derive(Clone, Copy, PartialEq)]
pub enum Jail {
    None,
    Bubblewrap,
}

/// Numbers from here on are out of the way of all that a cell is given.
const ABOVE: i32 = 500;

/// Runs a program as a cell; the exit code is the run's.
pub fn run(call: &Call, jail: Jail, wrong: Wrong) -> ExitCode {
    let mut state = sys::State::taken();
    state.forget(wrong);
    // A usage error comes before anything is fetched.
    let fetched = refused(call, wrong).and_then(|()| program::fetched(call));
    match fetched.and_then(|file| Ok((started(call, file.as_deref(), jail, wrong, state)?, file))) {
        Ok(((child, host), _file)) => served(child, host, call, wrong),
        Err(refusal) => says(&format!("ww: {}", refusal.line), refusal.code),
    }
}

/// Starts the cell's process; gives it, and the host's end of its socket.
fn started(
    call: &Call,
    fetched: Option<&Path>,
    jail: Jail,
    wrong: Wrong,
    state: sys::State,
) -> Result<(Child, UnixStream), Refusal> {
    let grants = grants(call, wrong)?;
    let program = program::resolved(call, fetched, jail, wrong)?;
    if jail == Jail::Bubblewrap {
        jail::possible(wrong)?;
    }
    let (host, cells) = socket(wrong).map_err(|fault| Refusal::new(1, format!("socket: {fault}")))?;
    let mut words = call.rest.clone();
    match (wrong.0, program.path.file_name()) {
        ("argv-0-basename", Some(name)) => words[0] = name.to_owned(),
        ("argv-0-canonical", _) => words[0] = program.path.clone().into(),
        _ => {}
    }
    let mut plan = Plan { program: program.path, words, state, ..Plan::default() };
    plan.arrange(call, &grants, cells, jail, wrong);
    if wrong.is("host-end-leaked") {
        plan.kept.extend(duplicate(host.as_raw_fd(), ABOVE));
    }
    // The program by a descriptor: it may lie where whoever runs this, or the jail, sees nothing.
    let own = File::open("/proc/self/exe").and_then(|own| Ok(duplicate(own.as_raw_fd(), ABOVE)?));
    let own = own.map_err(|fault| Refusal::new(1, format!("/proc/self/exe: {fault}")))?;
    // A group that isn't its own needs the right to choose them.
    if nix::unistd::geteuid().is_root() && !wrong.is("groups-kept") {
        let kept = nix::unistd::getgroups().unwrap_or_default();
        let kept = if wrong.is("one-group-kept") { &kept[..kept.len().min(1)] } else { &[] };
        setgroups(kept).map_err(|fault| Refusal::new(1, format!("setgroups: {fault}")))?;
    }
    if wrong.is("host-program-leaked") {
        plan.kept.push(own);
    }
    let trampoline = format!("/proc/self/fd/{own}");
    let mut command = match jail {
        Jail::None => Command::new(trampoline),
        Jail::Bubblewrap => jail::command(&trampoline, call, &mut plan, wrong),
    };
    command.args([OsString::from("--cell"), wrong.0.into(), plan.as_word()]);
    command.env_clear();
    let child = command.spawn().map_err(|fault| Refusal::new(1, format!("{:?}: {fault}", command.get_program())))?;
    plan.let_go(host.as_raw_fd(), wrong);
    Ok((child, host))
}

/// Serves the cell until it ends, and gives the code of its end.
fn served(child: Child, host: UnixStream, call: &Call, wrong: Wrong) -> ExitCode {
    let endpoint = call.endpoint();
    let cell = Pid::from_raw(child.id().cast_signed());
    nix::sys::prctl::set_child_subreaper(true).ok();
    let granted = Granted::of(call, wrong);
    let session = std::thread::spawn(move || rpc::serve(host, &endpoint, cell, granted, wrong));
    if wrong.is("rpc-end-is-cells-end") {
        session.join().ok();
        nix::sys::signal::kill(cell, nix::sys::signal::Signal::SIGKILL).ok();
        return ExitCode::SUCCESS;
    }
    let mut child = child;
    let code = child.wait().map_or(99, |status| status.code().or(status.signal().map(|it| 128 + it)).unwrap_or(99));
    // What is left of a jail comes to this process.
    while waitpid(None, None).is_ok() {}
    let spoken = if wrong.is("rpc-silence-is-failure") { session.join().unwrap_or(false) } else { true };
    ExitCode::from(u8::try_from(if spoken { code } else { 1 }).unwrap_or(99))
}

/// One `--with-fd`: its name and the number that its source has out of the way of others.
pub struct Grant {
    name: String,
    lifted: i32,
    /// Where it is a directory, its path.
    folder: Option<PathBuf>,
}

/// Usage errors, as far as clauses of a fault speak of them.
fn refused(call: &Call, wrong: Wrong) -> Result<(), Refusal> {
    const OPTIONS: [&str; 9] = [
        "--env",
        "--with-fd",
        "--ipfs",
        "--ipfs-access",
        "--ipfs-timeout",
        "--fd-layout",
        "--max-size",
        "--ro",
        "--rw",
    ];
    for (flag, value) in &call.flags {
        let value = value.clone().unwrap_or_default();
        let why = match flag.to_str() {
            Some(flag) if !OPTIONS.contains(&flag) => "no such option",
            Some("--env") if value.as_bytes().starts_with(b"=") => "an entry without a key",
            Some("--ipfs-access") if access::refused(&value.to_string_lossy(), wrong) => "no level",
            Some("--ipfs") if !value.as_bytes().starts_with(b"/") => "no endpoint",
            _ => continue,
        };
        let code = if why == "no level" && wrong.is("access-usage-is-failure") { 1 } else { 2 };
        return Err(Refusal::new(code, format!("{} {}: {why}", flag.display(), value.display())));
    }
    Ok(())
}

fn grants(call: &Call, wrong: Wrong) -> Result<Vec<Grant>, Refusal> {
    let one = |value: &OsString| {
        let refused = |why| Refusal::new(2, format!("fd flag processing failed: {}: {why}", value.display()));
        let (name, number) = value.to_str().and_then(|value| value.split_once('=')).ok_or(refused("no `=`"))?;
        let number = number.parse().unwrap_or(-1);
        let lifted = duplicate(number, ABOVE).map_err(|_| refused("it isn't open"))?;
        let lifted = if wrong.is("grants-placed-in-turn") { number } else { lifted };
        if wrong.is("grant-rewound") {
            sys::rewind(lifted);
        }
        let path = PathBuf::from(format!("/proc/self/fd/{lifted}"));
        let folder = std::fs::canonicalize(&path).ok().filter(|_| path.is_dir());
        Ok(Grant { name: name.to_owned(), lifted, folder })
    };
    call.values("--with-fd").map(one).collect()
}

/// The host's end of the socket, and the cell's.
fn socket(wrong: Wrong) -> io::Result<(UnixStream, i32)> {
    use std::net::{TcpListener, TcpStream};
    use std::os::unix::net::UnixDatagram;
    let (host, cells) = UnixStream::pair()?;
    let number = match wrong.0 {
        "socket-of-datagrams" => {
            let (one, other) = UnixDatagram::pair()?;
            std::mem::forget(one);
            duplicate(other.as_raw_fd(), ABOVE)
        }
        "socket-of-internet" => {
            let listener = TcpListener::bind("127.0.0.1:0")?;
            let stream = TcpStream::connect(listener.local_addr()?)?;
            std::mem::forget(listener.accept()?);
            duplicate(stream.as_raw_fd(), ABOVE)
        }
        _ => duplicate(cells.as_raw_fd(), ABOVE),
    }?;
    cells.set_nonblocking(wrong.is("socket-not-blocking"))?;
    Ok((host, number))
}

/// Name and CID of each link of a node of dag-pb.
pub fn links(block: &[u8]) -> Option<Vec<(String, String)>> {
    let found = content::dag_pb(String::new(), block)?;
    Some(found.links.into_iter().map(|(name, _, cid)| (name, cid)).collect())
}

/// The upper case of a grant's variable.
fn variable(name: &str) -> OsString {
    format!("WW_FD_{}", name.to_uppercase()).into()
}

/// Entries of `WW_ENV`, then those of `--env`, each key once.
fn entries(call: &Call, wrong: Wrong) -> Vec<(OsString, OsString)> {
    let text = std::env::var_os("WW_ENV").unwrap_or_default();
    let pieces = text.as_bytes().split(|byte| *byte == b',').filter(|piece| !piece.is_empty());
    let mut all: Vec<OsString> = pieces.map(|piece| OsStr::from_bytes(piece).to_owned()).collect();
    let flags = call.values("--env").take(if wrong.is("env-first-alone") { 1 } else { usize::MAX }).cloned();
    match wrong.is("env-last-of-ww-env") {
        true => _ = all.splice(..0, flags.collect::<Vec<_>>()),
        false => all.extend(flags),
    }
    let mut env: Vec<(OsString, OsString)> = Vec::new();
    for entry in all {
        let mut parts = entry.as_bytes().splitn(2, |byte| *byte == b'=').map(OsStr::from_bytes);
        let key = parts.next().unwrap_or_default().to_owned();
        let Some(value) = parts.next().map(OsString::from).or_else(|| std::env::var_os(&key)) else { continue };
        env.retain(|(other, _)| *other != key || wrong.is("env-key-twice"));
        env.push((key, value));
    }
    env
}
