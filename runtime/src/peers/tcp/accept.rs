//! Takes connections as they come.

use std::rc::Rc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::time::sleep;

use super::connection;
use crate::peers::handshakes::Handshakes;
use crate::peers::{Peers, limits};

/// How long nothing is taken after that failed, for want of descriptors or memory.
const PAUSE: Duration = Duration::from_millis(100);

/// Takes connections until the end of the run.
pub(in crate::peers) async fn run(socket: TcpListener, peers: Rc<Peers>) {
    let mut handshakes = Handshakes::new(limits::HANDSHAKES);
    loop {
        handshakes.room().await;
        match socket.accept().await {
            Ok((tcp, _)) => handshakes.begin(|greeted| connection::accept(tcp, peers.clone(), greeted)),
            Err(_) => sleep(PAUSE).await,
        }
    }
}
