//! Clauses on the page: the score by profile, and each with its cases, to be searched and filtered.

use maud::{Markup, html};

use super::super::text::{duration, one_line};
use super::super::view::View;
use super::cases::anchor;
use super::piece::{bar, outcome, prose, state};
use crate::clauses::Origin;
use crate::results::{CaseLine, ProfileScore, Scored, State};

/// The score by profile.
pub(super) fn score(view: &View<'_>) -> Markup {
    html! {
        section #score {
            h2 { "Score" }
            table.score {
                thead { tr { th scope="col" { "Profile" } th.right scope="col" { "Hold" } th scope="col" { "Clauses" } } }
                tbody { @for one in &view.score.profiles { (row(one)) } }
            }
        }
    }
}

fn row(one: &ProfileScore) -> Markup {
    html! {
        tr.muted[!one.in_scope] {
            th scope="row" { (one.profile) }
            @if one.in_scope {
                td.right { strong { (one.tally.passed()) } "/" (one.tally.judged()) }
                td { (bar(&one.tally)) span.remarks { (View::remarks(&one.tally).join(", ")) } }
            } @else {
                td.right { "–" }
                td { @if one.claimed { "not asked for" } @else { "not claimed" } }
            }
        }
    }
}

/// Every clause with its cases.
pub(super) fn list(view: &View<'_>) -> Markup {
    let homeless: Vec<_> = view.results.cases.iter().filter(|case| is_homeless(view, case)).collect();
    html! {
        section #clauses {
            h2 { "Clauses " span.number { (view.score.clauses.len()) } }
            (filter(view))
            div #list { @for one in &view.score.clauses { (clause(view, one)) } }
            @if !homeless.is_empty() {
                details.card {
                    summary { span.text { "Cases of clauses that these results don't have" } }
                    div.body { ul.cases { @for case in homeless { (line(view, case)) } } }
                }
            }
        }
    }
}

fn is_homeless(view: &View<'_>, case: &CaseLine) -> bool {
    case.clauses.iter().all(|id| view.clause(*id).is_none())
}

/// The script shows it; without one it would do nothing.
fn filter(view: &View<'_>) -> Markup {
    let number = |state| view.score.clauses.iter().filter(|one| one.state == state).count();
    let states = State::ALL.into_iter().map(|state| (state, number(state))).filter(|(_, number)| *number > 0);
    html! {
        form #filter role="search" hidden {
            label.field { span { "Search" } input #search type="search" autocomplete="off" spellcheck="false"
                placeholder="an id, a word, the name of a case"; }
            label.field { span { "Profile" } select #profile {
                option value="" { "all" }
                @for one in &view.score.profiles { option value=(one.profile) { (one.profile) } }
            } }
            fieldset {
                legend { "State" }
                @for (state, number) in states {
                    label.choice { input type="checkbox" name="state" value=(state.word());
                        span.pill data-state=(state.word()) { (state) " " b { (number) } } }
                }
            }
            div.row {
                output #shown for="search profile" aria-live="polite" {}
                button #toggle type="button" { "Open all" }
                button type="reset" { "Clear" }
            }
        }
    }
}

fn clause(view: &View<'_>, one: &Scored<'_>) -> Markup {
    let line_of = one.line;
    let source = match line_of.origin {
        Origin::Source => format!("“{}”", one_line(&line_of.source, 200)),
        Origin::Ruling => one_line(&line_of.source, 200),
    };
    html! {
        details.card.clause id=(line_of.id) data-state=(one.state.word()) data-profile=(line_of.profile) {
            summary {
                span.id { (line_of.id) }
                (state(one.state))
                span.text { (prose(&line_of.text)) }
            }
            div.body {
                p.muted { span.level { (line_of.level) } " · " (line_of.profile) " · " (source) }
                @if let Some(readings) = &line_of.disputed {
                    p { span.label { "Disputed" } " " (prose(readings)) }
                }
                @if let Some(why) = &line_of.unjudged {
                    p { span.label { "Not judged" } " " (prose(why)) }
                }
                @if one.cases.is_empty() && line_of.unjudged.is_none() {
                    p.muted { "No case of it has ended in this run." }
                }
                @if !one.cases.is_empty() { ul.cases { @for case in &one.cases { (line(view, case)) } } }
            }
        }
    }
}

/// A case of a clause, in a line; where it failed, a link to all the rest.
fn line(view: &View<'_>, case: &CaseLine) -> Markup {
    let name = one_line(&case.name, 400);
    html! {
        li {
            (outcome(case.outcome)) " "
            @match anchor(view, case) {
                Some(anchor) => { a href={ "#" (anchor) } { code { (name) } } }
                None => { code { (name) } }
            }
            " " span.muted { (duration(case.ms)) }
            @if let Some(reason) = &case.reason { span.muted { ": " (one_line(reason, 300)) } }
        }
    }
}
