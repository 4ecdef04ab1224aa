//! The suite's command line: `run`, `list`, `explain`.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use ww_conformance::adapter::Adapter;
use ww_conformance::clauses::{ClauseId, Specification};
use ww_conformance::coverage::Coverage;
use ww_conformance::registry;
use ww_conformance::setup::Setup;
use ww_conformance::verdict::Stop;

/// Judges any implementation of `ww run` against the numbered clauses of its specification.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Runs cases, one after the other, and says how each ended.
    Run {
        /// The adapter; without it, `WW_CONFORMANCE_ADAPTER`, `WW_BIN`, or the `ww` beside.
        #[arg(long)]
        adapter: Option<PathBuf>,
        /// Runs only cases whose names contain this, or that decide this clause.
        #[arg(long)]
        filter: Option<String>,
    },
    /// Lists cases and their clauses.
    List,
    /// Prints a clause and its cases.
    Explain {
        /// Its id, `FD-04`.
        id: ClauseId,
    },
}

/// How the whole ended; see the specification of the suite's exit codes.
enum Outcome {
    Conformant,
    NotConformant,
    Nothing,
    HarnessFault,
}

fn main() -> ExitCode {
    match act(Arguments::parse().command) {
        Ok(Outcome::Conformant) => ExitCode::SUCCESS,
        Ok(Outcome::NotConformant) => ExitCode::from(1),
        Ok(Outcome::HarnessFault) => ExitCode::from(3),
        Ok(Outcome::Nothing) => ExitCode::from(4),
        Err(fault) => {
            eprintln!("ww-conformance: {fault}");
            ExitCode::from(2)
        }
    }
}

fn act(command: Command) -> Result<Outcome, Box<dyn std::error::Error>> {
    match command {
        Command::Run { adapter, filter } => run(adapter, filter.as_deref().unwrap_or_default()),
        Command::List => {
            for case in registry::all() {
                println!("{} {:?}", case.name, case.clauses(Specification::embedded())?);
            }
            Ok(Outcome::Conformant)
        }
        Command::Explain { id } => {
            let Some(clause) = Specification::embedded().clause(id) else {
                return Err(format!("there is no clause {id}").into());
            };
            println!("{id} {} ({})\n{}\nsource: {}", clause.level, clause.profile, clause.text, clause.source);
            if let Some(readings) = &clause.disputed {
                println!("disputed: {readings}");
            }
            let coverage = Coverage::of(Specification::embedded())?;
            println!("cases: {}", coverage.covered.get(&id).map_or("none".to_owned(), |cases| cases.join(", ")));
            Ok(Outcome::Conformant)
        }
    }
}

fn run(adapter: Option<PathBuf>, filter: &str) -> Result<Outcome, Box<dyn std::error::Error>> {
    let beside = Setup::beside()?;
    let adapter = adapter.map_or_else(|| Adapter::from_environment(&beside), |file| Adapter::read(&file))?;
    let mut trials = registry::trials(&adapter)?;
    trials.retain(|trial| trial.name().contains(filter) || trial.clauses.iter().any(|id| id.to_string() == filter));
    let setup = Setup::new(adapter, &beside)?;
    let (mut failed, mut harness) = (0, 0);
    for trial in &trials {
        match trial.run(&setup) {
            Ok(()) => println!("pass {}", trial.name()),
            Err(stop) => {
                failed += usize::from(matches!(stop, Stop::Fail(_)));
                harness += usize::from(matches!(stop, Stop::Harness(_)));
                let word = match stop {
                    Stop::Fail(_) => "FAIL",
                    Stop::Harness(_) => "HARNESS",
                    Stop::NotApplicable(_) | Stop::NotVerifiable(_) => "skip",
                };
                println!("{word} {}\n{stop}", trial.name());
            }
        }
    }
    println!("{} cases, {failed} failed, {harness} faults of the harness", trials.len());
    Ok(match (trials.is_empty(), harness, failed) {
        (true, ..) => Outcome::Nothing,
        (_, 1.., _) => Outcome::HarnessFault,
        (_, 0, 0) => Outcome::Conformant,
        (_, 0, 1..) => Outcome::NotConformant,
    })
}
