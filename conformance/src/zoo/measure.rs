//! How the score is come by: the controls first, then each fault against what its control passes.
//!
//! What it does: [`Zoo::measure`] runs the cases of each fault's clauses, quick ones first, until each clause has
//! found it.
//! What must stay true: a case that a control doesn't pass says nothing about its faults; a clause none of whose
//! cases its control passes leaves the fault undecided, which is not whole.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

use super::{Fate, Fault, Score, Zoo, ZooError};
use crate::clauses::{ClauseId, Specification};
use crate::coverage::Coverage;
use crate::runner::{self, Done, StopSign, Task};
use crate::setup::Setup;
use crate::verdict::Stop;

/// A fault and a clause that must find it.
type Pair = (ClauseId, String);

/// What the controls did: by control and case, how each ended.
type Controls<'z> = BTreeMap<&'z str, BTreeMap<String, Done>>;

impl Zoo {
    /// Runs each control against the cases of its faults' clauses, and each fault against those that it passed.
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
        // The controls come first: what a fault leaves on the IPFS node is not theirs to explain.
        let controls = self.controls_ended(setup, jobs, sign, &mut watch)?;
        let mut ranked = Vec::new();
        for fault in &self.faults {
            let own = self.tasks(setup, &fault.name, &fault.clauses.iter().copied().collect(), true)?;
            let own = telling(fault, own, &controls).into_iter().enumerate();
            ranked.extend(own.map(|(rank, (ms, task))| (rank, Reverse(ms), (fault, task))));
        }
        // The first of every fault, then the second of those that weren't killed; of equals the longest, so that none is alone
        // at the end.
        ranked.sort_by_key(|(rank, ms, _)| (*rank, *ms));
        let tasks: Vec<(&Fault, Task)> = ranked.into_iter().map(|(_, _, task)| task).collect();
        let plain: Vec<Task> = tasks.iter().map(|(_, task)| task.clone()).collect();
        let fates: Mutex<BTreeMap<Pair, Fate>> = Mutex::new(self.undecided());
        let locked = || fates.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let open = |at: usize| {
            let (fault, task) = &tasks[at];
            pairs(fault, task).any(|pair| locked().get(&pair) != Some(&Fate::Killed))
        };
        let hear = |at: usize, done: Option<Done>| {
            let Some(done) = done else { return };
            let (fault, task) = &tasks[at];
            for pair in pairs(fault, task) {
                let mut fates = locked();
                let fate = fates.entry(pair).or_insert(Fate::Survived);
                *fate = fate.clone().after(&task.trial.name(), done.stop.as_ref());
            }
        };
        let mut count = 0;
        runner::run_those(&plain, jobs, sign, open, |at, done| {
            count += 1;
            watch(count, plain.len());
            hear(at, done);
        });
        // What is still there may have been hidden by the load.
        runner::run_those(&plain, 1, sign, open, hear);
        let fates = fates.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
        let mut score = Score { fates, mute: mute(&controls), untried: Vec::new() };
        self.by_others(setup, jobs, sign, &mut score)?;
        if whole {
            let tried: BTreeSet<ClauseId> =
                self.faults.iter().flat_map(|fault| fault.clauses.iter().copied()).collect();
            let covered = Coverage::of(Specification::embedded())?.covered;
            score.untried = covered.into_keys().filter(|id| !tried.contains(id)).collect();
        }
        Ok(score)
    }

    /// Runs the controls: once, and alone again those cases without which nothing would be said of a clause, as that may be so by
    /// the load.
    fn controls_ended(
        &self,
        setup: &Setup,
        jobs: usize,
        sign: &StopSign,
        watch: &mut impl FnMut(usize, usize),
    ) -> Result<Controls<'_>, ZooError> {
        let mut tasks: Vec<(&str, Task)> = Vec::new();
        let mut open: BTreeSet<(&str, ClauseId)> = BTreeSet::new();
        for control in &self.controls {
            let of = self.faults.iter().filter(|fault| fault.control.as_ref() == Some(control));
            let clauses: BTreeSet<ClauseId> = of.flat_map(|fault| fault.clauses.iter().copied()).collect();
            tasks.extend(self.tasks(setup, control, &clauses, true)?.into_iter().map(|task| (control.as_str(), task)));
            open.extend(clauses.into_iter().map(|id| (control.as_str(), id)));
        }
        tasks.sort_by_key(|(_, task)| !task.trial.case.long);
        let plain: Vec<Task> = tasks.iter().map(|(_, task)| task.clone()).collect();
        let mut controls = Controls::new();
        let mut count = 0;
        runner::run(&plain, jobs, sign, |at, done| {
            let (control, task) = &tasks[at];
            if says_something(&done) {
                open.retain(|(of, id)| of != control || !task.trial.clauses.contains(id));
            }
            controls.entry(*control).or_default().insert(task.trial.name(), done);
            count += 1;
            watch(count, plain.len());
        });
        let is_open =
            |control: &str, task: &Task| open.iter().any(|(of, id)| *of == control && task.trial.clauses.contains(id));
        let again: Vec<_> = tasks.iter().filter(|(control, task)| is_open(control, task)).collect();
        let plain: Vec<Task> = again.iter().map(|(_, task)| task.clone()).collect();
        runner::run(&plain, 1, sign, |at, done| {
            let (control, task) = again[at];
            controls.entry(*control).or_default().insert(task.trial.name(), done);
        });
        Ok(controls)
    }

    /// Every pair, before anything has run.
    fn undecided(&self) -> BTreeMap<Pair, Fate> {
        let all = self.faults.iter().flat_map(|fault| fault.clauses.iter().map(move |id| (*id, fault)));
        all.map(|(id, fault)| {
            let why = match &fault.control {
                Some(control) => format!("none of its cases is one that {control} passes"),
                None => "none was run".to_owned(),
            };
            ((id, fault.name.clone()), Fate::Undecided(why))
        })
        .collect()
    }

    /// Which other cases find the faults that their own clauses didn't.
    fn by_others(&self, setup: &Setup, jobs: usize, sign: &StopSign, score: &mut Score) -> Result<(), ZooError> {
        let survivors = score.fates.iter().filter(|(_, fate)| **fate == Fate::Survived);
        let survivors: Vec<Pair> = survivors.map(|(pair, _)| pair.clone()).collect();
        for (id, name) in survivors {
            let others = self.tasks(setup, &name, &BTreeSet::from([id]), false)?;
            let mut names = Vec::new();
            runner::run(&others, jobs, sign, |at, done| {
                names.extend(matches!(done.stop, Some(Stop::Fail(_))).then(|| others[at].trial.name()));
            });
            if !names.is_empty() {
                score.fates.insert((id, name), Fate::KilledByOthers(names));
            }
        }
        Ok(())
    }
}

