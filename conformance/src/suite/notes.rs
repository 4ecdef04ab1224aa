//! What is seen while a case runs: the commands, what they left, and whether one was a refusal.

use std::cell::{Cell, RefCell};

use crate::record::{End, Record};
use crate::shell;

/// The notes of one case.
#[derive(Debug, Default)]
pub(crate) struct Notes {
    leaks: RefCell<Vec<String>>,
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

    /// What was left behind.
    pub(crate) fn leaks(&self) -> Vec<String> {
        self.leaks.borrow().clone()
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
