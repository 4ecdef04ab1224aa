//! Expected failures: told as such, with reason and link, and red when they aren't true any more.

use std::fs;

use predicates::prelude::*;
use ww_conformance::outcome::Outcome;

use super::{Place, line};

const NAME: &str = "fd_06_grants_count_among_themselves";

fn entry(key: &str, value: &str) -> String {
    format!("[[expect]]\n{key} = '{value}'\nreason = 'known'\nlink = 'https://example.org/1'\n")
}

/// Runs the cases of FD-06 with a list of expected failures.
fn run(place: &Place, list: &str) -> assert_cmd::assert::Assert {
    fs::write(place.path("expected.toml"), list).expect("the list");
    let path = place.path("expected.toml");
    place.run(&["FD-06", "--expect", &path.to_string_lossy()]).assert()
}

#[test]
fn an_expected_failure_is_xfail_with_its_reason_and_link() {
    let place = Place::reversed();
    run(&place, &entry("clause", "FD-06")).code(1);
    assert_eq!(line(&place.results(), NAME).outcome, Outcome::Xfail);
    // The property's own clause is another one, and fails too.
    run(&place, &(entry("case", NAME) + &entry("case", "fd_0[78]_*"))).code(0);
    let results = place.results();
    let case = line(&results, NAME);
    assert_eq!((case.reason.as_deref(), case.link.as_deref()), (Some("known"), Some("https://example.org/1")));
}

#[test]
fn one_that_passes_is_xpass_and_red() {
    let place = Place::sound();
    run(&place, &entry("case", NAME)).code(1);
    assert_eq!(line(&place.results(), NAME).outcome, Outcome::Xpass);
}

#[test]
fn an_entry_that_isnt_true_any_more_is_stale_and_red() {
    let place = Place::sound();
    run(&place, &entry("clause", "FD-06")).code(1);
    assert_eq!(place.results().stale[0].why, "every case of it passes");
    run(&place, &entry("case", "fd_99_*")).code(1);
    assert_eq!(place.results().stale[0].why, "it names no case of this suite");
    // What wasn't asked for isn't judged.
    run(&place, &entry("clause", "ENV-01")).code(0);
}

#[test]
fn a_list_that_isnt_one_is_2() {
    let place = Place::sound();
    for (list, says) in [
        ("[[expect]]\nreason = 'r'\nlink = 'l'\n".to_owned(), "either a case or a clause"),
        (entry("clause", "FD-98"), "FD-98"),
        (entry("case", NAME).replace("'known'", "' '"), "needs a reason"),
        (entry("case", NAME).replace("link = ", "url = "), "unknown field"),
        (entry("case", "[a"), "ill-formed pattern"),
    ] {
        run(&place, &list).code(2).stderr(predicate::str::contains(says));
    }
}
