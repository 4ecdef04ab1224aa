//! What a run comes to as a whole: one exit code for machines, one verdict for people.
//!
//! What must stay true: the two never contradict each other, and only a whole run in which every clause
//! was shown to hold is called conformant. The exit code is 0 also where there is nothing to object to
//! and yet less was shown: known failures, clauses that this machine can't show, a part of the suite.

use std::fmt;

use super::{CaseLine, Limit, Results, Stale, State, Tally};
use crate::outcome::Outcome;

/// The exit code of a run: 3 the harness failed, 4 nothing was selected that could be decided, 1 not conformant (a failure
/// that wasn't expected, an expected one that didn't come, a stale entry), else 0.
///
/// A run that was interrupted isn't known here: whoever interrupts it says so by another code.
#[must_use]
pub fn exit_code(cases: &[CaseLine], stale: &[Stale]) -> u8 {
    let any = |outcome| cases.iter().any(|case| case.outcome == outcome);
    match () {
        () if any(Outcome::HarnessError) => 3,
        () if !cases.iter().any(|case| case.outcome.is_decided()) => 4,
        () if any(Outcome::Fail) || any(Outcome::Xpass) || !stale.is_empty() => 1,
        () => 0,
    }
}

/// What a run shows of its implementation, the best last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verdict {
    /// No case was decided.
    Nothing,
    /// The harness was at fault somewhere, so that the rest doesn't count.
    HarnessError,
    /// A case failed that wasn't expected to.
    NotConformant,
    /// Nothing failed unexpectedly, but the list of expected failures isn't true.
    Outdated,
    /// Nothing failed but what is known to.
    KnownFailures,
    /// Nothing failed, and it wasn't the whole suite.
    Partial,
    /// Nothing failed, and not every clause could be decided.
    Undecided,
    /// Every clause that the implementation is judged by was shown to hold.
    Conformant,
}

impl Verdict {
    /// The verdict on a stream, whose clauses of the profiles it is about come to this tally.
    pub(super) fn of(results: &Results, all: &Tally, limits: &[Limit]) -> Self {
        let failed = results.cases.iter().any(|case| case.outcome == Outcome::Fail);
        let known = results.cases.iter().any(|case| case.outcome == Outcome::Xfail);
        match exit_code(&results.cases, &results.stale) {
            4 => Self::Nothing,
            3 => Self::HarnessError,
            1 if failed => Self::NotConformant,
            1 => Self::Outdated,
            _ if known => Self::KnownFailures,
            _ if !limits.is_empty() => Self::Partial,
            _ if all.judged() == 0 || all.count(State::Passes) < all.judged() => Self::Undecided,
            _ => Self::Conformant,
        }
    }

    /// Its name in the attributes of reports.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Nothing => "nothing",
            Self::HarnessError => "harness-error",
            Self::NotConformant => "not-conformant",
            Self::Outdated => "outdated",
            Self::KnownFailures => "known-failures",
            Self::Partial => "partial",
            Self::Undecided => "undecided",
            Self::Conformant => "conformant",
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Nothing => "nothing was judged",
            Self::HarnessError => "the harness failed",
            Self::NotConformant => "not conformant",
            Self::Outdated => "the expected failures are out of date",
            Self::KnownFailures => "known failures",
            Self::Partial => "nothing failed in the part that was run",
            Self::Undecided => "nothing failed, not everything was decided",
            Self::Conformant => "conformant",
        })
    }
}
