//! Once the cell runs, the host has let go of what it was handed, and of nothing that a library keeps.
//!
//! This process starts itself again as a host that has a socket in a static, as tokio has one for signals, and
//! that runs `cat`. While the cell waits for its input, this one looks at what the host has open.
//! What must stay true: the host has one thread (so there is no test harness), and claims before it opens.
//! Clauses: FD-*, STDIO-*.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write, pipe};
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use command_fds::{CommandFdExt, FdMapping};
use ww::cli::{self, Request, Variables};
use ww::ended::Ended;
use ww::run::{self, Outcome};

const AS_HOST: &str = "DESCRIPTORS_TEST_HOST";
/// What the host is handed: a grant, the status lines' place, and two that it isn't told about.
const GRANT: RawFd = 5;
const STATUS: RawFd = 6;
const BESIDE: RawFd = 7;
const ABOVE: RawFd = 40;

fn main() {
    match std::env::var_os(AS_HOST) {
        Some(_) => host(),
        None => caller(),
    }
}

/// A library's, for as long as the process lives.
static LIBRARY: OnceLock<(UnixStream, UnixStream)> = OnceLock::new();

fn host() {
    let (grant, status) = (format!("given={GRANT}"), STATUS.to_string());
    let words = ["ww", "run", "--with-fd", &grant, "--status-fd", &status, "/bin/cat"];
    let Ok(Request::Run(args)) = cli::parse(words.map(Into::into), Variables::default()) else { panic!("{words:?}") };
    let handover = run::claim().expect("a list of descriptors");

    let (here, there) = LIBRARY.get_or_init(|| UnixStream::pair().expect("a socket pair"));
    // So many that they fill what is free below, between and above the numbers that were handed over.
    let more: Vec<UnixStream> = (0..ABOVE).map(|_| here.try_clone().expect("a clone")).collect();
    let numbers: Vec<RawFd> = more.iter().chain([here, there]).map(AsRawFd::as_raw_fd).collect();
    let found = |numbers: &[RawFd]| numbers.iter().map(|number| open("self", *number)).collect::<Vec<_>>();
    let before = found(&numbers);
    assert!(numbers.contains(&3) && numbers.contains(&(BESIDE + 1)) && numbers.contains(&(ABOVE + 1)), "{numbers:?}");

    let ran = run::run(*args, handover).expect("a cell");
    assert!(matches!(ran, Outcome::Ended(Ended::Exited(0), None)), "{ran:?}");
    assert_eq!(found(&numbers), before, "a library's descriptors were closed");
    (&*here).write_all(b"still").expect("the library's socket");
    let mut said = [0; 5];
    (&*there).read_exact(&mut said).expect("the library's socket");
    assert_eq!(&said, b"still");
}

fn caller() {
    let mut host = Command::new(std::env::current_exe().expect("this test's path"));
    host.env(AS_HOST, "1").stdin(Stdio::piped()).stdout(Stdio::piped());
    let (lines, status) = pipe().expect("a pipe");
    let mut handed = Vec::new();
    let mut hand = |parent_fd: OwnedFd, child_fd| {
        handed.push(open("self", parent_fd.as_raw_fd()).expect("a pipe"));
        FdMapping { parent_fd, child_fd }
    };
    // Each its own pipe, which the name of its link tells from all others.
    let [given, beside, above] = [GRANT, BESIDE, ABOVE].map(|number| hand(pipe().expect("a pipe").1.into(), number));
    let status = FdMapping { parent_fd: status.into(), child_fd: STATUS };
    host.fd_mappings(vec![given, status, beside, above]).expect("four mappings");
    let mut process = host.spawn().expect("this test again");
    drop(host);

    let (mut started, mut lines) = (String::new(), BufReader::new(lines));
    lines.read_line(&mut started).expect("a status line");
    assert!(started.contains("started"), "no cell: {started:?}");
    let pid = process.id().to_string();
    let held: Vec<PathBuf> = fs::read_dir(format!("/proc/{pid}/fd"))
        .expect("/proc")
        .filter_map(|entry| fs::read_link(entry.expect("an entry").path()).ok())
        .collect();
    assert!(handed.iter().all(|pipe| !held.contains(pipe)), "the host holds {handed:?}: {held:?}");
    for stream in 0..2 {
        assert_eq!(open(&pid, stream).as_deref(), Some(Path::new("/dev/null")), "stream {stream}");
    }
    drop(process.stdin.take());
    let ended = process.wait().expect("the host's end");
    assert!(ended.success(), "{ended}");
    println!("descriptors: what was handed over is let go of, what a library keeps is kept");
}

/// What a process has open at a number.
fn open(process: &str, number: RawFd) -> Option<PathBuf> {
    fs::read_link(format!("/proc/{process}/fd/{number}")).ok()
}
