//! Peers over QUIC, as libp2p has it (github.com/libp2p/specs, quic/README.md): quinn, and a certificate that says who a peer
//! is in the place of one that somebody issued.
//!
//! What must stay true: who isn't admitted has no stream that is looked at; what a connection may have in memory is set
//! beforehand, by windows whose sum is bounded (`windows`).
//! Clauses: P2P-20.

mod accept;
mod certificate;
mod connection;
mod endpoint;
mod stream;
mod verifier;
mod windows;

pub(super) use accept::run as accept;
pub(super) use endpoint::endpoint;
pub(super) use stream::Stream;
