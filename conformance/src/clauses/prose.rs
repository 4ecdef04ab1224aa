//! Writes the specification as a document for people: `docs/spec.md`.
//!
//! What it does: introduction, numbers, a count by area, the clauses, the rulings; all in Markdown.
//! What must stay true: the same clauses give the same bytes, so that a test can tell whether the
//! committed document is stale; everything but the introduction comes from `clauses.toml`.

use std::fmt::Write as _;

use super::{AreaIntro, Clause, ClauseId, Origin, Specification, Status, Testability};

const INTRO: &str = include_str!("intro.md");

/// The whole document, in Markdown.
#[must_use]
pub fn document(spec: &Specification) -> String {
    let mut blocks = vec![INTRO.trim_end().to_owned(), numbers(spec), counts(spec)];
    for area in spec.areas() {
        blocks.push(format!("## {}: {}\n\n{}", area.prefix, area.title, area.intro));
        blocks.extend(spec.in_area(area.prefix).map(clause));
    }
    blocks.push(rulings(spec));
    blocks.join("\n\n") + "\n"
}

fn link(id: ClauseId) -> String {
    format!("[{id}](#{})", id.to_string().to_lowercase())
}

fn numbers(spec: &Specification) -> String {
    let mut table = String::from("## Numbers\n\n| what | value | clause |\n|---|---|---|");
    for number in spec.numbers() {
        let _ = write!(table, "\n| {} | {} | {} |", number.what, number.value, link(number.clause));
    }
    table
}

fn counts(spec: &Specification) -> String {
    let mut table =
        String::from("## Areas\n\n| area | about | clauses | active | pending | disputed |\n|---|---|---|---|---|---|");
    let mut row = |name: &str, about: &str, clauses: &[&Clause]| {
        let pending = clauses.iter().filter(|clause| clause.is_pending()).count();
        let disputed = clauses.iter().filter(|clause| clause.disputed.is_some()).count();
        let (all, active) = (clauses.len(), clauses.len() - pending);
        let _ = write!(table, "\n| {name} | {about} | {all} | {active} | {pending} | {disputed} |");
    };
    for AreaIntro { prefix, title, .. } in spec.areas() {
        row(prefix.prefix(), title, &spec.in_area(*prefix).collect::<Vec<_>>());
    }
    row("all", "", &spec.clauses().iter().collect::<Vec<_>>());
    table
}

fn clause(clause: &Clause) -> String {
    let source = match clause.origin {
        Origin::Source => format!("“{}”", clause.source),
        Origin::Ruling => clause.source.clone(),
    };
    let mut badges = vec![format!("**{}**", clause.level), clause.profile.to_string()];
    let mut notes = Vec::new();
    if let Some(readings) = &clause.disputed {
        badges.push("*disputed*".into());
        notes.push(format!("Disputed: {readings}"));
    }
    if let Status::Pending(reason) = &clause.status {
        badges.push("*pending*".into());
        notes.push(format!("Pending: {reason}."));
    }
    match &clause.testability {
        Testability::Automatic => {}
        Testability::Manual => badges.push("*tested by hand*".into()),
        Testability::NotTestable(reason) => {
            badges.push("*not testable*".into());
            notes.push(format!("Not testable: {reason}."));
        }
    }
    badges.push(source);
    let mut block = format!("### {}\n\n{}\n\n{}", clause.id, clause.text, badges.join(" · "));
    for note in notes {
        let _ = write!(block, "\n\n> {note}");
    }
    block
}

fn rulings(spec: &Specification) -> String {
    let mut list = String::from(
        "## Rulings\n\nWhat the source document leaves open or says twice, and how it was decided; \
         the clauses say it in full.\n",
    );
    for ruling in spec.rulings() {
        let _ = write!(list, "\n{}. **{}.** {}", ruling.number, ruling.title, ruling.text);
    }
    list
}
