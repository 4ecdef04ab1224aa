//! One connection of a peer's, from the socket to its end: secured, admitted, its streams handed out.
//!
//! What must stay true: each step has its time; a peer that isn't admitted is told nothing of the cell.
//! Clauses: P2P-01, P2P-08, P2P-10, P2P-12, P2P-14.

use std::cell::{Cell, RefCell};
use std::io;
use std::rc::Rc;
use std::time::Instant;

use libp2p_identity::PeerId;
use snow::TransportState;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{interval, timeout};

use super::channel::Channel;
use super::mux::{End, Mux};
use super::noise::{self, Refused};
use super::stream::Stream;
use crate::peers::life::Place;
use crate::peers::select::{Talk, select};
use crate::peers::{Peers, limits, protocols};

const NOISE: &str = "/noise";
const YAMUX: &str = "/yamux/1.0.0";

/// Secures a connection and admits its peer, and has its streams served by a task of their own.
pub(super) async fn accept(tcp: TcpStream, peers: Rc<Peers>, greeted: Rc<Cell<bool>>) {
    let Ok(Ok((place, mux))) = timeout(limits::HANDSHAKE, secure(tcp, &peers, &greeted)).await else { return };
    tokio::task::spawn_local(serve(place, mux, peers));
}

async fn secure(mut tcp: TcpStream, peers: &Peers, greeted: &Cell<bool>) -> io::Result<(Place, Mux)> {
    tcp.set_nodelay(true)?;
    let (peer, noise, heard) = greet(&mut tcp, peers, greeted).await?;
    if !peers.allows(&peer) {
        return Err(io::ErrorKind::PermissionDenied.into());
    }
    let mut channel = Channel::new(tcp, noise, heard);
    let mut plain = Vec::new();
    select(&mut channel, &mut plain, &[YAMUX]).await?;
    let place = peers.admit(peer).ok_or(io::ErrorKind::ConnectionRefused)?;
    let mux = Mux::new(channel, plain, place.life.clone());
    Ok((place, mux))
}

/// The handshake. Gives who the peer is, the keys, and what came too early.
async fn greet(
    tcp: &mut TcpStream,
    peers: &Peers,
    greeted: &Cell<bool>,
) -> io::Result<(PeerId, TransportState, Vec<u8>)> {
    let refused = |_: Refused| io::Error::from(io::ErrorKind::InvalidData);
    let mut heard = Vec::new();
    select(tcp, &mut heard, &[NOISE]).await?;
    let mut handshake = peers.keys().answer().map_err(refused)?;
    let first = message(tcp, &mut heard).await?;
    greeted.set(true);
    peers.pace().turn().await;
    let second = handshake.second(&first, peers.keys()).map_err(refused)?;
    let length = u16::try_from(second.len()).map_err(|_| io::ErrorKind::InvalidData)?;
    tcp.say(&[&length.to_be_bytes(), &second[..]].concat()).await?;
    let third = message(tcp, &mut heard).await?;
    let (peer, noise) = handshake.finish(&third).map_err(refused)?;
    Ok((peer, noise, heard))
}

/// One message of a handshake.
async fn message(tcp: &mut TcpStream, heard: &mut Vec<u8>) -> io::Result<Vec<u8>> {
    loop {
        if let Some((prefix, rest)) = heard.split_first_chunk::<2>() {
            let length = usize::from(u16::from_be_bytes(*prefix));
            if length > noise::LARGEST_MESSAGE {
                return Err(io::ErrorKind::InvalidData.into());
            }
            if let Some(message) = rest.get(..length) {
                let message = message.to_vec();
                heard.drain(..2 + length);
                return Ok(message);
            }
        }
        if tcp.hear(heard).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
}

impl Talk for TcpStream {
    async fn hear(&mut self, into: &mut Vec<u8>) -> io::Result<usize> {
        let mut buffer = [0; 512];
        let read = self.read(&mut buffer).await?;
        into.extend_from_slice(&buffer[..read]);
        Ok(read)
    }

    async fn say(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.write_all(bytes).await
    }
}

async fn serve(place: Place, mux: Mux, peers: Rc<Peers>) {
    let mux = Rc::new(RefCell::new(mux));
    let end = until_end(&place, &mux, &peers).await;
    mux.borrow_mut().close(end);
    // Its streams learn of it by themselves; what is queued for the peer may be why it is told.
    let _ = timeout(limits::FAREWELL, std::future::poll_fn(|context| mux.borrow_mut().poll_send(context))).await;
    mux.borrow_mut().let_go();
    place.life.is_over();
}

async fn until_end(place: &Place, mux: &Rc<RefCell<Mux>>, peers: &Rc<Peers>) -> End {
    let mut looks = interval(limits::LOOK);
    loop {
        tokio::select! {
            biased;
            opened = std::future::poll_fn(|context| mux.borrow_mut().drive(context)) => match opened {
                Ok(number) => {
                    let stream = Stream::new(mux.clone(), number);
                    tokio::task::spawn_local(protocols::serve(stream.into(), place.life.clone(), peers.clone()));
                }
                Err(end) => return end,
            },
            _ = looks.tick() => {
                if let Err(end) = mux.borrow_mut().look(Instant::now()) {
                    return end;
                }
            }
        }
    }
}
