//! Content in and out, beside Kubo: a file from a daemon to the disk, a large file and many small ones into a store.
//!
//! `ci/bench content`. Contenders in turn, each a whole process from its start to its end; ratios are of medians. Content that is stored is
//! another in each round, and the store and the daemon's repository are on the same disk and make it durable before they say so.
//! `WW_BENCH_ROUNDS` is how many rounds, `WW_BENCH_SIZE` the bytes of the large file, `TMPDIR` the disk.
//!
//! What must stay true: both come to the same CID, or to the same bytes; what fails ends the benchmark instead of counting as fast.

#[path = "contender/asked.rs"]
mod contender;
#[path = "contender/node.rs"]
mod node;

use std::fs::{self, File};
use std::io::{Read, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use contender::rounds;
use node::{Node, PROFILE, said};
use sha2::{Digest, Sha256};

/// Bytes of a leaf: what differs between two rounds is at the beginning of each.
const LEAF: u64 = 1 << 20;
/// Bytes of the file that is fetched.
const FETCHED: u64 = 256 << 20;
/// How many small files there are, and their bytes.
const MANY: (usize, usize) = (10_000, 4096);

fn main() -> ExitCode {
    contender::main("content", measure)
}

fn measure() -> Result<(), String> {
    let program = |variable: &str| std::env::var_os(variable).map(PathBuf::from);
    let ww = program("WW_BIN").ok_or("WW_BIN names no ww: run ci/bench")?;
    let ipfs = program("IPFS_BIN").ok_or("IPFS_BIN names no ipfs (Kubo): ci/setup builds one")?;
    let size = std::env::var("WW_BENCH_SIZE").map_or(Ok(1 << 30), |size| size.parse::<u64>());
    let size = size.map_err(|error| format!("WW_BENCH_SIZE: {error}"))?;
    let directory = tempfile::tempdir().map_err(|error| error.to_string())?;
    let node = Node::start(&ipfs, directory.path())?;
    let bench = Bench { ww, node, here: directory.path() };
    bench.fetch(rounds(7)?)?;
    bench.large(size, rounds(5)?)?;
    bench.small(rounds(5)?)
}

/// Who takes part, and where.
struct Bench<'a> {
    ww: PathBuf,
    node: Node,
    here: &'a Path,
}

impl Bench<'_> {
    fn store(&self) -> PathBuf {
        self.here.join("store")
    }

    fn ww(&self, verb: &str) -> Command {
        let mut command = Command::new(&self.ww);
        command.env("WW_STORE", self.store()).arg(verb).stdin(Stdio::null()).stderr(Stdio::null());
        command
    }

    /// A file that the daemon has, to an executable file.
    fn fetch(&self, rounds: usize) -> Result<(), String> {
        let file = self.here.join("large");
        write(&file, FETCHED)?;
        let path = self.node.add(&file)?;
        let mut times = [Vec::new(), Vec::new()];
        for round in 0..=rounds {
            for (which, times) in times.iter_mut().enumerate() {
                let out = self.here.join("out");
                // What one round has kept, the next would not ask for.
                let _ = (fs::remove_dir_all(self.store()), fs::remove_file(&out));
                let mut command = match which {
                    0 => self.ww("import"),
                    _ => self.node.command("get"),
                };
                match which {
                    0 => command.args(["-x", "--ipfs", &self.node.api]).arg(&path).arg(&out),
                    _ => command.args(["--progress=false", "-o"]).arg(&out).arg(&path),
                };
                let took = timed(&mut command)?.0;
                if hash(&out)? != hash(&file)? {
                    return Err(format!("{command:?} wrote something else"));
                }
                // The first fills what caches there are.
                if round > 0 {
                    times.push(took);
                }
            }
        }
        let [ww, get] = times.map(median);
        let rows = [("ww import -x, verified, kept in its cache", ww), ("ipfs get", get)];
        report(&format!("256 MiB from Kubo to a file, {rounds} rounds"), FETCHED, &rows);
        verdict(get / ww, 2.5, "x `ipfs get`");
        Ok(())
    }

    /// A large file that is new.
    fn large(&self, size: u64, rounds: usize) -> Result<(), String> {
        let file = self.here.join("large");
        write(&file, size)?;
        let renew = |round: u64| {
            let file = File::options().write(true).open(&file)?;
            (0..size.div_ceil(LEAF)).try_for_each(|leaf| file.write_all_at(&round.to_le_bytes(), leaf * LEAF + 8))
        };
        let [ww, add] = self.stored(&file, rounds, renew)?;
        let mut hashing: Vec<Duration> = Vec::new();
        for _ in 0..rounds {
            let began = Instant::now();
            hash_leaves(&file, size)?;
            hashing.push(began.elapsed());
        }
        let hashing = median(hashing);
        let rows = [("ww export", ww), ("ipfs add", add), ("reading and hashing it, all processors", hashing)];
        report(&format!("{} MiB of new data into a store, {rounds} rounds", size >> 20), size, &rows);
        verdict(add / ww, 2.0, "x `ipfs add`");
        verdict(hashing / ww, 0.7, "x reading and hashing");
        fs::remove_file(&file).map_err(|error| error.to_string())
    }

    /// Many small files that are new.
    fn small(&self, rounds: usize) -> Result<(), String> {
        let top = self.here.join("many");
        let files: Vec<PathBuf> =
            (0..MANY.0).map(|number| top.join((number / 100).to_string()).join(number.to_string())).collect();
        let renew = |round: u64| {
            files.iter().enumerate().try_for_each(|(number, path)| {
                path.parent().map_or(Ok(()), fs::create_dir_all)?;
                let mut bytes = vec![7; MANY.1];
                bytes[..8].copy_from_slice(&round.to_le_bytes());
                bytes[8..16].copy_from_slice(&(number as u64).to_le_bytes());
                fs::write(path, bytes)
            })
        };
        let [ww, add] = self.stored(&top, rounds, renew)?;
        let rows = [("ww export", ww), ("ipfs add -r", add)];
        report(&format!("10,000 new files of 4 KiB into a store, {rounds} rounds"), (MANY.0 * MANY.1) as u64, &rows);
        verdict(add / ww, 3.0, "x `ipfs add -r`");
        Ok(())
    }

    /// What both take to store what `renew` makes new.
    fn stored(
        &self,
        what: &Path,
        rounds: usize,
        renew: impl Fn(u64) -> std::io::Result<()>,
    ) -> Result<[f64; 2], String> {
        let mut times = [Vec::new(), Vec::new()];
        for round in 0..=rounds {
            renew(round as u64).map_err(|error| error.to_string())?;
            let mut cids = Vec::new();
            for turn in 0..2 {
                let which = (round + turn) % 2;
                let mut command = match which {
                    0 => self.ww("export"),
                    _ => self.node.command("add"),
                };
                match which {
                    0 => command.arg("--offline").arg(what),
                    _ => command.args(["-Q", "-r", "--hidden", "--progress=false"]).args(PROFILE).arg(what),
                };
                let (took, cid) = timed(&mut command)?;
                cids.push(cid.trim_start_matches("/ipfs/").to_owned());
                if round > 0 {
                    times[which].push(took);
                }
            }
            if cids[0] != cids[1] {
                return Err(format!("two CIDs: {cids:?}"));
            }
            let _ = fs::remove_dir_all(self.store());
            said(self.node.command("pin").args(["rm", &cids[0]]))?;
            said(self.node.command("repo").args(["gc", "-q"]))?;
        }
        Ok(times.map(median))
    }
}

