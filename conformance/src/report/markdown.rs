//! A summary in Markdown, for the page of a CI job or a comment on a pull request.
//!
//! What must stay true: it is shorter than GitHub's limit for a comment (65,536 characters), and says what was
//! left out for that; what an implementation printed stands in fences that it can't close.

use super::text::{count, excerpt, one_line};
use super::view::View;
use crate::outcome::Outcome;
use crate::results::{CaseLine, State, Verdict};

/// Where details end, so that the whole stays below the limit.
const MOST: usize = 48 << 10;

/// The document.
pub(super) fn document(view: &View<'_>) -> String {
    let mut whole = head(view) + &table(view);
    let mut left_out = 0;
    for (title, cases) in [("Failures", view.red()), ("Known failures", view.with(Outcome::Xfail).collect())] {
        if !cases.is_empty() {
            whole += &format!("\n### {title}\n");
        }
        for case in cases {
            let block = details(view, case);
            match whole.len() + block.len() < MOST {
                true => whole += &block,
                false => left_out += 1,
            }
        }
    }
    if left_out > 0 {
        whole += &format!("\n{} more: see the whole report.\n", count(left_out, "case"));
    }
    for section in [stale(view), skipped(view), slowest(view), facts(view)] {
        match whole.len() + section.len() < MOST + (12 << 10) {
            true => whole += &section,
            false => whole += "\nA section is left out here, as it is too long: see the whole report.\n",
        }
    }
    whole
}

fn head(view: &View<'_>) -> String {
    let mark = match view.score.verdict {
        Verdict::Conformant => "✅",
        Verdict::NotConformant | Verdict::Outdated => "❌",
        Verdict::HarnessError => "💥",
        Verdict::KnownFailures | Verdict::Undecided => "🟡",
        Verdict::Partial | Verdict::Nothing => "⚪",
    };
    let name = inline(&view.results.run.implementation.name, 100);
    let mut head = format!("## {mark} {name}: {}\n\n**{}**", view.score.verdict, view.sentence());
    let remarks = View::remarks(&view.score.all);
    if !remarks.is_empty() {
        head += &format!(" ({})", remarks.join(", "));
    }
    head += &format!(". {}, in {}.\n", view.totals(), view.took());
    for limit in &view.score.limits {
        head += &format!("\n> ⚠️ Not a whole run: {}.\n", inline(&limit.to_string(), 400));
    }
    if let Some(text) = view.unreviewed() {
        head += &format!("\n> ⚠️ To be looked at again: {}.\n", inline(&text, 1_000));
    }
    head
}

fn table(view: &View<'_>) -> String {
    let mut table = String::from(
        "\n| profile | hold | fail | known failures | not decided | not applicable | not judged yet |\n\
         |---|--:|--:|--:|--:|--:|--:|\n",
    );
    for one in &view.score.profiles {
        let tally = &one.tally;
        let number = |states: &[State]| match states.iter().map(|state| tally.count(*state)).sum::<usize>() {
            0 => String::new(),
            many => many.to_string(),
        };
        let name = if one.in_scope { format!("**{}**", one.profile) } else { one.profile.to_string() };
        let hold = match (one.in_scope, one.claimed) {
            (true, _) => format!("{}/{}", tally.passed(), tally.judged()),
            (_, true) => "not asked for".into(),
            _ => "not claimed".into(),
        };
        let undecided = [State::HarnessError, State::NotVerifiable, State::NotRun];
        let row = [
            name,
            hold,
            number(&[State::Fails]),
            number(&[State::KnownFailure]),
            number(if one.in_scope { &undecided } else { &[] }),
            number(&[State::NotApplicable]),
            number(&[State::Unjudged]),
        ];
        table += &format!("| {} |\n", row.join(" | "));
    }
    table
}

