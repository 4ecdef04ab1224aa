//! The cell as its peers find it: what they reach is what it exports, for as long as it runs.
//!
//! What must stay true: where the cell ends before anybody could have come, nothing was made for peers; where it ends
//! later, those who are there are told.
//! Clauses: P2P-02, P2P-03, P2P-09, P2P-14, P2P-18, STATUS-05.

use std::cell::Cell;
use std::future::pending;
use std::rc::Rc;
use std::time::Duration;

use capnp::Error;
use futures::AsyncReadExt;
use futures::future::LocalBoxFuture;
use tokio::sync::Notify;
use tokio::time::sleep;

use super::rpc::{CellSession, Encoding, serve_peer};
use crate::notice::warning;
use crate::peers::address::Address;
use crate::peers::{Coming, Peers, Stream, Vat, bound};
use crate::phrase::told;
use crate::status::Status;

/// How long a cell runs before the host listens where nobody asked it to: most that end at once have ended.
const SOON: Duration = Duration::from_millis(10);

/// The peers of a cell, if it is to have any.
pub(super) struct Visited {
    coming: Option<Coming>,
    session: CellSession,
    ended: Rc<CellsEnd>,
    peers: Option<Rc<Peers>>,
}

impl Visited {
    pub(super) fn new(coming: Option<Coming>, session: CellSession) -> Visited {
        Visited { coming, session, ended: Rc::default(), peers: None }
    }

    /// Lets peers come, and says so. Where nobody chose an address and there is none to be had, the cell runs on alone, and
    /// the user is told.
    pub(super) async fn begin(&mut self, status: &mut Status) {
        let Some(coming) = self.coming.take() else { return pending().await };
        match self.meet(coming).await {
            Ok(peers) => {
                status.listening(&peers.id(), peers.addresses());
                self.peers = Some(peers);
            }
            Err(error) => {
                warning(format_args!("no peer can come: {}", told(&*error)));
            }
        }
    }

    async fn meet(&self, Coming { who, at }: Coming) -> Result<Rc<Peers>, Box<dyn std::error::Error>> {
        let at = match at {
            Some(at) => at,
            None => {
                sleep(SOON).await;
                bound::all(&[Address::LOOPBACK])?
            }
        };
        let vat = OfCell { session: self.session.clone(), ended: self.ended.clone() };
        Ok(Peers::serve(who, at, Rc::new(vat))?)
    }

    /// Tells those who are there that the cell has ended.
    pub(super) async fn farewell(&self) {
        let Some(peers) = &self.peers else { return };
        self.ended.is.set(true);
        self.ended.changed.notify_waiters();
        peers.farewell().await;
    }
}

/// Serves each peer what the cell exports.
struct OfCell {
    session: CellSession,
    ended: Rc<CellsEnd>,
}

#[derive(Default)]
struct CellsEnd {
    is: Cell<bool>,
    changed: Notify,
}

impl CellsEnd {
    async fn why(self: Rc<Self>) -> Error {
        while !self.is.get() {
            self.changed.notified().await;
        }
        Error::disconnected("the cell has ended".to_owned())
    }
}

impl Vat for OfCell {
    fn serve(&self, stream: Stream) -> LocalBoxFuture<'static, ()> {
        let (reader, writer) = stream.split();
        let (bootstrap, ended) = (self.session.bootstrap(), self.ended.clone().why());
        let limits = self.session.limits();
        Box::pin(async move {
            serve_peer(reader, writer, Encoding::Packed, bootstrap, limits, ended).await;
        })
    }
}
