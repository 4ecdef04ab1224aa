//! Connections that aren't secured yet: no more at once than there is room for, and not faster than there is time.
//!
//! What must stay true: whoever connects and says nothing costs little, until its time is over or until its place is needed;
//! a storm of handshakes takes a part of the processor, not all of it.
//! Clauses: P2P-10, P2P-12, P2P-13.

use std::cell::Cell;
use std::collections::VecDeque;
use std::rc::Rc;

use tokio::task::AbortHandle;
use tokio::time::{Instant, sleep, sleep_until};

use super::limits;

/// Those that go on at one socket.
pub(super) struct Handshakes {
    most: usize,
    pending: VecDeque<Pending>,
}

struct Pending {
    task: AbortHandle,
    /// Whether its peer has begun a handshake: whoever says nothing makes room first.
    greeted: Rc<Cell<bool>>,
}

impl Handshakes {
    pub(super) fn new(most: usize) -> Handshakes {
        Handshakes { most, pending: VecDeque::new() }
    }

    /// Waits a little where there is no room: each that is here has so many times this before it has to make room.
    pub(super) async fn room(&mut self) {
        self.pending.retain(|one| !one.task.is_finished());
        if self.pending.len() >= self.most {
            sleep(limits::PACE).await;
        }
    }

    /// How many go on.
    pub(super) fn count(&self) -> usize {
        self.pending.len()
    }

    /// Begins one more, which says when its peer has begun too.
    pub(super) fn begin<T: Future<Output = ()> + 'static>(&mut self, handshake: impl FnOnce(Rc<Cell<bool>>) -> T) {
        if self.pending.len() >= self.most {
            let first = self.pending.iter().position(|one| !one.greeted.get()).unwrap_or_default();
            if let Some(one) = self.pending.remove(first) {
                one.task.abort();
            }
        }
        let greeted = Rc::new(Cell::new(false));
        let task = tokio::task::spawn_local(handshake(greeted.clone()));
        self.pending.push_back(Pending { task: task.abort_handle(), greeted });
    }
}

/// When handshakes are answered: so many at once, then one after the other.
pub(super) struct Pace {
    /// When all that came will have had their time.
    level: Cell<Instant>,
}

impl Pace {
    pub(super) fn new() -> Pace {
        Pace { level: Cell::new(Instant::now()) }
    }

    /// Waits for the turn of one more.
    pub(super) async fn turn(&self) {
        let now = Instant::now();
        let level = self.level.get().max(now) + limits::PACE;
        self.level.set(level);
        let free = limits::PACE * limits::AT_ONCE;
        if level > now + free {
            sleep_until(level - free).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use tokio::task::LocalSet;

    use super::*;

    #[tokio::test]
    async fn who_says_nothing_makes_room_first() {
        let alive = Rc::new(Cell::new([false; 4]));
        let set = |alive: &Cell<[bool; 4]>, at: usize, is| {
            let mut all = alive.get();
            all[at] = is;
            alive.set(all);
        };
        struct Leaves(Rc<Cell<[bool; 4]>>, usize);
        impl Drop for Leaves {
            fn drop(&mut self) {
                let mut all = self.0.get();
                all[self.1] = false;
                self.0.set(all);
            }
        }
        let tasks = LocalSet::new();
        tasks
            .run_until(async {
                let mut handshakes = Handshakes::new(3);
                for at in 0..4 {
                    handshakes.room().await;
                    set(&alive, at, true);
                    let leaves = Leaves(alive.clone(), at);
                    handshakes.begin(|greeted| async move {
                        let _leaves = leaves;
                        // The first has begun; the second is the oldest that hasn't.
                        greeted.set(at == 0);
                        pending::<()>().await
                    });
                    tokio::task::yield_now().await;
                }
                assert_eq!(alive.get(), [true, false, true, true]);
            })
            .await;
    }

    #[tokio::test(start_paused = true)]
    async fn so_many_at_once_and_then_one_after_the_other() {
        let (pace, began) = (Pace::new(), Instant::now());
        for _ in 0..limits::AT_ONCE {
            pace.turn().await;
        }
        assert_eq!(began.elapsed().as_millis(), 0);
        for _ in 0..10 {
            pace.turn().await;
        }
        assert_eq!(began.elapsed(), limits::PACE * 10);
    }
}
