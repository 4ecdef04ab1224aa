//! JUnit XML, as the schema of Jenkins's xunit plugin has it: one suite a profile, one test a case.
//!
//! What must stay true: it is red wherever the suite's exit code isn't 0, also where no case is to blame (a
//! stale entry, a run that was cut short, an empty one); an expected failure is skipped and says so.

use std::borrow::Cow;
use std::io;

use quick_xml::events::{BytesDecl, BytesText, Event};
use quick_xml::writer::{ElementWriter, Writer};

use super::text::{excerpt, one_line, visible};
use super::view::View;
use crate::outcome::Outcome;
use crate::results::{CaseLine, Limit};

/// The most bytes of a failure that are told.
const MOST: usize = 64 << 10;

/// What a test comes to, in the words of the format.
enum Result<'a> {
    Pass,
    Skipped(String),
    Failure(&'a str, String),
    Error(&'a str, String),
}

struct Test<'a> {
    class: String,
    name: String,
    ms: u64,
    result: Result<'a>,
    body: String,
    output: String,
}

struct Suite<'a> {
    name: String,
    tests: Vec<Test<'a>>,
}

/// The document.
pub(super) fn document(view: &View<'_>) -> String {
    let mut writer = Writer::new_with_indent(Vec::new(), b' ', 2);
    // Neither a vector nor this order of events can fail.
    let written = whole(&mut writer, view);
    debug_assert!(written.is_ok(), "{written:?}");
    String::from_utf8_lossy(&writer.into_inner()).into_owned() + "\n"
}

fn whole(writer: &mut Writer<Vec<u8>>, view: &View<'_>) -> io::Result<()> {
    writer.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
    let suites = suites(view);
    let ms =
        view.results.end.as_ref().map_or_else(|| view.results.cases.iter().map(|case| case.ms).sum(), |end| end.ms);
    let (tests, failures, errors, _) = counts(suites.iter().flat_map(|suite| &suite.tests));
    let name = format!("{} judging {}", view.results.run.suite.name, view.results.run.implementation.name);
    with(
        writer,
        "testsuites",
        [
            ("name", one_line(&name, 200)),
            ("tests", tests),
            ("failures", failures),
            ("errors", errors),
            ("time", seconds(ms)),
        ],
    )
    .write_inner_content(|writer| suites.iter().try_for_each(|one| suite(writer, view, one)))?;
    Ok(())
}

fn with<'w, const N: usize>(
    writer: &'w mut Writer<Vec<u8>>,
    name: &'static str,
    attributes: [(&'static str, String); N],
) -> ElementWriter<'w, Vec<u8>> {
    let owned = attributes.into_iter().map(|(key, value)| (key, Cow::<str>::Owned(value)));
    owned.fold(writer.create_element(name), ElementWriter::with_attribute)
}

fn seconds(ms: u64) -> String {
    format!("{}.{:03}", ms / 1_000, ms % 1_000)
}

fn counts<'a>(tests: impl Iterator<Item = &'a Test<'a>>) -> (String, String, String, String) {
    let (mut all, mut failures, mut errors, mut skipped) = (0, 0, 0, 0);
    for test in tests {
        all += 1;
        match test.result {
            Result::Pass => {}
            Result::Skipped(_) => skipped += 1,
            Result::Failure(..) => failures += 1,
            Result::Error(..) => errors += 1,
        }
    }
    (all.to_string(), failures.to_string(), errors.to_string(), skipped.to_string())
}

/// The cases by profile, and what is wrong with the run where no case is to blame.
fn suites<'a>(view: &View<'a>) -> Vec<Suite<'a>> {
    let mut suites: Vec<Suite<'a>> = Vec::new();
    let mut put = |name: String, test: Test<'a>| match suites.iter_mut().find(|suite| suite.name == name) {
        Some(suite) => suite.tests.push(test),
        None => suites.push(Suite { name, tests: vec![test] }),
    };
    for profile in view.score.profiles.iter().map(|one| Some(one.profile)).chain([None]) {
        let name = profile.map_or("other".to_owned(), |profile| profile.to_string());
        for case in view.results.cases.iter().filter(|case| view.profile(case) == profile) {
            put(name.clone(), test(view, &name, case));
        }
    }
    for entry in &view.results.stale {
        let result = Result::Failure("stale", one_line(&entry.why, 400));
        put("expected-failures".into(), alone("expected-failures", &entry.entry, result));
    }
    let cut = |limit: &&Limit| matches!(limit, Limit::NoEnd | Limit::CutShort | Limit::Missing(..));
    for limit in view.score.limits.iter().filter(cut) {
        put("run".into(), alone("run", "the run is whole", Result::Error("incomplete", limit.to_string())));
    }
    if view.results.cases.is_empty() {
        let result = Result::Error("empty", "nothing was selected".into());
        put("run".into(), alone("run", "there are cases", result));
    }
    suites
}

