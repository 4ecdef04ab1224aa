//! Takes connections as they come, no more at once than there is room for, and secures them not faster than there is time.
//!
//! What must stay true: whoever connects and says nothing costs a descriptor and 2 KiB until its time is over, or until its
//! place is needed; a storm of handshakes takes a part of the processor, not all of it.
//! Clauses: P2P-10, P2P-12, P2P-13.

use std::cell::Cell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::Duration;

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use tokio::net::TcpListener;
use tokio::task::AbortHandle;
use tokio::time::{Instant, sleep, sleep_until};

use super::{Peers, connection, limits};

/// How long nothing is taken after that failed, for want of descriptors or memory.
const PAUSE: Duration = Duration::from_millis(100);

/// Takes connections until the end of the run.
pub(super) async fn run(socket: TcpListener, peers: Rc<Peers>) {
    let mut pending = VecDeque::<Pending>::new();
    loop {
        pending.retain(|one| !one.task.is_finished());
        if pending.len() >= limits::HANDSHAKES {
            // Each that is here has so many times this before it has to make room.
            sleep(limits::PACE).await;
        }
        let Ok((tcp, _)) = socket.accept().await else {
            sleep(PAUSE).await;
            continue;
        };
        if pending.len() >= limits::HANDSHAKES {
            let first = pending.iter().position(|one| !one.greeted.get()).unwrap_or_default();
            if let Some(one) = pending.remove(first) {
                one.task.abort();
            }
        }
        let greeted = Rc::new(Cell::new(false));
        let task = tokio::task::spawn_local(connection::accept(tcp, peers.clone(), greeted.clone()));
        pending.push_back(Pending { task: task.abort_handle(), greeted });
    }
}

/// A connection that isn't secured yet.
struct Pending {
    task: AbortHandle,
    /// Whether its peer has begun a handshake: whoever says nothing makes room first.
    greeted: Rc<Cell<bool>>,
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

/// How many connections this process may have. It takes as many descriptors as it can get: the cell, which runs already,
/// has limits of its own.
pub(super) fn room() -> usize {
    let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE) else { return 0 };
    let wanted = hard.min(limits::CONNECTIONS as u64 + limits::HANDSHAKES as u64 + limits::DESCRIPTORS);
    let soft = if soft < wanted && setrlimit(Resource::RLIMIT_NOFILE, wanted, hard).is_ok() { wanted } else { soft };
    usize::try_from(soft.saturating_sub(limits::DESCRIPTORS + limits::HANDSHAKES as u64)).unwrap_or(usize::MAX).max(16)
}
