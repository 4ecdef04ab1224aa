//! Bundles: what a failure leaves runs again, with the suite and without.

use std::process::Command;

use predicates::prelude::*;

use super::{Place, suite};

const NAME: &str = "fd_06_grants_count_among_themselves";

#[test]
fn a_failure_is_replayed_from_its_bundle() {
    let place = Place::reversed();
    place.run(&[NAME]).assert().code(1);
    let bundle = place.path("report").join(place.results().cases[0].bundle.clone().expect("a bundle"));
    let again = suite(&["replay"]).arg(&bundle).assert().code(1);
    again.stdout(
        predicate::str::contains("then: expected: grants").and(predicate::str::contains("now:  expected: grants")),
    );
    let sound = Place::sound();
    let mended = format!("{} run", sound.path("ww").display());
    let now = suite(&["replay", "--impl", &mended]).arg(&bundle).assert().code(0);
    now.stdout(predicate::str::contains("now:  it passes").and(predicate::str::contains("the implementation was")));
    suite(&["replay"]).arg(place.path("report")).assert().code(2).stderr(predicate::str::contains("no replay bundle"));
}

#[test]
fn a_case_of_another_layout_leaves_its_files_too() {
    let place = Place::reversed();
    place.run(&["fd_02_in_rpc_first_the_nth_grant_is_fd_3_plus_n"]).assert().code(1);
    let bundle = place.path("report").join(place.results().cases[0].bundle.clone().expect("a bundle"));
    let said = Command::new(bundle.join("repro.sh")).output().expect("the script");
    assert!(serde_json::from_slice::<serde_json::Value>(&said.stdout).is_ok(), "{said:?}");
}

#[test]
fn its_script_does_the_same_without_the_suite() {
    let place = Place::reversed();
    place.run(&[NAME]).assert().code(1);
    let bundle = place.path("report").join(place.results().cases[0].bundle.clone().expect("a bundle"));
    let facts = |program: Option<&Place>| -> serde_json::Value {
        let mut script = Command::new(bundle.join("repro.sh"));
        if let Some(other) = program {
            script.env("WW", other.path("ww"));
        }
        let said = script.output().expect("the script");
        assert!(String::from_utf8_lossy(&said.stderr).contains("exit code: 0"), "{said:?}");
        serde_json::from_slice(&said.stdout).expect("the probe's facts")
    };
    let file_on = |facts: &serde_json::Value, number: usize| {
        facts["fds"][number]["path"].as_str().unwrap_or_default().rsplit('/').next().map(str::to_owned)
    };
    let (broken, sound) = (facts(None), facts(Some(&Place::sound())));
    assert_eq!((file_on(&broken, 4), file_on(&broken, 6)), (Some("c".into()), Some("a".into())));
    assert_eq!((file_on(&sound, 4), file_on(&sound, 6)), (Some("a".into()), Some("c".into())));
}