fn alone<'a>(class: &str, name: &str, result: Result<'a>) -> Test<'a> {
    let (class, name) = (class.to_owned(), one_line(name, 400));
    Test { class, name, ms: 0, result, body: String::new(), output: String::new() }
}

fn test<'a>(view: &View<'_>, profile: &str, case: &'a CaseLine) -> Test<'a> {
    let reason = one_line(case.reason.as_deref().unwrap_or_default(), 400);
    let link = case.link.as_deref().map(|link| format!(" ({})", one_line(link, 400))).unwrap_or_default();
    let story = case.story.as_deref().unwrap_or_default();
    let result = match case.outcome {
        Outcome::Pass => Result::Pass,
        Outcome::Fail => {
            let told = case.expected.as_deref().or_else(|| story.lines().next()).unwrap_or_default();
            Result::Failure("fail", one_line(told, 400))
        }
        Outcome::Xfail => Result::Skipped(format!("expected failure: {reason}{link}")),
        Outcome::Xpass => Result::Failure("xpass", format!("it passed, and was expected to fail: {reason}{link}")),
        Outcome::NotApplicable | Outcome::NotVerifiable => Result::Skipped(format!("{}: {reason}", case.outcome)),
        Outcome::HarnessError => Result::Error("harness-error", reason),
    };
    let told = |id: &crate::clauses::ClauseId| {
        let clause = view.clause(*id).map(|clause| format!(" {}: {}", clause.level, clause.text));
        format!("{id}{}", clause.unwrap_or_default())
    };
    let clauses: Vec<String> = case.clauses.iter().map(told).collect();
    let mut output = format!("{}\n", visible(&clauses.join("\n")));
    for line in &case.commands {
        output += &format!("$ {}\n", excerpt(line, MOST));
    }
    if let Some(bundle) = &case.bundle {
        output += &format!("bundle: {}\n", visible(bundle));
    }
    let area = case.clauses.first().map_or("other", |id| id.area().prefix());
    let body = match (&case.outcome, case.reason.as_deref()) {
        (Outcome::HarnessError, Some(reason)) => excerpt(reason, MOST),
        _ => excerpt(story, MOST),
    };
    Test { class: format!("{profile}.{area}"), name: one_line(&case.name, 400), ms: case.ms, result, body, output }
}

fn suite(writer: &mut Writer<Vec<u8>>, view: &View<'_>, suite: &Suite<'_>) -> io::Result<()> {
    let (tests, failures, errors, skipped) = counts(suite.tests.iter());
    with(
        writer,
        "testsuite",
        [
            ("name", suite.name.clone()),
            ("tests", tests),
            ("failures", failures),
            ("errors", errors),
            ("skipped", skipped),
            ("time", seconds(suite.tests.iter().map(|test| test.ms).sum())),
            ("timestamp", one_line(&view.results.run.started, 100)),
        ],
    )
    .write_inner_content(|writer| {
        writer.create_element("properties").write_inner_content(|writer| properties(writer, view))?;
        suite.tests.iter().try_for_each(|test| write(writer, test))
    })?;
    Ok(())
}

fn properties(writer: &mut Writer<Vec<u8>>, view: &View<'_>) -> io::Result<()> {
    let verdict = ("verdict", view.score.verdict.to_string());
    let limits = view.score.limits.iter().map(|limit| ("partial", limit.to_string()));
    for (name, value) in view.facts().into_iter().chain([verdict]).chain(limits) {
        with(writer, "property", [("name", name.to_owned()), ("value", one_line(&value, 1_000))]).write_empty()?;
    }
    Ok(())
}

fn write(writer: &mut Writer<Vec<u8>>, test: &Test<'_>) -> io::Result<()> {
    let case = with(
        writer,
        "testcase",
        [("name", test.name.clone()), ("classname", test.class.clone()), ("time", seconds(test.ms))],
    );
    case.write_inner_content(|writer| {
        let (element, kind, message) = match &test.result {
            Result::Pass => return text(writer.create_element("system-out"), &test.output),
            Result::Skipped(message) => ("skipped", "skipped", message),
            Result::Failure(kind, message) => ("failure", *kind, message),
            Result::Error(kind, message) => ("error", *kind, message),
        };
        text(with(writer, element, [("type", kind.to_owned()), ("message", message.clone())]), &test.body)?;
        text(writer.create_element("system-out"), &test.output)
    })?;
    Ok(())
}

fn text(element: ElementWriter<'_, Vec<u8>>, text: &str) -> io::Result<()> {
    match text.is_empty() {
        true => element.write_empty()?,
        false => element.write_text_content(BytesText::new(text))?,
    };
    Ok(())
}
