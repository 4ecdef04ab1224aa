//! The suite is measured: every fault of the zoo is found, by a case of each clause that it is listed with; every
//! control passes these clauses, so that each fault is found for its own reason; every clause that has a case has
//! a fault.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Command, ExitCode};
use std::sync::Arc;

use libtest_mimic::{Arguments, Completion, Failed, Trial};
use ww_conformance::adapter::{Adapter, Timeouts};
use ww_conformance::clauses::Specification;
use ww_conformance::coverage::Coverage;
use ww_conformance::registry;
use ww_conformance::setup::Setup;
use ww_conformance::verdict::{Stop, Verdict};

type Trouble = Box<dyn std::error::Error>;

fn main() -> ExitCode {
    match tests() {
        Ok((arguments, trials)) => libtest_mimic::run(&arguments, trials).exit_code(),
        Err(trouble) => {
            eprintln!("the zoo can't be opened: {trouble}");
            ExitCode::FAILURE
        }
    }
}

/// A line of `ww-faulty --list`.
struct Listed {
    is_fault: bool,
    name: String,
    clauses: Vec<String>,
    control: String,
}

impl Listed {
    fn parse(line: &str) -> Result<Self, Trouble> {
        let [kind @ ("fault" | "control"), name, clauses, control, _] = line.split('\t').collect::<Vec<_>>()[..] else {
            return Err(format!("an ill-formed line of the list: {line}").into());
        };
        let clauses = clauses.split_whitespace().map(str::to_owned).collect();
        Ok(Self { is_fault: kind == "fault", name: name.into(), clauses, control: control.into() })
    }
}

fn tests() -> Result<(Arguments, Vec<Trial>), Trouble> {
    let arguments = Arguments::from_args();
    let beside = Setup::beside()?;
    let faulty = beside.join("ww-faulty");
    let real = Adapter::from_environment(&beside)?;
    let shared = Setup::new(real.clone(), &beside, None)?;
    let listed = Command::new(&faulty).arg("--list").output()?;
    let listed = String::from_utf8(listed.stdout)?.lines().map(Listed::parse).collect::<Result<Vec<_>, _>>()?;
    let faults = || listed.iter().filter(|one| one.is_fault);
    let mut controls = BTreeSet::new();
    for one in faults().filter(|one| one.control != "-") {
        controls.extend(one.clauses.iter().map(|clause| (one.control.clone(), clause.clone())));
    }
    let mut trials = Vec::new();
    // The controls come first: what a fault leaves on the IPFS node is not theirs to explain.
    for (name, clause) in controls {
        let setup = shared.judging(adapter(&real, &faulty, &name));
        trials.push(Trial::ignorable_test(format!("{name} passes {clause}"), move || passes(&setup, &clause)));
    }
    for one in faults() {
        let setup = Arc::new(shared.judging(adapter(&real, &faulty, &one.name)));
        for clause in &one.clauses {
            let (setup, of) = (Arc::clone(&setup), clause.clone());
            trials
                .push(Trial::ignorable_test(format!("{} is found by {clause}", one.name), move || found(&setup, &of)));
        }
    }
    let listed = Arc::new(listed);
    trials.push(Trial::test("the README is as `ww-faulty --readme` prints it", move || readme(&faulty)));
    let again = Arc::clone(&listed);
    trials.push(Trial::test("every control of a fault is listed, and has one", move || named(&again)));
    trials.push(Trial::test("every clause with a case has a fault", move || covered(&listed)));
    Ok((arguments, trials))
}

/// The faulty one, called as the real one is.
fn adapter(real: &Adapter, faulty: &Path, name: &str) -> Adapter {
    let mut adapter = real.clone();
    adapter.env.insert("WW_REAL".into(), real.command[0].clone());
    adapter.command = vec![faulty.to_string_lossy().into_owned(), name.to_owned(), "run".into()];
    adapter.timeouts = Timeouts { run_ms: 5_000, grace_ms: 1_000, ipfs_ms: 5_000 };
    adapter
}

