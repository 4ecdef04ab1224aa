//! Two implementations: the same, or told apart by a small input.

use predicates::prelude::*;

use super::{Place, suite};

fn diff(a: &Place, b: &Place, words: &[&str]) -> assert_cmd::assert::Assert {
    let command = |place: &Place| place.path("adapter.toml").into_os_string();
    suite(&["diff", "--seed", "3", "--tries", "60"]).args([command(a), command(b)]).args(words).assert()
}

#[test]
fn the_same_one_agrees_with_itself() {
    diff(&Place::sound(), &Place::sound(), &[]).code(0).stdout(predicate::str::contains("agreed in 60 of 60 inputs"));
}

#[test]
fn a_fault_is_told_with_its_aspect_and_a_line_for_a_shell() {
    let said = diff(&Place::sound(), &Place::reversed(), &[]).code(1);
    said.stdout(predicate::str::contains("A and B differ in").and(predicate::str::contains("--with-fd")));
}

#[test]
fn what_is_no_aspect_is_2() {
    let said = diff(&Place::sound(), &Place::sound(), &["--ignore", "colour"]).code(2);
    said.stderr(predicate::str::contains("is no aspect"));
}
