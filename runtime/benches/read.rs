//! `IPFS.read`: of a file that is here, beside a plain socket ([`cached`]); and of 256 MiB that Kubo has, verified, into a
//! cell, beside `ipfs cat` into a pipe, which verifies nothing on its way to whoever reads it.
//!
//! `ci/bench read`. For the second: a daemon of its own, off line, with the file in it; then rounds in turn, each a whole process from
//! its start to its end. The cell is this program, started again in the jail: it takes the bytes and counts them.

#[path = "read/cached.rs"]
mod cached;
#[path = "contender/asked.rs"]
mod contender;
#[path = "contender/node.rs"]
mod node;

use std::cell::Cell;
use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::rc::Rc;
use std::time::{Duration, Instant};

use node::Node;
use ww_schema::system_capnp::{byte_sink, i_p_f_s};

/// Bytes of the file.
const SIZE: u64 = 256 << 20;

fn main() -> ExitCode {
    match std::env::args().skip_while(|argument| argument != "--cell").nth(1) {
        Some(path) => cell(&path),
        None => contender::main("read", measure),
    }
}

fn measure() -> Result<(), String> {
    let program = |variable: &str| std::env::var_os(variable).map(PathBuf::from);
    let ww = program("WW_BIN").ok_or("WW_BIN names no ww: run ci/bench")?;
    let ipfs = program("IPFS_BIN").ok_or("IPFS_BIN names no ipfs (Kubo): ci/setup builds one")?;
    let directory = tempfile::tempdir().map_err(|error| error.to_string())?;
    let node = Node::start(&ipfs, directory.path())?;
    let path = node.add(&file(directory.path())?)?;
    let own = std::env::current_exe().map_err(|error| error.to_string())?;
    let mut read = Command::new(&ww);
    // What one round has kept, the next would not ask for.
    let store = directory.path().join("store");
    read.env("WW_STORE", &store).args(["run", "--ipfs", &node.api]).arg(&own).args(["--cell", &path]);
    let mut cat = node.command("cat");
    cat.arg(&path);
    let mut contenders = [("IPFS.read into a cell", read, Vec::new()), ("ipfs cat into a pipe", cat, Vec::new())];
    let rounds = contender::rounds(11)?;
    for round in 0..=rounds {
        for (name, command, times) in &mut contenders {
            let _ = fs::remove_dir_all(&store);
            let took = once(command).map_err(|error| format!("{name}: {error}"))?;
            // The first fills what caches there are.
            if round > 0 {
                times.push(took);
            }
        }
    }
    let [read, cat] = contenders.map(|(name, _, times)| (name, times));
    report(&format!("256 MiB from Kubo, {rounds} rounds"), SIZE, [read, cat], 2.0);
    let [rpc, socket] = cached::measure(directory.path(), rounds)?;
    let contenders = [("IPFS.read of a file that is here", rpc), ("a plain socket, the same chunks", socket)];
    report(&format!("1 GiB that is here, {rounds} rounds"), cached::SIZE, contenders, 0.9);
    Ok(())
}

/// A table of both, and whether the first is so many times as fast as the second.
fn report(what: &str, size: u64, contenders: [(&str, Vec<Duration>); 2], target: f64) {
    let medians = contenders.map(|(name, mut times)| {
        times.sort_unstable();
        (name, times[times.len() / 2].as_secs_f64())
    });
    println!("| {what} | median, ms | MB/s | x the second |\n|---|---|---|---|");
    for (name, median) in medians {
        let (speed, ratio) = (size as f64 / 1e6 / median, medians[1].1 / median);
        println!("| {name} | {:.0} | {speed:.0} | {ratio:.2} |", median * 1e3);
    }
    let ratio = medians[1].1 / medians[0].1;
    println!("\n{ratio:.2} x; the target, at least {target}, is {}.\n", if ratio >= target { "met" } else { "missed" });
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime")
}

/// Runs it, and takes what it writes: as much as the file has, or its word that it had as much.
fn once(command: &mut Command) -> Result<Duration, String> {
    let began = Instant::now();
    let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn();
    let mut child = child.map_err(|error| error.to_string())?;
    let (mut all, mut buffer, mut said) = (0, vec![0; 64 << 10], Vec::new());
    let mut output = child.stdout.take().ok_or("no output")?;
    loop {
        match output.read(&mut buffer).map_err(|error| error.to_string())? {
            0 => break,
            count => {
                all += count as u64;
                if all < 64 {
                    said.extend_from_slice(&buffer[..count]);
                }
            }
        }
    }
    let status = child.wait().map_err(|error| error.to_string())?;
    let took = began.elapsed();
    let whole = all == SIZE || said == SIZE.to_string().as_bytes();
    if status.success() && whole { Ok(took) } else { Err(format!("{status}, {all} bytes of output")) }
}

/// The file: every block of it is another.
fn file(directory: &Path) -> Result<PathBuf, String> {
    let path = directory.join("file");
    let mut file = fs::File::create(&path).map_err(|error| error.to_string())?;
    let mut block: Vec<u8> = (0..1u64 << 20).map(|at| (at.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40) as u8).collect();
    for number in 0..SIZE >> 20 {
        block[..8].copy_from_slice(&number.to_le_bytes());
        file.write_all(&block).map_err(|error| error.to_string())?;
    }
    Ok(path)
}

/// The cell: reads a file, and says how many bytes came.
fn cell(path: &str) -> ExitCode {
    let count = tokio::task::LocalSet::new().block_on(&runtime(), async {
        let (host, rpc) = ww_cell::connect().expect("a host");
        tokio::task::spawn_local(rpc);
        let ipfs: i_p_f_s::Client = host.ipfs_request().send().pipeline.get_ipfs();
        let count = Rc::new(Cell::new(0));
        let mut request = ipfs.read_request();
        request.get().set_path(path);
        request.get().set_into(capnp_rpc::new_client(Counts(count.clone())));
        request.send().promise.await.expect("the file");
        count.get()
    });
    print!("{count}");
    ExitCode::SUCCESS
}

struct Counts(Rc<Cell<u64>>);

impl byte_sink::Server for Counts {
    async fn write(self: Rc<Self>, params: byte_sink::WriteParams) -> Result<(), capnp::Error> {
        self.0.set(self.0.get() + params.get()?.get_bytes()?.len() as u64);
        Ok(())
    }

    async fn end(self: Rc<Self>, _: byte_sink::EndParams, _: byte_sink::EndResults) -> Result<(), capnp::Error> {
        Ok(())
    }
}
