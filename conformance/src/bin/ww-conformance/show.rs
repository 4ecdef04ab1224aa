//! `list` and `explain`: what the suite has, and what a clause means.

use std::sync::Arc;

use ww_conformance::adapter::Adapter;
use ww_conformance::clauses::{Clause, Origin, Profile, Specification, Status, Testability};
use ww_conformance::coverage::Coverage;
use ww_conformance::runner::{self, StopSign, Task};
use ww_conformance::select::Selection;
use ww_conformance::setup::Setup;
use ww_conformance::trials::{self, Trial};

use super::args::{Explain, Judged, List};
use super::run::asked;
use super::say::say;
use super::{Ended, Trouble, harness, usage};

pub fn list(wanted: &List) -> Result<Ended, Trouble> {
    // Every case that there is, whatever an implementation claims.
    let everything = Adapter { profiles: Profile::ALL.into(), ..Adapter::bare() };
    let selection = Selection::new(asked(&wanted.which)?, None).map_err(usage)?;
    let trials = selection.of(trials::trials(&everything).map_err(harness)?);
    if wanted.clauses {
        return clauses(&selection);
    }
    for trial in &trials {
        let ids: Vec<String> = trial.clauses.iter().map(ToString::to_string).collect();
        say!("{} [{}]", trial.case.name, ids.join(" "));
    }
    Ok(if trials.is_empty() { Ended::Nothing } else { Ended::Well })
}

fn clauses(selection: &Selection) -> Result<Ended, Trouble> {
    let coverage = Coverage::of(Specification::embedded()).map_err(harness)?;
    let asked = selection.asked();
    let wanted = |clause: &&Clause| {
        (asked.clauses.is_empty() || asked.clauses.contains(&clause.id))
            && (asked.profiles.is_empty() || asked.profiles.contains(&clause.profile))
    };
    let mut any = false;
    for clause in Specification::embedded().clauses().iter().filter(wanted) {
        any = true;
        let cases = coverage.covered.get(&clause.id).map_or(0, Vec::len);
        let judged = unjudged(clause).unwrap_or_else(|| format!("{cases} case(s)"));
        say!("{:9} {:6} {}  [{judged}]", clause.id, clause.profile, clause.text);
    }
    Ok(if any { Ended::Well } else { Ended::Nothing })
}

fn unjudged(clause: &Clause) -> Option<String> {
    match (&clause.status, &clause.testability) {
        (Status::Pending(why), _) => Some(format!("pending: {why}")),
        (_, Testability::NotTestable(why)) => Some(format!("not testable: {why}")),
        (_, Testability::Manual) => Some("a person decides it".into()),
        _ => None,
    }
}

pub fn explain(wanted: &Explain) -> Result<Ended, Trouble> {
    let specification = Specification::embedded();
    let Some(clause) = specification.clause(wanted.id) else {
        let hint = "`ww-conformance list --clauses` has them all";
        return Err(usage(format!("there is no clause {}: {hint}", wanted.id)));
    };
    say!("{} {} ({})\n\n  {}\n", clause.id, clause.level, clause.profile, clause.text);
    let source = match clause.origin {
        Origin::Source => format!("the source document, “{}”", clause.source),
        Origin::Ruling => {
            let ruling = specification.rulings().iter().find(|r| clause.source == format!("ruling {}", r.number));
            let title = ruling.map_or_else(String::new, |ruling| format!(", “{}”: {}", ruling.title, ruling.text));
            format!("{}{title}", clause.source)
        }
    };
    say!("Source    {source}");
    if let Some(readings) = &clause.disputed {
        say!("Disputed  {readings}");
    }
    if let Some(why) = unjudged(clause) {
        say!("Cases     none; {why}");
        return Ok(Ended::Well);
    }
    let everything = Adapter { profiles: Profile::ALL.into(), ..Adapter::bare() };
    let every = trials::trials(&everything).map_err(harness)?;
    let trials: Vec<&Trial> = every.iter().filter(|trial| trial.clauses.contains(&clause.id)).collect();
    for (at, trial) in trials.iter().enumerate() {
        say!("{} {}", if at == 0 { "Cases    " } else { "         " }, trial.case.name);
    }
    say!("Run       ww-conformance run {}", clause.id);
    by_hand(&wanted.judged, &trials);
    Ok(Ended::Well)
}

/// The first command of each case, which is asked of the case itself without starting anything.
fn by_hand(judged: &Judged, trials: &[&Trial]) {
    let sketched = || -> Result<Vec<String>, Trouble> {
        let adapter = judged.adapter(&Profile::ALL)?;
        let adapter = Adapter { profiles: Profile::ALL.into(), ..adapter };
        let setup = Setup::new(adapter, &Setup::beside().map_err(harness)?, judged.node).map_err(harness)?;
        let task = |trial: &&Trial| Task { trial: (*trial).clone(), setup: setup.clone(), bundle: None, sketch: true };
        let tasks: Vec<Task> = trials.iter().map(task).collect();
        let sign = Arc::new(StopSign::new().map_err(harness)?);
        let mut lines = vec![String::new(); tasks.len()];
        runner::run(&tasks, runner::usual_jobs(), &sign, |at, done| {
            lines[at] = done.commands.into_iter().next().unwrap_or_default();
        });
        Ok(lines)
    };
    let lines = match sketched() {
        Ok(lines) => lines,
        Err(Trouble(_, fault)) => {
            say!("By hand   the lines need an implementation to name: {fault}");
            return;
        }
    };
    say!("By hand   each case begins so; paths are those of a run, the last words are for the probe cell:");
    for (trial, line) in trials.iter().zip(lines) {
        let line = if line.is_empty() { "needs an IPFS node first".to_owned() } else { line };
        say!("          # {}\n          {line}", trial.case.name);
    }
}
