//! What a connection has of the host, and its end when that is too much: counted for each, bounded for all together.
//!
//! What must stay true: over the bound of all, that connection ends which has most; one that takes its bytes as they come
//! has next to nothing, and is never the one.
//! Clauses: SELF-06, P2P-10, P2P-13.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::{Rc, Weak};
use std::task::Waker;
use std::time::Instant;

use libp2p_identity::PeerId;
use tokio::sync::Notify;

use super::limits;

/// Why a connection is ended, as its peer is told: the codes are those of Yamux, and QUIC's have the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Why {
    /// The host ends, or the peer was idle for too long.
    Normal = 0,
    /// The peer broke the protocol.
    Protocol = 1,
    /// It took more than it may.
    Bounds = 2,
}

impl Why {
    /// In words, for those transports that carry them.
    pub(super) fn text(self) -> &'static str {
        match self {
            Why::Normal => "the cell has ended, or nobody used this connection",
            Why::Protocol => "the protocol was broken",
            Why::Bounds => "it took more than it may",
        }
    }
}

/// All connections that were secured.
#[derive(Default)]
pub(super) struct Lives {
    all: RefCell<BTreeMap<u64, Rc<Life>>>,
    next: Cell<u64>,
    held: Cell<usize>,
    sessions: Cell<usize>,
    /// Whether no more come.
    over: Cell<bool>,
}

/// One of them.
pub(super) struct Life {
    pub(super) peer: PeerId,
    lives: Weak<Lives>,
    held: Cell<usize>,
    sessions: Cell<usize>,
    /// Since when it has no session.
    idle: Cell<Instant>,
    doom: Cell<Option<Why>>,
    driver: RefCell<Option<Waker>>,
    over: Cell<bool>,
    changed: Notify,
}

/// A connection's place among the others, given back at its end.
pub(super) struct Place {
    lives: Rc<Lives>,
    number: u64,
    pub(super) life: Rc<Life>,
}

/// A session's place, given back at its end.
pub(super) struct Session(Rc<Life>);

impl Lives {
    /// Gives a peer a place, if there is one for it. One that has no session makes room for one that may have.
    pub(super) fn admit(self: &Rc<Self>, peer: PeerId, most: usize) -> Option<Place> {
        let mut all = self.all.borrow_mut();
        let own = all.values().filter(|life| life.peer == peer).count();
        if self.over.get() || own >= limits::CONNECTIONS_OF_PEER {
            return None;
        }
        if all.len() >= most {
            let idle = all.iter().filter(|(_, life)| life.sessions.get() == 0);
            let number = *idle.min_by_key(|(_, life)| life.idle.get())?.0;
            all.remove(&number)?.end(Why::Bounds);
        }
        let number = self.next.replace(self.next.get() + 1);
        let life = Rc::new(Life {
            peer,
            lives: Rc::downgrade(self),
            held: Cell::new(0),
            sessions: Cell::new(0),
            idle: Cell::new(Instant::now()),
            doom: Cell::new(None),
            driver: RefCell::new(None),
            over: Cell::new(false),
            changed: Notify::new(),
        });
        all.insert(number, life.clone());
        Some(Place { lives: self.clone(), number, life })
    }

    /// Lets no more come.
    pub(super) fn refuse(&self) {
        self.over.set(true);
    }

    /// Ends all connections.
    pub(super) fn end(&self) {
        self.all.borrow().values().for_each(|life| life.end(Why::Normal));
    }

    /// How many sessions there are.
    pub(super) fn sessions(&self) -> usize {
        self.sessions.get()
    }

    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.all.borrow().len()
    }

    fn end_the_largest(&self) {
        let all = self.all.borrow();
        let alive = all.values().filter(|life| life.doom.get().is_none());
        if let Some(life) = alive.max_by_key(|life| life.held.get()) {
            life.end(Why::Bounds);
        }
    }
}

impl Life {
    /// Says how many bytes are in memory for it. One that is to end soon counts no more: or others had to follow it.
    pub(super) fn holds(&self, bytes: usize) {
        let bytes = if self.doom.get().is_some() { 0 } else { bytes };
        let before = self.held.replace(bytes);
        let Some(lives) = self.lives.upgrade() else { return };
        lives.held.set(lives.held.get() + bytes - before);
        if bytes > before && lives.held.get() > limits::HELD {
            lives.end_the_largest();
        }
    }

