//! What is shown while cases run: a line that moves on a terminal, a line each elsewhere.
//!
//! What must stay true: a failure is shown when it is found, in full; nothing is lost when standard
//! output isn't a terminal.

use std::io::IsTerminal;

use super::say::say;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use ww_conformance::outcome::Outcome;
use ww_conformance::results::CaseLine;

/// The display of one run.
pub struct Progress {
    bar: Option<ProgressBar>,
}

impl Progress {
    /// For so many cases.
    pub fn new(total: usize) -> Self {
        if !(std::io::stdout().is_terminal() && std::io::stderr().is_terminal()) {
            return Self { bar: None };
        }
        let bar = ProgressBar::with_draw_target(Some(total as u64), ProgressDrawTarget::stderr());
        if let Ok(style) = ProgressStyle::with_template("[{pos}/{len}] {elapsed} {bar:24} {wide_msg}") {
            bar.set_style(style);
        }
        Self { bar: Some(bar) }
    }

    /// A case has ended.
    pub fn ended(&self, case: &CaseLine) {
        let tells = !matches!(case.outcome, Outcome::Pass | Outcome::NotApplicable);
        let mut text = format!("{:14} {} {} ms", case.outcome, case.name, case.ms);
        for part in [&case.reason, &case.story].into_iter().flatten() {
            text += &part.lines().map(|line| format!("\n    {line}")).collect::<String>();
        }
        match &self.bar {
            Some(bar) => {
                bar.inc(1);
                bar.set_message(case.name.clone());
                if tells {
                    bar.suspend(|| say!("{text}"));
                }
            }
            None => say!("{text}"),
        }
    }

    /// All have.
    pub fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
