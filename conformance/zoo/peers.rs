//! Faults of peers: where they come to, who comes in, as whom, and what they are told.
//!
//! What it does: flags are changed or dropped before the real one; the line that tells the addresses is written otherwise;
//! something stands at an address of its own before the real one ([`before`]).

mod before;

use std::ffi::{OsStr, OsString};
use std::fs::{self, Permissions};
use std::net::{Ipv4Addr, TcpListener};
use std::os::fd::AsRawFd;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;
use std::time::Duration;

use super::status::restated_as;
use super::words::fault;
use super::{Call, Fault};
use before::{Relay, listens_late, proxied, relayed};

pub use before::{proxies, relays};

macro_rules! told {
    ($name:literal, $clauses:literal, $what:literal, $change:expr) => {
        Fault::new($name, $clauses, $what, |call| restated_as(call, $change)).control("restates")
    };
}

macro_rules! proxied {
    ($name:literal, $clauses:literal, $what:literal, $kind:literal) => {
        Fault::new($name, $clauses, $what, |call| proxied(call, $kind, Duration::ZERO)).control("proxies")
    };
}

macro_rules! relayed {
    ($name:literal, $clauses:literal, $what:literal, $kind:expr) => {
        Fault::new($name, $clauses, $what, |call| relayed(call, $kind)).control("relays")
    };
}

pub const FAULTS: &[Fault] = &[
    fault!("listens-everywhere", "P2P-03", "listens on all addresses where nobody chose one", |call| {
        if call.values("--listen").next().is_none() {
            put(call, "--listen", "/ip4/0.0.0.0/tcp/0");
        }
    }),
    fault!("listens-at-one-port", "P2P-03", "listens at the same port each time", |call| {
        if call.values("--listen").next().is_none() {
            put(call, "--listen", "/ip4/127.0.0.1/tcp/38741");
        }
    }),
    fault!("listen-ignored", "P2P-04 P2P-05", "listens where it likes", |call| {
        call.flags.retain(|(flag, value)| flag != "--listen" || value.as_deref() == Some(OsStr::new("none")));
    }),
    fault!("listen-first-alone", "P2P-04", "listens at the first address alone", |call| {
        let mut seen = false;
        call.flags.retain(|(flag, _)| flag != "--listen" || !std::mem::replace(&mut seen, true));
    }),
    fault!("listen-quic-as-tcp", "P2P-20", "listens by TCP where QUIC was asked for", |call| {
        call.change("--listen", |value| as_tcp(value));
    }),
    fault!("listen-quic-too", "P2P-20", "listens by QUIC besides", |call| {
        if call.values("--listen").any(|value| value != "none") {
            put(call, "--listen", "/ip4/127.0.0.1/udp/0/quic-v1");
        }
    }),
    fault!("listen-quic-ignored", "P2P-20", "ignores an address of QUIC", |call| {
        call.flags.retain(|(_, value)| value.as_ref().is_none_or(|value| as_tcp(value) == *value));
    }),
    fault!("listen-taken-moves", "P2P-05", "takes another port where one is taken", |call| {
        call.change("--listen", |value| if is_taken(value) { "/ip4/127.0.0.1/tcp/0".into() } else { value.clone() });
    }),
    fault!("listen-taken-runs", "P2P-05", "runs without an address that it can't have", |call| {
        call.flags.retain(|(flag, value)| flag != "--listen" || !value.as_ref().is_some_and(is_taken));
    }),
    fault!("listen-none-ignored", "P2P-06", "listens all the same", |call| {
        call.flags.retain(|(flag, value)| flag != "--listen" || value.as_deref() != Some(OsStr::new("none")));
    }),
    fault!("listen-ill-formed", "P2P-19", "ignores an address that it doesn't understand", |call| {
        call.flags.retain(|(flag, _)| !flag.as_encoded_bytes().starts_with(b"--listen=") || flag == "--listen=none");
    }),
    fault!("peer-ill-formed", "P2P-19", "ignores a peer id that it doesn't understand", |call| {
        call.flags.retain(|(flag, _)| !flag.as_encoded_bytes().starts_with(b"--allow-peer="));
    }),
    Fault::new("listens-late", "P2P-04", "listens half a second after the cell has started", listens_late),
    fault!("identity-ignored", "P2P-07", "has a fresh id each time", |call| {
        call.flags.retain(|(flag, _)| flag != "--identity");
    }),
    Fault::new("identity-constant", "P2P-07 STATUS-05", "has the same id in each run", |mut call| {
        if call.values("--identity").next().is_none()
            && let Some(file) = key_file("zoo")
        {
            put(&mut call, "--identity", &file);
        }
        call.become_real()
    }),
    Fault::new("identity-lenient", "P2P-25", "uses an identity that others can read", |mut call| {
        let strict = std::env::temp_dir().join("ww-zoo-identity");
        let from = call.values("--identity").last().cloned().unwrap_or_default();
        let copied = fs::read(&from).and_then(|text| fs::write(&strict, text));
        if copied.and_then(|()| fs::set_permissions(&strict, Permissions::from_mode(0o600))).is_ok() {
            call.change("--identity", |_| strict.clone().into());
        }
        call.become_real()
    }),
    Fault::new("identity-optional", "P2P-25", "runs without an identity that it can't read", |mut call| {
        let file = call.values("--identity").last().cloned();
        if file.is_some_and(|file| fs::read_to_string(file).map_or(true, |text| text.trim().len() < 80)) {
            call.flags.retain(|(flag, _)| flag != "--identity");
        }
        call.become_real()
    }),
    fault!("allow-peer-ignored", "P2P-08", "lets everybody in", |call| {
        call.flags.retain(|(flag, _)| flag != "--allow-peer");
    }),
    fault!("allow-peer-first-alone", "P2P-08", "lets the first alone in that is named", |call| {
        let mut seen = false;
        call.flags.retain(|(flag, _)| flag != "--allow-peer" || !std::mem::replace(&mut seen, true));
    }),
    Fault::new("socket-leaked", "P2P-24", "lets the cell have a socket that listens", |mut call| {
        let socket = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).ok();
        let kept = socket.as_ref().and_then(|socket| ww_conformance::launch::duplicate(socket.as_raw_fd(), 300).ok());
        if let Some(number) = kept {
            put(&mut call, "--with-fd", &format!("listener={number}"));
        }
        call.become_real()
    }),
    told!("listening-untold", "STATUS-05", "says not that it listens", |line| {
        if line.contains("\"listening\"") { String::new() } else { line }
    }),
    told!("listening-without-id", "STATUS-05", "tells addresses without the peer id", |line| {
        match line.split_once("/p2p/") {
            Some((before, after)) => format!("{before}{}", after.trim_start_matches(|c: char| c.is_alphanumeric())),
            None => line,
        }
    }),
    told!("listening-elsewhere", "P2P-01 STATUS-05", "tells an address at which nobody listens", |line| {
        match line.split_once("/tcp/") {
            Some((before, after)) => {
                format!("{before}/tcp/1{}", after.trim_start_matches(|c: char| c.is_ascii_digit()))
            }
            None => line,
        }
    }),
    proxied!("answers-lost", "P2P-01 P2P-02 P2P-09 RPC-22", "passes no answer of the cell on", "mute"),
    proxied!("unpacked", "P2P-02", "speaks unpacked", "unpacked"),
    proxied!("callbacks-lost", "P2P-15 P2P-16", "loses what the cell calls of a peer's", "no-calls"),
    proxied!("cancel-lost", "P2P-17", "doesn't tell the cell what peers no longer want", "no-cancel"),
    proxied!("reason-lost", "P2P-09", "says that something failed, and not what", "no-reason"),
    proxied!("unpipelined", "P2P-15", "refuses calls on what isn't answered yet", "no-pipeline"),
    // Beside the real one: the proxy that does nothing wrong passes that case most of the time, and not always.
    Fault::new("early-refused", "P2P-18", "refuses who asks for the bootstrap capability first", |call| {
        proxied(call, "early", Duration::ZERO)
    }),
    proxied!("unidentified", "P2P-11", "answers no identify", "unidentified"),
    Fault::new("idle-for-ever", "P2P-21", "keeps connections that nobody uses", |call| {
        proxied(call, "sound", Duration::ZERO)
    }),
    Fault::new("dead-for-ever", "P2P-22", "keeps peers that are gone", |call| proxied(call, "sound", Duration::ZERO)),
    Fault::new("unbounded", "SELF-06", "has the bounds of an ordinary libp2p", |call| {
        proxied(call, "sound", Duration::ZERO)
    }),
    Fault::new("lingers", "P2P-14 P2P-27", "tells nobody of the cell's end for ten seconds", |call| {
        proxied(call, "sound", Duration::from_secs(10))
    })
    .control("proxies"),
    relayed!("one-at-a-time", "P2P-10 P2P-13", "serves one connection after the other", Relay::OneAtATime),
    Fault::new("few-at-most", "P2P-28", "has room for a few peers, and no more", |call| {
        // Descriptors enough for a run.
        nix::sys::resource::setrlimit(nix::sys::resource::Resource::RLIMIT_NOFILE, 200, 200).ok();
        call.become_real()
    }),
    relayed!("patient", "P2P-12", "waits as long as it takes for a peer's first word", Relay::Patient),
];

