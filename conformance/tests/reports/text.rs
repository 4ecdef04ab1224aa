//! What the console, Markdown and the badge say, as snapshots and in what must never be in them.

use ww_conformance::outcome::Outcome::{self, Fail, NotVerifiable, Pass, Xfail, Xpass};
use ww_conformance::report::{Format, console, render, write_all};
use ww_conformance::results::{Results, Shard};

use crate::sample::{HOSTILE, case, everything, of_outcomes};
use crate::valid;

/// Compares with what the report was; `INSTA_UPDATE=always` writes it anew.
fn remembered(name: &str, report: String) {
    insta::with_settings!({ omit_expression => true, prepend_module_to_snapshot => false }, {
        insta::assert_snapshot!(name, report);
    });
}

/// Two parts of three, the second never ended.
fn killed_shard() -> Results {
    let mut results = of_outcomes(&[Pass, Pass]);
    results.run.shard = Some(Shard { index: 2, of: 3 });
    results.run.cases = 4;
    results.end = None;
    results
}

#[test]
fn the_console_says_it_all() {
    remembered("console", console(&everything(), 100, false));
    remembered("console_narrow", console(&everything(), 48, false));
    remembered("console_killed_shard", console(&killed_shard(), 80, false));
    remembered("console_empty", console(&of_outcomes(&[]), 80, false));
}

#[test]
fn the_console_has_colours_only_where_they_are_wanted() {
    let (plain, colored) = (console(&everything(), 100, false), console(&everything(), 100, true));
    assert!(!plain.contains('\u{1b}'));
    assert!(colored.contains("\u{1b}[1m\u{1b}[31mfail"));
    // Of all sequences, those that set a style are ours; what the implementation printed is a picture.
    assert!(colored.split('\u{1b}').skip(1).all(|rest| rest.starts_with('[') && !rest.starts_with("[31m\r")));
    assert!(colored.contains("␛]0;t␇␛[31m␍"));
}

#[test]
fn prose_keeps_to_the_width() {
    for width in [48, 80, 100] {
        for line in console(&everything(), width, false).lines() {
            let copied =
                ["repeat:", "bundle:", "::", "fd_02", "long", "alert", "@everyone"].iter().any(|it| line.contains(it));
            assert!(copied || line.chars().count() <= width, "{width}: {line}");
        }
    }
}

#[test]
fn markdown_says_it_all() {
    remembered("markdown", render(Format::Markdown, &everything()));
    remembered("markdown_killed_shard", render(Format::Markdown, &killed_shard()));
    remembered("markdown_empty", render(Format::Markdown, &of_outcomes(&[])));
}

#[test]
fn markdown_fits_into_a_comment_whatever_failed() {
    let mut results = of_outcomes(&[]);
    for at in 0..3_000 {
        let mut failed = case(&format!("fd_01_case_{at}"), if at % 3 == 0 { Fail } else { NotVerifiable });
        failed.story = Some(HOSTILE.repeat(100));
        failed.actual = Some(HOSTILE.repeat(100));
        failed.reason = Some(format!("reason {at}"));
        results.cases.push(failed);
    }
    let report = render(Format::Markdown, &results);
    assert!(report.chars().count() < 65_536, "{}", report.len());
    assert!(report.contains(" cases more: see the whole report."), "{}", &report[report.len() - 400..]);
}

#[test]
fn what_was_printed_closes_no_fence() {
    let report = render(Format::Markdown, &everything());
    let mut fence: Option<&str> = None;
    for line in report.lines() {
        let ticks = &line[..line.len() - line.trim_start_matches('`').len()];
        match fence {
            Some(open) if ticks == line && ticks.len() >= open.len() => fence = None,
            Some(_) => {}
            None if ticks.len() >= 3 => fence = Some(ticks),
            None => assert!(!line.contains("<script") && !line.contains("<img"), "{line}"),
        }
    }
    assert_eq!(fence, None);
}

/// The words of a badge, and its colour.
fn badge(results: &Results) -> (String, String) {
    let svg = render(Format::Badge, results);
    valid::well_formed(&svg);
    let between = |from: &str, to: &str| {
        let rest = &svg[svg.rfind(from).unwrap() + from.len()..];
        rest[..rest.find(to).unwrap()].to_owned()
    };
    (between("<title>", "</title>"), between("height=\"20\" fill=\"#", "\""))
}

const GREEN: &str = "2a7d1f";

#[test]
fn the_badge_says_it_all() {
    remembered("badge", render(Format::Badge, &of_outcomes(&[Pass, Fail, Xfail])));
    let said = |outcomes: &[Outcome]| badge(&of_outcomes(outcomes)).0;
    assert_eq!(said(&[Pass, Pass, Fail]), "ww conformance: core fds 2/3");
    assert_eq!(said(&[Pass, Xfail, Xfail]), "ww conformance: core fds 1/3, 2 known to fail");
    assert_eq!(said(&[Pass, Xpass]), "ww conformance: core fds 2/2, expected failures out of date");
    assert_eq!(said(&[Pass, NotVerifiable]), "ww conformance: core fds 1/2");
    assert_eq!(said(&[]), "ww conformance: nothing was judged");
    assert_eq!(badge(&killed_shard()).0, "ww conformance: partial (no end), core fds 2/2");
}

#[test]
fn only_a_whole_run_of_a_conformant_implementation_is_green() {
    let mut green = of_outcomes(&[Pass, Pass]);
    assert_eq!(badge(&green), ("ww conformance: core fds conformant".into(), GREEN.into()));
    green.clauses.pop();
    assert!(!badge(&green).0.ends_with(": conformant"), "the specification has more clauses than the stream");
    green.run.specification.clauses -= 1;
    assert_eq!(badge(&green), ("ww conformance: conformant".into(), GREEN.into()));
    let less = Outcome::ALL.into_iter().filter(|outcome| *outcome != Pass).map(|it| of_outcomes(&[Pass, it]));
    let partial = crate::score::partial().into_iter().map(|(_, results)| results);
    for results in less.chain(partial).chain([of_outcomes(&[])]) {
        let (text, color) = badge(&results);
        let skipped = results.cases.iter().any(|case| case.outcome == Outcome::NotApplicable);
        assert!(skipped || (color != GREEN && !text.contains("conformant")), "{text} {color}");
    }
}

#[test]
fn every_report_is_written_whole_and_replaces_an_older_one() {
    let folder = tempfile::tempdir().expect("a folder");
    let reports = folder.path().join("new/reports");
    write_all(&of_outcomes(&[]), &reports).expect("they are written");
    write_all(&everything(), &reports).expect("they are written again");
    let mut names: Vec<_> = std::fs::read_dir(&reports).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["badge.svg", "junit.xml", "report.html", "report.md"]);
    for format in Format::FILES {
        let written = std::fs::read_to_string(reports.join(format.file_name())).unwrap();
        assert_eq!(written, render(format, &everything()));
    }
}
