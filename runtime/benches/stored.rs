//! Running out of the store: a program a second time, beside the same one on the disk; a tree, to its first byte.
//!
//! `ci/bench stored`. All that is asked for was exported before, into a store of the benchmark's own; nobody is asked for anything.
//! One round starts each contender once; the next begins with another, so that a machine that drifts drifts for all alike. Ratios
//! are of medians. `WW_BIN` names another `ww` than this build's, `WW_BENCH_ROUNDS` the number of rounds, `TMPDIR` where runs
//! keep what they were shown, `WW_BENCH_TREE` the bytes of the tree.
//!
//! What must stay true: what is compared with is the same program, the same tree; a contender that fails ends the benchmark instead
//! of counting as fast.

#[path = "contender/cell.rs"]
mod cell;
#[path = "contender/asked.rs"]
mod contender;

use std::fs::{self, File};
use std::io::{BufWriter, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use cell::cell;
use contender::rounds;
use sha2::{Digest, Sha256};

/// Bytes of the two programs, and how often each is run.
const PROGRAMS: [(&str, usize, usize); 2] = [("1 MB", 1 << 20, 200), ("100 MB", 100 << 20, 20)];
/// The most that a second run of the smaller program may take of what a local one takes.
const TARGET: f64 = 1.1;
/// Bytes of a file of the tree.
const FILE: u64 = 1 << 20;
/// The most that may pass until a byte of the tree is read, in milliseconds.
const FIRST: f64 = 50.0;

fn main() -> ExitCode {
    contender::main("stored", measure)
}

fn measure() -> Result<(), String> {
    let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).map_err(|error| error.to_string())?;
    let here = directory.path();
    let ww = std::env::var_os("WW_BIN").map_or_else(|| PathBuf::from(env!("CARGO_BIN_EXE_ww")), PathBuf::from);
    let ww = Ww { binary: ww, store: here.join("store") };
    let (nothing, kind) = cell(here)?;
    for (name, size, usual) in PROGRAMS {
        program(&ww, here, (&nothing, kind), (name, size, rounds(usual)?))?;
    }
    tree(&ww, here, rounds(5)?)
}

/// A `ww` with a store.
struct Ww {
    binary: PathBuf,
    store: PathBuf,
}

impl Ww {
    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(&self.binary);
        command.args(words).env("WW_STORE", &self.store).stdin(Stdio::null()).stderr(Stdio::inherit());
        command
    }

    /// The path of what is exported.
    fn export(&self, what: &Path) -> Result<String, String> {
        let output = self.command(&["export", "--offline"]).arg(what).output().map_err(|error| error.to_string())?;
        let path = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        if output.status.success() { Ok(path) } else { Err(format!("ww export: {}", output.status)) }
    }
}

/// A second run of a program of so many bytes.
fn program(ww: &Ww, here: &Path, (nothing, kind): (&Path, &str), asked: (&str, usize, usize)) -> Result<(), String> {
    let (name, size, rounds) = asked;
    let path = here.join("program");
    let mut content = fs::read(nothing).map_err(|error| error.to_string())?;
    content.extend(noise(size as u64).take(size.saturating_sub(content.len())));
    fs::write(&path, &content)
        .and_then(|()| fs::set_permissions(&path, fs::Permissions::from_mode(0o755)))
        .map_err(|error| error.to_string())?;
    let cid = ww.export(&path)?;
    let mut local = ww.command(&["run", "--offline"]);
    local.arg(&path);
    let mut stored = ww.command(&["run", "--offline"]);
    stored.arg(&cid);
    let mut times = [Vec::new(), Vec::new(), Vec::new()];
    for round in 0..=rounds {
        for turn in 0..3 {
            let which = (round + turn) % 3;
            let took = match which {
                0 => ended(&mut local)?,
                1 => ended(&mut stored)?,
                _ => hashed(&content),
            };
            // The first fills what caches there are.
            if round > 0 {
                times[which].push(took);
            }
        }
    }
    let [local, stored, hashing] = times.map(median);
    println!("A second run of a program of {name} ({kind}), {rounds} interleaved rounds:\n");
    println!("| | median ms | × local |\n|---|---|---|");
    for (what, took) in [("of the disk", local), ("by its CID", stored), ("hashing it, both cores", hashing)] {
        println!("| {what} | {took:.2} | {:.2} |", took / local);
    }
    let (most, target) = match size <= 1 << 20 {
        true => (TARGET * local, format!("{TARGET} × local")),
        false => (local + hashing, "local and hashing".to_owned()),
    };
    let verdict = if stored <= most { "met" } else { "missed" };
    println!("\n{:.2} × local; the target, at most {target} ({most:.2} ms), is {verdict}.\n", stored / local);
    Ok(())
}

