//! Parts of a run made one, and streams written and read again.

use ww_conformance::outcome::Outcome::{Fail, NotApplicable, Pass};
use ww_conformance::results::{MergeError, Results, Shard, merge, write};

use crate::sample::{case, clause, of_outcomes, stale, stream, with_end};

/// A run of three parts, the last with a failure.
fn parts() -> Vec<Results> {
    let clauses: Vec<_> =
        ["FD-01", "FD-02", "FD-03"].map(|id| clause(id, ww_conformance::clauses::Profile::Fds)).into();
    let part = |at: usize, outcome| {
        let mut part = stream(clauses.clone(), vec![case(&format!("fd_{at:02}_x"), outcome)]);
        part.run.shard = Some(Shard { index: at, of: 3 });
        part.run.started = format!("2026-03-01T12:00:{:02}Z", 10 - at);
        part
    };
    vec![part(1, Pass), part(2, NotApplicable), part(3, Fail)]
}

#[test]
fn parts_in_any_order_make_one_run() {
    let mut parts = parts();
    parts.rotate_left(1);
    parts[0].stale = vec![stale("FD-09", "it names no case")];
    parts[1].stale = parts[0].stale.clone();
    let whole = merge(parts).unwrap();
    let names: Vec<_> = whole.cases.iter().map(|case| case.name.as_str()).collect();
    assert_eq!(names, ["fd_01_x", "fd_02_x", "fd_03_x"]);
    assert_eq!((whole.run.shard, whole.run.cases, whole.stale.len()), (None, 3, 1));
    assert_eq!(whole.run.started, "2026-03-01T12:00:07Z");
    let end = whole.end.unwrap();
    assert_eq!((end.exit_code, end.counts.len(), end.ms, end.nodes.len()), (1, 3, 83_417, 1));
}

#[test]
fn another_machine_is_named_too() {
    let mut parts = parts();
    parts[1].run.machine.architecture = "aarch64".into();
    parts[2].run.machine.root = true;
    let machine = merge(parts).unwrap().run.machine;
    assert_eq!((machine.architecture.as_str(), machine.root), ("x86_64 and aarch64", false));
}

/// What is said when the parts are changed so.
fn refusal(change: impl FnOnce(&mut Vec<Results>)) -> String {
    let mut parts = parts();
    change(&mut parts);
    merge(parts).unwrap_err().to_string()
}

#[test]
fn parts_of_different_runs_are_refused_with_what_differs() {
    type Change = (fn(&mut Results), &'static str);
    let changes: [Change; 9] = [
        (|it| it.run.suite.version = "0.2.0".into(), "suite"),
        (|it| it.run.specification.sha256 = "00".into(), "specification"),
        (|it| it.clauses[0].text = "Otherwise.".into(), "specification"),
        (|it| it.run.implementation.sha256 = None, "implementation"),
        (|it| it.run.origin = ww_conformance::adapter::Origins::Source, "origin"),
        (|it| it.run.asked.filters = vec!["fd_*".into()], "choice of cases"),
        (|it| it.run.seed = 43, "seed"),
        (|it| it.run.expect = Some("expect.toml".into()), "file of expected failures"),
        (|it| it.run.shard = Some(Shard { index: 2, of: 4 }), "count of parts"),
    ];
    for (change, what) in changes {
        let said = refusal(|parts| change(&mut parts[1]));
        assert_eq!(said, format!("the parts are of different runs: part 2 has another {what} than part 1"));
    }
}

#[test]
fn each_part_is_there_once_and_whole() {
    let refused = [
        refusal(Vec::clear),
        refusal(|parts| drop(parts.remove(0))),
        refusal(|parts| drop(parts.remove(2))),
        refusal(|parts| parts.push(parts[1].clone())),
        refusal(|parts| parts[2].run.shard = Some(Shard { index: 0, of: 3 })),
        refusal(|parts| parts[0].run.shard = None),
        refusal(|parts| parts[1].end = None),
        refusal(|parts| parts[1].end.as_mut().unwrap().cut_short = true),
        refusal(|parts| parts[1].run.cases = 2),
        refusal(|parts| parts[1].cases[0].name = "fd_01_x".into()),
    ];
    let said = [
        "there is no part to merge",
        "part 1 of 3 is missing",
        "part 3 of 3 is missing",
        "part 2 of 3 is one too many",
        "part 0 of 3 is one too many",
        "the results that began at 2026-03-01T12:00:09Z aren't a part of a divided run",
        "part 2 isn't whole: it has 1 of its 1 cases, and no end",
        "part 2 isn't whole: it has 1 of its 1 cases, and was cut short",
        "part 2 isn't whole: it has 1 of its 2 cases, and an end",
        "the case fd_01_x is in two parts",
    ];
    assert_eq!(refused, said);
    assert_eq!(merge(vec![]), Err(MergeError::Nothing));
}

#[test]
fn what_is_written_reads_back_as_it_was() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("results.jsonl");
    let mut results = with_end(of_outcomes(&ww_conformance::outcome::Outcome::ALL));
    results.stale = vec![stale("FD-09", "it names no case")];
    results.cases[1].story = Some("a\nb\0\u{1b}[31m\u{2028}<script>".into());
    for results in [results.clone(), Results { end: None, ..results }] {
        write(&results, std::fs::File::create(&path).expect("a file")).expect("it is written");
        assert_eq!(Results::read(&path).expect("it is read"), results);
    }
}
