//! Runs cases, some at a time, each in a process of its own, and says how each ended.
//!
//! What it does: [`run`] hands tasks to workers; a worker starts this same program as the process of
//! a case (`case`), answers its questions, and takes its verdict (`worker`). [`StopSign`] ends all of
//! them early, for Ctrl-C and for the first failure.
//! What must stay true: a case that panics, aborts or hangs loses only itself, and is told as a fault
//! of the harness; nothing that a case started outlives it.
//! Clauses it serves: all.

mod case;
mod signals;
mod stop;
mod worker;

use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;

use serde::{Deserialize, Serialize};

use crate::adapter::{Adapter, Layout};
use crate::clauses::{ClauseId, Profile};
use crate::node::{Answer, Ask, NodeError};
use crate::setup::{Parts, Setup};
use crate::trials::Trial;
use crate::verdict::Stop;

pub use case::main as case_main;
pub use signals::{block, raise_on_signals};
pub use stop::StopSign;

/// The word that makes this program the process of a case.
pub const CASE: &str = "__case";

/// One case to run.
#[derive(Clone, Debug)]
pub struct Task {
    /// The case.
    pub trial: Trial,
    /// What it runs against.
    pub setup: Setup,
    /// Where its replay bundle goes if it fails.
    pub bundle: Option<PathBuf>,
    /// Whether only what it would run first is asked.
    pub sketch: bool,
}

/// What the process of a case is told.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum ToCase {
    /// What to run.
    Run(Box<Order>),
    /// The node that it asked for.
    Node(Result<Answer, NodeError>),
}

/// A task, as it is told.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Order {
    case: String,
    clauses: Vec<ClauseId>,
    profile: Option<Profile>,
    layout: Layout,
    adapter: Adapter,
    parts: Parts,
    seed: u64,
    bundle: Option<PathBuf>,
    sketch: bool,
}

/// What it says.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum FromCase {
    /// That it needs a node.
    Node(Ask),
    /// That it has ended.
    Done(Box<Done>),
}

/// How a case ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Done {
    /// Why it didn't pass.
    pub stop: Option<Stop>,
    /// How many checks it made.
    pub checks: u64,
    /// The commands that it ran, as lines.
    pub commands: Vec<String>,
    /// Whether its bundle was written.
    pub bundled: bool,
    /// How long it took, in milliseconds.
    pub ms: u64,
}

impl Done {
    fn at_once(stop: Stop) -> Self {
        Self { stop: Some(stop), checks: 0, commands: vec![], bundled: false, ms: 0 }
    }
}

/// How many cases are run at a time where nobody says: two for each processor that this process may use, as they wait
/// more than they work.
#[must_use]
pub fn usual_jobs() -> usize {
    2 * thread::available_parallelism().map_or(1, usize::from)
}

/// How many where load can't decide, as what is doubted is run again alone ([`run_surely`]).
#[must_use]
pub fn many_jobs() -> usize {
    3 * usual_jobs()
}

/// Runs tasks, so many at a time, until all are done or the sign is raised; `each` hears of every
/// one that ended, by its index. Those that the sign cut short it doesn't hear of.
pub fn run(tasks: &[Task], jobs: usize, stop: &StopSign, mut each: impl FnMut(usize, Done)) {
    run_those(
        tasks,
        jobs,
        stop,
        |_| true,
        |at, done| {
            if let Some(done) = done {
                each(at, done);
            }
        },
    );
}

/// The same where load may have had its part in an end: whose end is `doubted` is run again with nothing beside it, once
/// all the others have ended, and `each` hears of that end only.
pub fn run_surely(
    tasks: &[Task],
    jobs: usize,
    stop: &StopSign,
    doubted: impl Fn(usize, &Done) -> bool,
    mut each: impl FnMut(usize, Done),
) {
    let mut again = Vec::new();
    run(tasks, jobs, stop, |at, done| match doubted(at, &done) {
        true => again.push(at),
        false => each(at, done),
    });
    let alone: Vec<Task> = again.iter().map(|at| tasks[*at].clone()).collect();
    run(&alone, 1, stop, |at, done| each(again[at], done));
}

/// [`run`] for those tasks that are still wanted when their turn comes, by their index; of the others
/// `each` hears without an end.
pub fn run_those(
    tasks: &[Task],
    jobs: usize,
    stop: &StopSign,
    wanted: impl Fn(usize) -> bool + Sync,
    mut each: impl FnMut(usize, Option<Done>),
) {
    let next = AtomicUsize::new(0);
    let (tell, told) = mpsc::channel();
    thread::scope(|scope| {
        for _ in 0..jobs.clamp(1, tasks.len().max(1)) {
            let (tell, next, wanted) = (tell.clone(), &next, &wanted);
            scope.spawn(move || {
                while !stop.is_raised() {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    let Some(task) = tasks.get(at) else { break };
                    let done = match wanted(at) {
                        true => match worker::run(task, stop) {
                            Some(done) => Some(done),
                            None => break,
                        },
                        false => None,
                    };
                    if tell.send((at, done)).is_err() {
                        break;
                    }
                }
            });
        }
        drop(tell);
        for (at, done) in told {
            each(at, done);
        }
    });
}
