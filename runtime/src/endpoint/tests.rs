//! The grammar of ruling 6, form by form.

use super::*;
use proptest::prelude::*;

fn name(name: &str, family: Family, port: u16, tls: bool) -> (Target, bool) {
    (Target::Tcp { host: Host::Name { name: name.into(), family }, port }, tls)
}

fn ip(ip: &str, port: u16, tls: bool) -> (Target, bool) {
    (Target::Tcp { host: Host::Ip(ip.parse().unwrap()), port }, tls)
}

#[test]
fn every_form_of_r6_is_understood() {
    let unix = |path: &str| (Target::Unix(path.into()), false);
    let cases = [
        (Endpoint::DEFAULT, name("localhost", Family::V4, 5001, false)),
        ("/dns/Example.org/tcp/5001", name("example.org", Family::Any, 5001, false)),
        ("/dns6/a-b.c_d.org/tcp/1/http", name("a-b.c_d.org", Family::V6, 1, false)),
        ("/dns4/127.0.0.1/tcp/5001/http", ip("127.0.0.1", 5001, false)),
        ("/ip4/127.0.0.1/tcp/5001", ip("127.0.0.1", 5001, false)),
        ("/ip6/::1/tcp/65535/https", ip("::1", 65535, true)),
        ("/ip4/1.2.3.4/tcp/443/tls/http", ip("1.2.3.4", 443, true)),
        ("/unix/run/ipfs/api.sock", unix("/run/ipfs/api.sock")),
        ("/unix//run/api", unix("/run/api")),
        ("http://localhost:5001", name("localhost", Family::Any, 5001, false)),
        ("http://localhost", name("localhost", Family::Any, 80, false)),
        ("https://ipfs.example.org/", name("ipfs.example.org", Family::Any, 443, true)),
        ("HTTP://[::1]:8080/", ip("::1", 8080, false)),
        ("http://127.0.0.1:80", ip("127.0.0.1", 80, false)),
    ];
    for (text, expected) in cases {
        let endpoint = Endpoint::parse(text).unwrap_or_else(|e| panic!("{text}: {e}"));
        assert_eq!((endpoint.target.clone(), endpoint.tls), expected, "{text}");
        assert_eq!(endpoint.to_string(), text);
    }
}

#[test]
fn everything_else_is_refused() {
    let cases = [
        "",
        "/",
        "//",
        "localhost:5001",
        "ftp://localhost",
        "http:/localhost",
        "http://",
        "https://:5001",
        "/ip4",
        "/ip4/",
        "/ip4/127.0.0.1",
        "/ip4/127.0.0.1/",
        "/ip4/127.0.0.1/tcp",
        "/ip4/127.0.0.1/tcp/",
        "/ip4/256.0.0.1/tcp/1",
        "/ip4/::1/tcp/1",
        "/ip6/127.0.0.1/tcp/1",
        "/ip4/127.0.0.1/udp/1",
        "/ip4/127.0.0.1/tcp/0",
        "/ip4/127.0.0.1/tcp/65536",
        "/ip4/127.0.0.1/tcp/+1",
        "/ip4/127.0.0.1/tcp/-1",
        "/ip4/127.0.0.1/tcp/5001/",
        "/ip4/127.0.0.1/tcp/5001/http/",
        "/ip4/127.0.0.1/tcp/5001/ws",
        "/ip4/127.0.0.1/tcp/5001/tls",
        "/ip4/127.0.0.1/tcp/5001/tls/ws",
        "/ip4/127.0.0.1/tcp/5001/https/http",
        "/ip4/127.0.0.1/tcp/5001/http/p2p/x",
        "/dns4//tcp/1",
        "/dns4/a b/tcp/1",
        "/dns4/-a/tcp/1",
        "/dns4/1.2.3/tcp/1",
        "/dns6/1.2.3.4/tcp/1",
        "/dnsaddr/x/tcp/1",
        "/unix",
        "/unix/",
        "/unix//",
        "/unix/a\nb",
        "http://localhost:0",
        "http://localhost:99999",
        "http://localhost:",
        "http://u:p@localhost",
        "http://localhost/api/v0",
        "http://localhost/?q",
        "http://localhost#f",
        "http://[::1",
        "http://[::1]x",
        "http://[127.0.0.1]",
        "http://::1:80",
        "http://a..b",
        "http://1:80",
        "http://ho st",
        "http://höst",
    ];
    for text in cases {
        assert!(Endpoint::parse(text).is_err(), "{text:?} is accepted");
    }
    assert!(Endpoint::parse(&format!("/unix/{}", "x".repeat(106))).is_ok());
    assert_eq!(Endpoint::parse(&format!("/unix/{}", "x".repeat(107))), Err(EndpointError::Unix));
    assert!(Endpoint::parse(&format!("/dns/{}/tcp/1", "x.".repeat(128))).is_err());
}

#[test]
fn a_message_says_which_part_is_wrong() {
    let message = |text: &str| Endpoint::parse(text).unwrap_err().to_string();
    assert_eq!(message("/ip4/1.2.3.4/udp/1"), "`/udp` isn't understood here");
    assert_eq!(message("/ip4/1.2.3/tcp/1"), "`1.2.3` isn't an IPv4 address");
    assert_eq!(message("/ip4/1.2.3.4/tcp/x\n"), "`x\\n` isn't a port (1 to 65535)");
    assert_eq!(message("/ip4/1.2.3.4"), "it ends where /tcp is wanted");
}

proptest! {
    #[test]
    fn no_text_panics_and_no_accepted_one_breaks_a_line(text in "\\PC*|(/(ip4|dns4|tcp|unix|[\\x00-\\x7f]{0,9})){0,6}|https?://[\\x20-\\x7f]*") {
        if let Ok(endpoint) = Endpoint::parse(&text) {
            prop_assert!(!endpoint.to_string().contains(char::is_control));
        }
    }
}
