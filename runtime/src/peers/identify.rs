//! identify: who we are, as peers ask (github.com/libp2p/specs, identify/README.md).
//!
//! Clauses: P2P-11.

use libp2p_identity::Keypair;

use super::address::Address;
use super::protobuf::{field, put_varint};

const PUBLIC_KEY: u64 = 1;
const LISTEN_ADDRS: u64 = 2;
const PROTOCOLS: u64 = 3;
const PROTOCOL_VERSION: u64 = 5;
const AGENT_VERSION: u64 = 6;

/// What a peer is told, behind its length.
pub(super) fn message(identity: &Keypair, addresses: &[Address], spoken: &[&str]) -> Vec<u8> {
    let mut message = field(PUBLIC_KEY, &identity.public().encode_protobuf());
    addresses.iter().for_each(|address| message.extend(field(LISTEN_ADDRS, &address.bytes())));
    spoken.iter().for_each(|name| message.extend(field(PROTOCOLS, name.as_bytes())));
    message.extend(field(PROTOCOL_VERSION, b"ww/0.1.0"));
    message.extend(field(AGENT_VERSION, concat!("ww/", env!("CARGO_PKG_VERSION")).as_bytes()));
    let mut framed = Vec::new();
    put_varint(&mut framed, message.len() as u64);
    framed.extend(message);
    framed
}
