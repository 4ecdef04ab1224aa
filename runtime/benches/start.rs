//! How long a jailed do-nothing program takes, beside a plain spawn of it and beside bubblewrap.
//!
//! One round starts each contender once and waits for its end; the next round begins with another, so that a
//! machine that drifts drifts for all alike. Ratios are of medians. `ci/bench` calls this.
//! `WW_BIN` names another `ww` than this build's, `WW_BENCH_ROUNDS` the number of rounds.
//!
//! What must stay true: all contenders run the same static program with /dev/null as standard streams, and a
//! contender that fails ends the benchmark instead of counting as fast.

#[path = "contender/mod.rs"]
mod contender;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use contender::{BWRAP, Contender, cell, rounds};

const ROUNDS: usize = 400;
const WARM_UP: usize = 20;
/// The most that `ww run` may take of what bubblewrap takes.
const TARGET: f64 = 0.5;

fn measure() -> Result<(), String> {
    let directory = tempfile::tempdir().map_err(|error| error.to_string())?;
    let (cell, kind) = cell(directory.path())?;
    let ww = std::env::var_os("WW_BIN").map_or_else(|| PathBuf::from(env!("CARGO_BIN_EXE_ww")), PathBuf::from);
    let rounds = rounds(ROUNDS)?;

    let mut contenders = [
        Contender::new("plain spawn", &cell, &[], None),
        Contender::new("ww run", &ww, &["run"], Some(&cell)),
        Contender::new("bwrap", Path::new("bwrap"), &BWRAP, Some(&cell)),
    ];
    for round in 0..WARM_UP + rounds {
        for turn in 0..contenders.len() {
            let contender = &mut contenders[(round + turn) % 3];
            let took = contender.once()?;
            if round >= WARM_UP {
                contender.times.push(took);
            }
        }
    }
    report(&contenders, kind, rounds);
    Ok(())
}

fn report([spawn, ww, bwrap]: &[Contender; 3], kind: &str, rounds: usize) {
    println!("A program that does nothing ({kind}), from start to end, {rounds} interleaved rounds:\n");
    println!("| | median ms | p10 | p90 | × plain spawn | × bwrap |");
    println!("|---|---|---|---|---|---|");
    for contender in [spawn, ww, bwrap] {
        let median = contender.median();
        println!(
            "| {} | {median:.2} | {:.2} | {:.2} | {:.2} | {:.2} |",
            contender.name,
            contender.quantile(0.1),
            contender.quantile(0.9),
            median / spawn.median(),
            median / bwrap.median(),
        );
    }
    let ratio = ww.median() / bwrap.median();
    let verdict = if ratio <= TARGET { "met" } else { "missed" };
    println!("\n`ww run` takes {ratio:.2} × bwrap's time; the target, at most {TARGET}, is {verdict}.");
}

fn main() -> ExitCode {
    contender::main("start", measure)
}
