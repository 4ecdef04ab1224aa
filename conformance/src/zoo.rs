//! The mutation score: how many faulty implementations the cases of their own clauses find.
//!
//! What it does: `ww-faulty` lists faults, each with the clauses that must find it, and controls, which
//! have no fault and must pass those clauses; [`Zoo::open`] reads the list, [`Zoo::measure`] runs them.
//! What must stay true: a fault counts as killed by a clause only where a case of that clause failed;
//! one that other cases alone find is told apart; a fault of the harness is never a kill.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use thiserror::Error;

use crate::adapter::{Adapter, Caller, Timeouts};
use crate::clauses::{ClauseId, Specification};
use crate::coverage::Coverage;
use crate::registry::{self, RegistryError, Trial};
use crate::runner::{self, Done, StopSign, Task};
use crate::setup::Setup;
use crate::verdict::Stop;

/// A faulty implementation.
#[derive(Clone, Debug)]
pub struct Fault {
    /// Its name.
    pub name: String,
    /// The clauses whose cases must find it.
    pub clauses: Vec<ClauseId>,
    /// The control that differs from it by the fault alone; without one, the implementation itself.
    pub control: Option<String>,
    /// What is wrong.
    pub what: String,
}

/// Why there is no zoo.
#[derive(Debug, Error)]
pub enum ZooError {
    /// `ww-faulty` doesn't start.
    #[error("the zoo {0} doesn't open; build it (cargo build -p ww-conformance --bins)")]
    Closed(PathBuf, #[source] std::io::Error),
    /// A line of its list.
    #[error("the zoo's list has an ill-formed line: {0:?}")]
    Line(String),
    /// The cases contradict the specification.
    #[error(transparent)]
    Registry(#[from] RegistryError),
}

/// Every fault and control.
#[derive(Clone, Debug)]
pub struct Zoo {
    program: PathBuf,
    faults: Vec<Fault>,
    controls: BTreeSet<String>,
}

/// What a clause's cases did about a fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// One of them failed.
    Killed,
    /// None did, and cases of other clauses did.
    KilledByOthers(Vec<String>),
    /// No case of the whole suite did.
    Survived,
    /// None could be decided, for this reason.
    Undecided(String),
}

/// The score.
#[derive(Clone, Debug, Default)]
pub struct Score {
    /// Each fault with each of its clauses.
    pub fates: BTreeMap<(ClauseId, String), Fate>,
    /// Cases that a control, which has no fault, doesn't pass: control, case, why.
    pub sick: Vec<(String, String, String)>,
    /// Clauses that have cases, and no fault that shows what those are worth.
    pub untried: Vec<ClauseId>,
}

impl Score {
    /// How many pairs of fault and clause there are, and how many were killed.
    #[must_use]
    pub fn counts(&self) -> (usize, usize) {
        (self.fates.values().filter(|fate| **fate == Fate::Killed).count(), self.fates.len())
    }

    /// Whether every fault was found by every clause that must, for its own reason.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        let (killed, all) = self.counts();
        killed == all && self.sick.is_empty() && self.untried.is_empty()
    }
}

impl Zoo {
    /// Reads the list of the `ww-faulty` in a folder.
    ///
    /// # Errors
    /// Where it doesn't start, or its list is ill-formed.
    pub fn open(beside: &Path) -> Result<Self, ZooError> {
        let program = beside.join("ww-faulty");
        let said = Command::new(&program).arg("--list").output();
        let said = said.map_err(|cause| ZooError::Closed(program.clone(), cause))?;
        let mut zoo = Self { program, faults: vec![], controls: BTreeSet::new() };
        for line in String::from_utf8_lossy(&said.stdout).lines() {
            let fields: Vec<&str> = line.split('\t').collect();
            let ill_formed = || ZooError::Line(line.to_owned());
            match fields[..] {
                ["control", name, ..] => {
                    zoo.controls.insert(name.into());
                }
                ["fault", name, clauses, control, what] => {
                    let clauses = clauses.split_whitespace().map(str::parse).collect::<Result<_, _>>();
                    zoo.faults.push(Fault {
                        name: name.into(),
                        clauses: clauses.map_err(|_| ill_formed())?,
                        control: Some(control).filter(|control| *control != "-").map(str::to_owned),
                        what: what.into(),
                    });
                }
                _ => return Err(ill_formed()),
            }
        }
        Ok(zoo)
    }

    /// The faults.
    #[must_use]
    pub fn faults(&self) -> &[Fault] {
        &self.faults
    }

    /// The controls, which have no fault.
    #[must_use]
    pub fn controls(&self) -> &BTreeSet<String> {
        &self.controls
    }

    /// Leaves only faults of these names or clauses; empty is all.
    #[must_use]
    pub fn only(mut self, words: &[String]) -> Self {
        let asked = |fault: &Fault| {
            let named = |word: &String| {
                fault.name.contains(word.as_str())
                    || fault.clauses.iter().any(|id| id.to_string().eq_ignore_ascii_case(word))
            };
            words.is_empty() || words.iter().any(named)
        };
        self.faults.retain(asked);
        self
    }

