//! What every report shows, found once: the score, the cases by what became of them, the facts of the run.
//!
//! What must stay true: no case is in none of the lists that a report shows, and none in two of them.

use std::collections::{BTreeMap, BTreeSet};

use super::text::{count, duration};
use crate::adapter::Origins;
use crate::clauses::{ClauseId, Profile};
use crate::outcome::Outcome;
use crate::results::{CaseLine, ClauseLine, Results, Score, State, Tally};

/// A stream, looked at.
pub(super) struct View<'a> {
    /// The stream.
    pub results: &'a Results,
    /// Its score.
    pub score: Score<'a>,
    clauses: BTreeMap<ClauseId, &'a ClauseLine>,
}

/// Cases that were skipped for one reason.
pub(super) struct Skipped<'a> {
    /// Not applicable or not verifiable.
    pub outcome: Outcome,
    /// The reason.
    pub reason: &'a str,
    /// The cases.
    pub cases: Vec<&'a CaseLine>,
}

impl<'a> View<'a> {
    pub fn of(results: &'a Results) -> Self {
        let clauses = results.clauses.iter().map(|clause| (clause.id, clause)).collect();
        Self { results, score: Score::of(results), clauses }
    }

    /// A clause of the stream.
    pub fn clause(&self, id: ClauseId) -> Option<&'a ClauseLine> {
        self.clauses.get(&id).copied()
    }

    /// The profile of the clause that a case is named after.
    pub fn profile(&self, case: &CaseLine) -> Option<Profile> {
        case.clauses.first().and_then(|id| self.clause(*id)).map(|clause| clause.profile)
    }

    /// The cases that ended so.
    pub fn with(&self, outcome: Outcome) -> impl Iterator<Item = &'a CaseLine> {
        self.results.cases.iter().filter(move |case| case.outcome == outcome)
    }

    /// What makes the run red: failures, faults of the harness, passes that were expected to fail.
    pub fn red(&self) -> Vec<&'a CaseLine> {
        [Outcome::Fail, Outcome::HarnessError, Outcome::Xpass].into_iter().flat_map(|it| self.with(it)).collect()
    }

    /// Skipped cases, by reason, the most frequent first.
    pub fn skipped(&self) -> Vec<Skipped<'a>> {
        let mut groups: BTreeMap<(Outcome, &str), Vec<&CaseLine>> = BTreeMap::new();
        for outcome in [Outcome::NotApplicable, Outcome::NotVerifiable] {
            for case in self.with(outcome) {
                let reason = case.reason.as_deref().unwrap_or("no reason was given");
                groups.entry((outcome, reason)).or_default().push(case);
            }
        }
        let group = |((outcome, reason), cases)| Skipped { outcome, reason, cases };
        let mut groups: Vec<_> = groups.into_iter().map(group).collect();
        groups.sort_by_key(|group| std::cmp::Reverse(group.cases.len()));
        groups
    }

    /// The five cases that took longest.
    pub fn slowest(&self) -> Vec<&'a CaseLine> {
        let mut cases: Vec<_> = self.results.cases.iter().collect();
        cases.sort_by_key(|case| std::cmp::Reverse(case.ms));
        cases.truncate(5);
        cases
    }

    /// `118 of 120 clauses of core and fds hold`.
    pub fn sentence(&self) -> String {
        let all = &self.score.all;
        let scope = match self.score.scope().as_slice() {
            _ if self.score.is_about_all() => "all profiles".to_owned(),
            [] => "no profile".to_owned(),
            [only] => only.clone(),
            [others @ .., last] => format!("{} and {last}", others.join(", ")),
        };
        format!("{} of {} of {scope} hold", all.passed(), count(all.judged(), "clause"))
    }

    /// What the sentence leaves open: how many clauses are in each other state.
    pub fn remarks(tally: &Tally) -> Vec<String> {
        let say = |state: State| match (state, tally.count(state)) {
            (State::Passes, _) | (_, 0) => None,
            (State::Fails, 1) => Some("1 fails".to_owned()),
            (State::Fails, many) => Some(format!("{many} fail")),
            (State::KnownFailure, many) => Some(count(many, "known failure")),
            (State::Unjudged, many) => Some(format!("{many} not judged yet")),
            (state, many) => Some(format!("{many} {state}")),
        };
        State::ALL.into_iter().filter_map(say).collect()
    }

    /// `250 cases: 240 pass, 10 fail; 1,200 checks`.
    pub fn totals(&self) -> String {
        let ended: Vec<String> =
            self.score.outcomes.iter().map(|(outcome, many)| format!("{many} {outcome}")).collect();
        let cases = count(self.results.cases.len(), "case");
        let checks = usize::try_from(self.results.cases.iter().map(|case| case.checks).sum::<u64>());
        let checks = count(checks.unwrap_or(usize::MAX), "check");
        if ended.is_empty() { cases } else { format!("{cases}: {}; {checks}", ended.join(", ")) }
    }

    /// What has to be looked at again, as the texts of clauses have changed.
    pub fn unreviewed(&self) -> Option<String> {
        let ids: BTreeSet<ClauseId> = self.results.cases.iter().flat_map(|case| case.unreviewed.clone()).collect();
        let names: Vec<String> = ids.iter().map(ClauseId::to_string).collect();
        let text = || format!("the text of {} has changed since somebody last looked at the cases", names.join(", "));
        (!names.is_empty()).then(text)
    }

    /// How long the run took; the sum of its cases where it has no end.
    pub fn took(&self) -> String {
        match &self.results.end {
            Some(end) => duration(end.ms),
            None => format!("at least {}", duration(self.results.cases.iter().map(|case| case.ms).sum())),
        }
    }

    /// What was judged, by what, where, with its name.
    pub fn facts(&self) -> Vec<(&'static str, String)> {
        let run = &self.results.run;
        let (it, machine) = (&run.implementation, &run.machine);
        let root = if machine.root { "root" } else { "an ordinary user" };
        let names = |profiles: &[Profile]| profiles.iter().map(Profile::to_string).collect::<Vec<_>>().join(" ");
        let nodes = self.results.end.iter().flat_map(|end| &end.nodes);
        let nodes: Vec<String> = nodes.map(|node| format!("Kubo {} ({})", node.version, node.kind)).collect();
        let origin = match run.origin {
            Origins::All => "the source and the rulings",
            Origins::Source => "the source alone",
        };
        let some = [
            ("implementation", Some(it.name.clone())),
            ("command", Some(it.command.join(" "))),
            (
                "digest",
                Some(it.sha256.as_ref().map_or("the program can't be read".into(), |it| format!("sha256:{it}"))),
            ),
            ("profiles claimed", Some(names(&it.profiles))),
            ("profiles asked for", Some(names(&run.asked.profiles)).filter(|names| !names.is_empty())),
            ("layout", Some(it.layout.name().to_owned())),
            ("suite", Some(format!("{} {}", run.suite.name, run.suite.version))),
            ("specification", Some(format!("sha256:{}", run.specification.sha256))),
            ("judged by", Some(format!("{origin}, {}", count(run.specification.clauses, "clause")))),
            ("seed", Some(run.seed.to_string())),
            ("expected failures", run.expect.as_ref().map(|path| path.display().to_string())),
            ("IPFS node", Some(nodes.join(", ")).filter(|names| !names.is_empty())),
            (
                "machine",
                Some(format!(
                    "{}, {}, {}",
                    machine.system,
                    machine.architecture,
                    count(machine.processors, "processor")
                )),
            ),
            ("run as", Some(root.to_owned())),
            ("began", Some(run.started.clone())),
            ("took", Some(self.took())),
        ];
        some.into_iter().filter_map(|(name, value)| value.map(|value| (name, value))).collect()
    }
}
