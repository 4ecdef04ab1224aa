//! One run in parts, and the parts together.

use std::collections::BTreeMap;

use predicates::prelude::*;
use ww_conformance::results::Results;

use super::{Place, suite};

fn outcomes(results: &Results) -> BTreeMap<String, String> {
    results.cases.iter().map(|case| (case.name.clone(), case.outcome.to_string())).collect()
}

#[test]
fn the_parts_together_are_the_whole() {
    let place = Place::reversed();
    let mut files = Vec::new();
    for part in ["1/3", "2/3", "3/3"] {
        place.run(&["FD", "ENV", "--seed", "5", "--shard", part]).output().expect("the suite starts");
        let file = place.path(&format!("part-{}.jsonl", &part[..1]));
        std::fs::rename(place.path("report/results.jsonl"), &file).expect("the part");
        files.push(file);
    }
    let whole = place.path("whole.jsonl");
    suite(&["report", "merge", "-o"]).arg(&whole).args(&files).assert().code(1);
    let merged = Results::read(&whole).expect("the whole");
    place.run(&["FD", "ENV", "--seed", "5"]).assert().code(1);
    assert_eq!(outcomes(&merged), outcomes(&place.results()));
    suite(&["report", "merge", "-o"]).arg(&whole).args(&files[..2]).assert().code(2);
    let twice = [&files[0], &files[0], &files[1]];
    suite(&["report", "merge", "-o"]).arg(&whole).args(twice).assert().code(2);
}

#[test]
fn every_kind_of_report_is_made_of_the_stream() {
    let place = Place::sound();
    place.run(&["ENV-01"]).assert().code(0);
    for (kind, has) in [("html", "<!DOCTYPE html>"), ("md", "ENV-01"), ("junit", "<testsuite"), ("badge", "<svg")] {
        let mut command = suite(&["report", "--format", kind]);
        command.arg(place.path("report/results.jsonl")).assert().code(0).stdout(predicate::str::contains(has));
    }
    suite(&["report", "/no/such/file"]).assert().code(2).stderr(predicate::str::contains("/no/such/file"));
}
