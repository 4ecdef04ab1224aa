//! The calls of one session that go on: how many, of how many bytes, and when the next ones wait for them.
//!
//! - What must stay true: each call that begins ends once, with the bytes that it was counted with; calls that don't end
//!   hold the next ones up once, and not again until they have become few.
//! - Serves: rulings 13, 20.

use std::cell::Cell;

use super::SMALL;

/// Calls that go on above which the next are received only when one has ended, of the cell and of a peer.
const CALLS: usize = 1024;
const CALLS_OF_PEER: usize = 256;
/// The same in bytes of a peer's calls, of which a large one counts as so many only.
const WORK: usize = 512 << 10;
const LARGE_WORK: usize = 256 << 10;

/// The counts.
pub(super) struct Pace {
    working: Cell<usize>,
    most_working: usize,
    /// Bytes of the calls that go on, and how many make the next ones wait.
    work: Cell<usize>,
    most_work: usize,
    /// Whether they didn't end soon enough, and are still as many.
    stuck: Cell<bool>,
}

impl Pace {
    /// Of a cell, whose calls count by number alone.
    pub(super) fn of_cell() -> Pace {
        Pace::with(CALLS, usize::MAX)
    }

    pub(super) fn of_peer() -> Pace {
        Pace::with(CALLS_OF_PEER, WORK)
    }

    fn with(most_working: usize, most_work: usize) -> Pace {
        Pace { working: Cell::new(0), most_working, work: Cell::new(0), most_work, stuck: Cell::new(false) }
    }

    /// A call begins, of so many bytes. As many as what this returns are to be given when it ends.
    pub(super) fn begins(&self, bytes: usize) -> usize {
        let counted = if bytes as u64 > SMALL { LARGE_WORK } else { bytes };
        self.working.set(self.working.get() + 1);
        self.work.set(self.work.get() + counted);
        counted
    }

    pub(super) fn ends(&self, counted: usize) {
        self.working.set(self.working.get().saturating_sub(1));
        self.work.set(self.work.get().saturating_sub(counted));
        if self.are_few() {
            self.stuck.set(false);
        }
    }

    /// Whether the next one may come.
    pub(super) fn are_few(&self) -> bool {
        self.working.get() < self.most_working && self.work.get() <= self.most_work
    }

    /// Whether another is refused, for their bytes.
    pub(super) fn are_far_too_large(&self) -> bool {
        self.work.get() / 2 > self.most_work
    }

    /// They haven't ended within the time that they have for it.
    pub(super) fn stick(&self) {
        self.stuck.set(true);
    }

    pub(super) fn are_stuck(&self) -> bool {
        self.stuck.get()
    }

    pub(super) fn work(&self) -> usize {
        self.work.get()
    }

    pub(super) fn working(&self) -> usize {
        self.working.get()
    }
}
