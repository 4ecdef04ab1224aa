//! What several parts of the page are made of.

use maud::{Markup, html};

use super::super::text::one_line;
use crate::outcome::Outcome;
use crate::results::{State, Tally};

/// The outcome of a case, as a word on its colour.
pub(super) fn outcome(outcome: Outcome) -> Markup {
    html! { span.pill data-state=(outcome.word()) { (outcome.word().replace('-', " ")) } }
}

/// The state of a clause, as a word on its colour.
pub(super) fn state(state: State) -> Markup {
    html! { span.pill data-state=(state.word()) { (state) } }
}

/// A sentence in which what stands between backticks is code, as in the clauses.
pub(super) fn prose(text: &str) -> Markup {
    let line = one_line(text, 4_000);
    let pieces: Vec<&str> = line.split('`').collect();
    html! {
        @if pieces.len().is_multiple_of(2) {
            (line)
        } @else {
            @for (at, piece) in pieces.iter().enumerate() {
                @if at % 2 == 1 { code { (piece) } } @else { (piece) }
            }
        }
    }
}

/// A bar of the states that count, each as long as its share.
pub(super) fn bar(tally: &Tally) -> Markup {
    let judged = tally.judged();
    let mut from = 0;
    let mut parts = Vec::new();
    for state in State::ALL.into_iter().filter(|state| state.is_judged() && tally.count(*state) > 0) {
        parts.push((state, from, tally.count(state)));
        from += tally.count(state);
    }
    html! {
        svg.bar viewBox={ "0 0 " (judged.max(1)) " 1" } preserveAspectRatio="none" aria-hidden="true" focusable="false" {
            @for (state, from, width) in parts {
                rect data-state=(state.word()) x=(from) y="0" width=(width) height="1" {}
            }
        }
    }
}

/// A link to a file below the folder of the report; only its text where it would lead out of there.
pub(super) fn below(path: &str) -> Markup {
    let leads_out = path.starts_with('/') || path.split('/').any(|part| part == "..");
    let shown = one_line(path, 400);
    let mut address = String::from("./");
    for byte in path.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'/' => address.push(char::from(byte)),
            _ => address += &format!("%{byte:02X}"),
        }
    }
    html! {
        @if leads_out { code { (shown) } } @else { a href=(address) { code { (shown) } } }
    }
}

/// A link that somebody wrote into the list of expected failures; only its text where it isn't one to the web.
pub(super) fn elsewhere(link: &str) -> Markup {
    let is_web = link.starts_with("https://") || link.starts_with("http://");
    let shown = one_line(link, 400);
    html! {
        @if is_web { a href=(shown) rel="noreferrer nofollow" { (shown) } } @else { (shown) }
    }
}
