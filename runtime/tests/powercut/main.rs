//! The store under SIGKILL: whatever a process is doing to it when it dies, what was reported as done is there, and the rest is
//! as if it had never been.
//!
//! This program starts itself as processes that keep, cache, remove and collect, two at a time in one store, and kills them
//! at random moments. After each kill the store is verified, and every block of everything that was reported is read again.
//! Beside it, the commands of `ww` have a store of their own (`commands`). `WW_KILLS` is how many moments each has; by default 500, the
//! commands as many of them as there are in a minute.

mod commands;
mod gateway;

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::path::Path;
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use cid::multihash::Multihash;
use sha2::{Digest, Sha256};
use ww::content::Cid;
use ww::store::{Place, Root, Store, StoreError};

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().collect();
    let told = match words.get(1..) {
        Some([flag, store, seed]) if flag == "--child" => child(Path::new(store), seed.parse().unwrap_or(0)),
        // `cargo test -- --list` and the like ask a harness.
        Some([flag, ..]) if flag == "--list" => Ok(()),
        _ => both(),
    };
    match told {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("powercut: {why}");
            ExitCode::FAILURE
        }
    }
}

/// Numbers that look random and can be had again (splitmix64).
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }
}

/// The blocks that are kept under a name.
fn blocks(name: u64) -> Vec<Vec<u8>> {
    let mut numbers = Numbers(name);
    let many = 1 + numbers.below(12);
    let block = |numbers: &mut Numbers| {
        let length = [100, 4_000, 40_000][numbers.below(3) as usize] + numbers.below(1000);
        // A third of all blocks are the same in many roots.
        let seed = if numbers.below(3) == 0 { numbers.below(20) } else { numbers.next() };
        let mut bytes = Numbers(seed);
        (0..length / 8).flat_map(|_| bytes.next().to_le_bytes()).collect()
    };
    (0..many).map(|_| block(&mut numbers)).collect()
}

fn cid_of(block: &[u8]) -> Cid {
    Cid::new_v1(0x55, Multihash::wrap(0x12, &Sha256::digest(block)).expect("32 bytes fit"))
}

/// Works until it is killed; tells what it has done.
fn child(place: &Path, seed: u64) -> Result<(), String> {
    let mut numbers = Numbers(seed);
    let mut mine = Vec::new();
    let mut out = std::io::stdout();
    let mut tell = |line: String| out.write_all(line.as_bytes()).and_then(|()| out.flush()).map_err(|e| e.to_string());
    let told = |error: StoreError| error.to_string();
    let store = Store::open(&Place::new(place, Some(1 << 20))).map_err(told)?;
    loop {
        match numbers.below(10) {
            0..=4 => {
                let name = numbers.next();
                let blocks = blocks(name);
                let mut writer = store.writer().map_err(told)?;
                for block in &blocks {
                    writer.put(&cid_of(block), block).map_err(told)?;
                }
                writer.commit(&Root { cid: cid_of(&blocks[0]), name: Some(name.to_string()) }).map_err(told)?;
                tell(format!("kept {name}\n"))?;
                mine.push(name);
            }
            5..=6 => {
                for block in blocks(numbers.next()) {
                    store.cache(&cid_of(&block), &block).map_err(told)?;
                }
                store.flush().map_err(told)?;
            }
            7..=8 if mine.len() > 2 => {
                let name = mine.swap_remove(numbers.below(mine.len() as u64) as usize);
                tell(format!("removing {name}\n"))?;
                store.remove_all(&[name.to_string()]).map_err(told)?;
            }
            9 => drop(store.collect().map_err(told)?),
            _ => {}
        }
    }
}

