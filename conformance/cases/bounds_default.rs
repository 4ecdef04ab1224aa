//! Bounds that hold where nothing was asked for, and what is said of a bound that was reached.
//!
//! The probe's bombs take no more than they are told to, and those of memory run behind a [`Fence`] where one can
//! be had: an implementation without bounds costs its machine that and no more.

use serde_json::json;

use super::bounds::{callers, got, timed, with_memory};
use crate::adapter::Caller;
use crate::ended::Ended;
use crate::fence::Fence;
use crate::invocation::Invocation;
use crate::registry::{Case, case};
use crate::suite::Suite;
use crate::verdict::Verdict;

pub(crate) const CASES: &[Case] = &[
    case!(limit_13_a_fork_bomb_is_stopped),
    case!(limit_13_trap_06_roots_fork_bomb_is_stopped),
    case!(limit_14_a_memory_bomb_is_stopped).long(),
    case!(limit_14_memory_that_nobody_maps_is_counted).long(),
    case!(limit_14_trap_20_a_memory_bomb_of_many_is_stopped).long(),
    case!(limit_15_trap_17_every_place_to_write_to_is_sized),
    case!(limit_16_descriptors_are_bounded),
    case!(limit_17_the_message_names_the_flag).long(),
    case!(limit_18_no_core_is_dumped),
];

const MIB: u64 = 1 << 20;

fn fork_bomb(run: Invocation<'_>) -> Verdict {
    let run = run.probe(["processes", "3200"]).run()?;
    let children = run.deed()?.ok().and_then(|value| value.as_u64()).unwrap_or(0);
    run.holds(
        format!("{children} children are below 3,000 and enough to work with"),
        (100..2_999).contains(&children),
    )?;
    Ok(())
}

fn limit_13_a_fork_bomb_is_stopped(suite: &Suite<'_>) -> Verdict {
    fork_bomb(suite.ww().by(Caller::Ordinary))
}

fn limit_13_trap_06_roots_fork_bomb_is_stopped(suite: &Suite<'_>) -> Verdict {
    fork_bomb(suite.ww().by(Caller::Root))
}

/// What a bomb takes, and before what it is to be stopped, both in sixteenths of the memory.
struct Bomb {
    takes: u64,
    most: u64,
}

/// Half as much again as a quarter, and little more than that.
const MAPPED: Bomb = Bomb { takes: 6, most: 5 };
/// Nearly all: a host that only looks sees files that nobody maps late, and one that is written while it hasn't looked
/// may be as large as the bound.
const UNMAPPED: Bomb = Bomb { takes: 14, most: 10 };

/// A memory bomb of so many processes, which is to be stopped.
fn memory_bomb(suite: &Suite<'_>, how: &str, processes: u64, Bomb { takes, most }: Bomb) -> Verdict {
    const SMALL: u64 = 1_024;
    let fence = Fence::of(SMALL * MIB);
    let machine = match &fence {
        Some(_) => SMALL,
        None => nix::sys::sysinfo::sysinfo()?.ram_total() / MIB,
    };
    for caller in callers() {
        let each = (machine * takes / 16 / processes).to_string();
        let bomb = suite.ww().by(caller).probe(["memory", how, &processes.to_string(), &each, "2000"]).run()?;
        let most = machine * most / 16;
        bomb.holds(format!("{how} memory is stopped before {most} MiB of {machine}"), got(&bomb)? <= most)?;
        let fits = machine / 16 / processes;
        let sound = suite.ww().by(caller).probe(["memory", how, &processes.to_string(), &fits.to_string()]).run()?;
        let got = sound.deed()?.ok().and_then(|value| value.as_u64()).unwrap_or(0);
        sound.holds(format!("a sixteenth, {fits} MiB for each of {processes}, is had"), got >= fits * processes)?;
    }
    Ok(())
}

fn limit_14_a_memory_bomb_is_stopped(suite: &Suite<'_>) -> Verdict {
    memory_bomb(suite, "private", 1, MAPPED)?;
    memory_bomb(suite, "shared", 1, MAPPED)
}

fn limit_14_memory_that_nobody_maps_is_counted(suite: &Suite<'_>) -> Verdict {
    memory_bomb(suite, "file", 1, UNMAPPED)
}

fn limit_14_trap_20_a_memory_bomb_of_many_is_stopped(suite: &Suite<'_>) -> Verdict {
    memory_bomb(suite, "private", 8, MAPPED)?;
    memory_bomb(suite, "shared", 8, MAPPED)
}

fn limit_15_trap_17_every_place_to_write_to_is_sized(suite: &Suite<'_>) -> Verdict {
    for caller in callers() {
        let run = suite.ww().by(caller).probe(["fill", "300"]).run()?;
        let filled = run.deed()?.unwrap_or_default();
        let mib = filled["mib"].as_u64().unwrap_or(u64::MAX);
        run.holds(format!("{filled} are 200 MB at most"), mib * MIB <= 200_000_000)?;
        run.holds("there are places to write to", mib > 0)?;
    }
    Ok(())
}

fn limit_16_descriptors_are_bounded(suite: &Suite<'_>) -> Verdict {
    for caller in callers() {
        let run = suite.ww().by(caller).probe(["descriptors", "90", "4096"]).run()?;
        let opened = got(&run)?;
        run.holds(format!("{opened} descriptors are kept open, below 250,000"), opened < 250_000)?;
        let run = suite.ww().by(caller).probe(["descriptors", "10", "1000"]).run()?;
        run.same("descriptors of ten processes", run.deed()?, Ok(json!(10_000)))?;
    }
    Ok(())
}

/// Checks that the last line on standard error names a flag, in one line of the host's.
fn names(run: &Ended, flag: &str) -> Verdict {
    let said = String::from_utf8_lossy(&run.stderr).into_owned();
    let last = said.lines().last().unwrap_or_default();
    run.holds(format!("`ww: …` says that {flag} raises it"), last.starts_with("ww: ") && last.contains(flag))?;
    Ok(())
}

fn limit_17_the_message_names_the_flag(suite: &Suite<'_>) -> Verdict {
    names(&timed(suite, "300ms", &["pause"])?.0, "--timeout")?;
    let script = "for i in 1 2 3 4 5 6 7 8; do sleep 60 & done; wait";
    for caller in callers() {
        let run = suite.ww().by(caller).flags(["--pids", "5", "/bin/sh", "-c", script]).run()?;
        run.holds("a shell that can't fork fails", run.report.code.is_some_and(|code| code != 0))?;
        names(&run, "--pids")?;
    }
    let fence = Fence::of(1_024 * MIB);
    let machine = if fence.is_some() { 1_024 } else { nix::sys::sysinfo::sysinfo()?.ram_total() / MIB };
    for caller in callers() {
        let each = (machine / 8).to_string();
        let run = suite.ww().by(caller).probe(["memory", "private", "3", &each, "2000"]).run()?;
        run.exits(137)?;
        names(&run, "--memory")?;
    }
    drop(fence);
    let run = with_memory(suite, "64M", &["memory", "private", "4", "40"])?;
    run.exits(137)?;
    names(&run, "--memory")
}

fn limit_18_no_core_is_dumped(suite: &Suite<'_>) -> Verdict {
    let run = suite.ww().soft_limit(libc::RLIMIT_CORE, 0).probe(["facts"]).run()?;
    let usual = suite.ww().probe(["facts"]).run()?;
    for run in [run, usual] {
        run.same("the limit for core files", run.facts()?.limits.get("core").copied().flatten(), Some([0, 0]))?;
    }
    Ok(())
}
