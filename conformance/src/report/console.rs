//! The summary of the end of a run, as text: what went wrong and the verdict last, where a terminal, and the end of a log,
//! show it.
//!
//! What must stay true: without colours there is no escape sequence in it, and with them none that an
//! implementation printed; what is meant to be copied, a command line, is never broken into lines.

use anstyle::{AnsiColor, Style};

use super::text::{duration, excerpt, one_line};
use super::view::View;
use crate::outcome::Outcome;
use crate::results::{CaseLine, ProfileScore, State, Verdict};

/// The most bytes of a text that are shown.
const MOST: usize = 1_500;

/// The text.
pub(super) fn summary(view: &View<'_>, width: usize, color: bool) -> String {
    let mut page = Page { text: String::new(), width: width.max(40), color };
    slowest(&mut page, view);
    score(&mut page, view);
    skipped(&mut page, view);
    known(&mut page, view);
    stale(&mut page, view);
    failures(&mut page, view);
    verdict(&mut page, view);
    page.text
}

/// What has been written, and how.
struct Page {
    text: String,
    width: usize,
    color: bool,
}

impl Page {
    /// A text in a style, if there are any.
    fn styled(&self, style: Style, text: &str) -> String {
        if self.color { format!("{style}{text}{style:#}") } else { text.to_owned() }
    }

    fn line(&mut self, line: &str) {
        self.text += line.trim_end();
        self.text.push('\n');
    }

    fn title(&mut self, title: &str) {
        let title = self.styled(Style::new().bold(), title);
        self.line(&title);
        self.line("");
    }

    /// Text behind a label; further lines stand below its beginning. The label's style has no width.
    fn labelled(&mut self, label: &str, style: Style, text: &str) {
        let indent = label.chars().count();
        let width = self.width.saturating_sub(indent).max(20);
        let mut label = self.styled(style, label);
        for line in text.split('\n').flat_map(|line| wrap(line, width)) {
            self.line(&(label + &line));
            label = " ".repeat(indent);
        }
    }
}

/// Lines of at most so many characters, broken at spaces; a longer word is left whole.
fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    let mut length = 0;
    for word in text.split(' ') {
        let chars = word.chars().count();
        if length > 0 && length + 1 + chars > width {
            lines.push(String::new());
            length = 0;
        }
        if let Some(line) = lines.last_mut() {
            if length > 0 {
                line.push(' ');
                length += 1;
            } else if chars == 0 {
                // A space at the beginning is an indent that somebody wanted.
                line.push(' ');
            }
            line.push_str(word);
            length += chars;
        }
    }
    lines
}

const DIM: Style = Style::new().dimmed();
const RED: Style = AnsiColor::Red.on_default().bold();
const YELLOW: Style = AnsiColor::Yellow.on_default();
const GREEN: Style = AnsiColor::Green.on_default();
const MAGENTA: Style = AnsiColor::Magenta.on_default();

fn style(outcome: Outcome) -> Style {
    match outcome {
        Outcome::Pass => GREEN,
        Outcome::Fail | Outcome::Xpass => RED,
        Outcome::Xfail => YELLOW,
        Outcome::HarnessError => MAGENTA,
        Outcome::NotApplicable | Outcome::NotVerifiable => DIM,
    }
}

fn failures(page: &mut Page, view: &View<'_>) {
    let red = view.red();
    if !red.is_empty() {
        page.title("Failures");
    }
    for case in red {
        failure(page, view, case);
        page.line("");
    }
}

fn failure(page: &mut Page, view: &View<'_>, case: &CaseLine) {
    let outcome = page.styled(style(case.outcome), case.outcome.word());
    page.line(&format!("  {outcome} {} {}", one_line(&case.name, 200), page.styled(DIM, &duration(case.ms))));
    for clause in case.clauses.iter().filter_map(|id| view.clause(*id)) {
        page.labelled(&format!("    {} ", clause.id), Style::new().bold(), &one_line(&clause.text, MOST));
    }
    if let Some(reason) = &case.reason {
        page.labelled("      reason: ", DIM, &excerpt(reason, MOST));
    }
    match (&case.expected, &case.actual, &case.story) {
        (None, None, Some(story)) => page.labelled("    ", DIM, excerpt(story, MOST).trim_end()),
        (expected, actual, _) => {
            for (label, text) in [("    expected: ", expected), ("         got: ", actual)] {
                if let Some(text) = text {
                    page.labelled(label, DIM, &excerpt(text, MOST));
                }
            }
        }
    }
    if let Some(command) = case.commands.last() {
        let label = page.styled(DIM, "      repeat: ");
        page.line(&format!("{label}{}", one_line(command, 4_000)));
    }
    if let Some(bundle) = &case.bundle {
        let label = page.styled(DIM, "      bundle: ");
        page.line(&format!("{label}{}", one_line(bundle, 400)));
    }
}

