//! Every fault of the zoo is found, by a case of each clause that it is listed with.

use std::path::Path;
use std::process::{Command, ExitCode};
use std::sync::Arc;

use libtest_mimic::{Arguments, Failed, Trial};
use ww_conformance::adapter::{Adapter, Timeouts};
use ww_conformance::registry;
use ww_conformance::setup::Setup;
use ww_conformance::verdict::Stop;

type Fault = Box<dyn std::error::Error>;

fn main() -> ExitCode {
    match tests() {
        Ok((arguments, trials)) => libtest_mimic::run(&arguments, trials).exit_code(),
        Err(fault) => {
            eprintln!("the zoo can't be opened: {fault}");
            ExitCode::FAILURE
        }
    }
}

fn tests() -> Result<(Arguments, Vec<Trial>), Fault> {
    let arguments = Arguments::from_args();
    let beside = Setup::beside()?;
    let faulty = beside.join("examples/ww-faulty");
    let real = Adapter::from_environment(&beside)?;
    let shared = Setup::new(real.clone(), &beside, None)?;
    let listed = Command::new(&faulty).arg("--list").output()?;
    let described = include_str!("../zoo/README.md");
    let mut trials = Vec::new();
    for line in String::from_utf8(listed.stdout)?.lines() {
        let [name, clauses, what] = line.split('\t').collect::<Vec<_>>()[..] else {
            return Err(format!("an ill-formed line of the list: {line}").into());
        };
        let row = format!("| `{name}` | {} | {what} |", clauses.split_whitespace().collect::<Vec<_>>().join(" "));
        let in_readme = described.contains(&row);
        let setup = Arc::new(shared.judging(adapter(&real, &faulty, name)));
        for clause in clauses.split_whitespace() {
            let (setup, clause, row) = (Arc::clone(&setup), clause.to_owned(), row.clone());
            trials.push(Trial::test(format!("{name} is found by {clause}"), move || {
                if !in_readme {
                    return Err(Failed::from(format!("conformance/zoo/README.md lacks: {row}")));
                }
                found(&setup, &clause)
            }));
        }
    }
    Ok((arguments, trials))
}

/// The faulty one, called as the real one is.
fn adapter(real: &Adapter, faulty: &Path, name: &str) -> Adapter {
    let mut adapter = real.clone();
    adapter.env.insert("WW_REAL".into(), real.command[0].clone());
    adapter.command = vec![faulty.to_string_lossy().into_owned(), name.to_owned(), "run".into()];
    adapter.timeouts = Timeouts { run_ms: 5_000, grace_ms: 1_000, ..Timeouts::default() };
    adapter
}

/// Whether a case of the clause fails.
fn found(setup: &Setup, clause: &str) -> Result<(), Failed> {
    let trials = registry::trials(setup.adapter()).map_err(|fault| Failed::from(fault.to_string()))?;
    let mut others = Vec::new();
    for trial in trials.iter().filter(|trial| trial.clauses.iter().any(|id| id.to_string() == clause)) {
        match trial.run(setup) {
            Err(Stop::Fail(_)) => return Ok(()),
            Ok(()) => others.push(format!("{} passes", trial.name())),
            Err(other) => others.push(format!("{}: {other}", trial.name())),
        }
    }
    Err(Failed::from(format!("no case of {clause} fails: {}", others.join("; "))))
}
