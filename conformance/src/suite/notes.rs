//! What is seen while a case runs: the commands, what they left, and whether one was a refusal.

use std::cell::{Cell, RefCell};
use std::path::{Path, PathBuf};

use crate::record::{End, Record};
use crate::shell;

/// The notes of one case.
#[derive(Debug, Default)]
pub(crate) struct Notes {
    leaks: RefCell<Vec<String>>,
    /// Files that may be another run's, which goes on: what of them is there in the end was left.
    doubtful: RefCell<Vec<(PathBuf, String)>>,
    records: RefCell<Vec<Record>>,
    refused: Cell<bool>,
    given: Cell<u64>,
}

impl Notes {
    /// A number that nothing of the case has yet.
    pub(crate) fn next(&self) -> u64 {
        self.given.replace(self.given.get() + 1)
    }

    /// Notes a command that the case runs; gives its place among the records.
    pub(crate) fn ran(&self, record: Record) -> usize {
        let mut records = self.records.borrow_mut();
        records.push(record);
        records.len() - 1
    }

    /// Notes how a command ended.
    pub(crate) fn ended(&self, at: usize, end: End) {
        self.records.borrow_mut()[at].end = Some(end);
    }

    /// The line of a command, as a shell would be given it.
    pub(crate) fn line_of(&self, at: usize) -> String {
        shell::line(&self.records.borrow()[at])
    }

    /// The commands so far.
    pub(crate) fn records(&self) -> Vec<Record> {
        self.records.borrow().clone()
    }

    /// Notes what a run left behind; it fails the case in the end.
    pub(crate) fn leaked(&self, what: String) {
        self.leaks.borrow_mut().push(what);
    }

    /// Notes a file that is there after a run and wasn't before: left behind, unless another run goes on and still has it.
    pub(crate) fn came(&self, path: &Path, line: &str) {
        if self.records.borrow().iter().any(|record| record.end.is_none()) {
            self.doubtful.borrow_mut().push((path.to_owned(), line.to_owned()));
        } else {
            self.leaked(left(path, line));
        }
    }

    /// What was left behind, now that every run has ended.
    pub(crate) fn leaks(&self) -> Vec<String> {
        let doubtful = self.doubtful.borrow();
        let stayed = doubtful.iter().filter(|(path, _)| path.symlink_metadata().is_ok());
        self.leaks.borrow().iter().cloned().chain(stayed.map(|(path, line)| left(path, line))).collect()
    }

    /// Notes that the case takes a run for a refusal.
    pub(crate) fn refused(&self) {
        self.refused.set(true);
    }

    /// Whether it has.
    pub(crate) fn has_refusals(&self) -> bool {
        self.refused.get()
    }
}

fn left(path: &Path, line: &str) -> String {
    format!("{} was left by `{line}`", path.display())
}
