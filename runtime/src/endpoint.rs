//! Where the IPFS daemon's API is: a multiaddr or a URL, parsed once into a type that can be dialled.
//!
//! - What it does: takes exactly the forms that ruling 6 names, and refuses all others with a reason. Nothing
//!   is looked up or dialled here.
//! - What must stay true: an [`Endpoint`] that exists can be dialled without a further check; its text
//!   has no control characters, so that it fits into a one-line message.
//! - Serves: rulings 6 (grammar and default), 8 (an ill-formed endpoint is a usage error).

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};

mod gateway;
#[cfg(test)]
mod tests;

pub use gateway::Gateway;
pub(crate) use gateway::shown;

/// The longest path that fits into `sockaddr_un.sun_path` beside its NUL; see unix(7).
const SUN_PATH_MAX: usize = 107;

/// Where a Kubo RPC API listens (ruling 6).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    text: String,
    target: Target,
    tls: bool,
}

/// What is dialled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    Tcp { host: Host, port: u16 },
    Unix(PathBuf),
}

/// The host of a TCP endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Host {
    Ip(IpAddr),
    Name { name: String, family: Family },
}

/// Which addresses of a name count: `/dns4` and `/dns6` restrict them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Family {
    Any,
    V4,
    V6,
}

/// Why a text is not an endpoint.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EndpointError {
    /// Neither `/…` nor `http://…` nor `https://…`.
    #[error("neither a multiaddr (like {}) nor an http(s):// URL", Endpoint::DEFAULT)]
    Form,
    /// Not a gateway's URL.
    #[error("not the http(s):// URL of a gateway")]
    Gateway,
    /// A protocol that isn't one of ruling 6, or not at this place.
    #[error("`/{0}` isn't understood here")]
    Protocol(String),
    /// The address ends where something must follow.
    #[error("it ends where {0} is wanted")]
    Ends(&'static str),
    /// Not an IP address of the version that the protocol names.
    #[error("`{0}` isn't an {1} address")]
    Ip(String, &'static str),
    /// Not a host name.
    #[error("`{0}` isn't a host name")]
    Name(String),
    /// Not a port between 1 and 65535.
    #[error("`{0}` isn't a port (1 to 65535)")]
    Port(String),
    /// Not a path that a Unix socket can have.
    #[error("the path of a Unix socket has 1 to {SUN_PATH_MAX} bytes and no control characters")]
    Unix,
    /// A part of a URL that an endpoint can't have.
    #[error("a URL of an endpoint has no {0}")]
    Url(&'static str),
}

impl Endpoint {
    /// The endpoint that counts where none is given (ruling 6).
    pub const DEFAULT: &str = "/dns4/localhost/tcp/5001/http";

    /// Parses a multiaddr or an `http(s)://` URL.
    ///
    /// # Errors
    /// Says which part can't be understood.
    pub fn parse(text: &str) -> Result<Endpoint, EndpointError> {
        let (target, tls) = if let Some(rest) = text.strip_prefix('/') {
            multiaddr(rest)?
        } else if let Some(rest) = strip_scheme(text, "http://") {
            (url(rest, 80)?, false)
        } else if let Some(rest) = strip_scheme(text, "https://") {
            (url(rest, 443)?, true)
        } else {
            return Err(EndpointError::Form);
        };
        Ok(Endpoint { text: text.to_owned(), target, tls })
    }

    /// The endpoint of plain HTTP at an address.
    pub(crate) fn at(address: SocketAddr) -> Endpoint {
        let target = Target::Tcp { host: Host::Ip(address.ip()), port: address.port() };
        Endpoint { text: format!("http://{address}"), target, tls: false }
    }

    pub(crate) fn target(&self) -> &Target {
        &self.target
    }

    pub(crate) fn tls(&self) -> bool {
        self.tls
    }
}

impl fmt::Display for Endpoint {
    /// The text that it was parsed from.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

fn strip_scheme<'a>(text: &'a str, scheme: &str) -> Option<&'a str> {
    let (head, rest) = text.split_at_checked(scheme.len())?;
    head.eq_ignore_ascii_case(scheme).then_some(rest)
}

/// `rest` is what follows the leading slash.
fn multiaddr(rest: &str) -> Result<(Target, bool), EndpointError> {
    // `/unix` takes the whole rest as its path, as in Kubo's `Addresses.API`.
    if let Some(path) = rest.strip_prefix("unix/") {
        return Ok((Target::Unix(socket_path(path)?), false));
    }
    let mut parts = rest.split('/');
    let host = match (parts.next().unwrap_or(""), parts.next().unwrap_or("")) {
        ("ip4" | "ip6" | "dns" | "dns4" | "dns6" | "unix", "") => {
            return Err(EndpointError::Ends("an address"));
        }
        ("ip4", ip) => Host::Ip(ip4(ip)?.into()),
        ("ip6", ip) => Host::Ip(ip6(ip)?.into()),
        ("dns", name) => host_name(name, Family::Any)?,
        ("dns4", name) => host_name(name, Family::V4)?,
        ("dns6", name) => host_name(name, Family::V6)?,
        (other, _) => return Err(unknown(other)),
    };
    let port = match parts.next() {
        Some("tcp") => port(parts.next().ok_or(EndpointError::Ends("a port"))?)?,
        Some(other) => return Err(unknown(other)),
        None => return Err(EndpointError::Ends("/tcp")),
    };
    let tls = match (parts.next(), parts.next()) {
        (None | Some("http"), None) => false,
        (Some("https"), None) => true,
        (Some("tls"), Some("http")) => true,
        (Some("tls"), None) => return Err(EndpointError::Ends("/http")),
        (Some("http" | "https"), Some(other)) | (Some("tls"), Some(other)) => {
            return Err(unknown(other));
        }
        (Some(other), _) => return Err(unknown(other)),
        (None, Some(_)) => return Err(EndpointError::Form),
    };
    match parts.next() {
        None => Ok((Target::Tcp { host, port }, tls)),
        Some(other) => Err(unknown(other)),
    }
}

/// `rest` is what follows `scheme://`.
fn url(rest: &str, default_port: u16) -> Result<Target, EndpointError> {
    if rest.contains('#') {
        return Err(EndpointError::Url("fragment"));
    }
    if rest.contains('?') {
        return Err(EndpointError::Url("query"));
    }
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    if !path.is_empty() {
        return Err(EndpointError::Url("path (the API's is always /api/v0)"));
    }
    if authority.contains('@') {
        return Err(EndpointError::Url("user or password"));
    }
    let (host, rest) = match authority.strip_prefix('[') {
        Some(bracketed) => {
            let (ip, rest) = bracketed.split_once(']').ok_or(EndpointError::Ends("`]`"))?;
            (Host::Ip(ip6(ip)?.into()), rest)
        }
        None => {
            let end = authority.find(':').unwrap_or(authority.len());
            let (name, rest) = authority.split_at(end);
            (host_name(name, Family::Any)?, rest)
        }
    };
    let port = match rest.strip_prefix(':') {
        Some(number) => port(number)?,
        None if rest.is_empty() => default_port,
        None => return Err(EndpointError::Name(printable(authority))),
    };
    Ok(Target::Tcp { host, port })
}

fn socket_path(path: &str) -> Result<PathBuf, EndpointError> {
    let path = Path::new("/").join(path.trim_start_matches('/'));
    let text = path.to_str().unwrap_or_default();
    if text.len() < 2 || text.len() > SUN_PATH_MAX || text.contains(char::is_control) {
        return Err(EndpointError::Unix);
    }
    Ok(path)
}

fn ip4(text: &str) -> Result<Ipv4Addr, EndpointError> {
    text.parse().map_err(|_| EndpointError::Ip(printable(text), "IPv4"))
}

fn ip6(text: &str) -> Result<Ipv6Addr, EndpointError> {
    text.parse().map_err(|_| EndpointError::Ip(printable(text), "IPv6"))
}

fn port(text: &str) -> Result<u16, EndpointError> {
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    match text.parse() {
        Ok(port) if digits && port != 0 => Ok(port),
        _ => Err(EndpointError::Port(printable(text))),
    }
}

/// A host name by RFC 1123 §2.1 (and `_`, which service names use). One whose last label is a number is
/// an IPv4 address or nothing, so that `1.2.3` can't become 1.2.0.3.
fn host_name(text: &str, family: Family) -> Result<Host, EndpointError> {
    let name = text.strip_suffix('.').unwrap_or(text);
    let numeric = |label: &str| !label.is_empty() && label.bytes().all(|b| b.is_ascii_digit());
    if family != Family::V6 && name.rsplit('.').next().is_some_and(numeric) {
        return Ok(Host::Ip(name.parse::<Ipv4Addr>().map_err(|_| EndpointError::Name(printable(text)))?.into()));
    }
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
    };
    if name.len() > 253 || !name.split('.').all(label) || name.rsplit('.').next().is_some_and(numeric) {
        return Err(EndpointError::Name(printable(text)));
    }
    Ok(Host::Name { name: name.to_ascii_lowercase(), family })
}

fn unknown(protocol: &str) -> EndpointError {
    EndpointError::Protocol(printable(protocol))
}

/// A piece of the input as a message can show it.
fn printable(text: &str) -> String {
    text.escape_debug().collect()
}
