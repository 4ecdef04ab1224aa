//! One RPC session with a peer.
//!
//! - What it does: serves the cell's bootstrap capability on any stream.
//! - What must stay true: the peer reaches nothing but what it was given; when the session is over, so is every
//!   call it made.
//! - Serves: rulings 17, 20.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;

use capnp::Error;
use capnp::capability::Client;
use capnp_rpc::RpcSystem;
use futures::{AsyncRead, AsyncWrite};

use super::session::Session;
use crate::serve::gate::Gate;
use crate::serve::limits::Limits;
use crate::serve::vat::{Encoding, Far, Network};

/// How a session with a peer ended.
#[derive(Debug)]
pub enum Ended {
    /// The peer has closed the stream between two messages.
    Closed,
    /// It broke the protocol or a bound, and was told so; or the host ended the session.
    Because(Error),
    /// It made capnp-rpc panic.
    Broken,
}

/// Serves `bootstrap` to a peer until the stream ends, the peer breaks the protocol or a bound, or `until` resolves:
/// the peer is told the reason that it gives.
///
/// To be run by `spawn_local` on a current-thread runtime with time enabled. Dropping the future ends the session
/// without a word.
pub async fn serve_peer(
    reader: impl AsyncRead + Unpin + 'static,
    writer: impl AsyncWrite + Unpin + 'static,
    encoding: Encoding,
    bootstrap: Client,
    limits: Limits,
    until: impl Future<Output = Error>,
) -> Ended {
    let Limits(all) = limits;
    let gate = Gate::sharing(all.large.clone());
    let network = Network::new(reader, writer, encoding, Far::Peer, gate, all);
    let observer = network.observer();
    let mut session = Session::new(RpcSystem::new(Box::new(network), Some(bootstrap)));
    let mut until = pin!(until);
    let mut ending = false;
    poll_fn(|context| {
        if !ending && let Poll::Ready(why) = until.as_mut().poll(context) {
            ending = true;
            observer.end(why);
        }
        session.poll(context)
    })
    .await;
    match (session.is_broken(), observer.reason()) {
        (true, _) => Ended::Broken,
        (false, Some(why)) => Ended::Because(why),
        (false, None) => Ended::Closed,
    }
}
