//! What the cell exports, for whoever serves its peers: not there yet, there, or never to come.
//!
//! - What must stay true: the cell is asked once, and only if somebody wants to know; nobody waits for longer than
//!   [`LATE`].
//! - Serves: rulings 13, 17.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use capnp::Error;
use capnp::capability::Client;
use capnp_rpc::{new_broken_cap, new_future_client};
use tokio::sync::Notify;

/// How late a cell may export what it does: an interpreter may take its time to start.
const LATE: Duration = Duration::from_secs(30);

#[derive(Default)]
pub(super) struct Exported {
    wanted: Cell<bool>,
    settled: RefCell<Option<Client>>,
    failed: Cell<bool>,
    changed: Notify,
}

impl Exported {
    /// The cell's bootstrap capability, or one that will become it. Where there is none to come, a call on it fails
    /// and says why.
    pub(super) fn client(self: &Rc<Self>) -> Client {
        if let Some(client) = &*self.settled.borrow() {
            return client.clone();
        }
        self.wanted.set(true);
        self.changed.notify_waiters();
        let exported = self.clone();
        new_future_client(async move {
            let waited = tokio::time::timeout(LATE, exported.settled()).await;
            waited.map_err(|_| {
                let late = LATE.as_secs();
                Error::disconnected(format!("the cell has exported nothing on its RPC connection for {late} seconds"))
            })
        })
    }

    /// Waits until somebody wants to know.
    pub(super) async fn wanted(&self) {
        while !self.wanted.get() {
            self.changed.notified().await;
        }
    }

    /// It is known.
    pub(super) fn settle(&self, client: Client) {
        *self.settled.borrow_mut() = Some(client);
        self.changed.notify_waiters();
    }

    /// There is nothing, or no longer.
    pub(super) fn fail(&self, why: Error) {
        self.failed.set(true);
        self.settle(new_broken_cap(why));
    }

    /// The session is over, for no reason that was told.
    pub(super) fn over(&self) {
        if !self.failed.get() {
            self.fail(Error::disconnected("the cell has closed its RPC connection".to_owned()));
        }
    }

    async fn settled(&self) -> Client {
        loop {
            if let Some(client) = &*self.settled.borrow() {
                return client.clone();
            }
            self.changed.notified().await;
        }
    }
}
