//! `coverage`: whether every clause that has to be decided was.

use std::path::Path;

use ww_conformance::clauses::{ClauseId, Specification};
use ww_conformance::coverage::{Coverage as Registered, Gate};
use ww_conformance::results::Results;
use ww_conformance::reviewed;

use super::args::Coverage;
use super::say::say;
use super::{Ended, Trouble, harness, usage};

pub fn coverage(wanted: &Coverage) -> Result<Ended, Trouble> {
    let specification = Specification::embedded();
    if !wanted.reviewed.is_empty() {
        return note_reviewed(&wanted.list, &wanted.reviewed);
    }
    let registered = Registered::of(specification).map_err(harness)?;
    say!(
        "{} clauses: {} have cases, {} pending, {} that no case can decide, {} without a case",
        specification.clauses().len(),
        registered.covered.len(),
        registered.pending.len(),
        registered.excluded.len(),
        registered.uncovered.len()
    );
    for id in &registered.uncovered {
        say!("{id:9} has no case");
    }
    let runs: Vec<Results> =
        wanted.results.iter().map(|file| Results::read(file)).collect::<Result<_, _>>().map_err(usage)?;
    let gate = Gate::of(specification, &runs).map_err(harness)?;
    if !runs.is_empty() {
        say!("{} clauses were decided by checks that were made", gate.emitted);
    }
    for (id, why) in &gate.missing {
        say!("{id:9} wasn't decided: {why}");
    }
    for id in &gate.ready {
        say!("{id:9} is pending and has cases: make it active");
    }
    for id in &gate.unreviewed {
        say!("{id:9} reads differently than when its cases were looked at; `coverage --reviewed {id}` says they fit");
    }
    let open = registered.uncovered.is_empty() && gate.is_open();
    Ok(if open { Ended::Well } else { Ended::NotConformant })
}

/// Notes in the repository that somebody has looked at the cases of these clauses.
fn note_reviewed(list: &Path, ids: &[ClauseId]) -> Result<Ended, Trouble> {
    let text = std::fs::read_to_string(list)
        .map_err(|fault| usage(format!("{} can't be read: {fault}; name the list by --list", list.display())))?;
    let old = reviewed::parse(&text).map_err(usage)?;
    let specification = Specification::embedded();
    if let Some(id) = ids.iter().find(|id| specification.clause(**id).is_none()) {
        return Err(usage(format!("there is no clause {id}")));
    }
    let new = reviewed::updated(&old, ids, specification);
    std::fs::write(list, new).map_err(|fault| usage(format!("{} can't be written: {fault}", list.display())))?;
    say!("noted {} clause(s) in {}", ids.len(), list.display());
    Ok(Ended::Well)
}
