//! The daemon's own gateway: the same blocks, at three times the speed of its API.
//!
//! - What it does: asks the daemon where its gateway is, and takes it where it is at the API's own address.
//! - What must stay true: nothing is dialled on another machine than the API's, whatever the daemon says; a block from
//!   it is checked as any other; where it fails, the API is asked, and nothing that it said is repeated to anybody.
//! - Serves: rulings 6, 7, 20 (docs/decisions/gateway.md).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::rc::Rc;

use serde::Deserialize;

use super::http::Client;
use super::payload::Payload;
use crate::endpoint::{Endpoint, Family, Host, Target};

/// The least that a read takes for the question to be worth its time, in bytes.
pub(crate) const WORTH: u64 = 4 << 20;

/// One address, or several.
#[derive(Deserialize)]
#[serde(untagged)]
enum Addresses {
    One(String),
    Many(Vec<String>),
}

#[derive(Deserialize)]
struct Setting {
    #[serde(rename = "Value")]
    value: Addresses,
}

impl Client {
    /// The daemon's gateway, where it has one at the API's own address.
    pub(crate) async fn own_gateway(&self) -> Option<Rc<Client>> {
        let target = self.endpoint().target();
        // Over TLS, the daemon is behind something else.
        if self.endpoint().tls() || !matches!(target, Target::Unix(_)) && near(target).is_empty() {
            return None;
        }
        let what = "the gateway's address";
        let asked = self.post("/api/v0/config?arg=Addresses.Gateway", None, Payload::default(), what).await.ok()?;
        let setting: Setting = serde_json::from_slice(&asked.small().await.ok()?).ok()?;
        let told = match setting.value {
            Addresses::One(address) => vec![address],
            Addresses::Many(addresses) => addresses,
        };
        let address = told.iter().find_map(|address| beside(target, address))?;
        Some(self.at_gateway(&address))
    }
}

/// The address of a gateway that the daemon names, where it is on the API's machine.
fn beside(api: &Target, told: &str) -> Option<SocketAddr> {
    let endpoint = Endpoint::parse(told).ok().filter(|endpoint| !endpoint.tls())?;
    let Target::Tcp { host: Host::Ip(ip), port } = *endpoint.target() else { return None };
    let near = near(api);
    let here = |own: &IpAddr| *own == ip || ip.is_unspecified() || ip.is_loopback() && own.is_loopback();
    let own = *near.iter().find(|own| here(own))?;
    // One that listens everywhere listens where the API does.
    Some(SocketAddr::new(if ip.is_unspecified() { own } else { ip }, port))
}

/// The addresses of the API's machine that are known without asking anybody.
fn near(api: &Target) -> Vec<IpAddr> {
    const LOOPBACK: [IpAddr; 2] = [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)];
    match api {
        Target::Unix(_) => LOOPBACK.to_vec(),
        Target::Tcp { host: Host::Ip(ip), .. } => vec![*ip],
        Target::Tcp { host: Host::Name { name, family }, .. } if name.trim_end_matches('.') == "localhost" => {
            let fits = |ip: &&IpAddr| match family {
                Family::Any => true,
                Family::V4 => ip.is_ipv4(),
                Family::V6 => ip.is_ipv6(),
            };
            LOOPBACK.iter().filter(fits).copied().collect()
        }
        Target::Tcp { .. } => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_at_the_apis_own_address_is_dialled() {
        let found = |api: &str, told: &str| {
            let api = Endpoint::parse(api).expect("an endpoint");
            beside(api.target(), told).map(|address| address.to_string())
        };
        let taken = [
            ("/ip4/127.0.0.1/tcp/5001", "/ip4/127.0.0.1/tcp/8080", "127.0.0.1:8080"),
            ("/ip4/127.0.0.1/tcp/5001", "/ip4/0.0.0.0/tcp/8080", "127.0.0.1:8080"),
            ("/ip4/127.0.0.1/tcp/5001", "/ip6/::1/tcp/8080", "[::1]:8080"),
            ("/dns4/localhost/tcp/5001/http", "/ip4/127.0.0.1/tcp/8080/http", "127.0.0.1:8080"),
            ("/dns6/localhost/tcp/5001", "/ip6/::/tcp/8080", "[::1]:8080"),
            ("/ip4/10.1.2.3/tcp/5001", "/ip4/10.1.2.3/tcp/8080", "10.1.2.3:8080"),
            ("/ip4/10.1.2.3/tcp/5001", "/ip4/0.0.0.0/tcp/8080", "10.1.2.3:8080"),
            ("/unix/run/ipfs.sock", "/ip4/127.0.0.1/tcp/8080", "127.0.0.1:8080"),
        ];
        for (api, told, address) in taken {
            assert_eq!(found(api, told).as_deref(), Some(address), "{told} of {api}");
        }
        let refused = [
            ("/ip4/127.0.0.1/tcp/5001", "/ip4/10.1.2.3/tcp/8080"),
            ("/ip4/127.0.0.1/tcp/5001", "/ip4/169.254.169.254/tcp/80"),
            ("/ip4/10.1.2.3/tcp/5001", "/ip4/127.0.0.1/tcp/8080"),
            ("/ip4/10.1.2.3/tcp/5001", "/ip4/10.1.2.4/tcp/8080"),
            ("/dns/daemon.example/tcp/5001", "/ip4/0.0.0.0/tcp/8080"),
            ("/dns/daemon.example/tcp/5001", "/dns/daemon.example/tcp/8080"),
            ("/ip4/127.0.0.1/tcp/5001", "/dns/localhost/tcp/8080"),
            ("/ip4/127.0.0.1/tcp/5001", "/ip4/127.0.0.1/tcp/0"),
            ("/ip4/127.0.0.1/tcp/5001", "/ip4/127.0.0.1/tcp/8443/https"),
            ("/ip4/127.0.0.1/tcp/5001", "/unix/run/other.sock"),
            ("/ip4/127.0.0.1/tcp/5001", "no address"),
        ];
        for (api, told) in refused {
            assert_eq!(found(api, told), None, "{told} of {api}");
        }
    }
}
