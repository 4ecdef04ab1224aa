//! `run`: the story of one run, top to bottom.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use ww_conformance::clauses::{Area, ClauseId, Specification};
use ww_conformance::expect::Expectations;
use ww_conformance::judge::Judge;
use ww_conformance::results::{Asked, Results};
use ww_conformance::runner::{self, StopSign};
use ww_conformance::select::Selection;
use ww_conformance::setup::Setup;
use ww_conformance::trials;

use super::args::{self, Run, Which};
use super::progress::Progress;
use super::reports;
use super::say::say;
use super::{Ended, Trouble, harness, usage};

pub fn run(wanted: Run) -> Result<Ended, Trouble> {
    runner::block().map_err(harness)?;
    let adapter = wanted.judged.adapter(&wanted.which.profiles)?;
    let selection = Selection::new(asked(&wanted.which)?, wanted.shard).map_err(usage)?;
    let expectations = wanted.expect.as_deref().map(Expectations::read).transpose().map_err(usage)?;
    if wanted.list_only {
        return list_only(&selection.of(trials::trials(&adapter).map_err(harness)?));
    }
    if let Some(folder) = &wanted.report {
        prepare(folder)?;
    }
    let beside = Setup::beside().map_err(harness)?;
    let setup = Setup::new(adapter, &beside, wanted.judged.node).map_err(harness)?;
    let setup = setup.seeded(wanted.seed.unwrap_or_else(fresh_seed));
    let sign = Arc::new(StopSign::new().map_err(harness)?);
    let signal = runner::raise_on_signals(&sign).map_err(harness)?;
    let judge = Judge {
        setup: &setup,
        selection: &selection,
        expectations: &expectations.unwrap_or_default(),
        jobs: wanted.jobs.map_or_else(runner::usual_jobs, usize::from),
        fail_fast: wanted.fail_fast,
        report: wanted.report.clone(),
    };
    let total = selection.of(trials::trials(setup.adapter()).map_err(harness)?).len();
    let progress = Progress::new(total);
    let results = judge.run(&sign, |case| progress.ended(case)).map_err(harness)?;
    progress.finish();
    report(&results, wanted.report.as_deref())?;
    Ok(match signal.load(Ordering::SeqCst) {
        0 => Ended::of(&results),
        number => Ended::Interrupted(u8::try_from(number).unwrap_or(0)),
    })
}

/// Words that name clauses, areas or cases, taken apart.
pub fn asked(which: &Which) -> Result<Asked, Trouble> {
    let specification = Specification::embedded();
    let mut asked = Asked { profiles: which.profiles.clone(), filters: which.filters.clone(), clauses: vec![] };
    for word in &which.ids {
        let of_area = Area::ALL.iter().find(|area| area.prefix() == word.to_uppercase());
        if let Some(area) = of_area {
            asked.clauses.extend(specification.in_area(*area).map(|clause| clause.id));
        } else if word.contains('_') {
            let known = trials::all().any(|case| case.name == word.split("::").next().unwrap_or_default());
            if !known {
                return Err(usage(format!("there is no case {word}: `ww-conformance list` has their names")));
            }
            asked.filters.push(if word.contains("::") { word.clone() } else { format!("{word}*") });
        } else {
            let id: ClauseId = args::clause(word).map_err(usage)?;
            if specification.clause(id).is_none() {
                return Err(usage(format!("there is no clause {id}: `ww-conformance list --clauses` has them all")));
            }
            asked.clauses.push(id);
        }
    }
    Ok(asked)
}

fn list_only(trials: &[trials::Trial]) -> Result<Ended, Trouble> {
    for trial in trials {
        let why = trial.not_applicable.as_ref().map_or_else(String::new, |why| format!("  (not applicable: {why})"));
        say!("{}{why}", trial.name());
    }
    Ok(if trials.is_empty() { Ended::Nothing } else { Ended::Well })
}

/// Makes the folder of a report, without what an earlier run left there.
fn prepare(folder: &Path) -> Result<(), Trouble> {
    let fault = |cause: std::io::Error| usage(format!("the report's folder {}: {cause}", folder.display()));
    fs::create_dir_all(folder).map_err(fault)?;
    let bundles = folder.join("bundles");
    if bundles.is_dir() {
        fs::remove_dir_all(bundles).map_err(fault)?;
    }
    Ok(())
}

/// Prints the summary, and writes the reports.
fn report(results: &Results, folder: Option<&Path>) -> Result<(), Trouble> {
    let (width, color) = reports::screen();
    say!("\n{}", ww_conformance::report::console(results, width, color).trim_end());
    let Some(folder) = folder else { return Ok(()) };
    let fault = |cause| harness(format!("the reports in {}: {cause}", folder.display()));
    ww_conformance::report::write_all(results, folder).map_err(fault)?;
    say!("reports in {}: report.html, report.md, junit.xml, badge.svg, results.jsonl", folder.display());
    Ok(())
}

/// A new seed.
pub fn fresh_seed() -> u64 {
    use std::hash::{BuildHasher, Hasher};
    // The standard library draws its hashers' keys from the system's randomness.
    std::hash::RandomState::new().build_hasher().finish() >> 16
}
