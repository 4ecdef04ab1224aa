//! What a stream comes to: the state of each clause, and how many there are of each, by profile and in all.
//!
//! What it does: [`Score::of`] derives a clause's [`State`] from its cases, and counts.
//! What must stay true: a clause passes only where a case showed that it holds and none that it doesn't;
//! a failure that was expected is one nevertheless; a clause without a case in this run was not shown to hold.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::{CaseLine, ClauseLine, Limit, Results, Verdict};
use crate::adapter::Origins;
use crate::clauses::{ClauseId, Origin, Profile};
use crate::outcome::Outcome;

/// What is known of a clause after a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum State {
    /// A case at least was decided, and each that was found that it holds. One that was expected to fail
    /// and didn't is among them: it is the list that is wrong, which the [`Verdict`] says.
    Passes,
    /// A case found that it doesn't hold.
    Fails,
    /// A case found that it doesn't hold, as the expected failures say; no other failure came.
    KnownFailure,
    /// No case failed, and the harness was at fault in one.
    HarnessError,
    /// No case was decided: this machine can't show it.
    NotVerifiable,
    /// The suite has cases for it, and this run none that has ended.
    NotRun,
    /// No case was decided: the adapter doesn't claim what they judge.
    NotApplicable,
    /// No case judges it: it waits for something, or nothing can decide it from outside.
    Unjudged,
}

impl State {
    /// Every state, in the order in which reports count them.
    pub const ALL: [Self; 8] = [
        Self::Passes,
        Self::Fails,
        Self::KnownFailure,
        Self::HarnessError,
        Self::NotVerifiable,
        Self::NotRun,
        Self::NotApplicable,
        Self::Unjudged,
    ];

    /// Its word in reports.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Passes => "passes",
            Self::Fails => "fails",
            Self::KnownFailure => "known-failure",
            Self::HarnessError => "harness-error",
            Self::NotVerifiable => "not-verifiable",
            Self::NotRun => "not-run",
            Self::NotApplicable => "not-applicable",
            Self::Unjudged => "unjudged",
        }
    }

    /// Whether an implementation is judged by a clause in this state: it counts in "passes 118 of 120".
    #[must_use]
    pub const fn is_judged(self) -> bool {
        !matches!(self, Self::NotApplicable | Self::Unjudged)
    }

    fn of(clause: &ClauseLine, cases: &[&CaseLine]) -> Self {
        let any = |outcome| cases.iter().any(|case| case.outcome == outcome);
        match () {
            () if any(Outcome::Fail) => Self::Fails,
            () if any(Outcome::Xfail) => Self::KnownFailure,
            () if any(Outcome::HarnessError) => Self::HarnessError,
            () if any(Outcome::Pass) || any(Outcome::Xpass) => Self::Passes,
            () if any(Outcome::NotVerifiable) => Self::NotVerifiable,
            () if any(Outcome::NotApplicable) => Self::NotApplicable,
            () if clause.unjudged.is_some() => Self::Unjudged,
            () => Self::NotRun,
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.word().replace('-', " "))
    }
}

/// How many clauses are in which state.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally(BTreeMap<State, usize>);

impl Tally {
    /// How many are in this state.
    #[must_use]
    pub fn count(&self, state: State) -> usize {
        self.0.get(&state).copied().unwrap_or(0)
    }

    /// How many pass.
    #[must_use]
    pub fn passed(&self) -> usize {
        self.count(State::Passes)
    }

    /// How many the implementation is judged by.
    #[must_use]
    pub fn judged(&self) -> usize {
        State::ALL.into_iter().filter(|state| state.is_judged()).map(|state| self.count(state)).sum()
    }

    fn add(&mut self, state: State) {
        *self.0.entry(state).or_default() += 1;
    }
}

/// A clause with what is known of it.
#[derive(Clone, Debug)]
pub struct Scored<'a> {
    /// The clause.
    pub line: &'a ClauseLine,
    /// What is known of it.
    pub state: State,
    /// The cases that decide it, in the order in which they ended.
    pub cases: Vec<&'a CaseLine>,
}

/// The score of one profile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProfileScore {
    /// The profile.
    pub profile: Profile,
    /// Whether the adapter claims it.
    pub claimed: bool,
    /// Whether the run is about it: it is claimed, and was asked for.
    pub in_scope: bool,
    /// Its clauses.
    pub tally: Tally,
}

