//! More than a host can hold: it stops taking, keeps its memory, and goes on when the cell reads.

use std::io::{BufReader, ErrorKind, Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use capnp::message::ReaderOptions;
use capnp_rpc::rpc_capnp::message;
use command_fds::{CommandFdExt, FdMapping};

use crate::daemon::{Blocks, content, identity, nobody};
use crate::frames::{add, cat, finish, opening};
use crate::session::Panics;
use ww::access::Access;

/// What a host may take above its idle state, 20 MB (ruling 20), in KiB.
const MORE: usize = 20_000_000 / 1024;

/// A host in a process of its own, so that its memory is nothing but its own.
struct Host {
    process: Child,
    socket: UnixStream,
    idle: usize,
}

impl Host {
    /// Starts one, and has it answer once: from there on it is idle.
    fn start(daemon: Option<u16>) -> Host {
        let (socket, theirs) = UnixStream::pair().expect("a socket pair");
        let mut command = Command::new(std::env::current_exe().expect("this test's path"));
        command.args(["--exact", "floods::host_process", "--ignored", "--nocapture", "--test-threads=1"]);
        command.env("WW_FD_SOCKET", "3").stdout(Stdio::null());
        // As the runtime has it: what is large is given back when it is freed (mallopt(3)).
        command.env("MALLOC_MMAP_THRESHOLD_", "1048576");
        command.env("DAEMON", daemon.unwrap_or_else(nobody).to_string());
        let mapping = FdMapping { parent_fd: theirs.into(), child_fd: 3 };
        command.fd_mappings(vec![mapping]).expect("one mapping");
        let process = command.spawn().expect("this test again");
        drop(command);
        let mut host = Host { process, socket, idle: 0 };
        let first = [opening(), cat(2, 1, &identity(b"x").to_string(), |_| {})].concat();
        (&host.socket).write_all(&first).expect("a host");
        for _ in 0..3 {
            capnp::serialize::read_message(&mut &host.socket, ReaderOptions::new()).expect("an answer");
        }
        host.idle = host.status("VmRSS:");
        host
    }

    /// A line of /proc/<pid>/status, in KiB.
    fn status(&self, key: &str) -> usize {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process.id())).expect("/proc");
        let line = status.lines().find_map(|line| line.strip_prefix(key)).expect("the key");
        line.trim_matches(|c: char| !c.is_ascii_digit()).parse().expect("a number")
    }

    /// Its peak so far is within ruling 20.
    fn kept_its_memory(&self) {
        let more = self.status("VmHWM:").saturating_sub(self.idle);
        println!("at most {more} KiB above {}", self.idle);
        assert!(more < MORE, "{more} KiB above the idle {}", self.idle);
    }

    /// The cell goes, and the host with it.
    fn end(mut self) {
        self.kept_its_memory();
        self.socket.shutdown(Shutdown::Both).expect("a close");
        let status = self.process.wait().expect("its end");
        assert!(status.success(), "{status}");
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        // It has ended where the test went well.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Not a test: what the floods' hosts run.
#[test]
#[ignore = "a process that the floods start"]
fn host_process() {
    let panics = Panics::count();
    let socket = UnixStream::from(ww_cell::grant("socket").expect("a socket"));
    let port = std::env::var("DAEMON").expect("a port").parse().expect("a port");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    tokio::task::LocalSet::new()
        .block_on(&runtime, ww::serve::rpc::CellSession::new().serve(socket, content(port), Access::default()));
    assert_eq!(panics.since(), 0);
}

/// Writes calls until the host takes no more, or all are written. How many bytes it took.
fn write_until_full(mut socket: &UnixStream, bytes: &[u8]) -> usize {
    socket.set_write_timeout(Some(Duration::from_secs(2))).expect("a timeout");
    let mut taken = 0;
    while taken < bytes.len() {
        match socket.write(&bytes[taken..]) {
            Ok(more) => taken += more,
            Err(error) if error.kind() == ErrorKind::WouldBlock => break,
            Err(error) => panic!("{error}"),
        }
    }
    taken
}

/// Calls with questions from 3 on.
fn calls(count: u32, path: &str) -> Vec<u8> {
    (3..3 + count).flat_map(|question| cat(question, 1, path, |_| {})).collect()
}

/// Reads so many answers, and checks that each is one.
fn read_answers(socket: &UnixStream, count: usize) {
    let mut reader = BufReader::new(socket);
    for n in 0..count {
        let reply = capnp::serialize::read_message(&mut reader, ReaderOptions::new());
        let reply = reply.unwrap_or_else(|error| panic!("answer {n}: {error}"));
        let reply = reply.get_root::<message::Reader<'_>>().expect("a message");
        let Ok(message::Return(Ok(_))) = reply.which() else { panic!("answer {n} isn't one") };
    }
}

#[test]
fn calls_whose_replies_nobody_reads_stop_and_go_on() {
    let path = identity(b"a body that goes with each reply").to_string();
    let calls = calls(50_000, &path);
    let host = Host::start(None);
    let taken = write_until_full(&host.socket, &calls);
    assert!(taken < 8 << 20, "it took {taken} bytes of calls from a cell that reads nothing");
    host.kept_its_memory();
    let mut writer = host.socket.try_clone().expect("a clone");
    writer.set_write_timeout(None).expect("no timeout");
    let rest = std::thread::spawn(move || writer.write_all(&calls[taken..]));
    read_answers(&host.socket, 50_000);
    rest.join().expect("the writer").expect("a host");
    host.end();
}

#[test]
fn large_files_that_nobody_reads_are_held_one_at_a_time() {
    let mut blocks = Blocks::default();
    let large = blocks.file(8).to_string();
    let host = Host::start(Some(blocks.serve()));
    let calls = calls(256, &large);
    assert_eq!(write_until_full(&host.socket, &calls), calls.len());
    read_answers(&host.socket, 4);
    host.end();
}

#[test]
fn large_messages_are_held_one_at_a_time() {
    let mut blocks = Blocks::default();
    let large = blocks.file(8).to_string();
    let host = Host::start(Some(blocks.serve()));
    let data = vec![b'x'; 8 << 20];
    let socket = host.socket.try_clone().expect("a clone");
    let writer = std::thread::spawn(move || {
        for n in 0..3 {
            (&socket).write_all(&cat(2 * n + 3, 1, &large, |_| {}))?;
            (&socket).write_all(&add(2 * n + 4, 1, &data))?;
        }
        Ok::<(), std::io::Error>(())
    });
    read_answers(&host.socket, 6);
    writer.join().expect("the writer").expect("a host");
    host.end();
}

#[test]
fn calls_that_are_canceled_at_once_are_let_go() {
    let mut blocks = Blocks::default();
    let here = blocks.raw(b"here").to_string();
    let host = Host::start(Some(blocks.serve()));
    let bytes: Vec<u8> = (3..20_003).flat_map(|n| [cat(n, 1, &here, |_| {}), finish(n)].concat()).collect();
    let mut writer = host.socket.try_clone().expect("a clone");
    let writer = std::thread::spawn(move || writer.write_all(&bytes));
    // Every question is answered, canceled or not: its number can't be used again before that.
    read_answers(&host.socket, 20_000);
    writer.join().expect("the writer").expect("a host");
    host.end();
}

#[test]
fn answers_that_are_never_finished_end_the_session() {
    let host = Host::start(None);
    // What isn't a path is answered by an exception, which is kept until it is finished.
    let calls = calls(20_000, "x");
    let mut writer = host.socket.try_clone().expect("a clone");
    let writer = std::thread::spawn(move || writer.write_all(&calls));
    let mut said = Vec::new();
    let _ = (&host.socket).read_to_end(&mut said);
    let why = b"too many answers that were never finished";
    assert!(said.windows(why.len()).any(|window| window == why));
    // It hung up on what was still to come.
    let _ = writer.join().expect("the writer");
}
