//! What one session may hold in memory: counts it, and makes the reader and the bulk calls wait.
//!
//! - What it does: counts bytes of what the far end hasn't taken, bytes and number of messages that are being
//!   worked on, calls that go on ([`Pace`]). capnp-rpc bounds none of them.
//! - What must stay true: nothing is received while a count is over its limit, but for answers that the host waits
//!   for; a whole file or message is in memory once at a time; nobody who waits here holds what another waits for.
//! - Serves: rulings 13, 20.

mod pace;
#[cfg(test)]
mod tests;

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, SemaphorePermit};
use tokio::time::{Instant, timeout};

use pace::Pace;

/// Bytes for the far end above which nothing is received of it.
const QUEUED: usize = 256 << 10;
/// Bytes of messages in work above which nothing is received. One message may exceed it by its whole size.
const HELD: usize = 256 << 10;
/// Messages in work above which nothing is received.
const CALLS: usize = 1024;
/// The same where the host waits for answers, which come behind whatever else is sent: above it, calls are refused.
const HELD_WAITING: usize = 1 << 20;
const CALLS_WAITING: usize = 2048;
/// For how long calls that go on are waited for, as only a call that is received can let go of others.
const PATIENCE: Duration = Duration::from_secs(1);
/// How long a peer may take nothing of what is queued for it before nothing more is received of it.
const IDLE: Duration = Duration::from_millis(200);
/// A file of up to this size may be in memory beside [`SMALL_CALLS`] - 1 like it.
pub(super) const SMALL: u64 = 128 << 10;
const SMALL_CALLS: usize = 8;
/// About what is around results that wait here, in bytes.
const AROUND: usize = 4096;
const OPEN: &str = "no semaphore of a gate is ever closed";

/// The counts of one session.
pub(super) struct Gate {
    queued: Cell<usize>,
    redirected: Cell<usize>,
    held: Cell<usize>,
    held_small: Cell<usize>,
    calls: Cell<usize>,
    pace: Pace,
    /// Whether it is a peer's.
    peers: bool,
    /// When something was last taken of what is queued, and since when nothing was.
    took: Cell<Option<Instant>>,
    waits: Cell<Option<Instant>>,
    owed: Cell<usize>,
    lowered: Notify,
    small: Semaphore,
    large: Arc<Semaphore>,
    /// The turn of the large message in work, until its call takes it over.
    message: Cell<Option<Turn>>,
}

/// The right to have something large in memory.
pub(super) type Turn = OwnedSemaphorePermit;

impl Gate {
    pub(super) fn new() -> Rc<Gate> {
        Gate::with(Arc::new(Semaphore::new(1)), Pace::of_cell(), false)
    }

    /// A peer's, whose turns for large messages are those of others too.
    pub(super) fn sharing(large: Arc<Semaphore>) -> Rc<Gate> {
        Gate::with(large, Pace::of_peer(), true)
    }

    fn with(large: Arc<Semaphore>, pace: Pace, peers: bool) -> Rc<Gate> {
        Rc::new(Gate {
            queued: Cell::new(0),
            redirected: Cell::new(0),
            held: Cell::new(0),
            held_small: Cell::new(0),
            calls: Cell::new(0),
            pace,
            peers,
            took: Cell::new(None),
            waits: Cell::new(None),
            owed: Cell::new(0),
            lowered: Notify::new(),
            small: Semaphore::new(SMALL_CALLS),
            large,
            message: Cell::new(None),
        })
    }

    /// Waits until more may be received.
    pub(super) async fn open(&self) {
        let room = || self.held.get() <= HELD && self.calls.get() < CALLS;
        let taken = || self.queued.get() <= QUEUED && !self.is_left();
        self.until(|| taken() && (self.owed.get() > 0 || room())).await;
        let few = || self.owed.get() > 0 || self.pace.are_few() || self.pace.are_stuck();
        if !few() && timeout(PATIENCE, self.until(few)).await.is_err() {
            self.pace.stick();
        }
    }

    /// Whether a peer leaves what is queued for it where it is.
    fn is_left(&self) -> bool {
        self.peers && self.waits.get().is_some_and(|since| since.elapsed() > IDLE)
    }

    /// Waits until the far end has taken most of what it was sent.
    pub(super) async fn taken(&self) {
        self.until(|| self.queued.get() + self.redirected.get() <= QUEUED).await;
    }

    /// The same, whatever it has called for itself.
    pub(super) async fn read(&self) {
        self.until(|| self.queued.get() <= QUEUED).await;
    }

    /// Whether a call is one too many.
    pub(super) fn is_full(&self) -> bool {
        self.held_small.get() > HELD_WAITING || self.calls.get() >= CALLS_WAITING || self.pace.are_far_too_large()
    }

    /// Bytes of messages in work, but for a large one.
    pub(super) fn held_small(&self) -> usize {
        self.held_small.get()
    }

