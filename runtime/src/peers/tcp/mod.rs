//! Peers over TCP: Noise, then Yamux, written for a host that is to stay small whatever peers do
//! (docs/decisions/peers.md).

mod accept;
mod channel;
mod connection;
mod flow;
mod frame;
mod mux;
mod noise;
mod stream;

pub(super) use accept::run as accept;
pub(super) use noise::{Keys, random};
pub(super) use stream::Stream;