    /// Has it end soon.
    pub(super) fn end(&self, why: Why) {
        if self.doom.get().is_none() {
            self.doom.set(Some(why));
            self.holds(0);
        }
        if let Some(driver) = self.driver.borrow_mut().take() {
            driver.wake();
        }
    }

    /// Why it is to end, if it is; else the task that is woken when it is.
    pub(super) fn doom(&self, driver: &Waker) -> Option<Why> {
        self.driver.replace(Some(driver.clone()));
        self.doom.get()
    }

    /// Its connection has ended.
    pub(super) fn is_over(&self) {
        self.over.set(true);
        self.changed.notify_waiters();
    }

    /// Waits until its connection has ended.
    pub(super) async fn over(&self) {
        while !self.over.get() {
            self.changed.notified().await;
        }
    }

    /// A place for one more session of it.
    pub(super) fn session(self: &Rc<Self>) -> Option<Session> {
        let lives = self.lives.upgrade()?;
        if self.sessions.get() >= limits::SESSIONS_OF_CONNECTION || lives.sessions.get() >= limits::SESSIONS {
            return None;
        }
        lives.sessions.set(lives.sessions.get() + 1);
        self.sessions.set(self.sessions.get() + 1);
        Some(Session(self.clone()))
    }

    /// Since when it has had no session; `None`: it has one.
    pub(super) fn idle(&self) -> Option<Instant> {
        (self.sessions.get() == 0).then(|| self.idle.get())
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.life.holds(0);
        self.lives.all.borrow_mut().remove(&self.number);
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.0.sessions.set(self.0.sessions.get() - 1);
        self.0.idle.set(Instant::now());
        if let Some(lives) = self.0.lives.upgrade() {
            lives.sessions.set(lives.sessions.get() - 1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer() -> PeerId {
        crate::peers::identity::fresh().unwrap().public().to_peer_id()
    }

    fn doomed(place: &Place) -> Option<Why> {
        place.life.doom(Waker::noop())
    }

    #[test]
    fn the_one_that_has_most_ends() {
        let lives = Rc::new(Lives::default());
        let places = [0; 3].map(|_| lives.admit(peer(), 9).unwrap());
        places[0].life.holds(limits::HELD / 4);
        places[1].life.holds(limits::HELD / 2);
        assert_eq!(places.each_ref().map(doomed), [None; 3]);
        places[2].life.holds(limits::HELD / 3);
        assert_eq!(places.each_ref().map(doomed), [None, Some(Why::Bounds), None]);
        // Not yet gone, and not in the way of the others.
        places[0].life.holds(limits::HELD / 2);
        places[2].life.holds(limits::HELD / 2);
        assert_eq!(places.each_ref().map(doomed), [None, Some(Why::Bounds), None]);
        drop(places);
        assert_eq!((lives.held.get(), lives.count()), (0, 0));
    }

    #[test]
    fn an_idle_one_makes_room() {
        let lives = Rc::new(Lives::default());
        let busy = lives.admit(peer(), 2).unwrap();
        let session = busy.life.session().unwrap();
        let idle = lives.admit(peer(), 2).unwrap();
        let third = lives.admit(peer(), 2).unwrap();
        assert_eq!([&busy, &idle, &third].map(doomed), [None, Some(Why::Bounds), None]);
        let other = third.life.session().unwrap();
        assert!(lives.admit(peer(), 2).is_none());
        drop((session, other));
        assert!(busy.life.idle().is_some() && lives.sessions.get() == 0);
    }

    #[test]
    fn a_peer_has_few() {
        let (lives, peer) = (Rc::new(Lives::default()), peer());
        let places: Vec<_> = std::iter::from_fn(|| lives.admit(peer, 1000)).collect();
        assert_eq!(places.len(), limits::CONNECTIONS_OF_PEER);
        let sessions: Vec<_> = std::iter::from_fn(|| places[0].life.session()).collect();
        assert_eq!(sessions.len(), limits::SESSIONS_OF_CONNECTION);
    }
}