fn known(page: &mut Page, view: &View<'_>) {
    let known: Vec<_> = view.with(Outcome::Xfail).collect();
    if known.is_empty() {
        return;
    }
    page.title("Known failures");
    for case in known {
        let link = case.link.as_deref().map(|link| format!(" ({})", one_line(link, 400))).unwrap_or_default();
        let reason = one_line(case.reason.as_deref().unwrap_or("no reason was given"), 400);
        page.labelled("  xfail ", YELLOW, &format!("{}: {reason}{link}", one_line(&case.name, 200)));
    }
    page.line("");
}

fn skipped(page: &mut Page, view: &View<'_>) {
    let groups = view.skipped();
    if groups.is_empty() {
        return;
    }
    page.title("Skipped");
    for group in groups {
        let reason = format!("{}: {}", group.outcome, one_line(group.reason, 400));
        page.labelled(&format!("  {:>4} ", group.cases.len()), Style::new(), &reason);
        if group.cases.len() <= 3 {
            for case in group.cases {
                page.labelled("       ", DIM, &one_line(&case.name, 200));
            }
        }
    }
    page.line("");
}

fn stale(page: &mut Page, view: &View<'_>) {
    if view.results.stale.is_empty() {
        return;
    }
    page.title("Expected failures that are out of date");
    for entry in &view.results.stale {
        let text = format!("{}: {}", one_line(&entry.entry, 200), one_line(&entry.why, 400));
        page.labelled("  stale ", RED, &text);
    }
    page.line("");
}

fn slowest(page: &mut Page, view: &View<'_>) {
    let slowest = view.slowest();
    if slowest.is_empty() {
        return;
    }
    page.title("Slowest");
    for case in slowest {
        page.line(&format!("  {:>10}  {}", duration(case.ms), one_line(&case.name, 200)));
    }
    page.line("");
}

fn score(page: &mut Page, view: &View<'_>) {
    page.title("Clauses");
    for one in &view.score.profiles {
        row(page, one);
    }
    page.line("");
}

fn row(page: &mut Page, one: &ProfileScore) {
    let (passed, judged) = (one.tally.passed(), one.tally.judged());
    let style = match () {
        () if !one.in_scope => DIM,
        () if one.tally.count(State::Fails) > 0 => RED,
        () if passed < judged => YELLOW,
        () => GREEN,
    };
    let (hold, remarks) = match (one.in_scope, one.claimed) {
        (true, _) => (format!("{passed}/{judged}"), View::remarks(&one.tally).join(", ")),
        (_, true) => ("-".into(), "not asked for".into()),
        _ => ("-".into(), "not claimed".into()),
    };
    let label = format!("  {:8} {hold:>7}  ", one.profile.to_string());
    page.labelled(&label, style, &remarks);
}

fn verdict(page: &mut Page, view: &View<'_>) {
    let style = match view.score.verdict {
        Verdict::Conformant => GREEN.bold(),
        Verdict::NotConformant | Verdict::Outdated => RED,
        Verdict::HarnessError => MAGENTA.bold(),
        Verdict::KnownFailures | Verdict::Undecided | Verdict::Partial | Verdict::Nothing => YELLOW.bold(),
    };
    for limit in &view.score.limits {
        page.labelled("not a whole run: ", YELLOW, &one_line(&limit.to_string(), 400));
    }
    if let Some(text) = view.unreviewed() {
        page.labelled("look at again: ", YELLOW, &text);
    }
    let run = &view.results.run;
    page.labelled("", DIM, &format!("{}, in {}, seed {}", view.totals(), view.took(), run.seed));
    page.labelled("", DIM, &view.sentence());
    let name = one_line(&run.implementation.name, 100);
    let verdict = page.styled(style, &view.score.verdict.to_string());
    page.line(&format!("{name}: {verdict}"));
}
