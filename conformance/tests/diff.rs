//! Two implementations compared: the same one agrees with itself, a faulty one is told from it by the
//! aspect in which it is faulty, and by an input with hardly more in it than that takes.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;

use ww_conformance::adapter::{Adapter, Timeouts};
use ww_conformance::diff::{Comparison, Difference, Input, Options, aspects, compare, diff, one};
use ww_conformance::setup::Setup;

/// The real one, named as the cases' own is.
fn real() -> &'static Setup {
    static REAL: OnceLock<Setup> = OnceLock::new();
    REAL.get_or_init(|| {
        let beside = Setup::beside().expect("the folder of this test");
        let adapter = Adapter::from_environment(&beside).expect("an implementation");
        Setup::new(adapter, &beside, None).expect("launcher and cells")
    })
}

/// One of the zoo, called as the real one is.
fn faulty(name: &str) -> Setup {
    let faulty = Path::new(env!("CARGO_BIN_EXE_ww-faulty"));
    let mut adapter = real().adapter().clone();
    adapter.env.insert("WW_REAL".into(), adapter.command[0].clone());
    adapter.command = vec![faulty.to_string_lossy().into_owned(), name.to_owned(), "run".into()];
    adapter.timeouts = Timeouts { run_ms: 5_000, grace_ms: 1_000, ..Timeouts::default() };
    real().judging(adapter)
}

fn found(name: &str) -> Difference {
    let options = Options { seed: 7, tries: 120, ..Options::default() };
    let difference = diff(real(), &faulty(name), &options).expect("no fault of the harness");
    difference.unwrap_or_else(|| panic!("{name} isn't told from the real one"))
}

/// Checks in what a fault differs, and how much its smallest input has in it.
fn differs(name: &str, aspect: &str, most: usize) -> Difference {
    let difference = found(name);
    assert!(difference.names().any(|other| other == aspect), "{name}: {difference}");
    assert!(difference.input.size() <= most, "{name}: {difference}");
    difference
}

#[test]
fn the_same_implementation_agrees_with_itself() {
    let options = Options { seed: 1, tries: 40, ..Options::default() };
    let found = compare(real(), real(), &options).expect("no fault of the harness");
    assert_eq!(found, Comparison { seed: 1, tried: 40, agreed: 40, differences: vec![] }, "{found}");
    assert_eq!(found.to_string(), "A and B agreed in 40 of 40 inputs (seed 1)");
}

#[test]
fn an_argument_that_is_changed_is_the_whole_input() {
    let difference = differs("arguments-lossy", "arguments", 1);
    assert_eq!(serde_json::to_value(&difference.input.args).ok(), Some(serde_json::json!(["\\x80"])), "{difference}");
}

#[test]
fn an_order_of_grants_takes_two_flags() {
    let difference = differs("grants-reversed", "environment", 2);
    assert_eq!(difference.input.flags.len(), 2, "{difference}");
}

#[test]
fn one_grant_too_many_takes_no_flag() {
    differs("one-grant-too-many", "descriptors", 0);
}

#[test]
fn an_entry_that_wins_wrongly_takes_two() {
    let difference = differs("env-first-wins", "environment", 2);
    assert_eq!(difference.input.flags.len(), 2, "{difference}");
}

#[test]
fn a_code_is_told_with_the_program_that_shows_it() {
    differs("missing-1", "exit", 0);
}

#[test]
fn a_phrase_is_told() {
    differs("phrase-reworded", "message", 0);
}

#[test]
fn a_file_left_behind_is_seen_each_time() {
    let difference = differs("file-left", "leftovers", 0);
    assert_eq!(difference.again, ww_conformance::diff::AGAIN, "{difference}");
}

#[test]
fn what_is_ignored_is_no_difference() {
    let ignore = BTreeSet::from(["leftovers".to_owned()]);
    let options = Options { seed: 7, tries: 20, ignore, ..Options::default() };
    let found = compare(real(), &faulty("file-left"), &options).expect("no fault of the harness");
    assert!(found.differences.is_empty(), "{found}");
    assert!(aspects().contains(&"leftovers"));
}

#[test]
fn several_differences_differ_in_other_aspects() {
    let options = Options { seed: 7, tries: 80, most: 4, ..Options::default() };
    let found = compare(real(), &faulty("no-jail"), &options).expect("no fault of the harness");
    let sets: BTreeSet<Vec<&str>> = found.differences.iter().map(|one| one.names().collect()).collect();
    assert_eq!(sets.len(), found.differences.len(), "{found}");
    assert!(sets.len() > 1, "{found}");
}

#[test]
fn an_input_is_run_again_from_its_text() {
    let text = r#"{"flags":[{"grant":"a=5"},{"env":"A=\\xff"}],"open":[5],"program":{"what":{"exit":7}}}"#;
    let input: Input = serde_json::from_str(text).expect("an input");
    assert_eq!(
        serde_json::to_string(&input).ok().as_deref(),
        Some(&*text.replace("7}}", "7},\"named\":\"relative\"}"))
    );
    let none = BTreeSet::new();
    assert_eq!(one(real(), real(), &input, &none).expect("no fault of the harness"), None);
    let difference = one(real(), &faulty("exit-1"), &input, &none).expect("no fault of the harness").expect("one");
    assert_eq!(difference.aspects, [("exit", "code 7".to_owned(), "code 1".to_owned())]);
    let code = |line: &str| {
        let mut shell = Command::new("bash");
        shell.args(["-c", line]).env("WW_PROBE", real().probe()).status().expect("bash runs").code()
    };
    assert_eq!(difference.commands.each_ref().map(|line| code(line)), [Some(7), Some(1)], "{difference}");
}
