//! Small streams, built in code.

use ww_conformance::adapter::{Layout, Origins};
use ww_conformance::clauses::{ClauseId, Level, Origin, Profile};
use ww_conformance::outcome::Outcome;
use ww_conformance::results::{
    Asked, CaseLine, ClauseLine, End, Implementation, Judge, Machine, NodeUsed, Program, Results, Run, SCHEMA, Stale,
    exit_code,
};

/// A stream of this much, with its end.
pub fn stream(clauses: Vec<ClauseLine>, cases: Vec<CaseLine>) -> Results {
    let run = Run { cases: cases.len(), ..run(clauses.len()) };
    with_end(Results { run, clauses, cases, stale: vec![], end: None })
}

/// The same with an end that fits its cases.
pub fn with_end(mut results: Results) -> Results {
    let mut counts = std::collections::BTreeMap::new();
    for case in &results.cases {
        *counts.entry(case.outcome).or_default() += 1;
    }
    let nodes = vec![NodeUsed { kind: "binary".into(), version: "0.39.0".into() }];
    let exit_code = exit_code(&results.cases, &results.stale);
    results.end = Some(End { counts, cut_short: false, nodes, ms: 83_417, exit_code });
    results
}

/// A clause and a case for each outcome, and a clause of a profile that isn't claimed: what most tests look at.
pub fn of_outcomes(outcomes: &[Outcome]) -> Results {
    let ids = (1..=outcomes.len()).map(|number| format!("FD-{number:02}"));
    let clauses = ids.map(|id| clause(&id, Profile::Fds)).chain([clause("P2P-01", Profile::P2p)]).collect();
    let cases = outcomes.iter().enumerate().map(|(at, outcome)| case(&format!("fd_{:02}_x", at + 1), *outcome));
    stream(clauses, cases.collect())
}

pub fn id(text: &str) -> ClauseId {
    text.parse().expect("the id of a clause")
}

pub fn clause(name: &str, profile: Profile) -> ClauseLine {
    ClauseLine {
        id: id(name),
        level: Level::Must,
        profile,
        origin: Origin::Ruling,
        text: format!("What `{name}` says is so."),
        source: "ruling 4".into(),
        disputed: None,
        unjudged: None,
    }
}

/// A case of the clause that its name begins with.
pub fn case(name: &str, outcome: Outcome) -> CaseLine {
    let mut parts = name.split('_');
    let mut part = || parts.next().expect("a name that begins with an id");
    let own = format!("{}-{}", part().to_uppercase(), part());
    let failed = matches!(outcome, Outcome::Fail | Outcome::Xfail);
    let reason = match outcome {
        Outcome::Pass | Outcome::Fail => None,
        Outcome::Xfail | Outcome::Xpass => Some("the peer has no answer yet"),
        Outcome::NotApplicable => Some("the adapter doesn't claim the profile fds"),
        Outcome::NotVerifiable => Some("this machine has no user namespaces"),
        Outcome::HarnessError => Some("the launcher didn't start: No such file or directory (os error 2)"),
    };
    let in_case = |text: &str| failed.then(|| text.to_owned());
    CaseLine {
        name: name.into(),
        layout: Layout::RpcFirst,
        clauses: vec![id(&own)],
        outcome,
        reason: reason.map(Into::into),
        link: matches!(outcome, Outcome::Xfail | Outcome::Xpass).then(|| "https://example.org/issues/7".into()),
        expected: in_case("fd 3 is the RPC socket"),
        actual: in_case("Some(Pipe)"),
        story: in_case("expected: fd 3 is the RPC socket\n     got: Some(Pipe)\n  exit code: 0"),
        checks: 3,
        ms: 40,
        commands: vec!["/opt/ww run --with-fd 'db=9' ./probe facts".into()],
        bundle: in_case(&format!("bundles/{name}")),
        unreviewed: vec![],
    }
}

pub fn stale(entry: &str, why: &str) -> Stale {
    Stale { entry: entry.into(), why: why.into() }
}

fn run(clauses: usize) -> Run {
    use Profile::{Core, Fds};
    Run {
        schema: SCHEMA,
        suite: Program { name: "ww-conformance".into(), version: "0.1.0".into() },
        specification: Judge { sha256: "5f".repeat(32), clauses },
        implementation: Implementation {
            name: "ww".into(),
            command: vec!["/opt/ww".into(), "run".into()],
            sha256: Some("0a".repeat(32)),
            profiles: vec![Core, Fds],
            layout: Layout::RpcFirst,
        },
        machine: Machine { system: "Linux 6.18.0".into(), architecture: "x86_64".into(), processors: 2, root: false },
        origin: Origins::All,
        asked: Asked::default(),
        seed: 42,
        shard: None,
        expect: None,
        cases: 0,
        started: "2026-03-01T12:00:00Z".into(),
    }
}

/// Bytes of every kind that an implementation may print, as a case would tell them.
pub const HOSTILE: &str = "</pre></script><script>alert('&amp;')</script><img src=x onerror=alert(1)>\0\u{1}\u{1b}]0;t\u{7}\u{1b}[31m\r\n```\n<img src=y>\n````\n</details>\n]]> @everyone #1 [x](javascript:1) |\u{202e}\u{85}\u{ffff}\u{fffe}\u{10ffff}";

/// All seven outcomes in three profiles, hostile text, a very long line, stale entries.
pub fn everything() -> Results {
    use Profile::{Core, Fds, P2p};
    let mut clauses = vec![clause("CLI-01", Core), clause("CLI-02", Core)];
    clauses.extend((1..=7).map(|number| clause(&format!("FD-{number:02}"), Fds)));
    clauses.push(clause("P2P-01", P2p));
    clauses[1].unjudged = Some("pending: `ww export` isn't there yet".into());
    clauses[2].disputed = Some("the RPC socket is fd 3 | the first grant is".into());
    let mut cases = vec![case("cli_01_help_is_printed", Outcome::Pass)];
    let named = |(at, outcome)| case(&format!("fd_{:02}_nothing_else_is_open::rpc_first", at + 1), outcome);
    cases.extend(Outcome::ALL.into_iter().enumerate().map(named));
    cases.push(case("p2p_01_a_peer_is_answered", Outcome::NotApplicable));
    let mut hostile = case("fd_02_what_is_printed_is_shown", Outcome::Fail);
    (hostile.expected, hostile.actual) = (Some("nothing".into()), Some(HOSTILE.into()));
    hostile.story = Some(format!("expected: nothing\n     got: {HOSTILE}\n{}", "long".repeat(50_000)));
    hostile.commands = vec!["/opt/ww run ./first".into(), format!("/opt/ww run $'\\x00<script>' {HOSTILE}")];
    hostile.bundle = Some("bundles/../javascript:alert(1)/\"<b>".into());
    hostile.link = Some("javascript:alert(1)".into());
    (hostile.ms, hostile.unreviewed) = (61_250, vec![id("FD-02")]);
    cases.push(hostile);
    let mut results = stream(clauses, cases);
    results.stale = vec![stale("fd_09_gone", "it names no case"), stale(HOSTILE, HOSTILE)];
    with_end(results)
}
