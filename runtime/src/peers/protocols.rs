//! What is spoken on a stream: the cell's RPC, identify, ping.
//!
//! Clauses: P2P-01, P2P-02, P2P-11, P2P-12.

use std::rc::Rc;

use futures::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

use super::life::Life;
use super::select::select;
use super::stream::Stream;
use super::{Peers, identify, limits};

/// The cell's RPC.
pub(super) const WW: &str = "/ww/0.1.0";
const IDENTIFY: &str = "/ipfs/id/1.0.0";
const PING: &str = "/ipfs/ping/1.0.0";
/// All that is spoken.
pub(super) const ALL: [&str; 3] = [WW, IDENTIFY, PING];
/// A ping's bytes (github.com/libp2p/specs, ping/ping.md).
const PINGED: usize = 32;

/// Learns what a stream is for, and serves that.
pub(super) async fn serve(mut stream: Stream, life: Rc<Life>, peers: Rc<Peers>) {
    let mut heard = Vec::new();
    let chosen = timeout(limits::HANDSHAKE, select(&mut stream, &mut heard, &ALL)).await;
    let Ok(Ok(chosen)) = chosen else { return };
    stream.put_back(heard);
    match ALL[chosen] {
        WW => {
            let Some(_session) = life.session() else { return };
            let session = peers.vat().serve(stream);
            tokio::select! {
                () = session => {}
                // It may wait for something else than its stream.
                () = life.over() => {}
            }
        }
        IDENTIFY => {
            let _ = timeout(limits::HANDSHAKE, introduce(stream, &peers)).await;
        }
        _ => echo(stream).await,
    }
}

async fn introduce(mut stream: Stream, peers: &Peers) -> std::io::Result<()> {
    stream.write_all(&identify::message(peers.identity(), peers.addresses(), &ALL)).await?;
    stream.close().await?;
    // Dropped before the peer has ended it too, the stream would be reset.
    while stream.read(&mut [0; 64]).await? > 0 {}
    Ok(())
}

/// Until the peer ends it.
async fn echo(mut stream: Stream) {
    let mut bytes = [0; PINGED];
    while stream.read_exact(&mut bytes).await.is_ok() {
        if stream.write_all(&bytes).await.is_err() || stream.flush().await.is_err() {
            return;
        }
    }
}
