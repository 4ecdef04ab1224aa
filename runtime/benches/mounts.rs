//! What the length of the host's mount table costs a start: the same runs, beside 400 mounts more.
//!
//! A mount namespace is a copy of its parent's, so every jail of this kind pays for what the host has mounted. This
//! process keeps two namespaces, one as it was and one with the mounts, and goes from one to the other between
//! rounds, so that a machine that drifts drifts for both. It needs root. `ci/bench mounts` calls this.
//! `WW_BIN` names another `ww` than this build's, `WW_BENCH_ROUNDS` the number of rounds.
//!
//! What must stay true: the mounts are seen by nobody but this process and what it starts, and go with it.

#[path = "contender/mod.rs"]
mod contender;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use contender::{BWRAP, Contender, cell, rounds};
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, setns, unshare};

const ROUNDS: usize = 200;
const WARM_UP: usize = 10;
const MOUNTS: usize = 400;
/// The most that a start may take beside the mounts, of what it takes without them.
const TARGET: f64 = 1.2;

/// A mount namespace of this process's own, which it can come back to.
fn namespace() -> Result<File, String> {
    let failed = |error| format!("no mount namespace of its own ({error}): run this as root");
    unshare(CloneFlags::CLONE_NEWNS).map_err(failed)?;
    mount(None::<&str>, "/", None::<&str>, MsFlags::MS_REC | MsFlags::MS_PRIVATE, None::<&str>).map_err(failed)?;
    File::open("/proc/self/ns/mnt").map_err(|error| error.to_string())
}

fn fill(directory: &Path) -> Result<(), String> {
    for number in 0..MOUNTS {
        let place = directory.join(number.to_string());
        std::fs::create_dir(&place).map_err(|error| error.to_string())?;
        mount(Some("none"), &place, Some("tmpfs"), MsFlags::empty(), None::<&str>)
            .map_err(|error| error.to_string())?;
    }
    Ok(())
}

fn measure() -> Result<(), String> {
    let directory = tempfile::tempdir().map_err(|error| error.to_string())?;
    let (cell, kind) = cell(directory.path())?;
    let ww = std::env::var_os("WW_BIN").map_or_else(|| PathBuf::from(env!("CARGO_BIN_EXE_ww")), PathBuf::from);
    let rounds = rounds(ROUNDS)?;
    let (few, many) = (namespace()?, namespace()?);
    let table = directory.path().join("mounts");
    std::fs::create_dir(&table).map_err(|error| error.to_string())?;
    fill(&table)?;

    let contender = |name, program, arguments: &[&str]| Contender::new(name, program, arguments, Some(&cell));
    let contenders = || [contender("ww run", &ww, &["run"]), contender("bwrap", Path::new("bwrap"), &BWRAP)];
    let mut tables = [(few, contenders()), (many, contenders())];
    // One contender after the other: what bubblewrap's mounts leave to be freed would count for who comes next.
    for contender in 0..2 {
        for (round, turn) in (0..WARM_UP + rounds).flat_map(|round| [(round, 0), (round, 1)]) {
            let (namespace, contenders) = &mut tables[(round + turn) % 2];
            setns(&*namespace, CloneFlags::CLONE_NEWNS).map_err(|error| error.to_string())?;
            let took = contenders[contender].once()?;
            if round >= WARM_UP {
                contenders[contender].times.push(took);
            }
        }
    }
    let [(few, without), (many, with)] = tables;
    report(&without, &with, kind, rounds);
    setns(&few, CloneFlags::CLONE_NEWNS).map_err(|error| error.to_string())?;
    // Its mounts go with the namespace, before the directory that they are in.
    drop(many);
    Ok(())
}

fn report(without: &[Contender], with: &[Contender], kind: &str, rounds: usize) {
    println!("A program that does nothing ({kind}), from start to end, {rounds} interleaved rounds:\n");
    println!("| | median ms | p10 | beside {MOUNTS} mounts more | p10 | × median | × p10 |");
    println!("|---|---|---|---|---|---|---|");
    let ratio = |one: f64, other: f64| other / one;
    for (few, many) in without.iter().zip(with) {
        println!(
            "| {} | {:.2} | {:.2} | {:.2} | {:.2} | {:.2} | {:.2} |",
            few.name,
            few.median(),
            few.quantile(0.1),
            many.median(),
            many.quantile(0.1),
            ratio(few.median(), many.median()),
            ratio(few.quantile(0.1), many.quantile(0.1)),
        );
    }
    if let (Some(few), Some(many)) = (without.first(), with.first()) {
        let ratio = ratio(few.median(), many.median());
        let verdict = if ratio <= TARGET { "met" } else { "missed" };
        println!("\n`ww run` takes {ratio:.2} × as long; the target, at most {TARGET}, is {verdict}.");
    }
}

fn main() -> ExitCode {
    contender::main("mounts", measure)
}
