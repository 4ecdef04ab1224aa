//! Peers: they come over libp2p while the cell runs, and speak with it.
//!
//! Over TCP with Noise and Yamux (`tcp`), or over QUIC (`quic`), each as libp2p has it; what is spoken on their streams, who
//! comes in and what all may take is the same for both (docs/decisions/peers.md).
//! What must stay true: a run to which no peer comes pays a socket and a key, once its cell runs; one thread serves all;
//! what a peer does ends at worst its own connection.
//! Clauses: P2P-*, SELF-06.

pub mod address;
pub mod bound;
pub mod identity;

mod descriptors;
mod handshakes;
mod identify;
mod life;
mod limits;
mod protobuf;
mod protocols;
mod quic;
mod select;
mod stream;
mod tcp;

use std::collections::BTreeSet;
use std::io;
use std::rc::Rc;
use std::time::Duration;

use futures::future::LocalBoxFuture;
use libp2p_identity::{Keypair, PeerId};
use tokio::time::{Instant, sleep};

use address::Address;
use bound::{Bound, Socket};
use handshakes::Pace;
use life::{Lives, Place};

pub use stream::Stream;

/// What serves the streams on which peers speak with the cell.
pub trait Vat {
    /// Serves one until it ends.
    fn serve(&self, stream: Stream) -> LocalBoxFuture<'static, ()>;
}

/// Whom a run admits, and as whom.
#[derive(Debug)]
pub struct Who {
    /// The identity, where one was given.
    pub identity: Option<Keypair>,
    /// The peers that are admitted; none named is all.
    pub allowed: BTreeSet<PeerId>,
}

/// The peers that a run waits for.
#[derive(Debug)]
pub struct Coming {
    /// Whom it admits, and as whom.
    pub who: Who,
    /// Where they come to; `None` is where nobody was told, once the cell runs.
    pub at: Option<Vec<Bound>>,
}

/// The peers of a run, which come from now on.
pub struct Peers {
    identity: Keypair,
    allowed: BTreeSet<PeerId>,
    keys: tcp::Keys,
    pace: Pace,
    addresses: Vec<Address>,
    lives: Rc<Lives>,
    most: usize,
    vat: Rc<dyn Vat>,
}

impl Peers {
    /// Takes peers that come to these sockets. To be called in a [`tokio::task::LocalSet`].
    pub fn serve(who: Who, bound: Vec<Bound>, vat: Rc<dyn Vat>) -> io::Result<Rc<Peers>> {
        let none = || io::Error::other("there is no randomness for a key");
        let identity = who.identity.or_else(identity::fresh).ok_or_else(none)?;
        let keys = tcp::Keys::new(&identity).ok_or_else(none)?;
        let addresses = bound.iter().flat_map(Bound::reachable).collect();
        let most = limits::CONNECTIONS.min(descriptors::room());
        let lives = Rc::new(Lives::default());
        let peers =
            Rc::new(Peers { identity, allowed: who.allowed, keys, pace: Pace::new(), addresses, lives, most, vat });
        let windows = Rc::default();
        for Bound { socket, .. } in bound {
            match socket {
                Socket::Tcp(socket) => {
                    let socket = tokio::net::TcpListener::from_std(socket)?;
                    tokio::task::spawn_local(tcp::accept(socket, peers.clone()));
                }
                Socket::Quic(socket) => {
                    let endpoint = quic::endpoint(socket, &peers.identity)?;
                    tokio::task::spawn_local(quic::accept(endpoint, peers.clone(), Rc::clone(&windows)));
                }
            }
        }
        Ok(peers)
    }

    /// Its id.
    pub fn id(&self) -> PeerId {
        self.identity.public().to_peer_id()
    }

    /// Where peers can come to.
    pub fn addresses(&self) -> &[Address] {
        &self.addresses
    }

    /// Tells all peers that it is over, for as long as that takes, which isn't long: their sessions have the first word, so
    /// that a peer learns why before its connection goes.
    pub async fn farewell(&self) {
        self.lives.refuse();
        until(|| self.lives.sessions() == 0).await;
        self.lives.end();
        until(|| self.lives.count() == 0).await;
    }

    fn allows(&self, peer: &PeerId) -> bool {
        self.allowed.is_empty() || self.allowed.contains(peer)
    }

    fn admit(&self, peer: PeerId) -> Option<Place> {
        self.lives.admit(peer, self.most)
    }

    fn pace(&self) -> &Pace {
        &self.pace
    }

    fn keys(&self) -> &tcp::Keys {
        &self.keys
    }

    fn identity(&self) -> &Keypair {
        &self.identity
    }

    fn vat(&self) -> &dyn Vat {
        self.vat.as_ref()
    }
}

/// Waits until it is so, or [`limits::FAREWELL`] is over.
async fn until(so: impl Fn() -> bool) {
    const STEP: Duration = Duration::from_millis(1);
    let end = Instant::now() + limits::FAREWELL;
    while !so() && Instant::now() < end {
        sleep(STEP).await;
    }
}
