//! The bounds that the host keeps while the cell runs: its time, and what no limit of the kernel's covers.
//!
//! A limit of setrlimit(2) is a process's own, so a run of many passes it; a cgroup costs a start more than it
//! may (docs/decisions/bounds.md). So the host looks, never later than a cell could reach a bound since the last
//! look, and kills a run that is over one.
//! What must stay true: a run that ends soon is never looked at, and pays for none of it; one that rests is looked at
//! once a second.
//! Clauses: LIMIT-*.

use std::time::{Duration, Instant};

use crate::ended::Ended;
use crate::jail::Bounds;
use crate::jail::bounds::{Reached, Size};
use crate::sys::Cell;
use crate::sys::cgroup::{Cgroup, memory_around};
use crate::sys::usage::{Memory, Sample, files_in_memory, processors};

/// How long after SIGTERM a cell whose time is over is killed.
const GRACE: Duration = Duration::from_secs(5);
/// When a run is looked at first, if it can't be over a bound earlier.
const FIRST_LOOK: Duration = Duration::from_millis(50);
/// The shortest and the longest time between two looks.
const BETWEEN: (Duration, Duration) = (Duration::from_millis(10), Duration::from_secs(1));
/// Bytes of memory that a processor can fill in a second, at most: huge pages, zeroed.
const FILLED: u64 = 4 << 30;
/// What the look itself may take of a processor's time: one in so many.
const PART: u32 = 4;
/// The part of a machine's memory whose being all that is left is a shortage: one in so many.
const SHORTAGE: u64 = 16;

/// What is kept of one run's bounds.
#[derive(Debug)]
pub struct Watch<'a> {
    cell: &'a Cell,
    bounds: Bounds,
    /// The run's own, once it has one.
    cgroup: &'a mut Option<Cgroup>,
    /// Whether it is known if it can have one.
    tried: bool,
    /// When its time is over, then when it is killed; never, where there is no such time.
    over: Option<Instant>,
    timed_out: bool,
    look: Instant,
    between: Duration,
    /// Bytes a second, of all processors that the cell may use.
    filled: u64,
    /// Bytes of files in the machine's memory at the start.
    files: u64,
    /// The machine's memory at the first look.
    before: Option<Memory>,
    reached: Option<Reached>,
    killed: bool,
}

