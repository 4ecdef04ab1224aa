//! The RPC session with the cell, from the socket to its end.
//!
//! - What it does: serves `Host`, and gets what the cell exports as soon as a peer wants it.
//! - What must stay true: a cell that neither speaks nor is asked for costs no session. When the session is over the
//!   socket is shut down, and whoever waits for the cell is told.
//! - Serves: rulings 13, 17, 20.

use std::future::poll_fn;
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::pin::Pin;
use std::rc::Rc;
use std::task::Poll;

use capnp::Error;
use capnp::capability::Client;
use capnp_rpc::RpcSystem;
use tokio::sync::Notify;

use super::exported::Exported;
use super::session::Session;
use super::socket::Socket;
use crate::access::Access;
use crate::content::Content;
use crate::serve::gate::Gate;
use crate::serve::host;
use crate::serve::limits::Limits;
use crate::serve::vat::{Encoding, Far, Network, Observer};

/// The session, as those see it who serve the cell's peers.
#[derive(Clone, Default)]
pub struct CellSession {
    exported: Rc<Exported>,
    over: Rc<Over>,
    limits: Limits,
}

#[derive(Default)]
struct Over {
    is: std::cell::Cell<bool>,
    changed: Notify,
}

impl CellSession {
    /// One that hasn't begun.
    pub fn new() -> CellSession {
        CellSession::default()
    }

    /// The cell's bootstrap capability, for one peer. It may be asked for at any time: until the cell has exported
    /// it, calls on it wait, for 30 seconds at most; where none is to come, they fail and say why.
    pub fn bootstrap(&self) -> Client {
        self.exported.client()
    }

    /// The bounds for the sessions with the cell's peers.
    pub fn limits(&self) -> Limits {
        self.limits.clone()
    }

    /// Waits until the session is over: the cell has closed its end, has ended, or broke the protocol.
    pub async fn over(&self) {
        while !self.over.is.get() {
            self.over.changed.notified().await;
        }
    }

    /// Serves one cell until it closes its end of `stream`, or breaks the protocol. Of IPFS it may do what `access`
    /// grants.
    ///
    /// To be run by `spawn_local` on a current-thread runtime with I/O and time enabled. Dropping the future ends the
    /// session.
    pub async fn serve(self, stream: UnixStream, content: Content, access: Access) {
        let ends = Ends(self.clone());
        // For the end: parts of a session may outlive its future, and the cell must see the end of it.
        let Ok(socket) = stream.try_clone() else { return };
        let _shut = Shut(socket);
        // tokio takes the caller's word that it is.
        if stream.set_nonblocking(true).is_err() {
            return;
        }
        let Ok(stream) = tokio::net::UnixStream::from_std(stream) else { return };
        // A cell that never speaks costs no session: it has 128 KiB of buffers.
        let stream = Socket::new(stream);
        tokio::select! {
            ready = stream.readable() => if ready.is_err() { return },
            () = self.exported.wanted() => {}
        }
        let gate = Gate::new();
        let host = host::client(content, access, gate.clone());
        let all = self.limits.0.clone();
        all.cell_is(Some(gate.clone()));
        let network = Network::new(stream.clone(), stream, Encoding::Plain, Far::Cell, gate, all);
        let observer = network.observer();
        let session = Session::new(RpcSystem::new(Box::new(network), Some(host.client)));
        self.drive(session, &observer).await;
        if let Some(why) = observer.reason() {
            self.exported.fail(gone(&why));
        }
        drop(ends);
    }

    async fn drive(&self, mut session: Session, observer: &Observer) {
        let mut wanted = Box::pin(self.exported.wanted());
        let mut asked = None;
        let mut settling = None;
        poll_fn(|context| {
            if asked.is_none() && wanted.as_mut().poll(context).is_ready() {
                let client = session.bootstrap();
                settling = Some(client.hook.when_resolved());
                asked = Some(client);
            }
            if session.poll(context).is_ready() {
                return Poll::Ready(());
            }
            if let (Some(client), Some(resolved)) = (&asked, &mut settling)
                && let Poll::Ready(resolved) = Pin::new(resolved).poll(context)
            {
                settling = None;
                match (resolved, observer.refused()) {
                    (_, Some(said)) => self.exported.fail(nothing(&said)),
                    (Err(error), None) => self.exported.fail(nothing(&error.extra)),
                    (Ok(()), None) => self.exported.settle(client.clone()),
                }
            }
            Poll::Pending
        })
        .await;
    }
}

fn nothing(said: &str) -> Error {
    Error::failed(format!("the cell exports nothing on its RPC connection: {said}"))
}

fn gone(why: &Error) -> Error {
    Error::disconnected(format!("the RPC connection with the cell is over: {}", why.extra))
}

/// Tells those who wait, however the session came to its end.
struct Ends(CellSession);

impl Drop for Ends {
    fn drop(&mut self) {
        let CellSession { exported, over, limits } = &self.0;
        exported.over();
        limits.0.cell_is(None);
        over.is.set(true);
        over.changed.notify_waiters();
    }
}

/// Shuts the socket down when the session is over, however that came.
struct Shut(UnixStream);

impl Drop for Shut {
    fn drop(&mut self) {
        // It may be gone already, which is as good.
        let _ = self.0.shutdown(Shutdown::Both);
    }
}
