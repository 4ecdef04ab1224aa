//! One connection of a peer's, from its first packet to its end: secured, admitted, its streams handed out.
//!
//! What must stay true: each step has its time; a peer that isn't admitted is told nothing of the cell.
//! Clauses: P2P-20.

use std::cell::Cell;
use std::future::poll_fn;
use std::rc::Rc;
use std::task::Poll;
use std::time::{Duration, Instant};

use quinn::{Connection, Incoming, VarInt};
use rustls::pki_types::CertificateDer;
use tokio::time::{interval, sleep, timeout};

use super::certificate::Certificate;
use super::stream::Stream;
use super::windows::{Share, Windows};
use crate::peers::life::{Life, Place, Why};
use crate::peers::{Peers, limits, protocols};

/// The endpoint sends the last packet in a task of its own.
const LAST: Duration = Duration::from_millis(2);

/// Secures a connection and admits its peer, and has its streams served by a task of their own.
pub(super) async fn accept(incoming: Incoming, peers: Rc<Peers>, windows: Rc<Windows>, greeted: Rc<Cell<bool>>) {
    peers.pace().turn().await;
    let Ok(Some((place, share, connection))) =
        timeout(limits::HANDSHAKE, secure(incoming, &peers, &windows, &greeted)).await
    else {
        return;
    };
    tokio::task::spawn_local(serve(place, share, connection, peers));
}

async fn secure(
    incoming: Incoming,
    peers: &Peers,
    windows: &Rc<Windows>,
    greeted: &Cell<bool>,
) -> Option<(Place, Share, Connection)> {
    // Where it is was proved: it is no stranger's packet.
    greeted.set(incoming.remote_address_validated());
    let connection = incoming.accept().ok()?.await.ok()?;
    let presented = connection.peer_identity()?.downcast::<Vec<CertificateDer<'static>>>().ok()?;
    let peer = Certificate::verified(presented.first()?)?.peer();
    if !peers.allows(&peer) {
        return None;
    }
    let (share, place) = (windows.share()?, peers.admit(peer)?);
    connection.set_receive_window(VarInt::from_u32(share.window()));
    connection.set_send_window(share.window().into());
    Some((place, share, connection))
}

async fn serve(place: Place, share: Share, connection: Connection, peers: Rc<Peers>) {
    if let Some(why) = until_end(&place.life, &connection, &peers).await {
        connection.close(VarInt::from_u32(why as u32), why.text().as_bytes());
    }
    place.life.is_over();
    sleep(LAST).await;
    drop(share);
}

/// Why we end it; `None`: it has ended.
async fn until_end(life: &Rc<Life>, connection: &Connection, peers: &Rc<Peers>) -> Option<Why> {
    let mut looks = interval(limits::LOOK);
    loop {
        let doom = poll_fn(|context| life.doom(context.waker()).map_or(Poll::Pending, Poll::Ready));
        tokio::select! {
            biased;
            why = doom => return Some(why),
            opened = connection.accept_bi() => {
                let (send, receive) = opened.ok()?;
                let stream = Stream::new(send, receive);
                tokio::task::spawn_local(protocols::serve(stream.into(), life.clone(), peers.clone()));
            }
            _ = looks.tick() => {
                let idle = life.idle().map(|since| Instant::now().saturating_duration_since(since));
                if idle.is_some_and(|idle| idle > limits::IDLE) {
                    return Some(Why::Normal);
                }
            }
        }
    }
}