impl<'a> Watch<'a> {
    /// Keeps these bounds of a cell that has just started.
    pub fn new(cell: &'a Cell, bounds: Bounds, cgroup: &'a mut Option<Cgroup>) -> Watch<'a> {
        let now = Instant::now();
        let mut watch = Watch {
            cell,
            bounds,
            tried: cgroup.is_some(),
            cgroup,
            over: bounds.timeout.and_then(|timeout| now.checked_add(timeout)),
            timed_out: false,
            look: now,
            between: FIRST_LOOK / 2,
            filled: FILLED * processors(),
            files: files_in_memory(),
            before: None,
            reached: None,
            killed: false,
        };
        watch.between = watch.until_next(0);
        watch.look = now + watch.between;
        watch
    }

    /// Whose bounds they are.
    pub fn cell(&self) -> &'a Cell {
        self.cell
    }

    /// When [`Watch::act`] is next due.
    pub fn due(&self) -> Instant {
        self.over.map_or(self.look, |over| over.min(self.look))
    }

    /// Does what is due: ends a cell whose time is over, and looks at one whose time isn't.
    pub fn act(&mut self) {
        let now = Instant::now();
        if self.over.is_some_and(|over| over <= now) {
            self.end(now);
        }
        if self.look <= now {
            self.look_at();
            let took = now.elapsed();
            // On a machine so busy that looking takes long, looks are dear, and still the bound is to hold.
            self.between = self.between.max(took * PART).min(BETWEEN.1);
            self.look = Instant::now() + self.between;
        }
    }

    /// How the run ended, and the bound that it died of.
    pub fn verdict(self, ended: Ended) -> (Ended, Option<Reached>) {
        if let (true, Some(timeout)) = (self.timed_out, self.bounds.timeout) {
            return (ended.timed_out(), Some(Reached::Time(timeout)));
        }
        let memory = || {
            self.cgroup.as_ref().is_some_and(Cgroup::has_killed).then_some(Reached::Memory(Size(self.bounds.memory)))
        };
        let file = || {
            let signalled = ended == Ended::Signalled(libc::SIGXFSZ as u8);
            signalled.then_some(Reached::File(Size(self.bounds.file)))
        };
        // The init waits for the host's word: what the cell started lives until then.
        let last = || self.bounds.exhausted(&self.cell.sample().usage);
        let reached =
            if ended.code() == 0 { None } else { memory().or_else(file).or(self.reached.clone()).or_else(last) };
        (ended, reached)
    }

    /// SIGTERM, and SIGCONT for a cell that is stopped (as timeout(1) does); the second time SIGKILL.
    fn end(&mut self, now: Instant) {
        if self.timed_out {
            self.cell.kill();
            self.over = None;
            return;
        }
        self.timed_out = true;
        self.cell.signal(libc::SIGTERM);
        self.cell.go_on();
        self.over = now.checked_add(GRACE);
    }

    fn look_at(&mut self) {
        let sample = self.cell.sample();
        let mut memory = sample.usage.memory;
        if !self.tried {
            self.tried = true;
            self.bounds = self.bounds.within(memory_around());
            self.enclose();
        }
        // The kernel kills one process of a run where version 1 bounds it; the run is to end whole.
        if self.cgroup.as_ref().is_some_and(Cgroup::has_killed) {
            self.kill(Reached::Memory(Size(self.bounds.memory)));
        }
        if !self.bounds.exact {
            memory = self.look_at_memory(&sample);
        }
        if sample.usage.descriptors > self.bounds.descriptors {
            self.kill(Reached::Descriptors(self.bounds.descriptors));
        }
        if let Some(reached) = self.bounds.exhausted(&sample.usage) {
            self.reached.get_or_insert(reached);
        }
        self.between = self.until_next(memory);
    }

    /// A cgroup keeps the bound best, and counts what nobody else can: where one can be had, a run that lives long
    /// enough to be looked at gets it now, when nobody waits for it.
    /// Without one, or with a part of the run in it, looking on is what keeps the bound.
    /// What it has stays in the account where it was. Of that, files in memory that nobody maps aren't seen by a look:
    /// what the machine has more of than at the start may be this run's, and is taken off.
    fn enclose(&mut self) {
        let bound = self.bounds.memory;
        let unseen = files_in_memory().saturating_sub(self.files).min(bound / 2);
        if let Ok(cgroup) = Cgroup::create(bound - unseen, false) {
            let _ = self.cell.move_into(&cgroup);
            *self.cgroup = Some(cgroup);
        }
    }

    /// What processes share is counted for each of them at first, and files that none has mapped for none: where
    /// that could matter, all is counted again, with care. What is in no account even then (queues of sockets,
    /// files in flight in them) shows in the machine's own alone. Gives what the run has.
    fn look_at_memory(&mut self, sample: &Sample) -> u64 {
        let Some(now) = Memory::now() else { return sample.usage.memory };
        let before = *self.before.get_or_insert(now);
        let bound = self.bounds.memory;
        let mut memory = sample.usage.memory;
        // Whose files they are isn't said; how many there were before neither helps, others' may go meanwhile.
        if memory > bound || now.files > bound / 8 {
            memory = sample.memory();
            if memory > bound {
                self.kill(Reached::Memory(Size(bound)));
            }
        }
        let gone = before.available.saturating_sub(now.available);
        if gone > bound && now.available < now.total / SHORTAGE {
            self.kill(Reached::Shortage(Size(gone >> 20 << 20)));
        }
        memory
    }

    /// A cell can't be over its bound of memory before so long.
    fn until_next(&self, memory: u64) -> Duration {
        let (least, most) = BETWEEN;
        let room = self.bounds.memory.saturating_sub(memory);
        let reaches = Duration::from_millis(room.saturating_mul(1000) / self.filled);
        (self.between * 2).min(reaches).clamp(least, most)
    }

    fn kill(&mut self, reached: Reached) {
        if !self.killed {
            self.killed = true;
            // Over whatever it came near to before.
            self.reached = Some(reached);
            self.cell.kill();
        }
    }
}
