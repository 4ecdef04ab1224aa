//! What QUIC is configured with: TLS 1.3, the protocol `libp2p`, and bounds.

use std::io;
use std::net::UdpSocket;
use std::sync::Arc;

use libp2p_identity::Keypair;
use quinn::crypto::rustls::QuicServerConfig;
use quinn::{Endpoint, EndpointConfig, IdleTimeout, ServerConfig, TokioRuntime, TransportConfig, VarInt};
use rustls::crypto::ring;
use rustls::server::NoServerSessionStorage;
use rustls::sign::{CertifiedKey, SingleCertAndKey};

use super::verifier::Verifier;
use super::{certificate, windows};
use crate::peers::limits;

/// What both sides say that they speak (RFC 7301).
const PROTOCOL: &[u8] = b"libp2p";
/// QUIC version 1 (RFC 9000).
const VERSION: u32 = 1;

/// The endpoint at a socket. To be called in a tokio runtime.
pub(in crate::peers) fn endpoint(socket: UdpSocket, identity: &Keypair) -> io::Result<Endpoint> {
    let mut config = EndpointConfig::default();
    config.supported_versions(vec![VERSION]);
    let server =
        server(identity).map_err(|why| io::Error::other(format!("there is no certificate for QUIC: {why}")))?;
    Endpoint::new(config, Some(server), socket, Arc::new(TokioRuntime))
}

fn server(identity: &Keypair) -> Result<ServerConfig, Box<dyn std::error::Error>> {
    let (certificate, key) = certificate::made_for(identity)?;
    let provider = Arc::new(ring::default_provider());
    let key = provider.key_provider.load_private_key(key)?;
    let certified = SingleCertAndKey::from(CertifiedKey::new(vec![certificate], key));
    let mut tls = rustls::ServerConfig::builder_with_provider(provider.clone())
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .with_client_cert_verifier(Arc::new(Verifier::new(provider.signature_verification_algorithms)))
        .with_cert_resolver(Arc::new(certified));
    tls.alpn_protocols = vec![PROTOCOL.to_vec()];
    // A connection that is taken up again would need what is kept of it.
    tls.send_tls13_tickets = 0;
    tls.session_storage = Arc::new(NoServerSessionStorage {});

    let mut server = ServerConfig::with_crypto(Arc::new(QuicServerConfig::try_from(tls)?));
    server
        .transport_config(Arc::new(transport()?))
        // The address of a peer is a part of what it was admitted by.
        .migration(false)
        .max_incoming(limits::QUIC_HANDSHAKES)
        .incoming_buffer_size(limits::QUIC_EARLY)
        .incoming_buffer_size_total(limits::QUIC_EARLY * limits::QUIC_HANDSHAKES as u64);
    Ok(server)
}

fn transport() -> Result<TransportConfig, Box<dyn std::error::Error>> {
    let mut transport = TransportConfig::default();
    transport
        .max_concurrent_bidi_streams(VarInt::try_from(limits::STREAMS as u64)?)
        .max_concurrent_uni_streams(VarInt::from_u32(0))
        .datagram_receive_buffer_size(None)
        .stream_receive_window(VarInt::try_from(windows::MOST)?)
        // Until a connection has its share.
        .receive_window(VarInt::try_from(windows::LEAST)?)
        .send_window(windows::LEAST)
        .crypto_buffer_size(limits::QUIC_CRYPTO)
        .keep_alive_interval(Some(limits::SILENT))
        .max_idle_timeout(Some(IdleTimeout::try_from(limits::DEAD)?))
        .allow_spin(false);
    Ok(transport)
}
