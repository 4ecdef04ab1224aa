//! A node that the user runs: `WW_CONFORMANCE_IPFS`, a multiaddr or a URL of plain HTTP.

use serde::{Deserialize, Serialize};

use super::{Kind, NodeError};

/// Where an API listens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Address {
    /// `ip4`, `ip6`, `dns`, `dns4` or `dns6`.
    family: String,
    host: String,
    port: u16,
}

impl Address {
    /// A port of this machine.
    pub(super) fn local(port: u16) -> Self {
        Self { family: "ip4".into(), host: "127.0.0.1".into(), port }
    }

    /// Reads a multiaddr (`/ip4/127.0.0.1/tcp/5001[/http]`) or a URL (`http://host:port`).
    pub(super) fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        if let Some(rest) = text.strip_prefix("http://") {
            let (host, port) = rest.trim_end_matches('/').rsplit_once(':')?;
            let family = if host.parse::<std::net::Ipv4Addr>().is_ok() { "ip4" } else { "dns" };
            return Some(Self { family: family.into(), host: host.into(), port: port.parse().ok()? });
        }
        let parts: Vec<&str> = text.strip_prefix('/')?.split('/').collect();
        match parts[..] {
            [family @ ("ip4" | "ip6" | "dns" | "dns4" | "dns6"), host, "tcp", port]
            | [family @ ("ip4" | "ip6" | "dns" | "dns4" | "dns6"), host, "tcp", port, "http"] => {
                Some(Self { family: family.into(), host: host.into(), port: port.parse().ok()? })
            }
            _ => None,
        }
    }

    pub(super) fn multiaddr(&self) -> String {
        format!("/{}/{}/tcp/{}", self.family, self.host, self.port)
    }

    pub(super) fn socket(&self) -> String {
        if self.family == "ip6" {
            return format!("[{}]:{}", self.host, self.port);
        }
        format!("{}:{}", self.host, self.port)
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}", self.socket())
    }
}

/// The endpoint that the user names.
pub(super) fn given() -> Result<Address, NodeError> {
    let kind = Kind::Endpoint;
    let Some(text) = std::env::var("WW_CONFORMANCE_IPFS").ok().filter(|text| !text.is_empty()) else {
        return Err(NodeError::Absent { kind, why: "WW_CONFORMANCE_IPFS isn't set".into() });
    };
    let why = format!("WW_CONFORMANCE_IPFS is {text:?}, neither a TCP multiaddr nor a URL of plain HTTP");
    Address::parse(&text).ok_or(NodeError::Broken { kind, why })
}

#[cfg(test)]
mod tests {
    use super::Address;

    #[test]
    fn multiaddrs_and_urls_name_the_same_place() {
        let local = Some(Address::local(5001));
        for text in ["/ip4/127.0.0.1/tcp/5001", "/ip4/127.0.0.1/tcp/5001/http\n", "http://127.0.0.1:5001/"] {
            assert_eq!(Address::parse(text), local, "{text}");
        }
        let six = Address::parse("/ip6/::1/tcp/5001").expect("an address");
        assert_eq!((six.url(), six.multiaddr()), ("http://[::1]:5001".into(), "/ip6/::1/tcp/5001".into()));
        for text in ["", "/", "/ip4/127.0.0.1", "/unix/a", "/ip4/127.0.0.1/tcp/70000", "https://a:1", "127.0.0.1:5001"]
        {
            assert_eq!(Address::parse(text), None, "{text}");
        }
    }
}
