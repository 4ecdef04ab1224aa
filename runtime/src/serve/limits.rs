//! What sessions with peers may take, each and all together.
//!
//! - What it does: counts for all sessions what one alone can't know of: calls that go on, capabilities, bytes that
//!   peers don't take.
//! - What must stay true: whoever takes too much loses its connection, and is told; the others go on.
//! - Serves: rulings 13, 17, 20.

#[cfg(test)]
mod tests;

use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::time::Duration;

use capnp::Error;
use capnp_rpc::Tables;
use tokio::sync::{Notify, Semaphore};
use tokio::time::{Instant, timeout};

use super::gate::Gate;

/// Bytes that are queued for peers above which the one with most of them is let go.
const UNREAD: usize = 10 << 20;
/// Bytes that peers are taking above which the cell's next answers wait, for [`PAUSE`] at most.
const TAKING: usize = 1 << 20;
const PAUSE: Duration = Duration::from_millis(100);
/// How often.
const BETWEEN: Duration = Duration::from_secs(1);
/// Bytes of messages that are arriving, and of those that wait for what they were sent to, large ones apart.
const ARRIVING: usize = 3 << 19;
const HELD: usize = 3 << 19;
/// Calls of all peers that go on, and capabilities: above these the one that wants more is refused, unless it has few.
const WORKING: usize = 4096;
const EXPORTS: usize = 16_384;
const IMPORTS: usize = 8192;
const FEW: usize = 64;
/// Bytes of all peers' calls that go on, above which those with more than [`LITTLE`] of them wait, for [`BETWEEN`] at
/// most; and are refused above twice as many.
const WORK: usize = 2 << 20;
const LITTLE: usize = 32 << 10;

/// Bounds for the sessions with the peers of one cell: the clones are one and the same.
#[derive(Clone, Default)]
pub struct Limits(pub(super) Rc<All>);

impl Limits {
    /// Bounds that nobody has taken of.
    pub fn new() -> Limits {
        Limits::default()
    }
}

impl std::fmt::Debug for Limits {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        to.debug_struct("Limits").field("unread", &self.0.unread.get()).finish_non_exhaustive()
    }
}

/// What one session has of each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Most {
    pub answers: usize,
    pub exports: usize,
    pub imports: usize,
    pub embargoes: usize,
    pub working: usize,
    pub owed: usize,
    pub redirected: usize,
}

impl Most {
    /// The cell's: it has those of its peers too.
    pub(super) const CELL: Most = Most {
        answers: 8192,
        exports: 16_384,
        imports: 32_768,
        embargoes: 4096,
        working: 1536,
        owed: usize::MAX,
        redirected: 12 << 20,
    };
    /// A peer's.
    pub(super) const PEER: Most = Most {
        answers: 1024,
        exports: 4096,
        imports: 1024,
        embargoes: 256,
        working: 512,
        owed: 512,
        redirected: 1 << 20,
    };
}

/// One session, as the bounds of all see it.
pub(super) trait Session {
    /// Its counts.
    fn gate(&self) -> &Gate;

    /// Has it end as soon as it is polled, and say why to the far end.
    fn end(&self, why: Error);

    /// Nothing is sent any more but why it ends.
    fn drop_queue(&self);
}

/// Why the connection ends, as the far end is told.
pub(super) fn closed(why: &str) -> Error {
    Error::failed(format!("the connection is closed: {why}"))
}

/// What all sessions have together.
pub(super) struct All {
    /// The cell's gate, while its session goes on.
    cell: RefCell<Option<Rc<Gate>>>,
    peers: RefCell<Vec<Weak<dyn Session>>>,
    unread: Cell<usize>,
    taken: Notify,
    /// When waiting for peers that take something was last in vain.
    paused: Cell<Option<Instant>>,
    work: Cell<usize>,
    worked: Notify,
    held: Cell<usize>,
    working: Cell<usize>,
    exports: Cell<usize>,
    imports: Cell<usize>,
    pub(super) large: Arc<Semaphore>,
    pub(super) arriving: Arc<Semaphore>,
}

impl Default for All {
    fn default() -> All {
        All {
            cell: RefCell::default(),
            peers: RefCell::default(),
            unread: Cell::new(0),
            taken: Notify::new(),
            paused: Cell::new(None),
            work: Cell::new(0),
            worked: Notify::new(),
            held: Cell::new(0),
            working: Cell::new(0),
            exports: Cell::new(0),
            imports: Cell::new(0),
            large: Arc::new(Semaphore::new(1)),
            arriving: Arc::new(Semaphore::new(ARRIVING)),
        }
    }
}

impl All {
    pub(super) fn cell_is(&self, gate: Option<Rc<Gate>>) {
        *self.cell.borrow_mut() = gate;
    }

