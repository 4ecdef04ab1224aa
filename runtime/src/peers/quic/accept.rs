//! Takes connections as they come.

use std::rc::Rc;

use quinn::Endpoint;

use super::connection;
use super::windows::Windows;
use crate::peers::handshakes::Handshakes;
use crate::peers::{Peers, limits};

/// Takes connections until the end of the run.
pub(in crate::peers) async fn run(endpoint: Endpoint, peers: Rc<Peers>, windows: Rc<Windows>) {
    let mut handshakes = Handshakes::new(limits::QUIC_HANDSHAKES);
    loop {
        handshakes.room().await;
        let Some(incoming) = endpoint.accept().await else { return };
        if handshakes.count() >= limits::QUIC_HANDSHAKES / 4 && incoming.may_retry() {
            // Who isn't where its packets say that it is never hears this, and costs nothing (RFC 9000, section 8.1.2).
            let _ = incoming.retry();
            continue;
        }
        handshakes.begin(|greeted| connection::accept(incoming, peers.clone(), windows.clone(), greeted));
    }
}
