//! The null baseline: programs that do nothing of what `ww run` does, judged as if they did.
//!
//! What it does: every case that a null implementation passes is vacuous for it; `baseline.toml` lists
//! those that it may pass, each with a reason. [`measure`] runs them all and compares.
//! What must stay true: a pass that isn't listed is a fault of the suite, and so is an entry of the list
//! that isn't true any more.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use crate::adapter::{Adapter, Timeouts};
use crate::runner::{self, Done, StopSign, Task};
use crate::setup::Setup;
use crate::trials::{self, TrialsError};

/// What a null implementation may pass.
const BASELINE_TOML: &str = include_str!("../baseline.toml");

/// Each null implementation: its name, and its script, which has the words of `ww run` as `"$@"`.
pub const NULLS: [(&str, &str); 10] = [
    ("true", "exit 0"),
    ("false", "exit 1"),
    ("echo", "echo \"$@\""),
    ("cat", "exec cat"),
    ("sleep", "exec sleep 1000"),
    ("exec", "exec \"$@\""),
    ("no-path", "echo \"ww: failed to resolve path: $*: no such file\" >&2; exit 127"),
    ("no-type", "echo \"ww: unexpected node type: $*: a directory\" >&2; exit 126"),
    ("no-ipfs", "echo \"ww: failed to get IPFS path: $*: timed out\" >&2; exit 1"),
    ("no-fd", "echo \"ww: fd flag processing failed: $*: it isn't open\" >&2; exit 2"),
];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    passes: Vec<Passes>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Passes {
    null: String,
    cases: Vec<String>,
    reason: String,
}

/// A null implementation and a case.
pub type Pair = (String, String);

/// What the baseline found.
#[derive(Clone, Debug, Default)]
pub struct Baseline {
    /// How many cases each null implementation was judged by, and how many it passed.
    pub counts: BTreeMap<&'static str, (usize, usize)>,
    /// Passes that aren't listed.
    pub vacuous: Vec<Pair>,
    /// Passes that are, with the reason.
    pub declared: Vec<(Pair, String)>,
    /// Listed passes that aren't passed.
    pub stale: Vec<Pair>,
}

impl Baseline {
    /// Whether every pass is declared, and every declaration true.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.vacuous.is_empty() && self.stale.is_empty()
    }
}

/// Why it can't be measured.
#[derive(Debug, thiserror::Error)]
pub enum BaselineError {
    /// The built-in list is ill-formed.
    #[error("the list of what null implementations may pass is ill-formed")]
    List(#[from] toml::de::Error),
    /// An entry gives no reason, or names no null implementation.
    #[error("the entry for {0:?} in the list of what null implementations may pass has no reason or no such name")]
    Entry(String),
    /// The cases contradict the specification.
    #[error(transparent)]
    Registry(#[from] TrialsError),
}

/// Judges every null implementation by every case.
///
/// # Errors
/// Where the list is ill-formed, or the cases contradict the specification.
pub fn measure(
    setup: &Setup,
    jobs: usize,
    sign: &StopSign,
    mut watch: impl FnMut(usize, usize),
) -> Result<Baseline, BaselineError> {
    let allowed = listed()?;
    let mut tasks = Vec::new();
    for (name, script) in NULLS {
        let setup = setup.judging(adapter(setup.adapter(), name, script));
        for trial in trials::trials(setup.adapter())? {
            tasks.push((name, Task { trial, setup: setup.clone(), bundle: None, sketch: false }));
        }
    }
    // Each case under all of them, so that those who wait for the one that never ends aren't all at the same time.
    tasks.sort_by_key(|(_, task)| task.trial.case.name);
    let plain: Vec<Task> = tasks.iter().map(|(_, task)| task.clone()).collect();
    let mut baseline = Baseline::default();
    let mut passed = BTreeSet::new();
    let mut count = 0;
    let pair = |at: usize| {
        let (name, task) = &tasks[at];
        ((*name).to_owned(), task.trial.case.name.to_owned())
    };
    // What the list has otherwise may be so by the load alone.
    let doubted = |at: usize, done: &Done| done.stop.is_none() != allowed.contains_key(&pair(at));
    runner::run_surely(&plain, jobs, sign, doubted, |at, done| {
        let name = tasks[at].0;
        let counts = baseline.counts.entry(name).or_insert((0, 0));
        counts.0 += 1;
        if done.stop.is_none() {
            counts.1 += 1;
            passed.insert(pair(at));
        }
        count += 1;
        watch(count, plain.len());
    });
    for pair in &passed {
        match allowed.get(pair) {
            Some(reason) => baseline.declared.push((pair.clone(), reason.clone())),
            None => baseline.vacuous.push(pair.clone()),
        }
    }
    baseline.stale = allowed.into_keys().filter(|pair| !passed.contains(pair)).collect();
    Ok(baseline)
}

fn listed() -> Result<BTreeMap<Pair, String>, BaselineError> {
    let file: File = toml::from_str(BASELINE_TOML)?;
    let mut all = BTreeMap::new();
    for entry in file.passes {
        if entry.reason.trim().is_empty() || NULLS.iter().all(|(name, _)| *name != entry.null) {
            return Err(BaselineError::Entry(entry.null));
        }
        all.extend(entry.cases.into_iter().map(|case| ((entry.null.clone(), case), entry.reason.clone())));
    }
    Ok(all)
}

fn adapter(real: &Adapter, name: &str, script: &str) -> Adapter {
    Adapter {
        name: name.into(),
        command: ["/bin/sh", "-c", script, "sh"].map(str::to_owned).into(),
        tools: ["/bin/sh", "-c", script, "sh"].map(str::to_owned).into(),
        // Whatever it does it does at once, but for the one that never ends.
        timeouts: Timeouts { run_ms: 400, grace_ms: 100, ipfs_ms: 400, ..Timeouts::default() },
        ..real.clone()
    }
}
