//! Which clauses the cases decide, and which nothing decides.
//!
//! What must stay true: a clause is in exactly one list, so that none is left out in silence.

use std::collections::{BTreeMap, BTreeSet};

use crate::adapter::Origins;
use crate::clauses::{Clause, ClauseId, Origin, Specification, Testability};
use crate::results::Results;
use crate::reviewed;
use crate::trials::{self, TrialsError};

/// The clauses of a specification by what the suite does about them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Coverage {
    /// Decided by these cases.
    pub covered: BTreeMap<ClauseId, Vec<&'static str>>,
    /// Active and automatic, and no case decides them.
    pub uncovered: Vec<ClauseId>,
    /// Not judged by now.
    pub pending: Vec<ClauseId>,
    /// No case can decide them, for a reason that the clause gives.
    pub excluded: Vec<ClauseId>,
}

impl Coverage {
    /// Counts the registry's cases against a specification.
    ///
    /// # Errors
    /// Where a case cites a clause that doesn't exist.
    pub fn of(specification: &Specification) -> Result<Self, TrialsError> {
        let mut cases: BTreeMap<ClauseId, Vec<&'static str>> = BTreeMap::new();
        for case in trials::all() {
            for id in case.clauses(specification)?.into_iter().collect::<BTreeSet<_>>() {
                cases.entry(id).or_default().push(case.name);
            }
        }
        let mut coverage = Self::default();
        for clause in specification.clauses() {
            match cases.remove(&clause.id) {
                Some(by) => _ = coverage.covered.insert(clause.id, by),
                None if clause.is_pending() => coverage.pending.push(clause.id),
                None if clause.testability != Testability::Automatic => coverage.excluded.push(clause.id),
                None => coverage.uncovered.push(clause.id),
            }
        }
        Ok(coverage)
    }
}

/// What a run, or several, showed of the coverage: counted from checks that were made, not from names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Gate {
    /// How many clauses a check was made for.
    pub emitted: usize,
    /// Clauses that had to be decided and weren't, each with why.
    pub missing: Vec<(ClauseId, String)>,
    /// Pending clauses that have cases: they are to be made active.
    pub ready: Vec<ClauseId>,
    /// Clauses whose words have changed since somebody looked at their cases.
    pub unreviewed: Vec<ClauseId>,
}

impl Gate {
    /// Whether nothing is missing.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.missing.is_empty() && self.ready.is_empty() && self.unreviewed.is_empty()
    }

    /// Counts what was emitted in any of these runs, for the clauses of the profiles that they claim.
    ///
    /// # Errors
    /// Where a case cites a clause that doesn't exist.
    pub fn of(specification: &Specification, runs: &[Results]) -> Result<Self, TrialsError> {
        let coverage = Coverage::of(specification)?;
        let claimed = |clause: &Clause| {
            runs.iter().any(|results| {
                let judged = results.run.origin == Origins::All || clause.origin == Origin::Source;
                judged && results.run.implementation.profiles.contains(&clause.profile)
            })
        };
        let mut gate = Self::default();
        for clause in specification.clauses() {
            if clause.is_pending() && coverage.covered.contains_key(&clause.id) {
                gate.ready.push(clause.id);
            }
            if !clause.needs_case() || !claimed(clause) {
                continue;
            }
            let lines = || runs.iter().flat_map(|run| &run.cases).filter(|case| case.clauses.contains(&clause.id));
            if lines().any(|case| case.outcome.is_decided() && case.checks > 0) {
                gate.emitted += 1;
                continue;
            }
            let why = lines().find_map(|case| case.reason.clone()).unwrap_or_else(|| "no case of it was run".into());
            gate.missing.push((clause.id, why));
        }
        let with_cases = specification.clauses().iter().filter(|clause| coverage.covered.contains_key(&clause.id));
        gate.unreviewed = reviewed::changed(with_cases);
        Ok(gate)
    }
}