    pub(super) fn joins(&self, peer: Weak<dyn Session>) {
        let mut peers = self.peers.borrow_mut();
        if peers.len() == peers.capacity() {
            peers.retain(|peer| peer.strong_count() > 0);
        }
        peers.push(peer);
    }

    /// Waits until the cell takes what peers send to it.
    pub(super) async fn cell_reads(&self) {
        let gate = self.cell.borrow().clone();
        if let Some(gate) = gate {
            gate.read().await;
        }
    }

    /// Waits until the peers that are taking their answers have taken most of them. Those that take none aren't
    /// waited for.
    pub(super) async fn peers_read(&self) {
        let taking = || {
            let peers = self.peers.borrow();
            let sessions = peers.iter().filter_map(Weak::upgrade);
            sessions.filter(|session| session.gate().took(PAUSE)).map(|session| session.gate().queued()).sum::<usize>()
        };
        if self.unread.get() <= TAKING || self.paused.get().is_some_and(|last| last.elapsed() < BETWEEN) {
            return;
        }
        let taken = async {
            while taking() > TAKING {
                self.taken.notified().await;
            }
        };
        // Whatever comes of it: nobody waits for longer, or again soon.
        if timeout(PAUSE, taken).await.is_err() {
            self.paused.set(Some(Instant::now()));
        }
    }

    pub(super) fn queue(&self, bytes: usize) {
        self.unread.set(self.unread.get() + bytes);
        if self.unread.get() > UNREAD {
            let most = self.peers().max_by_key(|session| (!session.gate().took(PAUSE), session.gate().queued()));
            if let Some(session) = most {
                session.drop_queue();
                session.end(closed("too much was sent that the peer didn't take"));
            }
        }
    }

    pub(super) fn unqueue(&self, bytes: usize) {
        self.unread.set(self.unread.get() - bytes);
        self.taken.notify_waiters();
    }

    /// A message waits for what it was sent to. Where all peers' are too many, the one with most of them is let go.
    pub(super) fn hold(&self, bytes: usize) {
        self.held.set(self.held.get() + bytes);
        if self.held.get() <= HELD {
            return;
        }
        let large: usize = self.peers().map(|session| session.gate().held_large()).sum();
        if self.held.get() > HELD + large
            && let Some(session) = self.peers().max_by_key(|session| session.gate().held_small())
        {
            session.end(closed("too much was sent that waits for answers"));
        }
    }

    pub(super) fn release(&self, bytes: usize) {
        self.held.set(self.held.get() - bytes);
    }

    fn peers(&self) -> impl Iterator<Item = Rc<dyn Session>> {
        let peers: Vec<_> = self.peers.borrow().iter().filter_map(Weak::upgrade).collect();
        peers.into_iter()
    }

    /// Whether a peer with so many calls, of so many bytes, may have another.
    pub(super) fn admits(&self, own: usize, bytes: usize) -> bool {
        (self.working.get() < WORKING || own < FEW) && (self.work.get() < 2 * WORK || bytes < LITTLE)
    }

    /// Waits until a peer that has more than little in work may add to it.
    pub(super) async fn has_room(&self, gate: &Gate) {
        let full = || self.work.get() > WORK && gate.work() > LITTLE;
        if !full() {
            return;
        }
        let room = async {
            while full() {
                self.worked.notified().await;
            }
        };
        // Then it is received, and refused if it is a call too many.
        let _ = timeout(BETWEEN, room).await;
    }

    pub(super) fn begins(&self, bytes: usize) {
        self.working.set(self.working.get() + 1);
        self.work.set(self.work.get() + bytes);
    }

    pub(super) fn ends(&self, calls: usize, bytes: usize) {
        self.working.set(self.working.get().saturating_sub(calls));
        self.work.set(self.work.get().saturating_sub(bytes));
        self.worked.notify_waiters();
    }

    /// The cell can't ask more, as too much is unanswered: the peer that owes most is let go, if it owes many.
    pub(super) fn collect(&self) -> bool {
        let most =
            self.peers().max_by_key(|session| session.gate().owed()).filter(|session| session.gate().owed() > FEW);
        if let Some(session) = &most {
            session.end(closed("too many calls that the peer didn't answer"));
        }
        most.is_some()
    }

    /// One session's tables have changed.
    pub(super) fn change(&self, before: &Tables, now: &Tables) -> Result<(), Error> {
        for (all, before, now, most) in [
            (&self.exports, before.exports, now.exports, EXPORTS),
            (&self.imports, before.imports, now.imports, IMPORTS),
        ] {
            all.set((all.get() + now).saturating_sub(before));
            if all.get() > most && now > before && now > FEW {
                return Err(closed("too many capabilities of all peers together"));
            }
        }
        Ok(())
    }
}
