//! A badge in the flat style that people know from shields.io, made here.
//!
//! What must stay true: only a whole run of a conformant implementation is green; a run that isn't whole
//! says "partial" and why before any number.

use maud::{PreEscaped, html};

use super::view::View;
use crate::results::{State, Verdict};

const LABEL: &str = "ww conformance";

/// The SVG.
pub(super) fn svg(view: &View<'_>) -> String {
    let (value, color) = (value(view), color(view));
    let (left, right) = (width(LABEL) + 10, width(&value) + 10);
    let whole = left + right;
    let title = format!("{LABEL}: {value}");
    let words = |text: &str, from: usize, width: usize| {
        let (middle, length) = (from * 10 + width * 5, (width - 10) * 10);
        html! {
            text aria-hidden="true" x=(middle) y="150" fill="#010101" fill-opacity=".3" transform="scale(.1)"
                textLength=(length) { (text) }
            text x=(middle) y="140" transform="scale(.1)" fill="#fff" textLength=(length) { (text) }
        }
    };
    let svg = html! {
        svg xmlns="http://www.w3.org/2000/svg" width=(whole) height="20" role="img" aria-label=(title) {
            title { (title) }
            linearGradient id="s" x2="0" y2="100%" {
                stop offset="0" stop-color="#bbb" stop-opacity=".1" {}
                stop offset="1" stop-opacity=".1" {}
            }
            clipPath id="r" { rect width=(whole) height="20" rx="3" fill="#fff" {} }
            g clip-path="url(#r)" {
                rect width=(left) height="20" fill="#555" {}
                rect x=(left) width=(right) height="20" fill=(color) {}
                rect width=(whole) height="20" fill="url(#s)" {}
            }
            g text-anchor="middle" font-family="Verdana,Geneva,DejaVu Sans,sans-serif" font-size="110"
                text-rendering="geometricPrecision" {
                (words(LABEL, 0, left))
                (words(&value, left, right))
            }
        }
        (PreEscaped("\n"))
    };
    svg.into_string()
}

/// What it says.
fn value(view: &View<'_>) -> String {
    let (score, all) = (&view.score, &view.score.all);
    let scope = if score.is_about_all() { "all profiles".to_owned() } else { score.scope().join(" ") };
    let fraction = format!("{scope} {}/{}", all.passed(), all.judged());
    let fraction = match score.limits.first() {
        Some(limit) => format!("partial ({}), {fraction}", limit.word()),
        None => fraction,
    };
    match score.verdict {
        Verdict::Nothing => "nothing was judged".into(),
        Verdict::HarnessError => "the harness failed".into(),
        Verdict::Conformant if score.is_about_all() => "conformant".into(),
        Verdict::Conformant => format!("{scope} conformant"),
        Verdict::Outdated => format!("{fraction}, expected failures out of date"),
        Verdict::KnownFailures => {
            let known = all.count(State::KnownFailure);
            format!("{fraction}, {known} known to fail")
        }
        Verdict::NotConformant | Verdict::Partial | Verdict::Undecided => fraction,
    }
}

/// White text is readable on each of them.
fn color(view: &View<'_>) -> &'static str {
    match view.score.verdict {
        Verdict::Conformant => "#2a7d1f",
        Verdict::NotConformant => "#c2302b",
        Verdict::Outdated => "#b4500f",
        Verdict::KnownFailures => "#8d6200",
        Verdict::Undecided => "#5d6b14",
        Verdict::Nothing | Verdict::HarnessError | Verdict::Partial => "#6a6f76",
    }
}

/// How wide a text is in Verdana of 11 pixels: the widths of the font's letters, in thousandths of its size.
fn width(text: &str) -> usize {
    let of = |char| match char {
        'i' | 'j' | 'l' | '\'' => 280,
        ' ' | 'f' | 't' | ',' | '.' => 360,
        'r' | 'I' | 'J' | '(' | ')' | '-' | '/' | ':' | ';' | '[' | ']' | '|' => 450,
        'c' | 's' | 'z' => 522,
        'm' => 973,
        'w' => 818,
        'M' | 'W' | '@' | '%' => 1_000,
        'A'..='Z' => 700,
        _ => 625,
    };
    text.chars().map(of).sum::<usize>() * 11 / 1_000 + 1
}