    /// Runs each fault against the cases of its clauses, and each control against those of its faults.
    /// `whole` is whether every fault takes part, so that a clause without one is told.
    ///
    /// # Errors
    /// Where the cases contradict the specification.
    pub fn measure(
        &self,
        setup: &Setup,
        jobs: usize,
        sign: &StopSign,
        whole: bool,
        mut watch: impl FnMut(usize, usize),
    ) -> Result<Score, ZooError> {
        let mut score = Score::default();
        let mut tasks: Vec<(&str, Task)> = Vec::new();
        // The controls come first: what a fault leaves on the IPFS node is not theirs to explain.
        for control in &self.controls {
            let of = self.faults.iter().filter(|fault| fault.control.as_ref() == Some(control));
            let clauses: BTreeSet<ClauseId> = of.flat_map(|fault| fault.clauses.iter().copied()).collect();
            tasks.extend(self.tasks(setup, control, &clauses, true)?);
        }
        for fault in &self.faults {
            tasks.extend(self.tasks(setup, &fault.name, &fault.clauses.iter().copied().collect(), true)?);
        }
        let ended = run(&tasks, jobs, sign, &mut watch);
        let mut by_name: BTreeMap<&str, Vec<(&Trial, &Done)>> = BTreeMap::new();
        for ((name, task), done) in tasks.iter().zip(&ended) {
            if let Some(done) = done {
                by_name.entry(name).or_default().push((&task.trial, done));
            }
        }
        let nothing = Vec::new();
        for fault in &self.faults {
            let ended = by_name.get(fault.name.as_str()).unwrap_or(&nothing);
            for id in &fault.clauses {
                let fate = fate(ended.iter().filter(|(trial, _)| trial.clauses.contains(id)).copied());
                score.fates.insert((*id, fault.name.clone()), fate);
            }
        }
        for control in &self.controls {
            for (trial, done) in by_name.get(control.as_str()).unwrap_or(&nothing) {
                if let Some(stop) = done.stop.as_ref().filter(|stop| !matches!(stop, Stop::NotVerifiable(_))) {
                    score.sick.push((control.clone(), trial.name(), stop.to_string()));
                }
            }
        }
        self.by_others(setup, jobs, sign, &mut score)?;
        if whole {
            let tried: BTreeSet<ClauseId> =
                self.faults.iter().flat_map(|fault| fault.clauses.iter().copied()).collect();
            let covered = Coverage::of(Specification::embedded())?.covered;
            score.untried = covered.into_keys().filter(|id| !tried.contains(id)).collect();
        }
        Ok(score)
    }

    /// Which other cases find the faults that their own clauses didn't.
    fn by_others(&self, setup: &Setup, jobs: usize, sign: &StopSign, score: &mut Score) -> Result<(), ZooError> {
        let survivors = score.fates.iter().filter(|(_, fate)| **fate == Fate::Survived);
        let survivors: Vec<(ClauseId, String)> = survivors.map(|(pair, _)| pair.clone()).collect();
        for (id, name) in survivors {
            let others = self.tasks(setup, &name, &BTreeSet::from([id]), false)?;
            let ended = run(&others, jobs, sign, &mut |_, _| ());
            let failed = others
                .iter()
                .zip(&ended)
                .filter(|(_, done)| done.as_ref().is_some_and(|done| matches!(done.stop, Some(Stop::Fail(_)))));
            let names: Vec<String> = failed.map(|((_, task), _)| task.trial.name()).collect();
            if !names.is_empty() {
                score.fates.insert((id, name), Fate::KilledByOthers(names));
            }
        }
        Ok(())
    }

    /// The cases of some clauses, or of all others, for one of the zoo.
    fn tasks<'n>(
        &self,
        setup: &Setup,
        name: &'n str,
        clauses: &BTreeSet<ClauseId>,
        own: bool,
    ) -> Result<Vec<(&'n str, Task)>, ZooError> {
        let setup = setup.judging(self.adapter(setup.adapter(), name));
        let trials = registry::trials(setup.adapter())?;
        let wanted = |trial: &Trial| trial.clauses.iter().any(|id| clauses.contains(id)) == own;
        let task = |trial: Trial| (name, Task { trial, setup: setup.clone(), bundle: None, sketch: false });
        Ok(trials.into_iter().filter(wanted).map(task).collect())
    }

    /// One of the zoo, called as the real one is.
    fn adapter(&self, real: &Adapter, name: &str) -> Adapter {
        let mut adapter = real.clone();
        adapter.env.insert("WW_REAL".into(), real.command[0].clone());
        adapter.command = vec![self.program.to_string_lossy().into_owned(), name.into(), "run".into()];
        adapter.user = Caller::Current;
        adapter.timeouts = Timeouts { run_ms: 5_000, grace_ms: 1_000, ipfs_ms: 5_000, ..Timeouts::default() };
        adapter
    }
}

/// Runs tasks; how each ended, where it did.
fn run(
    tasks: &[(&str, Task)],
    jobs: usize,
    sign: &StopSign,
    watch: &mut impl FnMut(usize, usize),
) -> Vec<Option<Done>> {
    let plain: Vec<Task> = tasks.iter().map(|(_, task)| task.clone()).collect();
    let mut ended: Vec<Option<Done>> = vec![None; tasks.len()];
    let mut count = 0;
    runner::run(&plain, jobs, sign, |at, done| {
        ended[at] = Some(done);
        count += 1;
        watch(count, plain.len());
    });
    ended
}

/// What the cases of a clause come to.
fn fate<'a>(ended: impl Iterator<Item = (&'a Trial, &'a Done)>) -> Fate {
    let (mut passed, mut why) = (false, "none was run".to_owned());
    for (trial, done) in ended {
        match &done.stop {
            Some(Stop::Fail(_)) => return Fate::Killed,
            None => passed = true,
            Some(other) => why = format!("{}: {other}", trial.name()),
        }
    }
    if passed { Fate::Survived } else { Fate::Undecided(why) }
}