    /// Bytes of the large one.
    pub(super) fn held_large(&self) -> usize {
        self.held.get() - self.held_small.get()
    }

    /// A turn for a call whose data is [`SMALL`] at most.
    pub(super) async fn small_call(&self) -> SemaphorePermit<'_> {
        let turn = self.small.acquire().await.expect(OPEN);
        self.taken().await;
        turn
    }

    /// The turn for a call whose data may be of any size that the contract allows: one at a time.
    pub(super) async fn large_call(&self) -> Turn {
        let turn = self.large.clone().acquire_owned().await.expect(OPEN);
        self.taken().await;
        turn
    }

    /// The same for a call that came with such data: its message has the turn already.
    pub(super) async fn large_call_of_message(&self) -> Turn {
        match self.message.take() {
            Some(turn) => turn,
            None => self.large_call().await,
        }
    }

    /// Waits for the turn to receive a message of any size.
    pub(super) async fn large_message(&self) -> Turn {
        let turn = self.large.clone().acquire_owned().await.expect(OPEN);
        self.read().await;
        turn
    }

    async fn until(&self, condition: impl Fn() -> bool) {
        while !condition() {
            self.lowered.notified().await;
        }
    }

    pub(super) fn queue(&self, bytes: usize) {
        if self.queued.get() == 0 && self.peers {
            self.waits.set(Some(Instant::now()));
        }
        self.queued.set(self.queued.get() + bytes);
    }

    pub(super) fn unqueue(&self, bytes: usize) {
        self.queued.set(self.queued.get() - bytes);
        if self.queued.get() == 0 {
            self.waits.set(None);
        }
        self.lowered.notify_waiters();
    }

    /// The peer has taken some of what is queued.
    pub(super) fn takes(&self) {
        let now = Instant::now();
        self.took.set(Some(now));
        self.waits.set(Some(now).filter(|_| self.queued.get() > 0));
        self.lowered.notify_waiters();
    }

    /// Whether it has within the last while.
    pub(super) fn took(&self, within: Duration) -> bool {
        self.took.get().is_some_and(|took| took.elapsed() < within)
    }

    pub(super) fn queued(&self) -> usize {
        self.queued.get()
    }

    /// Counts results that the far end has redirected to itself, until what this returns is dropped.
    pub(super) fn redirect(self: &Rc<Self>, bytes: usize) -> Redirected {
        let bytes = bytes + AROUND;
        self.redirected.set(self.redirected.get() + bytes);
        Redirected { gate: self.clone(), bytes }
    }

    pub(super) fn redirected(&self) -> usize {
        self.redirected.get()
    }

    /// A call of the far end's begins, of so many bytes. As many as what this returns are to be given when it ends.
    pub(super) fn begins(&self, bytes: usize) -> usize {
        self.pace.begins(bytes)
    }

    pub(super) fn ends(&self, counted: usize) {
        self.pace.ends(counted);
        self.lowered.notify_waiters();
    }

    /// Bytes of the calls that go on.
    pub(super) fn work(&self) -> usize {
        self.pace.work()
    }

    /// How many they are.
    pub(super) fn working(&self) -> usize {
        self.pace.working()
    }

    /// The far end is asked, and answers.
    pub(super) fn asks(&self) {
        self.owed.set(self.owed.get() + 1);
        self.lowered.notify_waiters();
    }

    pub(super) fn is_answered(&self) {
        self.owed.set(self.owed.get().saturating_sub(1));
    }

    pub(super) fn owed(&self) -> usize {
        self.owed.get()
    }

    /// Counts a message until what this returns is dropped, and keeps its turn until then at most.
    pub(super) fn hold(self: &Rc<Self>, bytes: usize, turn: Option<Turn>) -> Held {
        let large = turn.is_some();
        if large {
            self.message.set(turn);
        } else {
            self.held_small.set(self.held_small.get() + bytes);
        }
        self.held.set(self.held.get() + bytes);
        self.calls.set(self.calls.get() + 1);
        Held { gate: self.clone(), bytes, large }
    }
}

/// One message in work.
pub(super) struct Held {
    gate: Rc<Gate>,
    bytes: usize,
    large: bool,
}

impl Drop for Held {
    fn drop(&mut self) {
        self.gate.held.set(self.gate.held.get() - self.bytes);
        self.gate.calls.set(self.gate.calls.get() - 1);
        match self.large {
            true => drop(self.gate.message.take()),
            false => self.gate.held_small.set(self.gate.held_small.get() - self.bytes),
        }
        self.gate.lowered.notify_waiters();
    }
}

/// Results that wait here for the far end to ask for them.
pub(super) struct Redirected {
    gate: Rc<Gate>,
    bytes: usize,
}

impl Drop for Redirected {
    fn drop(&mut self) {
        self.gate.redirected.set(self.gate.redirected.get() - self.bytes);
        self.gate.lowered.notify_waiters();
    }
}
