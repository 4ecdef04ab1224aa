//! The page: every case is on it, nothing is loaded by it, and what was printed stays text.

use std::path::Path;
use std::time::Instant;

use ww_conformance::clauses::{Specification, Status, Testability};
use ww_conformance::outcome::Outcome;
use ww_conformance::report::{Format, render, write_all};
use ww_conformance::results::{ClauseLine, Results, write};
use ww_conformance::trials;

use crate::sample::{HOSTILE, case, everything, of_outcomes, stale, stream};

fn page(results: &Results) -> String {
    render(Format::Html, results)
}

/// Every clause of the specification and every case of the suite, with failures among them.
fn whole_suite() -> Results {
    let specification = Specification::embedded();
    let unjudged = |clause: &ww_conformance::clauses::Clause| match (&clause.status, &clause.testability) {
        (Status::Pending(why), _) => Some(format!("pending: {why}")),
        (_, Testability::NotTestable(why)) => Some(format!("not testable: {why}")),
        (_, Testability::Manual) => Some("a person decides it".to_owned()),
        _ => None,
    };
    let clauses = specification.clauses().iter().map(|clause| ClauseLine {
        id: clause.id,
        level: clause.level,
        profile: clause.profile,
        origin: clause.origin,
        text: clause.text.clone(),
        source: clause.source.clone(),
        disputed: clause.disputed.clone(),
        unjudged: unjudged(clause),
    });
    let cases = trials::all().enumerate().map(|(at, one)| {
        let outcome = match at {
            7 | 30 => Outcome::Fail,
            31 => Outcome::Xpass,
            40 => Outcome::HarnessError,
            50 | 51 => Outcome::Xfail,
            _ if at % 29 == 0 => Outcome::NotVerifiable,
            _ => Outcome::Pass,
        };
        let mut line = case(one.name, outcome);
        line.clauses = one.clauses(specification).expect("clauses of the specification");
        line.ms = (at as u64 * 7_919) % 4_000;
        line
    });
    let mut results = stream(clauses.collect(), cases.collect());
    results.run.implementation.profiles.extend({
        use ww_conformance::clauses::Profile::{Ipfs, Jail, Rpc, Status};
        [Ipfs, Jail, Rpc, Status]
    });
    results.cases[7].commands.insert(0, "/opt/ww run ./probe --help".into());
    results.cases[7].actual = Some(format!("{HOSTILE}\n{}", "a long line ".repeat(60)));
    results.cases[7].unreviewed = results.cases[7].clauses.clone();
    results.stale = vec![stale("fd_09_gone", "it names no case of this suite")];
    results
}

#[test]
fn the_page_of_the_whole_suite_is_small_and_made_at_once() {
    let results = whole_suite();
    let begun = Instant::now();
    let page = page(&results);
    assert!(begun.elapsed().as_secs() < 5, "{:?}", begun.elapsed());
    assert!(page.len() < 1_000_000, "{}", page.len());
    // Left there for people to look at.
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("reports");
    write_all(&results, &folder).expect("they are written");
    let stream = std::fs::File::create(folder.join("results.jsonl")).expect("a file");
    write(&results, stream).expect("it is written");
}

#[test]
fn a_page_full_of_failures_is_small_too() {
    let mut results = whole_suite();
    for case in &mut results.cases {
        case.outcome = Outcome::Fail;
        case.story = Some(HOSTILE.repeat(1_000));
        (case.expected, case.actual) = (case.story.clone(), case.story.clone());
    }
    let page = page(&results);
    // Two KiB a case.
    assert!(page.len() < results.cases.len() << 11, "{}", page.len());
}

#[test]
fn every_clause_and_every_case_is_there() {
    for results in [whole_suite(), everything()] {
        let page = page(&results);
        for clause in &results.clauses {
            assert!(page.contains(&format!("id=\"{}\"", clause.id)), "{}", clause.id);
        }
        for case in &results.cases {
            assert!(page.contains(&format!("<code>{}</code>", case.name)), "{}", case.name);
        }
    }
    let mut homeless = of_outcomes(&[Outcome::Pass]);
    homeless.clauses.clear();
    assert!(page(&homeless).contains("<code>fd_01_x</code>"));
}

#[test]
fn nothing_is_loaded() {
    let page = page(&everything());
    for word in ["src=\"", "url(", "@import", "fetch(", "<iframe", "<base", "<object", "style=\""] {
        assert!(!page.contains(word), "{word}");
    }
    assert_eq!(page.matches("<link").count(), 1, "the icon that isn't one");
    for link in page.split(" href=\"").skip(1) {
        let inside = ["#", "./", "data:,\""].iter().any(|start| link.starts_with(start));
        let by_hand = link.starts_with("https://example.org/issues/7\" rel=\"noreferrer nofollow\"");
        assert!(inside || by_hand, "{}", &link[..link.len().min(80)]);
    }
}

#[test]
fn what_was_printed_stays_text() {
    let mut results = everything();
    results.run.implementation.name = HOSTILE.into();
    results.run.implementation.command = vec![HOSTILE.into()];
    for clause in &mut results.clauses {
        clause.text = HOSTILE.into();
        (clause.source, clause.disputed) = (HOSTILE.into(), Some(HOSTILE.into()));
    }
    for case in &mut results.cases {
        (case.name, case.reason, case.link) = (HOSTILE.into(), Some(HOSTILE.into()), Some(HOSTILE.into()));
        case.bundle = Some(HOSTILE.into());
    }
    let page = page(&results);
    assert_eq!((page.matches("<script").count(), page.matches("</script").count()), (1, 1));
    assert_eq!((page.matches("<style").count(), page.matches("<img").count()), (1, 0));
    assert!(page.contains("&lt;script&gt;alert("));
    let unseen = page.chars().find(|char| char.is_control() && *char != '\n');
    assert_eq!(unseen, None);
}

#[test]
fn the_policy_admits_the_style_and_the_script_of_the_page_alone() {
    let page = page(&of_outcomes(&[Outcome::Pass]));
    let policy = &page[page.find("http-equiv=\"Content-Security-Policy\"").expect("a policy")..];
    let policy = &policy[..policy.find('>').expect("its end")];
    assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
    assert_eq!(policy.matches("'sha256-").count(), 2, "{policy}");
    let first = page.find("<meta http-equiv").expect("a policy");
    assert!(first < page.find("<style").expect("a style"), "it holds for all that follows");
}

#[test]
fn a_run_that_is_not_whole_says_so_at_the_top() {
    for (limit, results) in crate::score::partial() {
        let page = page(&results);
        assert!(page.contains("This isn't a whole run"), "{limit}");
        assert!(!page.contains("data-verdict=\"conformant\""), "{limit}");
    }
    let whole = page(&of_outcomes(&[Outcome::Pass]));
    assert!(whole.contains("data-verdict=\"conformant\"") && !whole.contains("This isn't a whole run"));
}