/// A file in which no leaf repeats.
fn write(path: &Path, size: u64) -> Result<(), String> {
    let mut file = File::create(path).map_err(|error| error.to_string())?;
    let mut leaf: Vec<u8> = (0..LEAF).map(|at| (at.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40) as u8).collect();
    for number in 0..size.div_ceil(LEAF) {
        leaf[..8].copy_from_slice(&number.to_le_bytes());
        file.write_all(&leaf).map_err(|error| error.to_string())?;
    }
    file.set_len(size).map_err(|error| error.to_string())
}

fn timed(command: &mut Command) -> Result<(Duration, String), String> {
    let began = Instant::now();
    let said = said(command).map_err(|error| format!("{command:?}: {error}"))?;
    Ok((began.elapsed(), said))
}

fn hash(path: &Path) -> Result<Vec<u8>, String> {
    let mut file = File::open(path).map_err(|error| error.to_string())?;
    let (mut sum, mut part) = (Sha256::new(), vec![0; LEAF as usize]);
    loop {
        match file.read(&mut part).map_err(|error| error.to_string())? {
            0 => return Ok(sum.finalize().to_vec()),
            count => sum.update(&part[..count]),
        }
    }
}

/// Reads and hashes each leaf once, on all processors.
fn hash_leaves(path: &Path, size: u64) -> Result<(), String> {
    let file = File::open(path).map_err(|error| error.to_string())?;
    let next = AtomicU64::new(0);
    let work = || {
        let mut leaf = vec![0; LEAF as usize];
        loop {
            let at = next.fetch_add(LEAF, Ordering::Relaxed);
            if at >= size {
                return Ok(());
            }
            let leaf = &mut leaf[..LEAF.min(size - at) as usize];
            file.read_exact_at(leaf, at)?;
            std::hint::black_box(Sha256::digest(leaf));
        }
    };
    std::thread::scope(|scope| {
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        let all: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        all.into_iter().map(|thread| thread.join().expect("it doesn't panic")).collect::<std::io::Result<Vec<()>>>()
    })
    .map(drop)
    .map_err(|error| error.to_string())
}

/// A table of medians, in seconds.
fn report(what: &str, size: u64, rows: &[(&str, f64)]) {
    println!("| {what} | median, ms | MB/s | x the first |\n|---|---|---|---|");
    for (name, median) in rows {
        let (speed, ratio) = (size as f64 / 1e6 / median, rows[0].1 / median);
        println!("| {name} | {:.0} | {speed:.0} | {ratio:.2} |", median * 1e3);
    }
    println!();
}

fn verdict(ratio: f64, target: f64, of: &str) {
    println!(
        "{ratio:.2} {of}; the target, at least {target}, is {}.\n",
        if ratio >= target { "met" } else { "missed" }
    );
}

fn median(mut times: Vec<Duration>) -> f64 {
    times.sort_unstable();
    times[times.len() / 2].as_secs_f64()
}
