//! What one session may hold in memory: counts it, and makes the reader and the bulk calls wait.
//!
//! - What it does: counts bytes of replies that the cell hasn't taken, bytes and number of messages that
//!   are being worked on. capnp-rpc bounds neither.
//! - What must stay true: nothing is received while a count is over its limit; a whole file or message is
//!   in memory once at a time; nobody who waits here holds what another waits for.
//! - Serves: rulings 13, 20.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, SemaphorePermit};

/// Bytes of replies above which nothing is received.
const QUEUED: usize = 256 << 10;
/// Bytes of messages in work above which nothing is received. One message may exceed it by its whole size.
const HELD: usize = 256 << 10;
/// Messages in work above which nothing is received.
const CALLS: usize = 1024;
/// A file of up to this size may be in memory beside [`SMALL_CALLS`] - 1 like it.
pub(super) const SMALL: u64 = 128 << 10;
const SMALL_CALLS: usize = 8;
const OPEN: &str = "no semaphore of a gate is ever closed";

/// The counts of one session.
pub(super) struct Gate {
    queued: Cell<usize>,
    held: Cell<usize>,
    calls: Cell<usize>,
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
        Rc::new(Gate {
            queued: Cell::new(0),
            held: Cell::new(0),
            calls: Cell::new(0),
            lowered: Notify::new(),
            small: Semaphore::new(SMALL_CALLS),
            large: Arc::new(Semaphore::new(1)),
            message: Cell::new(None),
        })
    }

    /// Waits until more may be received.
    pub(super) async fn open(&self) {
        self.until(|| self.queued.get() <= QUEUED && self.held.get() <= HELD && self.calls.get() < CALLS).await;
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
        self.large_call().await
    }

    /// The reply of the one before counts until the cell has taken it.
    pub(super) async fn taken(&self) {
        self.until(|| self.queued.get() <= QUEUED).await;
    }

    async fn until(&self, condition: impl Fn() -> bool) {
        while !condition() {
            self.lowered.notified().await;
        }
    }

    pub(super) fn queue(&self, bytes: usize) {
        self.queued.set(self.queued.get() + bytes);
    }

    pub(super) fn unqueue(&self, bytes: usize) {
        self.queued.set(self.queued.get() - bytes);
        self.lowered.notify_waiters();
    }

    /// Counts a message until what this returns is dropped, and keeps its turn until then at most.
    pub(super) fn hold(self: &Rc<Self>, bytes: usize, turn: Option<Turn>) -> Held {
        let large = turn.is_some();
        if large {
            self.message.set(turn);
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
        if self.large {
            drop(self.gate.message.take());
        }
        self.gate.lowered.notify_waiters();
    }
}
