//! Who may have blocks of a file in memory: a few reads at a time, however many there are.
//!
//! - What it does: the first block of a read takes a turn, all its others share it, the last gives it back.
//! - What must stay true: whoever has a turn waits for the daemon alone, or gives it up as soon as another
//!   wants it: a reader that takes nothing holds nobody up. Who waits for a turn has no block in memory.
//! - Serves: ruling 20.

use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};
use std::sync::Arc;

use tokio::sync::{Mutex, Notify, OwnedSemaphorePermit, Semaphore};

/// How many reads have blocks in memory.
const TURNS: usize = 2;

/// The turns of all reads.
pub(crate) struct Turns {
    free: Arc<Semaphore>,
    waiting: Cell<usize>,
    changed: Notify,
}

/// The right to have some blocks in memory.
pub(crate) struct Turn {
    _permit: Option<OwnedSemaphorePermit>,
}

/// What one read has of them.
pub(crate) struct Claim {
    turns: Rc<Turns>,
    held: RefCell<Weak<Turn>>,
    /// One of its blocks asks, the others wait for what it gets.
    asking: Mutex<()>,
}

impl Turns {
    pub(crate) fn new() -> Rc<Turns> {
        Rc::new(Turns { free: Arc::new(Semaphore::new(TURNS)), waiting: Cell::new(0), changed: Notify::new() })
    }

    /// Waits until somebody waits for a turn.
    pub(crate) async fn wanted(&self) {
        while !self.is_wanted() {
            self.changed.notified().await;
        }
    }

    pub(crate) fn is_wanted(&self) -> bool {
        self.waiting.get() > 0
    }
}

impl Claim {
    pub(crate) fn new(turns: Rc<Turns>) -> Rc<Claim> {
        Rc::new(Claim { turns, held: RefCell::default(), asking: Mutex::new(()) })
    }

    pub(crate) fn turns(&self) -> &Turns {
        &self.turns
    }

    /// Whether one of its blocks has the turn.
    pub(crate) fn is_held(&self) -> bool {
        self.held.borrow().strong_count() > 0
    }

    /// The turn of this read.
    pub(crate) async fn turn(&self) -> Rc<Turn> {
        let _asking = self.asking.lock().await;
        let held = self.held.borrow().upgrade();
        if let Some(turn) = held {
            return turn;
        }
        let permit = match self.turns.free.clone().try_acquire_owned() {
            Ok(permit) => Some(permit),
            Err(_) => {
                let _waiting = Waiting::new(&self.turns);
                // It is never closed.
                self.turns.free.clone().acquire_owned().await.ok()
            }
        };
        let turn = Rc::new(Turn { _permit: permit });
        *self.held.borrow_mut() = Rc::downgrade(&turn);
        turn
    }
}

struct Waiting<'a>(&'a Turns);

impl Waiting<'_> {
    fn new(turns: &Turns) -> Waiting<'_> {
        turns.waiting.set(turns.waiting.get() + 1);
        turns.changed.notify_waiters();
        Waiting(turns)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.waiting.set(self.0.waiting.get() - 1);
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    #[test]
    fn blocks_of_one_read_share_a_turn_and_others_wait() {
        let turns = Turns::new();
        let claims: Vec<Rc<Claim>> = (0..=TURNS).map(|_| Claim::new(turns.clone())).collect();
        let held: Vec<Rc<Turn>> =
            claims[..TURNS].iter().map(|claim| claim.turn().now_or_never().expect("a turn")).collect();
        let again = claims[0].turn().now_or_never().expect("its own turn");
        assert!(claims[0].is_held() && !claims[TURNS].is_held() && !turns.is_wanted());
        let mut last = Box::pin(claims[TURNS].turn());
        assert!((&mut last).now_or_never().is_none() && turns.is_wanted());
        assert!(turns.wanted().now_or_never().is_some());
        drop(held);
        assert!(claims[0].is_held(), "one of its blocks is left");
        assert!((&mut last).now_or_never().is_some() && !turns.is_wanted());
        drop(again);
        assert!(!claims[0].is_held());
    }

    #[test]
    fn who_gives_up_waiting_wants_nothing() {
        let turns = Turns::new();
        let claims: Vec<Rc<Claim>> = (0..=TURNS).map(|_| Claim::new(turns.clone())).collect();
        let _held: Vec<Rc<Turn>> =
            claims[..TURNS].iter().map(|claim| claim.turn().now_or_never().expect("a turn")).collect();
        assert!(claims[TURNS].turn().now_or_never().is_none());
        assert!(!turns.is_wanted());
    }
}