/// What a stream comes to.
#[derive(Clone, Debug)]
pub struct Score<'a> {
    /// Every clause of the stream, in its order.
    pub clauses: Vec<Scored<'a>>,
    /// Every profile that has a clause or is claimed.
    pub profiles: Vec<ProfileScore>,
    /// The clauses of the profiles that the run is about.
    pub all: Tally,
    /// How many cases ended how.
    pub outcomes: BTreeMap<Outcome, usize>,
    /// Why it isn't a whole run.
    pub limits: Vec<Limit>,
    /// What it shows.
    pub verdict: Verdict,
    /// How many clauses the specification has.
    of: usize,
}

impl<'a> Score<'a> {
    /// Scores a stream.
    #[must_use]
    pub fn of(results: &'a Results) -> Self {
        let mut by_clause: BTreeMap<ClauseId, Vec<&CaseLine>> = BTreeMap::new();
        for case in &results.cases {
            for id in case.clauses.iter().collect::<BTreeSet<_>>() {
                by_clause.entry(*id).or_default().push(case);
            }
        }
        let scored = |line: &'a ClauseLine| {
            let cases = by_clause.remove(&line.id).unwrap_or_default();
            let mut state = State::of(line, &cases);
            // A clause that shares its cases with others isn't among theirs where it isn't judged by.
            if state == State::NotRun && results.run.origin == Origins::Source && line.origin == Origin::Ruling {
                state = State::NotApplicable;
            }
            Scored { line, state, cases }
        };
        let clauses: Vec<Scored<'a>> = results.clauses.iter().map(scored).collect();
        let profiles = profiles(results, &clauses);
        let mut all = Tally::default();
        // What wasn't asked for doesn't count against what was.
        let asked = &results.run.asked;
        let some = !asked.filters.is_empty() || !asked.clauses.is_empty();
        let counts = |state: &State| !(some && *state == State::NotRun);
        let tallies = profiles.iter().filter(|one| one.in_scope).flat_map(|one| &one.tally.0);
        for (state, count) in tallies.filter(|(state, _)| counts(state)) {
            *all.0.entry(*state).or_default() += count;
        }
        let limits = Limit::of(results);
        let verdict = Verdict::of(results, &all, &limits);
        Self {
            clauses,
            profiles,
            all,
            outcomes: outcomes(&results.cases),
            limits,
            verdict,
            of: results.run.specification.clauses,
        }
    }

    /// Whether every clause of its profiles was shown to hold, by a whole run.
    #[must_use]
    pub fn is_conformant(&self) -> bool {
        self.verdict == Verdict::Conformant
    }

    /// The names of the profiles that it is about.
    #[must_use]
    pub fn scope(&self) -> Vec<String> {
        self.profiles.iter().filter(|one| one.in_scope).map(|one| one.profile.to_string()).collect()
    }

    /// Whether it is about every profile, with every clause that the specification has.
    #[must_use]
    pub fn is_about_all(&self) -> bool {
        self.profiles.iter().all(|one| one.in_scope) && self.clauses.len() == self.of
    }
}

/// How many cases ended how, for the outcomes that came.
pub(super) fn outcomes(cases: &[CaseLine]) -> BTreeMap<Outcome, usize> {
    let mut counts = BTreeMap::new();
    for case in cases {
        *counts.entry(case.outcome).or_default() += 1;
    }
    counts
}

fn profiles(results: &Results, clauses: &[Scored<'_>]) -> Vec<ProfileScore> {
    let (claimed, asked) = (&results.run.implementation.profiles, &results.run.asked.profiles);
    let mut tallies: BTreeMap<Profile, Tally> = claimed.iter().map(|profile| (*profile, Tally::default())).collect();
    for clause in clauses {
        tallies.entry(clause.line.profile).or_default().add(clause.state);
    }
    let score = |(profile, tally)| {
        let claimed = claimed.contains(&profile);
        let in_scope = claimed && (asked.is_empty() || asked.contains(&profile));
        ProfileScore { profile, claimed, in_scope, tally }
    };
    tallies.into_iter().map(score).collect()
}