fn both() -> Result<(), String> {
    let asked: Option<u64> = std::env::var("WW_KILLS").ok().and_then(|kills| kills.parse().ok());
    let kills = asked.unwrap_or(500);
    let seed =
        std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |now| now.as_nanos() as u64);
    // They take longer, on a machine that is busy far longer: a number that was asked for is kept to.
    let most = if asked.is_some() { Duration::MAX } else { Duration::from_secs(60) };
    // Side by side: each has a store of its own, and waits for moments to come.
    let store = std::thread::spawn(move || parent(kills, seed));
    let commands = commands::parent(kills, most, seed);
    let store = store.join().unwrap_or_else(|_| Err("it panicked".to_owned()));
    store.and(commands)
}

fn parent(kills: u64, seed: u64) -> Result<(), String> {
    let home = tempfile::tempdir().map_err(|error| error.to_string())?;
    let place = home.path().join("store");
    let mut numbers = Numbers(seed);
    let mut expected: BTreeMap<u64, ()> = BTreeMap::new();
    let started = Instant::now();
    let (mut done, mut kept) = (0, 0);
    while done < kills {
        let mut children = [start(&place, numbers.next())?, start(&place, numbers.next())?];
        for child in &mut children {
            std::thread::sleep(Duration::from_micros(500 + numbers.below(40_000)));
            child.kill().map_err(|error| error.to_string())?;
            done += 1;
        }
        for mut child in children {
            let mut told = String::new();
            child.stdout.take().map(|mut out| out.read_to_string(&mut told));
            let mut complaint = String::new();
            child.stderr.take().map(|mut out| out.read_to_string(&mut complaint));
            let ended = child.wait().map_err(|error| error.to_string())?;
            if ended.code().is_some() || !complaint.is_empty() {
                return Err(format!("seed {seed}: a process failed by itself: {complaint}"));
            }
            for line in told.lines() {
                match line.split_once(' ').map(|(verb, name)| (verb, name.parse())) {
                    Some(("kept", Ok(name))) => {
                        kept += 1;
                        expected.insert(name, ());
                    }
                    Some(("removing", Ok(name))) => drop(expected.remove(&name)),
                    // A line that was cut by the kill was not told.
                    _ => {}
                }
            }
        }
        check(&place, &expected).map_err(|why| format!("seed {seed}, after {done} kills: {why}"))?;
        // Small enough to be read whole each time.
        if expected.len() > 60 {
            let store = Store::open(&Place::new(&place, None)).map_err(|error| error.to_string())?;
            while let Some((name, ())) = expected.pop_first() {
                store.remove_all(&[name.to_string()]).map_err(|error| error.to_string())?;
            }
            store.collect().map_err(|error| error.to_string())?;
        }
    }
    if kept < kills / 10 {
        return Err(format!("only {kept} commits in {kills} kills: too little was at stake"));
    }
    println!("powercut: {done} kills, {kept} commits, nothing lost, {:.1} s", started.elapsed().as_secs_f64());
    Ok(())
}

fn start(place: &Path, seed: u64) -> Result<Child, String> {
    let own = std::env::current_exe().map_err(|error| error.to_string())?;
    let mut command = Command::new(own);
    command.arg("--child").arg(place).arg(seed.to_string());
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().map_err(|error| error.to_string())
}

/// Everything that was reported is there, and all is clean.
fn check(place: &Path, expected: &BTreeMap<u64, ()>) -> Result<(), String> {
    let store = Store::open(&Place::new(place, None)).map_err(|error| error.to_string())?;
    let verified = store.verify().map_err(|error| error.to_string())?;
    if !verified.is_clean() {
        return Err(format!("not clean: {verified:?}"));
    }
    let names: Vec<Option<String>> =
        store.roots().map_err(|error| error.to_string())?.into_iter().map(|kept| kept.name).collect();
    for name in expected.keys() {
        if !names.contains(&Some(name.to_string())) {
            return Err(format!("{name} was reported as kept, and isn't"));
        }
        for block in blocks(*name) {
            if store.get(&cid_of(&block)).map_err(|error| error.to_string())?.as_ref() != Some(&block) {
                return Err(format!("{name} lacks a block"));
            }
        }
    }
    Ok(())
}
