//! A whole run of the suite: what was asked for is run, told as it ends, and written as a stream.
//!
//! What it does: [`Judge::run`] writes the stream's lines as they come, where there is a place for
//! them, shows them to whoever watches, and gives all of them.
//! What must stay true: a line is written when its case has ended, so that a run that is killed leaves
//! what it found; every case that was asked for has a line, unless the run was cut short.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, Write};
use std::path::PathBuf;
use std::time::Instant;

use crate::adapter::Adapter;
use crate::clauses::{Clause, ClauseId, Specification, Status, Testability};
use crate::digest;
use crate::expect::Expectations;
use crate::outcome::Outcome;
use crate::results::{self, CaseLine, ClauseLine, End, Implementation, Line, Machine, NodeUsed, Program, Results, Run};
use crate::reviewed;
use crate::runner::{self, Done, StopSign, Task};
use crate::select::Selection;
use crate::setup::Setup;
use crate::trials::{self, Trial, TrialsError};
use crate::verdict::{Stop, expected_and_got};

/// What is to be judged, and how.
#[derive(Debug)]
pub struct Judge<'a> {
    /// The implementation, cells and nodes.
    pub setup: &'a Setup,
    /// Which cases.
    pub selection: &'a Selection,
    /// What is known to fail.
    pub expectations: &'a Expectations,
    /// How many cases at a time.
    pub jobs: usize,
    /// Whether the first failure ends the run.
    pub fail_fast: bool,
    /// The folder for `results.jsonl` and the bundles.
    pub report: Option<PathBuf>,
}

