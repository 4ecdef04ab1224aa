//! JUnit XML: valid whatever an implementation printed, and red wherever the exit code is.

use ww_conformance::outcome::Outcome::{self, Fail, HarnessError, Pass, Xfail, Xpass};
use ww_conformance::report::{Format, render};
use ww_conformance::results::{Results, exit_code};

use crate::sample::{HOSTILE, everything, of_outcomes, stale};
use crate::valid;

fn junit(results: &Results) -> String {
    let document = render(Format::Junit, results);
    valid::junit(&document).unwrap_or_else(|fault| panic!("{fault}\n{document}"));
    document
}

#[test]
fn the_schema_is_looked_at() {
    let document = junit(&everything());
    for (from, to) in
        [("<testcase name=", "<testcase nome="), ("time=\"83.417\"", "time=\"1m\""), ("skipped ", "left ")]
    {
        assert!(document.contains(from), "{from}");
        assert!(valid::junit(&document.replace(from, to)).is_err(), "{to} is found");
    }
}

#[test]
fn every_stream_gives_a_valid_document() {
    for outcomes in [&[][..], &[Pass], &Outcome::ALL] {
        let mut results = of_outcomes(outcomes);
        junit(&results);
        results.end = None;
        junit(&results);
        results.run.implementation.name = HOSTILE.into();
        results.run.implementation.command = vec![HOSTILE.into()];
        results.clauses.clear();
        for case in &mut results.cases {
            case.name = HOSTILE.into();
            (case.reason, case.link, case.story) = (Some(HOSTILE.into()), Some(HOSTILE.into()), Some(HOSTILE.into()));
        }
        junit(&results);
    }
}

#[test]
fn each_outcome_has_its_element() {
    let document = junit(&everything());
    for (element, count) in [
        ("<testcase ", 12),
        ("<failure type=\"fail\"", 2),
        ("<failure type=\"xpass\"", 1),
        ("<failure type=\"stale\"", 2),
        ("<error type=\"harness-error\"", 1),
        ("<skipped type=\"skipped\" message=\"expected failure: ", 1),
        ("<skipped type=\"skipped\" message=\"not-applicable: ", 2),
        ("<skipped type=\"skipped\" message=\"not-verifiable: ", 1),
        ("<property name=\"seed\" value=\"42\"/>", 4),
    ] {
        assert_eq!(document.matches(element).count(), count, "{element}\n{document}");
    }
    let sums = "tests=\"12\" failures=\"5\" errors=\"1\" time=\"83.417\"";
    assert!(document.contains(sums), "{document}");
    for name in ["specification", "suite", "digest", "verdict"] {
        assert!(document.contains(&format!("<property name=\"{name}\"")), "{name}");
    }
}

#[test]
fn it_is_red_where_the_exit_code_is_not_0() {
    let red = |results: &Results| {
        let document = junit(results);
        document.contains("<failure") || document.contains("<error")
    };
    for outcomes in [&[][..], &[Pass], &[Fail], &[Xfail], &[Xpass], &[HarnessError]] {
        let mut results = of_outcomes(outcomes);
        assert_eq!(red(&results), exit_code(&results.cases, &results.stale) != 0, "{outcomes:?}");
        results.stale = vec![stale("FD-09", "it names no case")];
        assert!(red(&results));
    }
    let mut cut = of_outcomes(&[Pass]);
    cut.end.as_mut().unwrap().cut_short = true;
    assert!(red(&cut));
    cut.end = None;
    assert!(red(&cut));
}
