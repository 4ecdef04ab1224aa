//! Which clauses the cases decide, and which nothing decides.
//!
//! What must stay true: a clause is in exactly one list, so that none is left out in silence.

use std::collections::{BTreeMap, BTreeSet};

use crate::clauses::{ClauseId, Specification, Testability};
use crate::registry::{self, RegistryError};

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
    pub fn of(specification: &Specification) -> Result<Self, RegistryError> {
        let mut cases: BTreeMap<ClauseId, Vec<&'static str>> = BTreeMap::new();
        for case in registry::all() {
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