fn put(call: &mut Call, flag: &str, value: &str) {
    call.flags.insert(0, (flag.into(), Some(value.into())));
}

/// An address of QUIC, as one of TCP.
fn as_tcp(value: &OsStr) -> OsString {
    let text = value.to_string_lossy();
    match text.strip_suffix("/quic-v1") {
        Some(text) => text.replace("/udp/", "/tcp/").into(),
        None => value.into(),
    }
}

/// Whether an address can't be listened at.
fn is_taken(value: &OsString) -> bool {
    let text = value.to_string_lossy();
    let mut parts = text.split('/').skip(2);
    let ip = parts.next().and_then(|ip| ip.parse::<std::net::IpAddr>().ok());
    let port = parts.nth(1).and_then(|port| port.parse::<u16>().ok());
    ip.zip(port).is_some_and(|at| TcpListener::bind(at).is_err())
}

fn peer_tool() -> Command {
    Command::new(std::env::var_os("WW_PEER_PROBE").unwrap_or_default())
}

/// A file with the key of a seed.
fn key_file(seed: &str) -> Option<String> {
    let key = peer_tool().args(["key", seed]).output().ok()?.stdout;
    let path = std::env::temp_dir().join("ww-zoo-key");
    fs::write(&path, key).ok()?;
    fs::set_permissions(&path, Permissions::from_mode(0o600)).ok()?;
    Some(path.to_string_lossy().into_owned())
}