fn details(view: &View<'_>, case: &CaseLine) -> String {
    let ids: Vec<String> = case.clauses.iter().map(ToString::to_string).collect();
    let summary = format!("<code>{}</code> {} ({})", html(&case.name, 200), case.outcome, ids.join(", "));
    let mut block = format!("\n<details><summary>{summary}</summary>\n\n");
    for clause in case.clauses.iter().filter_map(|id| view.clause(*id)) {
        block += &format!("- **{}** {}: {}\n", clause.id, clause.level, inline(&clause.text, 1_000));
    }
    if let Some(reason) = &case.reason {
        let link = case.link.as_deref().map(|link| format!(" ({})", inline(link, 400))).unwrap_or_default();
        block += &format!("\nReason: {}{link}\n", inline(reason, 1_000));
    }
    for (what, text) in [("Expected", &case.expected), ("Got", &case.actual)] {
        if let Some(text) = text {
            block += &format!("\n{what}:\n{}", fence("text", text, 1_500));
        }
    }
    if let (None, Some(story)) = (&case.expected, &case.story) {
        block += &format!("\n{}", fence("text", story, 2_000));
    }
    if let Some(line) = case.commands.last() {
        block += &format!("\nRepeat it:\n{}", fence("sh", line, 1_500));
    }
    if let Some(bundle) = &case.bundle {
        block += &format!("\nBundle: <code>{}</code>\n", html(bundle, 400));
    }
    block + "\n</details>\n"
}

fn stale(view: &View<'_>) -> String {
    let mut section = String::new();
    for entry in &view.results.stale {
        if section.is_empty() {
            section = "\n### Expected failures that are out of date\n\n".into();
        }
        section += &format!("- <code>{}</code>: {}\n", html(&entry.entry, 200), inline(&entry.why, 400));
    }
    section
}

fn skipped(view: &View<'_>) -> String {
    let groups = view.skipped();
    if groups.is_empty() {
        return String::new();
    }
    let total = groups.iter().map(|group| group.cases.len()).sum();
    let mut section = format!("\n<details><summary>{} skipped</summary>\n\n", count(total, "case"));
    section += "| cases | why | |\n|--:|---|---|\n";
    for group in groups {
        section += &format!("| {} | {} | {} |\n", group.cases.len(), group.outcome, inline(group.reason, 400));
    }
    section + "\n</details>\n"
}

fn slowest(view: &View<'_>) -> String {
    if view.results.cases.is_empty() {
        return String::new();
    }
    let mut section = String::from("\n<details><summary>Slowest cases</summary>\n\n| case | ms |\n|---|--:|\n");
    for case in view.slowest() {
        section += &format!("| <code>{}</code> | {} |\n", html(&case.name, 200), case.ms);
    }
    section + "\n</details>\n"
}

fn facts(view: &View<'_>) -> String {
    let mut section = String::from("\n<details><summary>About this run</summary>\n\n| | |\n|---|---|\n");
    for (name, value) in view.facts() {
        section += &format!("| {name} | <code>{}</code> |\n", html(&value, 400));
    }
    section + "\n</details>\n"
}

/// A block of code whose fence is longer than any in the text.
fn fence(language: &str, text: &str, most: usize) -> String {
    let text = excerpt(text, most);
    let longest = text.split(|char| char != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest.max(2) + 1);
    format!("{fence}{language}\n{}\n{fence}\n", text.trim_end_matches('\n'))
}

/// Text for inside of an element of HTML, within a line or a cell of a table.
fn html(text: &str, most: usize) -> String {
    let mut escaped = String::new();
    let line = one_line(text, most);
    let mut before = None;
    let mut chars = line.chars().peekable();
    while let Some(char) = chars.next() {
        let within_word = |beside: Option<char>| beside.is_some_and(char::is_alphanumeric);
        match char {
            '<' => escaped += "&lt;",
            '>' => escaped += "&gt;",
            '&' => escaped += "&amp;",
            '"' => escaped += "&quot;",
            '_' if within_word(before) && within_word(chars.peek().copied()) => escaped.push(char),
            // Markdown goes on inside of inline elements.
            '\\' | '`' | '*' | '_' | '[' | ']' | '~' | '|' | '!' => escaped += &format!("&#{};", u32::from(char)),
            // What GitHub makes a mention of a person, or of an issue, even where it is escaped.
            '@' | '#' => escaped.extend([char, '\u{2060}']),
            _ => escaped.push(char),
        }
        before = Some(char);
    }
    escaped
}

/// Text for a line of Markdown; what stands between backticks is code, as in the clauses.
fn inline(text: &str, most: usize) -> String {
    let line = one_line(text, most);
    let pieces: Vec<&str> = line.split('`').collect();
    if pieces.len().is_multiple_of(2) {
        return html(&line, usize::MAX);
    }
    let piece = |(at, piece): (usize, &&str)| match at % 2 {
        0 => html(piece, usize::MAX),
        _ => format!("<code>{}</code>", html(piece, usize::MAX)),
    };
    pieces.iter().enumerate().map(piece).collect()
}
