//! `zoo` and `baseline`: what the suite itself is worth.

use std::collections::BTreeMap;
use std::io::{IsTerminal, Write};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use ww_conformance::baseline;
use ww_conformance::clauses::{ClauseId, Profile};
use ww_conformance::runner::{self, StopSign};
use ww_conformance::setup::Setup;
use ww_conformance::zoo::{Fate, Score, Zoo};

use super::args::{Baseline, Judged, Zoo as Wanted};
use super::say::say;
use super::{Ended, Trouble, harness, usage};

/// The implementation behind the faults, or in whose place the null ones stand, with a sign for Ctrl-C.
fn ready(judged: &Judged) -> Result<(Setup, Arc<StopSign>, Arc<std::sync::atomic::AtomicI32>), Trouble> {
    runner::block().map_err(harness)?;
    let adapter = judged.adapter(&Profile::ALL)?;
    let setup = Setup::new(adapter, &Setup::beside().map_err(harness)?, judged.node).map_err(harness)?;
    let sign = Arc::new(StopSign::new().map_err(harness)?);
    let signal = runner::raise_on_signals(&sign).map_err(harness)?;
    Ok((setup, sign, signal))
}

/// Shows a count on a terminal.
fn count(done: usize, all: usize) {
    let mut screen = std::io::stderr();
    if screen.is_terminal() {
        let end = if done == all { "\r\x1b[K" } else { "" };
        _ = write!(screen, "\r[{done}/{all}]{end}");
    }
}

fn interrupted(signal: &std::sync::atomic::AtomicI32) -> Option<Ended> {
    match signal.load(Ordering::SeqCst) {
        0 => None,
        number => Some(Ended::Interrupted(u8::try_from(number).unwrap_or(0))),
    }
}

pub fn zoo(wanted: &Wanted) -> Result<Ended, Trouble> {
    let zoo = Zoo::open(&Setup::beside().map_err(harness)?).map_err(harness)?;
    let zoo = zoo.only(&wanted.which);
    if zoo.faults().is_empty() {
        return Err(usage("no fault has such a name or clause: `ww-conformance zoo --list` has them all"));
    }
    if wanted.list {
        for fault in zoo.faults() {
            let ids: Vec<String> = fault.clauses.iter().map(ToString::to_string).collect();
            say!("{:28} [{}] {}", fault.name, ids.join(" "), fault.what);
        }
        return Ok(Ended::Well);
    }
    let (setup, sign, signal) = ready(&wanted.judged)?;
    let started = Instant::now();
    let jobs = wanted.jobs.map_or_else(runner::many_jobs, usize::from);
    let score = zoo.measure(&setup, jobs, &sign, wanted.which.is_empty(), count).map_err(harness)?;
    if let Some(ended) = interrupted(&signal) {
        return Ok(ended);
    }
    print_score(&score);
    let (killed, all) = score.counts();
    let share = if all == 0 { 0.0 } else { 100.0 * killed as f64 / all as f64 };
    say!(
        "mutation score {share:.1} %: {killed} of {all} pairs of fault and clause killed, {} faults, in {:.0} s",
        zoo.faults().len(),
        started.elapsed().as_secs_f32()
    );
    Ok(if score.is_whole() { Ended::Well } else { Ended::NotConformant })
}

fn print_score(score: &Score) {
    let mut by_clause: BTreeMap<ClauseId, Vec<(&String, &Fate)>> = BTreeMap::new();
    for ((id, fault), fate) in &score.fates {
        by_clause.entry(*id).or_default().push((fault, fate));
    }
    say!("clause    killed/faults");
    for (id, faults) in &by_clause {
        let killed = faults.iter().filter(|(_, fate)| **fate == Fate::Killed).count();
        say!("{id:9} {killed}/{}", faults.len());
        for (fault, fate) in faults {
            match fate {
                Fate::Killed => {}
                Fate::Survived => say!("          SURVIVED             {fault}"),
                Fate::KilledByOthers(by) => {
                    let some = by.iter().take(3).map(String::as_str).collect::<Vec<_>>().join(", ");
                    say!("          killed by the wrong  {fault}: {} cases, {some}", by.len());
                }
                Fate::Undecided(why) => say!("          UNDECIDED            {fault}: {why}"),
            }
        }
    }
    for (control, case, why) in &score.mute {
        let why: Vec<&str> = why.lines().take(2).collect();
        say!("{case} says nothing of the faults of {control}, which doesn't pass it: {}", why.join(" "));
    }
    for id in &score.untried {
        say!("{id:9} has cases, and no fault that shows what they are worth");
    }
}

pub fn baseline(wanted: &Baseline) -> Result<Ended, Trouble> {
    let (setup, sign, signal) = ready(&wanted.judged)?;
    let jobs = wanted.jobs.map_or_else(runner::many_jobs, usize::from);
    let found = baseline::measure(&setup, jobs, &sign, count).map_err(harness)?;
    if let Some(ended) = interrupted(&signal) {
        return Ok(ended);
    }
    say!("null implementation  passes of cases");
    for (name, (all, passed)) in &found.counts {
        say!("{name:20} {passed:6} of {all}");
    }
    for ((null, case), reason) in &found.declared {
        say!("declared   {null:8} passes {case}: {reason}");
    }
    for (null, case) in &found.vacuous {
        say!("VACUOUS    {null:8} passes {case}");
    }
    for (null, case) in &found.stale {
        say!("STALE      {null:8} is listed as passing {case}, and doesn't");
    }
    say!("{} undeclared vacuous passes, {} stale entries", found.vacuous.len(), found.stale.len());
    Ok(if found.is_sound() { Ended::Well } else { Ended::NotConformant })
}
