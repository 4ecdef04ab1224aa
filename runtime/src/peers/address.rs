//! `--listen`: a multiaddr, to an address of this machine that can be bound, and back.
//!
//! What must stay true: an [`Address`] that exists can be handed to bind(2) without a further check; what isn't
//! understood is refused whole, never listened at in part.
//! Clauses: P2P-03, P2P-04, P2P-06.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// Over what peers reach an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Over {
    /// TCP, with Noise and Yamux on it.
    Tcp,
    /// QUIC version 1, on UDP.
    Quic,
}

/// Where the host listens for peers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Address {
    /// The transport.
    pub over: Over,
    /// The socket's address; port 0 is a free one.
    pub at: SocketAddr,
}

/// Whether and where a run listens for peers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Listen {
    /// On loopback alone, at a free port, once the cell runs.
    #[default]
    Loopback,
    /// At these, before the cell starts.
    At(Vec<Address>),
    /// Not at all.
    Nowhere,
}

/// One value of `--listen`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// A multiaddr.
    At(Address),
    /// `none`.
    None,
}

/// Why a value of `--listen` was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// Not one of the three forms.
    #[error("expected /ip4/ADDRESS/tcp/PORT, /ip6/ADDRESS/tcp/PORT, /ip4/ADDRESS/udp/PORT/quic-v1 (or ip6), or none")]
    Form,
    /// Not an address of that version.
    #[error("`{0}` isn't an {1} address")]
    Ip(String, &'static str),
    /// Not a port.
    #[error("`{0}` isn't a port (0 to 65535)")]
    Port(String),
    /// `none` beside an address.
    #[error("none and an address contradict each other")]
    Contradiction,
}

impl Asked {
    /// Parses a value of the flag.
    pub fn parse(text: &str) -> Result<Asked, AddressError> {
        if text == "none" {
            return Ok(Asked::None);
        }
        let mut parts = text.strip_prefix('/').ok_or(AddressError::Form)?.split('/');
        let mut next = || parts.next().ok_or(AddressError::Form);
        let (version, ip) = (next()?, next()?);
        let wrong = |name| move |_| AddressError::Ip(ip.to_owned(), name);
        let ip: IpAddr = match version {
            "ip4" => ip.parse::<Ipv4Addr>().map_err(wrong("IPv4"))?.into(),
            "ip6" => ip.parse::<std::net::Ipv6Addr>().map_err(wrong("IPv6"))?.into(),
            _ => return Err(AddressError::Form),
        };
        let (transport, port) = (next()?, next()?);
        let digits = !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
        let number = digits.then(|| port.parse::<u16>().ok()).flatten();
        let over = match (transport, parts.next(), parts.next()) {
            ("tcp", None, None) => Over::Tcp,
            ("udp", Some("quic-v1"), None) => Over::Quic,
            _ => return Err(AddressError::Form),
        };
        let port = number.ok_or_else(|| AddressError::Port(port.to_owned()))?;
        Ok(Asked::At(Address { over, at: SocketAddr::new(ip, port) }))
    }
}

impl Listen {
    /// What the flags come to, in their order.
    pub fn of(asked: impl IntoIterator<Item = Asked>) -> Listen {
        asked.into_iter().fold(Listen::Loopback, |so_far, one| match (so_far, one) {
            (_, Asked::None) => Listen::Nowhere,
            (Listen::At(mut all), Asked::At(address)) => {
                all.push(address);
                Listen::At(all)
            }
            (_, Asked::At(address)) => Listen::At(vec![address]),
        })
    }
}

impl Address {
    /// Where a run listens that nobody told where.
    pub const LOOPBACK: Address = Address { over: Over::Tcp, at: SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0) };

    /// The same on another interface.
    pub(super) fn with_ip(self, ip: IpAddr) -> Address {
        Address { at: SocketAddr::new(ip, self.at.port()), ..self }
    }

    /// As libp2p writes it in its messages (github.com/multiformats/multicodec, table.csv).
    pub(super) fn bytes(&self) -> Vec<u8> {
        const IP4: u8 = 0x04;
        const IP6: u8 = 0x29;
        const TCP: u8 = 0x06;
        const UDP: [u8; 2] = [0x91, 0x02];
        const QUIC_V1: [u8; 2] = [0xcd, 0x03];
        let mut bytes = match self.at.ip() {
            IpAddr::V4(ip) => [&[IP4][..], &ip.octets()].concat(),
            IpAddr::V6(ip) => [&[IP6][..], &ip.octets()].concat(),
        };
        let port = self.at.port().to_be_bytes();
        match self.over {
            Over::Tcp => bytes.extend([TCP, port[0], port[1]]),
            Over::Quic => bytes.extend([UDP[0], UDP[1], port[0], port[1], QUIC_V1[0], QUIC_V1[1]]),
        }
        bytes
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let version = if self.at.is_ipv4() { "ip4" } else { "ip6" };
        let (ip, port) = (self.at.ip(), self.at.port());
        match self.over {
            Over::Tcp => write!(f, "/{version}/{ip}/tcp/{port}"),
            Over::Quic => write!(f, "/{version}/{ip}/udp/{port}/quic-v1"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_understood_is_written_the_same() {
        for text in ["/ip4/127.0.0.1/tcp/0", "/ip6/::1/tcp/4001", "/ip4/0.0.0.0/udp/9/quic-v1", "/ip6/::/udp/1/quic-v1"]
        {
            let Ok(Asked::At(address)) = Asked::parse(text) else { panic!("{text}") };
            assert_eq!(address.to_string(), text);
        }
        assert_eq!(Asked::parse("none"), Ok(Asked::None));
    }

    #[test]
    fn everything_else_is_refused() {
        let forms = [
            "",
            "/",
            "None",
            "127.0.0.1:0",
            "/ip4",
            "/ip4/127.0.0.1",
            "/ip4/127.0.0.1/tcp",
            "/ip4/127.0.0.1/udp/1",
            "/ip4/127.0.0.1/udp/1/quic",
            "/ip4/127.0.0.1/tcp/1/ws",
            "/ip4/127.0.0.1/tcp/1/",
            "/dns4/localhost/tcp/1",
            "/ip4/127.0.0.1/tcp/1/p2p/x",
            "//ip4/127.0.0.1/tcp/1",
            "/ip5/1/tcp/1",
            " none",
        ];
        for text in forms {
            assert_eq!(Asked::parse(text), Err(AddressError::Form), "{text:?}");
        }
        for port in ["", "x", "65536", "-1", "+1", "1 "] {
            assert_eq!(Asked::parse(&format!("/ip4/1.2.3.4/tcp/{port}")), Err(AddressError::Port(port.into())));
        }
        assert!(matches!(Asked::parse("/ip4/::1/tcp/1"), Err(AddressError::Ip(..))));
        assert!(matches!(Asked::parse("/ip6/1.2.3.4/tcp/1"), Err(AddressError::Ip(..))));
    }

    #[test]
    fn bytes_are_the_multicodecs() {
        let bytes = |text| match Asked::parse(text) {
            Ok(Asked::At(address)) => address.bytes(),
            other => panic!("{other:?}"),
        };
        assert_eq!(bytes("/ip4/1.2.3.4/tcp/258"), [4, 1, 2, 3, 4, 6, 1, 2]);
        assert_eq!(bytes("/ip4/1.2.3.4/udp/258/quic-v1"), [4, 1, 2, 3, 4, 0x91, 2, 1, 2, 0xcd, 3]);
        assert_eq!(bytes("/ip6/::1/tcp/1").len(), 1 + 16 + 3);
    }
}