impl Fate {
    /// What it is once a case has ended so.
    fn after(self, case: &str, stop: Option<&Stop>) -> Self {
        match (self, stop) {
            (Self::Killed, _) | (_, Some(Stop::Fail(_))) => Self::Killed,
            (_, None) | (Self::Survived, _) => Self::Survived,
            (_, Some(other)) => Self::Undecided(format!("{case}: {other}")),
        }
    }
}

/// The pairs that a case of a fault decides.
fn pairs(fault: &Fault, task: &Task) -> impl Iterator<Item = Pair> {
    let ids = fault.clauses.iter().filter(|id| task.trial.clauses.contains(id));
    ids.map(|id| (*id, fault.name.clone()))
}

/// The cases that say something about a fault: those that its control passes, quick ones first, with the milliseconds that each
/// took there.
fn telling(fault: &Fault, tasks: Vec<Task>, controls: &Controls<'_>) -> Vec<(u64, Task)> {
    let Some(control) = &fault.control else { return tasks.into_iter().map(|task| (0, task)).collect() };
    let ended = |task: &Task| controls.get(control.as_str())?.get(&task.trial.name());
    let told = |task: Task| Some((ended(&task).filter(|done| says_something(done))?.ms, task));
    let mut tasks: Vec<_> = tasks.into_iter().filter_map(told).collect();
    tasks.sort_by_key(|(ms, _)| *ms);
    tasks
}

/// Whether a case that a control ended so says something of its faults.
fn says_something(done: &Done) -> bool {
    matches!(done.stop, None | Some(Stop::NotVerifiable(_)))
}

/// The cases that a control doesn't pass.
fn mute(controls: &Controls<'_>) -> Vec<(String, String, String)> {
    let all = controls.iter().flat_map(|(control, ended)| ended.iter().map(move |(case, done)| (control, case, done)));
    let stopped = all.filter_map(|(control, case, done)| match &done.stop {
        None | Some(Stop::NotVerifiable(_)) => None,
        Some(stop) => Some(((*control).to_owned(), case.clone(), stop.to_string())),
    });
    stopped.collect()
}