/// A tree of files of 1 MiB, until a byte of one of them came.
fn tree(ww: &Ww, here: &Path, rounds: usize) -> Result<(), String> {
    let size = std::env::var("WW_BENCH_TREE").map_or(Ok(1 << 30), |size| size.parse::<u64>());
    let size = size.map_err(|error| format!("WW_BENCH_TREE: {error}"))?;
    let top = here.join("tree");
    let failed = |error: std::io::Error| error.to_string();
    for file in 0..size.div_ceil(FILE) {
        let folder = top.join((file / 64).to_string());
        fs::create_dir_all(&folder).map_err(failed)?;
        let mut into = BufWriter::new(File::create(folder.join(file.to_string())).map_err(failed)?);
        let bytes: Vec<u8> = noise(file + 1).take(FILE as usize).collect();
        into.write_all(&bytes).map_err(failed)?;
    }
    let cid = ww.export(&top)?;
    let grant = |from: &str| {
        let mut command = ww.command(&["run", "--offline", "--ro", &format!("{from}:/given")]);
        command.args(["/bin/cat", "/given/0/0"]).stdout(Stdio::piped());
        command
    };
    let mut contenders = [grant(&top.to_string_lossy()), grant(&cid)];
    let mut times = [Vec::new(), Vec::new()];
    for round in 0..=rounds {
        for (command, times) in contenders.iter_mut().zip(&mut times) {
            let took = first_byte(command)?;
            if round > 0 {
                times.push(took);
            }
        }
    }
    let [local, stored] = times.map(median);
    println!("`--ro` of a tree of {} MiB in the store, to its first byte, {rounds} rounds:\n", size >> 20);
    println!("| | median ms |\n|---|---|\n| a directory of the disk | {local:.1} |\n| by its CID | {stored:.1} |");
    let verdict = if stored <= FIRST { "met" } else { "missed: docs/decisions/trees.md says why" };
    println!("\nThe target, at most {FIRST} ms, is {verdict}.");
    Ok(())
}

fn ended(command: &mut Command) -> Result<Duration, String> {
    let began = Instant::now();
    let status = command.stdout(Stdio::null()).status().map_err(|error| error.to_string())?;
    let took = began.elapsed();
    if status.success() { Ok(took) } else { Err(format!("ww run: {status}")) }
}

fn first_byte(command: &mut Command) -> Result<Duration, String> {
    let failed = |error: std::io::Error| error.to_string();
    let began = Instant::now();
    let mut child = command.spawn().map_err(failed)?;
    let mut output = child.stdout.take().ok_or("no output")?;
    output.read_exact(&mut [0]).map_err(failed)?;
    let took = began.elapsed();
    std::io::copy(&mut output, &mut std::io::sink()).map_err(failed)?;
    let status = child.wait().map_err(failed)?;
    if status.success() { Ok(took) } else { Err(format!("ww run: {status}")) }
}

/// What it takes to hash the content once, half of it on a core each.
fn hashed(content: &[u8]) -> Duration {
    let began = Instant::now();
    let (one, other) = content.split_at(content.len() / 2);
    std::thread::scope(|scope| {
        let other = scope.spawn(|| Sha256::digest(other));
        std::hint::black_box(Sha256::digest(one));
        std::hint::black_box(other.join().ok());
    });
    began.elapsed()
}

/// Bytes that aren't zero, none of which repeat in blocks.
fn noise(seed: u64) -> impl Iterator<Item = u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    std::iter::repeat_with(move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    })
    .flatten()
}

/// In milliseconds.
fn median(mut times: Vec<Duration>) -> f64 {
    times.sort_unstable();
    times[times.len() / 2].as_secs_f64() * 1e3
}