/// Why a run can't begin or go on.
#[derive(Debug, thiserror::Error)]
pub enum JudgeError {
    /// The cases contradict the specification.
    #[error(transparent)]
    Registry(#[from] TrialsError),
    /// The stream can't be written.
    #[error("the results {0} can't be written")]
    Write(PathBuf, #[source] io::Error),
}

impl Judge<'_> {
    /// Runs until all is done or the sign is raised; `watch` hears of each case.
    ///
    /// # Errors
    /// Where the cases contradict the specification, or the stream can't be written.
    pub fn run(&self, sign: &StopSign, mut watch: impl FnMut(&CaseLine)) -> Result<Results, JudgeError> {
        let started = Instant::now();
        let adapter = self.setup.adapter();
        let every = trials::trials(adapter)?;
        let mut trials = self.selection.of(every.clone());
        trials.sort_by_key(|trial| !trial.case.long);
        let path = self.report.as_ref().map(|folder| folder.join("results.jsonl"));
        let failed = |cause| JudgeError::Write(path.clone().unwrap_or_default(), cause);
        let mut stream = Stream(path.as_ref().map(File::create).transpose().map_err(failed)?);
        let mut results = Results {
            run: self.beginning(trials.len()),
            clauses: clauses(&every),
            cases: vec![],
            stale: vec![],
            end: None,
        };
        stream.write(&Line::Run(Box::new(results.run.clone()))).map_err(failed)?;
        for clause in &results.clauses {
            stream.write(&Line::Clause(clause.clone())).map_err(failed)?;
        }
        let changed: BTreeSet<ClauseId> = reviewed::changed(Specification::embedded().clauses()).into_iter().collect();
        let mut trouble = None;
        runner::run(&self.tasks(&trials), self.jobs, sign, |at, done| {
            let line = self.line(&trials[at], done, &changed);
            trouble = trouble.take().or(stream.write(&Line::Case(Box::new(line.clone()))).err());
            watch(&line);
            if trouble.is_some() || self.fail_fast && matches!(line.outcome, Outcome::Fail | Outcome::HarnessError) {
                sign.raise();
            }
            results.cases.push(line);
        });
        if let Some(cause) = trouble {
            return Err(failed(cause));
        }
        let whole = results.cases.len() == trials.len();
        results.stale = self.expectations.stale(&every, self.selection, whole);
        for stale in &results.stale {
            stream.write(&Line::Stale(stale.clone())).map_err(failed)?;
        }
        let end = self.end(&results, !whole, started);
        stream.write(&Line::End(end.clone())).map_err(failed)?;
        results.end = Some(end);
        Ok(results)
    }

    fn tasks(&self, trials: &[Trial]) -> Vec<Task> {
        let bundle = |trial: &Trial| self.report.as_ref().map(|folder| folder.join(bundle_of(trial)));
        let task = |trial: &Trial| Task {
            trial: trial.clone(),
            setup: self.setup.clone(),
            bundle: bundle(trial),
            sketch: false,
        };
        trials.iter().map(task).collect()
    }

    fn line(&self, trial: &Trial, done: Done, changed: &BTreeSet<ClauseId>) -> CaseLine {
        let plain = done.stop.as_ref().map_or(Outcome::Pass, Outcome::from);
        let (outcome, why) = self.expectations.told(trial, plain);
        let text = match &done.stop {
            Some(Stop::Fail(text)) => Some(text.as_str()),
            _ => None,
        };
        let split = text.and_then(expected_and_got);
        let reason = match &done.stop {
            Some(Stop::NotApplicable(why) | Stop::NotVerifiable(why) | Stop::Harness(why)) => Some(why.clone()),
            _ => None,
        };
        CaseLine {
            name: trial.name(),
            layout: trial.layout,
            clauses: trial.clauses.clone(),
            outcome,
            reason: why.as_ref().map(|(reason, _)| reason.clone()).or(reason),
            link: why.map(|(_, link)| link),
            expected: split.map(|(expected, _)| expected.to_owned()),
            actual: split.map(|(_, got)| got.to_owned()),
            story: text.map(str::to_owned),
            checks: done.checks,
            ms: done.ms,
            commands: done.commands,
            bundle: done.bundled.then(|| bundle_of(trial)),
            unreviewed: trial.clauses.iter().copied().filter(|id| changed.contains(id)).collect(),
        }
    }

    fn beginning(&self, cases: usize) -> Run {
        let adapter: &Adapter = self.setup.adapter();
        Run {
            schema: results::SCHEMA,
            suite: Program { name: env!("CARGO_PKG_NAME").into(), version: env!("CARGO_PKG_VERSION").into() },
            specification: results::Judge {
                sha256: digest::specification(),
                clauses: Specification::embedded().clauses().len(),
            },
            implementation: Implementation {
                name: adapter.name.clone(),
                command: adapter.command.clone(),
                sha256: digest::program(adapter),
                profiles: adapter.profiles.iter().copied().collect(),
                layout: adapter.layout,
            },
            machine: machine(),
            origin: adapter.origin,
            asked: self.selection.asked().clone(),
            seed: self.setup.seed(),
            shard: self.selection.shard(),
            expect: self.expectations.path().map(PathBuf::from),
            cases,
            started: jiff::Timestamp::now().round(jiff::Unit::Second).unwrap_or_default().to_string(),
        }
    }

    fn end(&self, results: &Results, cut_short: bool, started: Instant) -> End {
        let mut counts = BTreeMap::new();
        for case in &results.cases {
            *counts.entry(case.outcome).or_insert(0) += 1;
        }
        let version = |node: &crate::node::Node| node.version().unwrap_or_default();
        let used = self.setup.nodes().used();
        let nodes = used.map(|node| NodeUsed { kind: node.kind().name().into(), version: version(node) }).collect();
        End {
            counts,
            cut_short,
            nodes,
            ms: u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
            exit_code: results::exit_code(&results.cases, &results.stale),
        }
    }
}

/// Where lines go, if anywhere.
struct Stream(Option<File>);

impl Stream {
    fn write(&mut self, line: &Line) -> io::Result<()> {
        let Some(file) = &mut self.0 else { return Ok(()) };
        let mut text = serde_json::to_vec(line)?;
        text.push(b'\n');
        file.write_all(&text)
    }
}

/// The folder of a case's bundle, below that of the report.
fn bundle_of(trial: &Trial) -> String {
    format!("bundles/{}", trial.name().replace("::", "."))
}

/// Every clause, with why no case judges it where none does.
fn clauses(every: &[Trial]) -> Vec<ClauseLine> {
    let judged: BTreeSet<ClauseId> = every.iter().flat_map(|trial| trial.clauses.iter().copied()).collect();
    let unjudged = |clause: &Clause| match (&clause.status, &clause.testability) {
        _ if judged.contains(&clause.id) => None,
        (Status::Pending(why), _) => Some(format!("pending: {why}")),
        (_, Testability::NotTestable(why)) => Some(format!("not testable: {why}")),
        (_, Testability::Manual) => Some("a person decides it".into()),
        _ => None,
    };
    let line = |clause: &Clause| ClauseLine {
        id: clause.id,
        level: clause.level,
        profile: clause.profile,
        origin: clause.origin,
        text: clause.text.clone(),
        source: clause.source.clone(),
        disputed: clause.disputed.clone(),
        unjudged: unjudged(clause),
    };
    Specification::embedded().clauses().iter().map(line).collect()
}

fn machine() -> Machine {
    let system = nix::sys::utsname::uname().ok();
    let text = |part: Option<&std::ffi::OsStr>| part.map_or("", |part| part.to_str().unwrap_or("")).to_owned();
    Machine {
        system: system.as_ref().map_or_else(String::new, |system| {
            format!("{} {}", text(Some(system.sysname())), text(Some(system.release())))
        }),
        architecture: system.as_ref().map_or_else(String::new, |system| text(Some(system.machine()))),
        processors: std::thread::available_parallelism().map_or(1, usize::from),
        root: nix::unistd::geteuid().is_root(),
    }
}
