//! Scores, verdicts and exit codes.

use ww_conformance::adapter::Origins;
use ww_conformance::clauses::Profile;
use ww_conformance::outcome::Outcome::{self, Fail, HarnessError, NotApplicable, NotVerifiable, Pass, Xfail, Xpass};
use ww_conformance::results::{Limit, Results, Score, Shard, State, Verdict, exit_code};

use crate::sample::{case, clause, id, of_outcomes, stale, stream};

/// The state of a clause whose cases ended so.
fn state(outcomes: &[Outcome]) -> State {
    let cases = outcomes.iter().map(|outcome| case("fd_01_x", *outcome)).collect();
    Score::of(&stream(vec![clause("FD-01", Profile::Fds)], cases)).clauses[0].state
}

#[test]
fn a_clause_passes_where_all_that_was_decided_passed() {
    assert_eq!(state(&[Pass]), State::Passes);
    assert_eq!(state(&[Pass, NotApplicable, NotVerifiable, Pass]), State::Passes);
    assert_eq!(state(&[Pass, Xpass]), State::Passes);
}

#[test]
fn a_failure_outweighs_every_pass_and_an_expected_one_is_none() {
    assert_eq!(state(&[Pass, Fail, Xfail, HarnessError]), State::Fails);
    assert_eq!(state(&[Pass, Xfail, HarnessError]), State::KnownFailure);
    assert_eq!(state(&[Pass, HarnessError]), State::HarnessError);
}

#[test]
fn a_clause_that_nothing_decided_does_not_pass() {
    assert_eq!(state(&[NotVerifiable, NotApplicable]), State::NotVerifiable);
    assert_eq!(state(&[NotApplicable]), State::NotApplicable);
    assert_eq!(state(&[]), State::NotRun);
    let mut results = of_outcomes(&[]);
    results.clauses = vec![clause("FD-01", Profile::Fds)];
    results.clauses[0].unjudged = Some("pending: no peer yet".into());
    assert_eq!(Score::of(&results).clauses[0].state, State::Unjudged);
}

#[test]
fn a_case_counts_for_each_of_its_clauses() {
    let mut both = case("fd_01_x", Fail);
    both.clauses.extend([id("RPC-01"), id("RPC-01")]);
    let results = stream(vec![clause("FD-01", Profile::Fds), clause("RPC-01", Profile::Rpc)], vec![both]);
    let score = Score::of(&results);
    assert_eq!(score.clauses.iter().map(|one| one.state).collect::<Vec<_>>(), [State::Fails, State::Fails]);
    assert_eq!(score.clauses[1].cases.len(), 1);
}

#[test]
fn only_profiles_that_are_claimed_and_asked_for_are_in_the_sum() {
    let clauses = vec![clause("CLI-01", Profile::Core), clause("FD-01", Profile::Fds), clause("P2P-01", Profile::P2p)];
    let cases = vec![case("cli_01_x", Pass), case("fd_01_x", Pass), case("p2p_01_x", NotApplicable)];
    let mut results = stream(clauses, cases);
    let score = Score::of(&results);
    assert_eq!((score.all.passed(), score.all.judged(), score.scope().join(" ")), (2, 2, "core fds".into()));
    assert_eq!(score.verdict, Verdict::Conformant);
    results.run.asked.profiles = vec![Profile::Core];
    results.cases.truncate(1);
    results.run.cases = 1;
    let score = Score::of(&results);
    assert_eq!((score.all.passed(), score.all.judged(), score.scope().join(" ")), (1, 1, "core".into()));
    assert_eq!((score.verdict, score.limits.len()), (Verdict::Conformant, 0));
}

#[test]
fn known_failures_are_not_conformant_though_the_exit_code_is_0() {
    let results = of_outcomes(&[Pass, Xfail]);
    assert_eq!(exit_code(&results.cases, &results.stale), 0);
    assert_eq!(Score::of(&results).verdict, Verdict::KnownFailures);
    assert_eq!(Score::of(&results).all.passed(), 1);
}

#[test]
fn what_was_not_decided_is_not_conformant() {
    assert_eq!(Score::of(&of_outcomes(&[Pass, NotVerifiable])).verdict, Verdict::Undecided);
    for outcomes in [&[][..], &[NotApplicable], &[NotVerifiable], &[NotApplicable, NotVerifiable]] {
        let results = of_outcomes(outcomes);
        assert_eq!(Score::of(&results).verdict, Verdict::Nothing, "{outcomes:?}");
        assert_eq!(exit_code(&results.cases, &results.stale), 4, "{outcomes:?}");
    }
}

/// Each way in which a run isn't a whole one.
pub fn partial() -> Vec<(Limit, Results)> {
    let made = |change: fn(&mut Results)| {
        let mut results = of_outcomes(&[Pass, Pass]);
        change(&mut results);
        results
    };
    vec![
        (Limit::NoEnd, made(|it| it.end = None)),
        (Limit::CutShort, made(|it| it.end.as_mut().unwrap().cut_short = true)),
        (Limit::Missing(2, 3), made(|it| it.run.cases = 3)),
        (Limit::Shard(Shard { index: 1, of: 2 }), made(|it| it.run.shard = Some(Shard { index: 1, of: 2 }))),
        (Limit::Filters(vec!["fd_*".into()]), made(|it| it.run.asked.filters = vec!["fd_*".into()])),
        (Limit::Clauses(vec![id("FD-01")]), made(|it| it.run.asked.clauses = vec![id("FD-01")])),
        (Limit::SourceOnly, made(|it| it.run.origin = Origins::Source)),
    ]
}

#[test]
fn a_run_that_is_not_whole_is_never_conformant() {
    for (limit, mut results) in partial() {
        let score = Score::of(&results);
        assert_eq!((score.verdict, score.is_conformant()), (Verdict::Partial, false), "{limit}");
        assert_eq!(score.limits, [limit]);
        results.cases[0].outcome = Fail;
        assert_eq!(Score::of(&results).verdict, Verdict::NotConformant);
    }
}

#[test]
fn the_verdict_never_contradicts_the_exit_code() {
    let whole = [vec![], vec![Pass, HarnessError, Fail], vec![Pass, Fail, Xfail], vec![Pass, Xpass], vec![Pass]];
    let verdicts = whole.map(|outcomes| {
        let results = of_outcomes(&outcomes);
        (exit_code(&results.cases, &results.stale), Score::of(&results).verdict)
    });
    use Verdict::{Conformant, HarnessError as Harness, NotConformant, Nothing, Outdated};
    assert_eq!(verdicts, [(4, Nothing), (3, Harness), (1, NotConformant), (1, Outdated), (0, Conformant)]);
}

#[test]
fn a_stale_entry_is_red_and_an_empty_run_is_empty_before_all() {
    let entry = [stale("FD-09", "it names no case")];
    assert_eq!(exit_code(&[case("fd_01_x", Pass)], &entry), 1);
    assert_eq!(exit_code(&[], &entry), 4);
    assert_eq!(exit_code(&[case("fd_01_x", NotVerifiable), case("fd_02_x", Xfail)], &[]), 0);
    let mut results = of_outcomes(&[Pass]);
    results.stale = entry.into();
    assert_eq!(Score::of(&results).verdict, Verdict::Outdated);
}
