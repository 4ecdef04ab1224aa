//! One page for a browser that needs nothing else: it holds its style and its script, and forbids itself to
//! load anything.
//!
//! What it does: the verdict, the score, each failure with all that is known of it, every clause with its cases,
//! what was skipped and why, and the facts of the run. The script filters clauses, copies command lines and opens
//! what a link leads to; without it everything can be read all the same.
//! What must stay true: text from outside goes through `maud`, which escapes it, and through [`super::text`];
//! the page's policy admits only the style and the script that are built in, by their digests.

mod cases;
mod clauses;
mod piece;

use maud::{DOCTYPE, Markup, PreEscaped, html};
use multibase::Base;
use sha2::{Digest as _, Sha256};

use super::text::{excerpt, one_line};
use super::view::View;
use crate::outcome::Outcome;
use crate::results::Verdict;

const STYLE: &str = include_str!("html/page.css");
const SCRIPT: &str = include_str!("html/page.js");

/// The page.
pub(super) fn page(view: &View<'_>) -> String {
    let name = one_line(&view.results.run.implementation.name, 100);
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(policy());
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="referrer" content="no-referrer";
                title { (name) ": " (view.score.verdict) }
                link rel="icon" href="data:,";
                style { (PreEscaped(STYLE)) }
            }
            body {
                a.skip href="#clauses" { "Skip to the clauses" }
                (header(view, &name))
                main {
                    (clauses::score(view))
                    (cases::failures(view))
                    (cases::known(view))
                    (cases::stale(view))
                    (clauses::list(view))
                    (cases::skipped(view))
                    (cases::slowest(view))
                    (facts(view))
                }
                script { (PreEscaped(SCRIPT)) }
            }
        }
    };
    page.into_string() + "\n"
}

/// Nothing may be loaded; of styles and scripts only ours count.
fn policy() -> String {
    let digest = |text: &str| format!("'sha256-{}'", Base::Base64Pad.encode(Sha256::digest(text)));
    format!(
        "default-src 'none'; style-src {}; script-src {}; img-src data:; base-uri 'none'; form-action 'none'",
        digest(STYLE),
        digest(SCRIPT),
    )
}

fn header(view: &View<'_>, name: &str) -> Markup {
    let remarks = View::remarks(&view.score.all);
    html! {
        header {
            p.kicker { "Conformance of " code { "ww run" } }
            h1 { (name) }
            (identity(view))
            div.verdict data-verdict=(view.score.verdict.word()) {
                span.mark aria-hidden="true" { (mark(view.score.verdict)) }
                div {
                    p.said { (view.score.verdict) }
                    p { strong { (view.sentence()) } @if !remarks.is_empty() { ": " (remarks.join(", ")) } "." }
                    p.muted { (view.totals()) "; " (view.took()) "." }
                }
            }
            @if !view.score.limits.is_empty() {
                div.notice role="note" {
                    strong { "This isn't a whole run" }
                    ul { @for limit in &view.score.limits { li { (one_line(&limit.to_string(), 1_000)) } } }
                }
            }
            @if let Some(text) = view.unreviewed() {
                div.notice role="note" { strong { "To be looked at again" } p { (text) "." } }
            }
            (contents(view))
        }
    }
}

/// What the verdict is about, in a few words; "About this run" says it in full.
fn identity(view: &View<'_>) -> Markup {
    let run = &view.results.run;
    let short = |digest: &str| format!("{}…", one_line(digest, 12).trim_end_matches('…'));
    html! {
        ul.identity {
            li { code { (one_line(&run.implementation.command.join(" "), 200)) } }
            @if let Some(digest) = &run.implementation.sha256 { li { "sha256 " code { (short(digest)) } } }
            li { "specification " code { (short(&run.specification.sha256)) } }
            li { (one_line(&run.suite.name, 100)) " " (one_line(&run.suite.version, 100)) }
            li { "seed " (run.seed) }
            li { (one_line(&run.machine.system, 100)) ", " (one_line(&run.machine.architecture, 100)) }
            li { time { (one_line(&run.started, 100)) } }
        }
    }
}

const fn mark(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Conformant => "✓",
        Verdict::NotConformant | Verdict::Outdated => "✗",
        Verdict::HarnessError => "!",
        Verdict::KnownFailures | Verdict::Undecided => "≈",
        Verdict::Partial | Verdict::Nothing => "–",
    }
}

fn contents(view: &View<'_>) -> Markup {
    let skipped = view.skipped().iter().map(|group| group.cases.len()).sum();
    let sections = [
        ("failures", "Failures", Some(view.red().len())),
        ("known", "Known failures", Some(view.with(Outcome::Xfail).count())),
        ("stale", "Out of date", Some(view.results.stale.len())),
        ("clauses", "Clauses", Some(view.score.clauses.len())),
        ("skipped", "Skipped", Some(skipped)),
        ("slowest", "Slowest", None),
        ("run", "About this run", None),
    ];
    html! {
        nav aria-label="Sections" {
            ul {
                @for (id, title, count) in sections {
                    @if count != Some(0) {
                        li { a href={ "#" (id) } { (title) } @if let Some(count) = count { " " span.number { (count) } } }
                    }
                }
            }
        }
    }
}

fn facts(view: &View<'_>) -> Markup {
    html! {
        section #run {
            h2 { "About this run" }
            dl.facts { @for (name, value) in view.facts() { dt { (name) } dd { code { (excerpt(&value, 2_000)) } } } }
        }
    }
}
