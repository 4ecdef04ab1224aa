//! Expected failures: what is known to fail, why, and where more is said.
//!
//! What it does: [`Expectations::read`] takes a TOML file of `[[expect]]` entries; each names a case
//! (with `*`) or a clause, a reason and a link. A failure that is expected is `xfail`.
//! What must stay true: an entry that isn't true any more is red: a case that it names alone and that
//! passes is `xpass`; an entry all of whose cases pass, or that names none, is stale.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use globset::{Glob, GlobMatcher};
use serde::Deserialize;
use thiserror::Error;

use crate::clauses::{ClauseId, Specification};
use crate::outcome::Outcome;
use crate::results::Stale;
use crate::select::Selection;
use crate::toml_fault::TomlFault;
use crate::trials::Trial;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    expect: Vec<Entry>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    case: Option<String>,
    clause: Option<ClauseId>,
    reason: String,
    link: String,
}

#[derive(Clone, Debug)]
struct Expected {
    name: String,
    // One case alone, not a pattern of many.
    exact: bool,
    by: By,
    reason: String,
    link: String,
}

#[derive(Clone, Debug)]
enum By {
    Case(GlobMatcher),
    Clause(ClauseId),
}

/// The list.
#[derive(Clone, Debug, Default)]
pub struct Expectations {
    path: Option<PathBuf>,
    entries: Vec<Expected>,
    // Entries that a failure showed to be true, and those of which a case was decided.
    failed: RefCell<BTreeSet<usize>>,
    decided: RefCell<BTreeSet<usize>>,
}

/// Why a file is no list of expected failures.
#[derive(Debug, Error)]
pub enum ExpectError {
    /// It can't be read.
    #[error("the expected failures {0} can't be read")]
    Read(PathBuf, #[source] io::Error),
    /// It isn't one.
    #[error("the expected failures {0} are ill-formed")]
    Format(PathBuf, #[source] TomlFault),
    /// An entry names nothing, or two things.
    #[error("entry {1} of {0} has to name either a case or a clause")]
    Names(PathBuf, usize),
    /// An entry gives no reason or no link.
    #[error("{1} in {0} needs a reason and a link to more: an expected failure that nobody explains is forgotten")]
    Unexplained(PathBuf, String),
    /// A pattern is ill-formed.
    #[error("the case {1:?} in {0} is an ill-formed pattern")]
    Pattern(PathBuf, String, #[source] globset::Error),
    /// A clause doesn't exist.
    #[error("{1} in {0} is no clause of the specification")]
    NoClause(PathBuf, ClauseId),
}

impl Expectations {
    /// Reads a list.
    ///
    /// # Errors
    /// Where it can't be read, or isn't one.
    pub fn read(path: &Path) -> Result<Self, ExpectError> {
        let text = fs::read_to_string(path).map_err(|cause| ExpectError::Read(path.into(), cause))?;
        let file: File =
            toml::from_str(&text).map_err(|fault| ExpectError::Format(path.into(), TomlFault::of(&text, &fault)))?;
        let entries = file.expect.into_iter().enumerate().map(|(at, entry)| entry.checked(path, at + 1));
        Ok(Self { path: Some(path.into()), entries: entries.collect::<Result<_, _>>()?, ..Self::default() })
    }

    /// The file that it was read from.
    #[must_use]
    pub fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    /// How a case is told, with reason and link, where it ended so.
    #[must_use]
    pub fn told(&self, trial: &Trial, outcome: Outcome) -> (Outcome, Option<(String, String)>) {
        let found = self.entries.iter().enumerate().find(|(_, entry)| entry.covers(trial));
        let (Some((at, entry)), true) = (found, outcome.is_decided()) else { return (outcome, None) };
        self.decided.borrow_mut().insert(at);
        let why = Some((entry.reason.clone(), entry.link.clone()));
        match outcome {
            Outcome::Fail => {
                self.failed.borrow_mut().insert(at);
                (Outcome::Xfail, why)
            }
            Outcome::Pass if entry.exact => (Outcome::Xpass, why),
            other => (other, None),
        }
    }

    /// The entries that aren't true any more, once every case has been told. One that names none of
    /// `every` case is stale; one whose cases weren't all asked for is judged by those that were.
    #[must_use]
    pub fn stale(&self, every: &[Trial], selection: &Selection, whole: bool) -> Vec<Stale> {
        let (failed, decided) = (self.failed.borrow(), self.decided.borrow());
        let judged = |(at, entry): (usize, &Expected)| {
            let asked = every.iter().filter(|trial| entry.covers(trial));
            let why = if asked.clone().next().is_none() {
                "it names no case of this suite"
            } else if entry.exact || !whole || selection.shard().is_some() || failed.contains(&at) {
                return None;
            } else if decided.contains(&at) && asked.clone().all(|trial| selection.asks_for(trial)) {
                "every case of it passes"
            } else {
                return None;
            };
            Some(Stale { entry: entry.name.clone(), why: why.into() })
        };
        self.entries.iter().enumerate().filter_map(judged).collect()
    }
}

impl Entry {
    fn checked(self, path: &Path, number: usize) -> Result<Expected, ExpectError> {
        let (name, exact, by) = match (self.case, self.clause) {
            (Some(case), None) => {
                let glob = Glob::new(&case).map_err(|cause| ExpectError::Pattern(path.into(), case.clone(), cause))?;
                let exact = !case.contains(['*', '?', '[', '{']);
                (case, exact, By::Case(glob.compile_matcher()))
            }
            (None, Some(id)) if Specification::embedded().clause(id).is_none() => {
                return Err(ExpectError::NoClause(path.into(), id));
            }
            (None, Some(id)) => (id.to_string(), false, By::Clause(id)),
            _ => return Err(ExpectError::Names(path.into(), number)),
        };
        if self.reason.trim().is_empty() || self.link.trim().is_empty() {
            return Err(ExpectError::Unexplained(path.into(), name));
        }
        Ok(Expected { name, exact, by, reason: self.reason, link: self.link })
    }
}

impl Expected {
    /// Whether it speaks of a case. A name without its layout speaks of it in every layout.
    fn covers(&self, trial: &Trial) -> bool {
        match &self.by {
            By::Case(pattern) => pattern.is_match(trial.name()) || pattern.is_match(trial.case.name),
            By::Clause(id) => trial.clauses.first() == Some(id),
        }
    }
}
