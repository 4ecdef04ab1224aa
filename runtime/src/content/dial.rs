//! Opens one connection to the endpoint: TCP, Unix, and TLS over TCP.
//!
//! - What it does: looks up, connects and shakes hands, all within the connect timeout.
//! - What must stay true: no proxy of the environment is asked; certificates are read only where the
//!   endpoint is https. Loopback names are answered here (RFC 6761 §6.3), so that the usual run needs no
//!   resolver and none of the threads that tokio runs getaddrinfo(3) on.
//! - Serves: rulings 6, 20.

use std::cell::OnceCell;
use std::io::{self, ErrorKind};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UnixStream};
use tokio::time::{Instant, timeout};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{ClientConfig, RootCertStore, crypto::ring};

use crate::endpoint::{Endpoint, Family, Host, Target};

use super::ContentError;

/// A connection of any of the three kinds.
pub(crate) enum Connection {
    Tcp(TcpStream),
    Unix(UnixStream),
    Tls(Box<TlsStream<TcpStream>>),
}

/// Opens connections to one endpoint.
pub(crate) struct Dialer {
    endpoint: Endpoint,
    limit: Duration,
    /// Made at the first use of an https endpoint: it reads all of the system's certificates.
    tls: OnceCell<TlsConnector>,
}

impl Dialer {
    pub(crate) fn new(endpoint: Endpoint, limit: Duration) -> Dialer {
        Dialer { endpoint, limit, tls: OnceCell::new() }
    }

    pub(crate) fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// Connects within the limit.
    ///
    /// # Errors
    /// [`ContentError::Refused`], [`ContentError::Connect`] or [`ContentError::ConnectTimeout`].
    pub(crate) async fn dial(&self) -> Result<Connection, ContentError> {
        let endpoint = self.endpoint.clone();
        let cause = match timeout(self.limit, self.connect()).await {
            Ok(Ok(connection)) => return Ok(connection),
            Ok(Err(cause)) => cause,
            Err(_) => ErrorKind::TimedOut.into(),
        };
        Err(match (cause.kind(), endpoint.target()) {
            (ErrorKind::TimedOut, _) => ContentError::ConnectTimeout { endpoint, after: self.limit },
            (ErrorKind::ConnectionRefused, _) | (ErrorKind::NotFound, Target::Unix(_)) => {
                ContentError::Refused { endpoint }
            }
            _ => ContentError::Connect { endpoint, cause },
        })
    }

    async fn connect(&self) -> io::Result<Connection> {
        let (host, port) = match self.endpoint.target() {
            Target::Unix(path) => return Ok(Connection::Unix(UnixStream::connect(path).await?)),
            Target::Tcp { host, port } => (host, *port),
        };
        let tcp = connect_any(&addresses(host, port).await?, self.limit).await?;
        tcp.set_nodelay(true)?;
        if !self.endpoint.tls() {
            return Ok(Connection::Tcp(tcp));
        }
        let name = match host {
            Host::Ip(ip) => ServerName::from(*ip),
            Host::Name { name, .. } => ServerName::try_from(name.clone()).map_err(io::Error::other)?,
        };
        if self.tls.get().is_none() {
            // A second one that was made meanwhile is as good.
            drop(self.tls.set(tls()?));
        }
        let tls = self.tls.get().ok_or(ErrorKind::Other)?;
        Ok(Connection::Tls(Box::new(tls.connect(name, tcp).await?)))
    }
}

/// Tries each address in turn; each has an equal part of the time, so that a silent one leaves some.
async fn connect_any(addresses: &[SocketAddr], limit: Duration) -> io::Result<TcpStream> {
    let mut failure = io::Error::new(ErrorKind::NotFound, "the host name has no address of the wanted family");
    let end = Instant::now() + limit;
    for (tried, address) in addresses.iter().enumerate() {
        let left = u32::try_from(addresses.len() - tried).unwrap_or(u32::MAX);
        let share = end.saturating_duration_since(Instant::now()) / left;
        match timeout(share, TcpStream::connect(address)).await {
            Ok(Ok(tcp)) => return Ok(tcp),
            Ok(Err(cause)) => failure = cause,
            Err(_) => failure = ErrorKind::TimedOut.into(),
        }
    }
    Err(failure)
}

async fn addresses(host: &Host, port: u16) -> io::Result<Vec<SocketAddr>> {
    let (name, family) = match host {
        Host::Ip(ip) => return Ok(vec![SocketAddr::new(*ip, port)]),
        Host::Name { name, family } => (name.as_str(), *family),
    };
    let wanted = |ip: &IpAddr| match family {
        Family::Any => true,
        Family::V4 => ip.is_ipv4(),
        Family::V6 => ip.is_ipv6(),
    };
    let plain = name.trim_end_matches('.');
    if plain == "localhost" || plain.ends_with(".localhost") {
        let loopback = [IpAddr::from(Ipv4Addr::LOCALHOST), IpAddr::from(Ipv6Addr::LOCALHOST)];
        return Ok(loopback.into_iter().filter(wanted).map(|ip| SocketAddr::new(ip, port)).collect());
    }
    // A name with hundreds of addresses would leave each no time.
    Ok(tokio::net::lookup_host((name, port)).await?.filter(|a| wanted(&a.ip())).take(8).collect())
}

/// A TLS client that trusts what the system trusts (`SSL_CERT_FILE` and `SSL_CERT_DIR` too).
fn tls() -> io::Result<TlsConnector> {
    let mut roots = RootCertStore::empty();
    let found = rustls_native_certs::load_native_certs();
    let (added, _) = roots.add_parsable_certificates(found.certs);
    if added == 0 {
        return Err(io::Error::other("this machine has no CA certificates for https (package ca-certificates)"));
    }
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(config)))
}

/// Does `$body` to whichever stream is inside.
macro_rules! inside {
    ($connection:expr, $stream:ident => $body:expr) => {
        match $connection.get_mut() {
            Connection::Tcp(stream) => {
                let $stream = Pin::new(stream);
                $body
            }
            Connection::Unix(stream) => {
                let $stream = Pin::new(stream);
                $body
            }
            Connection::Tls(stream) => {
                let $stream = Pin::new(stream.as_mut());
                $body
            }
        }
    };
}

impl AsyncRead for Connection {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        inside!(self, stream => stream.poll_read(cx, buf))
    }
}

impl AsyncWrite for Connection {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        inside!(self, stream => stream.poll_write(cx, buf))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        inside!(self, stream => stream.poll_flush(cx))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        inside!(self, stream => stream.poll_shutdown(cx))
    }
}
