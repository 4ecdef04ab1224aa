//! The embedded store beside one file a block: 100,000 small blocks, and 2 GiB of large ones.
//!
//! `cargo bench -p ww --bench store [-- DIRECTORY]`, on the disk that is to be measured (by default below `TMPDIR`). Written by
//! one process, durably; then, in processes of their own, opened, asked, read verified, and removed.
//! docs/decisions/store.md has what came of it, and of databases that aren't dependencies of this repository.

#[path = "store/contenders.rs"]
mod contenders;

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::Instant;

use contenders::{Contender, Files, Packs};
use sha2::{Digest, Sha256};
use ww::content::Cid;

/// Name, how many blocks, bytes of each.
const LOADS: [(&str, u64, usize); 3] = [
    ("100,000 of 2 KiB", 100_000, 2 << 10),
    ("4,096 of 256 KiB", 4_096, 256 << 10),
    ("1,024 of 1 MiB", 1_024, 1 << 20),
];
const PHASES: [&str; 4] = ["write", "has", "read", "delete"];

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().filter(|word| word != "--bench").skip(1).collect();
    match words.first().map(String::as_str) {
        // Started by hand or by `cargo test`, which wants to know that it starts.
        Some("--test") => return ExitCode::SUCCESS,
        Some("phase") => {
            println!("{}", phase(&words[1], words[2].parse().unwrap_or(0), Path::new(&words[3]), &words[4]));
            return ExitCode::SUCCESS;
        }
        _ => {}
    }
    let place = words.first().map_or_else(std::env::temp_dir, PathBuf::from);
    let own = std::env::current_exe().expect("this program has a path");
    for (load, (title, _, _)) in LOADS.iter().enumerate() {
        println!("{title}");
        for name in ["packs", "files"] {
            let home = tempfile::tempdir_in(&place).expect("a directory");
            print!("  {name:8}");
            for phase in PHASES {
                let words = ["phase", name, &load.to_string(), &home.path().join("s").display().to_string(), phase];
                let output = Command::new(&own).args(words).output().expect("a phase starts");
                assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
                print!(" {}", String::from_utf8_lossy(&output.stdout).trim());
            }
            println!();
        }
    }
    ExitCode::SUCCESS
}

/// One phase of one contender; what is printed of it.
fn phase(name: &str, load: usize, home: &Path, phase: &str) -> String {
    let (_, many, size) = LOADS[load];
    let opened = Instant::now();
    let mut store: Box<dyn Contender> = match name {
        "packs" => Box::new(Packs::open(home)),
        _ => Box::new(Files::open(home)),
    };
    let opened = opened.elapsed();
    let started = Instant::now();
    match phase {
        "write" => {
            for n in 0..many {
                let block = block(n, size);
                store.put(&cid(&block), &block);
            }
            let written = started.elapsed();
            store.commit();
            format!(
                "write {:.2} s, commit {:.2} s,",
                written.as_secs_f64(),
                (started.elapsed() - written).as_secs_f64()
            )
        }
        "has" => {
            let cids: Vec<Cid> = (0..many.min(20_000)).map(|n| cid(&block(n, size))).collect();
            let started = Instant::now();
            assert!(cids.iter().all(|cid| store.has(cid)));
            let each = started.elapsed().as_secs_f64() * 1e6 / cids.len() as f64;
            format!("open {:.2} ms, has {each:.1} µs,", opened.as_secs_f64() * 1e3)
        }
        "read" => {
            let cids: Vec<Cid> = (0..many).map(|n| cid(&block(n, size))).collect();
            let started = Instant::now();
            let bytes: usize = cids.iter().map(|cid| store.get(cid).len()).sum();
            let took = started.elapsed().as_secs_f64();
            format!("read {took:.2} s ({:.0} MB/s), {} MB of memory,", bytes as f64 / took / 1e6, memory())
        }
        _ => {
            store.delete();
            format!("delete {:.2} s", started.elapsed().as_secs_f64())
        }
    }
}

/// The nth block: no two are alike.
fn block(n: u64, size: usize) -> Vec<u8> {
    let mut block = vec![0x5a; size];
    block[..8].copy_from_slice(&n.to_le_bytes());
    block
}

fn cid(block: &[u8]) -> Cid {
    Cid::new_v1(0x55, cid::multihash::Multihash::wrap(0x12, &Sha256::digest(block)).expect("32 bytes fit"))
}

/// The most that this process has had, in MB.
fn memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok()).unwrap_or(0) / 1024
}