/// What came of each case of a clause.
fn judged(setup: &Setup, clause: &str) -> Result<Vec<(String, Verdict)>, Failed> {
    let trials = registry::trials(setup.adapter()).map_err(|trouble| Failed::from(trouble.to_string()))?;
    let of_clause = trials.into_iter().filter(|trial| trial.clauses.iter().any(|id| id.to_string() == clause));
    Ok(of_clause.map(|trial| (trial.name(), trial.run(setup))).collect())
}

fn told(outcomes: &[(String, Verdict)]) -> String {
    let told = |(name, outcome): &(String, Verdict)| match outcome {
        Ok(()) => format!("{name} passes"),
        Err(stop) => format!("{name}: {stop}"),
    };
    outcomes.iter().map(told).collect::<Vec<_>>().join("; ")
}

/// Whether a case of the clause fails; it is left open where this machine can't show it.
fn found(setup: &Setup, clause: &str) -> Result<Completion, Failed> {
    let outcomes = judged(setup, clause)?;
    let any = |wanted: fn(&Stop) -> bool| outcomes.iter().any(|(_, outcome)| outcome.as_ref().is_err_and(wanted));
    if any(|stop| matches!(stop, Stop::Fail(_))) {
        return Ok(Completion::Completed);
    }
    match any(|stop| matches!(stop, Stop::NotVerifiable(_))) {
        true => Ok(Completion::ignored_with(told(&outcomes))),
        false => Err(Failed::from(format!("no case of {clause} fails: {}", told(&outcomes)))),
    }
}

/// Whether no case of the clause fails.
fn passes(setup: &Setup, clause: &str) -> Result<Completion, Failed> {
    let outcomes = judged(setup, clause)?;
    let open = |stop: &Stop| matches!(stop, Stop::NotVerifiable(_) | Stop::NotApplicable(_));
    if outcomes.iter().any(|(_, outcome)| outcome.as_ref().is_err_and(|stop| !open(stop))) {
        return Err(Failed::from(told(&outcomes)));
    }
    match outcomes.iter().any(|(_, outcome)| outcome.is_ok()) {
        true => Ok(Completion::Completed),
        false => Ok(Completion::ignored_with(told(&outcomes))),
    }
}

fn readme(faulty: &Path) -> Result<(), Failed> {
    let printed = Command::new(faulty).arg("--readme").output()?.stdout;
    match printed == include_bytes!("../zoo/README.md") {
        true => Ok(()),
        false => Err(Failed::from("it differs: ww-faulty --readme > conformance/zoo/README.md")),
    }
}

fn named(listed: &[Listed]) -> Result<(), Failed> {
    let of_kind = |is_fault| listed.iter().filter(move |one| one.is_fault == is_fault);
    let controls: BTreeSet<&str> = of_kind(false).map(|one| one.name.as_str()).collect();
    let used: BTreeSet<&str> = of_kind(true).map(|one| one.control.as_str()).filter(|name| *name != "-").collect();
    let names: BTreeSet<&str> = listed.iter().map(|one| one.name.as_str()).collect();
    match used == controls && names.len() == listed.len() {
        true => Ok(()),
        false => Err(Failed::from(format!("controls: {controls:?}, used: {used:?}; each name stands once"))),
    }
}

fn covered(listed: &[Listed]) -> Result<(), Failed> {
    let coverage = Coverage::of(Specification::embedded()).map_err(|trouble| Failed::from(trouble.to_string()))?;
    let named: BTreeSet<&str> = listed.iter().flat_map(|one| &one.clauses).map(String::as_str).collect();
    let decided: BTreeSet<String> = coverage.covered.keys().map(ToString::to_string).collect();
    let bare: Vec<&String> = decided.iter().filter(|clause| !named.contains(clause.as_str())).collect();
    let unknown: Vec<&&str> = named.iter().filter(|clause| !decided.contains(**clause)).collect();
    match bare.is_empty() && unknown.is_empty() {
        true => Ok(()),
        false => Err(Failed::from(format!("clauses without a fault: {bare:?}; without a case: {unknown:?}"))),
    }
}
