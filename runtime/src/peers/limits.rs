//! What peers may take of the host, each and all together.
//!
//! They are chosen so that a thousand peers with a call each are served, and that the worst that peers can do stays below
//! 20 MB: docs/decisions/peers.md has the sum.
//! Clauses: SELF-06, P2P-10 to P2P-13.

use std::time::Duration;

/// Connections that were secured.
pub(super) const CONNECTIONS: usize = 1024;
/// Of one peer id.
pub(super) const CONNECTIONS_OF_PEER: usize = 8;
/// Connections that aren't secured yet: then one that has said nothing makes room for one more.
pub(super) const HANDSHAKES: usize = 256;
/// Descriptors of the host that connections leave free.
pub(super) const DESCRIPTORS: u64 = 64;
/// `/ww/0.1.0` streams, of all peers and of one connection.
pub(super) const SESSIONS: usize = 1280;
pub(super) const SESSIONS_OF_CONNECTION: usize = 16;
/// Streams of any protocol of one connection.
pub(super) const STREAMS: usize = 24;
/// Bytes that came and were not taken, or wait to be sent, of all connections.
pub(super) const HELD: usize = 4 << 20;
/// Bytes of one connection that came and were not taken, above which nothing more is read from it.
pub(super) const UNREAD: usize = 128 << 10;
/// Bytes for a peer that wait to be sent, above which nothing more is read from it or written to its streams.
pub(super) const UNSENT: usize = 64 << 10;

/// Connections over QUIC that were secured: each is promised memory (`quic::windows`).
pub(super) const QUIC_CONNECTIONS: usize = 128;
/// Those that aren't yet, each with a state of TLS and of QUIC's.
pub(super) const QUIC_HANDSHAKES: usize = 32;
/// Bytes that are kept of a connection that wasn't looked at yet, and of a handshake that comes in pieces.
pub(super) const QUIC_EARLY: u64 = 8 << 10;
pub(super) const QUIC_CRYPTO: usize = 8 << 10;

/// How long a connection may take to be secured, and a stream to say what it speaks.
pub(super) const HANDSHAKE: Duration = Duration::from_secs(10);
/// How long a connection may have no session.
pub(super) const IDLE: Duration = Duration::from_secs(30);
/// A peer that was silent for so long is asked whether it is there.
pub(super) const SILENT: Duration = Duration::from_secs(10);
/// One that says nothing, or takes nothing, for so long isn't.
pub(super) const DEAD: Duration = Duration::from_secs(20);
/// How often a connection's times are looked at.
pub(super) const LOOK: Duration = Duration::from_secs(5);
/// How long sessions have to tell their peers that the cell has ended, and then connections.
pub(super) const FAREWELL: Duration = Duration::from_millis(50);
/// The least time between two handshakes that are answered, after so many at once: each takes a fifth of it of the
/// processor.
pub(super) const PACE: Duration = Duration::from_millis(1);
pub(super) const AT_ONCE: u32 = 64;
