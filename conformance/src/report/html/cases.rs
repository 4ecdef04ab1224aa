//! Cases on the page: those that failed with all that is known of them, those that were skipped, the slowest.

use maud::{Markup, html};

use super::super::text::{count, duration, excerpt, one_line};
use super::super::view::View;
use super::piece::{below, elsewhere, outcome, prose};
use crate::outcome::Outcome;
use crate::results::CaseLine;

/// The bytes that all stories may take together, so that the page stays small.
const ALL: usize = 64 << 10;

/// What makes the run red.
pub(super) fn failures(view: &View<'_>) -> Markup {
    let red = view.red();
    html! {
        @if !red.is_empty() {
            section #failures {
                h2 { "Failures " span.number { (red.len()) } }
                @for case in red { (failure(view, case, true)) }
            }
        }
    }
}

/// What was expected to fail, and did.
pub(super) fn known(view: &View<'_>) -> Markup {
    let known: Vec<_> = view.with(Outcome::Xfail).collect();
    html! {
        @if !known.is_empty() {
            section #known {
                h2 { "Known failures " span.number { (known.len()) } }
                p.muted { "They fail as the list of expected failures says, and don't count as passed." }
                @for case in known { (failure(view, case, false)) }
            }
        }
    }
}

/// Where a failure is told, within the page.
pub(super) fn anchor(view: &View<'_>, case: &CaseLine) -> Option<String> {
    let told = !matches!(case.outcome, Outcome::Pass | Outcome::NotApplicable | Outcome::NotVerifiable);
    let at = view.results.cases.iter().position(|other| std::ptr::eq(other, case));
    at.filter(|_| told).map(|at| format!("case-{}", at + 1))
}

fn failure(view: &View<'_>, case: &CaseLine, open: bool) -> Markup {
    let told = view.results.cases.iter().filter(|case| case.story.is_some()).count().max(1);
    let most = (ALL / told / 3).clamp(32, 16 << 10);
    html! {
        details.card.told id=[anchor(view, case)] data-state=(case.outcome.word()) open[open] {
            summary {
                (outcome(case.outcome))
                h3 { code.name { (one_line(&case.name, 400)) } }
                span.muted { (case.layout.name()) ", " (count(usize::try_from(case.checks).unwrap_or(usize::MAX), "check"))
                    ", " (duration(case.ms)) }
            }
            div.body {
                ul.plain {
                    @for id in &case.clauses {
                        li { a href={ "#" (id) } { (id) } @if let Some(clause) = view.clause(*id) {
                            " " span.level { (clause.level) } " " (prose(&clause.text))
                        } }
                    }
                }
                @if let Some(reason) = &case.reason {
                    p { span.label { "Reason" } " " (excerpt(reason, most)) }
                }
                @if let Some(link) = &case.link { p { span.label { "See" } " " (elsewhere(link)) } }
                (compared(case, most))
                (repeated(case, most))
                @if let Some(bundle) = &case.bundle { p { span.label { "Bundle" } " " (below(bundle)) } }
            }
        }
    }
}

/// What the clause asks for beside what came, and the whole story.
fn compared(case: &CaseLine, most: usize) -> Markup {
    let both = [("Expected", "expected", &case.expected), ("Got", "got", &case.actual)];
    let told = both.iter().any(|(.., text)| text.is_some());
    html! {
        @if told {
            div.compare {
                @for (title, class, text) in both {
                    @if let Some(text) = text {
                        figure class=(class) { figcaption { (title) } pre tabindex="0" { (excerpt(text, most)) } }
                    }
                }
            }
        }
        @if let Some(story) = &case.story {
            details open[!told] { summary { "The whole story" } pre tabindex="0" { (excerpt(story, most)) } }
        }
    }
}

/// The command lines, the last one first to hand.
fn repeated(case: &CaseLine, most: usize) -> Markup {
    html! {
        @if let Some(bundle) = &case.bundle {
            figure.command {
                figcaption { "Repeat it in a shell, in the folder of this page" }
                div { pre tabindex="0" { (one_line(bundle, 400)) "/repro.sh" } button.copy type="button" hidden { "Copy" } }
            }
        }
        @if let Some((last, before)) = case.commands.split_last() {
            figure.command {
                figcaption { @if case.bundle.is_some() { "What it ran" } @else { "Repeat it in a shell" } }
                div { pre tabindex="0" { (excerpt(last, most.max(4_096))) } button.copy type="button" hidden { "Copy" } }
            }
            @if !before.is_empty() {
                details {
                    summary { "What the case ran before: " (count(before.len(), "command line")) }
                    @for line in before.iter().take(20) { pre tabindex="0" { (one_line(line, most.min(1_000))) } }
                    @if before.len() > 20 { p.muted { "and " (count(before.len() - 20, "more line")) } }
                }
            }
        }
    }
}

/// Entries of the list of expected failures that aren't true any more.
pub(super) fn stale(view: &View<'_>) -> Markup {
    html! {
        @if !view.results.stale.is_empty() {
            section #stale {
                h2 { "Expected failures that are out of date " span.number { (view.results.stale.len()) } }
                dl.facts {
                    @for entry in &view.results.stale {
                        dt { code { (one_line(&entry.entry, 400)) } }
                        dd { (one_line(&entry.why, 1_000)) }
                    }
                }
            }
        }
    }
}

/// Skipped cases by reason.
pub(super) fn skipped(view: &View<'_>) -> Markup {
    let groups = view.skipped();
    html! {
        @if !groups.is_empty() {
            section #skipped {
                h2 { "Skipped " span.number { (groups.iter().map(|group| group.cases.len()).sum::<usize>()) } }
                p.muted { "A case that was skipped isn't one that passed." }
                @for group in groups {
                    details.card {
                        summary {
                            (outcome(group.outcome))
                            span.text { (one_line(group.reason, 1_000)) }
                            span.muted { (count(group.cases.len(), "case")) }
                        }
                        div.body { ul.names { @for case in group.cases { li { code { (one_line(&case.name, 400)) } } } } }
                    }
                }
            }
        }
    }
}

/// The five slowest.
pub(super) fn slowest(view: &View<'_>) -> Markup {
    html! {
        @if !view.results.cases.is_empty() {
            section #slowest {
                h2 { "Slowest" }
                table.times {
                    thead { tr { th scope="col" { "Case" } th.right scope="col" { "Time" } } }
                    tbody {
                        @for case in view.slowest() {
                            tr { td { code { (one_line(&case.name, 400)) } } td.right { (duration(case.ms)) } }
                        }
                    }
                }
            }
        }
    }
}
