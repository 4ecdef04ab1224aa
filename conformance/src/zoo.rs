//! The mutation score: how many faulty implementations the cases of their own clauses find.
//!
//! What it does: `ww-faulty` lists faults, each with the clauses that must find it, and controls, which are
//! faults' implementations without the fault; [`Zoo::open`] reads the list, [`Zoo::measure`] runs them.
//! What must stay true: a fault counts as killed by a clause only where a case of that clause failed that its
//! control passes; one that other cases alone find is told apart; a fault of the harness is never a kill.

mod measure;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use thiserror::Error;

use crate::adapter::{Adapter, Caller, Timeouts};
use crate::clauses::ClauseId;
use crate::runner::Task;
use crate::setup::Setup;
use crate::trials::{self, Trial, TrialsError};

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
    Registry(#[from] TrialsError),
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
    /// Cases that a control, which has no fault, doesn't pass, so that they say nothing about its faults:
    /// control, case, why.
    pub mute: Vec<(String, String, String)>,
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
        killed == all && self.untried.is_empty()
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

    /// The cases of some clauses, or of all others, for one of the zoo.
    fn tasks(&self, setup: &Setup, name: &str, clauses: &BTreeSet<ClauseId>, own: bool) -> Result<Vec<Task>, ZooError> {
        let setup = setup.judging(self.adapter(setup, name));
        let trials = trials::trials(setup.adapter())?;
        let wanted = |trial: &Trial| trial.clauses.iter().any(|id| clauses.contains(id)) == own;
        let task = |trial: Trial| Task { trial, setup: setup.clone(), bundle: None, sketch: false };
        Ok(trials.into_iter().filter(wanted).map(task).collect())
    }

    /// One of the zoo, called as the real one is.
    fn adapter(&self, setup: &Setup, name: &str) -> Adapter {
        let real = setup.adapter();
        let mut adapter = real.clone();
        adapter.env.insert("WW_REAL".into(), real.command[0].clone());
        if let Some(peer) = setup.peer() {
            adapter.env.insert("WW_PEER_PROBE".into(), peer.to_string_lossy().into_owned());
        }
        adapter.tools = vec![self.program.to_string_lossy().into_owned(), name.into()];
        adapter.command = adapter.tools.iter().cloned().chain(["run".into()]).collect();
        adapter.user = Caller::Current;
        adapter.timeouts = Timeouts { run_ms: 5_000, grace_ms: 1_000, ipfs_ms: 5_000, ..Timeouts::default() };
        adapter
    }
}
