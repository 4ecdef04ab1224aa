//! The command line of the suite: it judges any implementation of `ww run`.
//!
//! What it does: each verb is a file; `main` parses, hands over, and prints the one error.
//! What must stay true: exit codes are those of [`Ended`]; only reports and answers go to standard output.

mod adapters;
mod args;
mod differ;
mod measure;
mod progress;
mod replay;
mod reports;
mod run;
mod say;
mod show;
mod teeth;

use std::process::ExitCode;

use args::{Command, parse};
use ww_conformance::results::Results;

/// How a verb ended, and with that the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ended {
    /// What was asked for is so: 0.
    Well,
    /// The implementation doesn't conform, or whatever else was judged isn't as it must be: 1.
    NotConformant,
    /// The command line or the adapter is wrong: 2.
    Usage,
    /// The harness, or the machine, is at fault: 3.
    HarnessFault,
    /// Nothing was selected: 4.
    Nothing,
    /// A signal ended it: 128 and its number.
    Interrupted(u8),
}

impl Ended {
    /// By a stream's own word; one without an end is of a suite that was killed.
    fn of(results: &Results) -> Self {
        match results.end.as_ref().map_or(3, |end| end.exit_code) {
            0 => Self::Well,
            1 => Self::NotConformant,
            4 => Self::Nothing,
            _ => Self::HarnessFault,
        }
    }
}

impl From<Ended> for ExitCode {
    fn from(ended: Ended) -> Self {
        Self::from(match ended {
            Ended::Well => 0,
            Ended::NotConformant => 1,
            Ended::Usage => 2,
            Ended::HarnessFault => 3,
            Ended::Nothing => 4,
            Ended::Interrupted(signal) => 128 + signal,
        })
    }
}

/// An error, with how the program ends by it.
#[derive(Debug)]
struct Trouble(Ended, Box<dyn std::error::Error + Send + Sync>);

/// An error of the command line, the adapter, or a file that was named.
fn usage(fault: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Trouble {
    Trouble(Ended::Usage, fault.into())
}

/// An error of the harness or the machine.
fn harness(fault: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Trouble {
    Trouble(Ended::HarnessFault, fault.into())
}

fn main() -> ExitCode {
    if std::env::args_os().nth(1).is_some_and(|word| word == ww_conformance::runner::CASE) {
        return ww_conformance::runner::case_main();
    }
    match act(parse()) {
        Ok(Ended::Well | Ended::NotConformant) if say::has_lost() => Ended::HarnessFault.into(),
        Ok(ended) => ended.into(),
        Err(Trouble(ended, fault)) => {
            let mut line = format!("ww-conformance: {fault}");
            let mut cause = fault.source();
            while let Some(next) = cause {
                line += &format!(": {}", next.to_string().trim_end());
                cause = next.source();
            }
            eprintln!("{line}");
            ended.into()
        }
    }
}

fn act(command: Command) -> Result<Ended, Trouble> {
    match command {
        Command::Run(wanted) => run::run(*wanted),
        Command::List(wanted) => show::list(&wanted),
        Command::Explain(wanted) => show::explain(&wanted),
        Command::Adapter { verb } => adapters::act(&verb),
        Command::Report(wanted) => reports::report(&wanted),
        Command::Diff(wanted) => differ::diff(&wanted),
        Command::Replay(wanted) => replay::replay(&wanted),
        Command::Zoo(wanted) => teeth::zoo(&wanted),
        Command::Baseline(wanted) => teeth::baseline(&wanted),
        Command::Coverage(wanted) => measure::coverage(&wanted),
        Command::Completions { shell } => {
            args::completions(shell);
            Ok(Ended::Well)
        }
    }
}
