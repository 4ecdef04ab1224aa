//! What stands before the real one at an address of its own: a stock libp2p, or a relay of TCP.
//!
//! What it does: the stock libp2p is `ww-peer-probe proxy` ([`proxied`]); the relay ([`relayed`]) knows nothing of what it
//! passes on. The line that tells the addresses tells theirs.
//! What must stay true: both end with the real one, and what they aren't to do wrong passes as it came.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::process::{Child, ExitCode, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use super::peer_tool;
use crate::Call;
use crate::status::restated_as;

/// A control: what stands before the real one is a stock libp2p that passes everything on.
pub fn proxies(call: Call) -> ExitCode {
    proxied(call, "sound", Duration::ZERO)
}

/// A control: a relay of TCP stands before the real one.
pub fn relays(call: Call) -> ExitCode {
    relayed(call, Relay::Sound)
}

/// Has a stock libp2p stand where the real one says that it listens; it goes on for so long after the real one's end.
pub(super) fn proxied(call: Call, kind: &'static str, longer: Duration) -> ExitCode {
    let child = Arc::new(Mutex::new(None::<Child>));
    let started = child.clone();
    let code = restated_as(call, move |line| {
        if !line.contains("\"listening\"") {
            return line;
        }
        let told: serde_json::Value = serde_json::from_str(&line).unwrap_or_default();
        let to = told["addrs"][0].as_str().unwrap_or_default();
        let proxy = peer_tool().args([to, "proxy", kind]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        let Ok(mut proxy) = proxy else { return line };
        let mut said = proxy.stdout.take().map(BufReader::new);
        let mut own = serde_json::Value::Null;
        while own["addrs"].is_null() {
            let mut text = String::new();
            if said.as_mut().is_none_or(|said| said.read_line(&mut text).unwrap_or(0) == 0) {
                return line;
            }
            own = serde_json::from_str(&text).unwrap_or_default();
        }
        *started.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = Some(proxy);
        format!("{{\"event\":\"listening\",\"peer\":{},\"addrs\":{}}}\n", own["peer"], own["addrs"])
    });
    thread::sleep(longer);
    if let Some(mut proxy) = child.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take() {
        proxy.kill().ok();
        proxy.wait().ok();
    }
    code
}

/// What a relay does.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Relay {
    Sound,
    OneAtATime,
    Patient,
}

pub(super) fn relayed(call: Call, kind: Relay) -> ExitCode {
    restated_as(call, move |line| {
        let Some((before, (port, after))) = line.split_once("/tcp/").and_then(|(before, rest)| {
            let end = rest.find(|c: char| !c.is_ascii_digit())?;
            Some((before, rest.split_at(end)))
        }) else {
            return line;
        };
        let to = SocketAddr::from((Ipv4Addr::LOCALHOST, port.parse().unwrap_or(0)));
        let Ok(listener) = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)) else { return line.clone() };
        let own = listener.local_addr().map_or(0, |at| at.port());
        thread::spawn(move || relay(&listener, to, kind));
        format!("{before}/tcp/{own}{after}")
    })
}

fn relay(listener: &TcpListener, to: SocketAddr, kind: Relay) {
    for peer in listener.incoming().flatten() {
        let one = thread::Builder::new().stack_size(64 << 10).spawn(move || pass(peer, to, kind));
        if let (Relay::OneAtATime, Ok(one)) = (kind, one) {
            one.join().ok();
        }
    }
}

/// Both ways, until either ends.
fn pass(mut peer: TcpStream, to: SocketAddr, kind: Relay) {
    peer.set_nodelay(true).ok();
    let mut first = [0; 1];
    if kind == Relay::Patient && peer.peek(&mut first).is_err() {
        return;
    }
    let Ok(mut host) = TcpStream::connect(to) else { return };
    host.set_nodelay(true).ok();
    let (Ok(mut from), Ok(mut into)) = (peer.try_clone(), host.try_clone()) else { return };
    let up = thread::Builder::new().stack_size(64 << 10).spawn(move || {
        copy(&mut from, &mut into);
        into.shutdown(Shutdown::Both).ok();
    });
    copy(&mut host, &mut peer);
    peer.shutdown(Shutdown::Both).ok();
    if let Ok(up) = up {
        up.join().ok();
    }
}

fn copy(from: &mut TcpStream, to: &mut TcpStream) {
    let mut buffer = [0; 16 << 10];
    while let Ok(read) = from.read(&mut buffer) {
        if read == 0 || to.write_all(&buffer[..read]).is_err() {
            return;
        }
    }
}

/// The real one listens somewhere else; half a second later a relay listens where it was asked to.
pub(super) fn listens_late(mut call: Call) -> ExitCode {
    let asked = call.values("--listen").next().cloned().unwrap_or_default();
    let text = asked.to_string_lossy().into_owned();
    let port = text.rsplit('/').next().and_then(|port| port.parse::<u16>().ok()).unwrap_or(0);
    if port == 0 || call.values("--listen").count() != 1 {
        return call.become_real();
    }
    let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|socket| socket.local_addr());
    let other = free.map_or(0, |at| at.port());
    call.change("--listen", |_| format!("/ip4/127.0.0.1/tcp/{other}").into());
    thread::spawn(move || {
        thread::sleep(Duration::from_millis(500));
        if let Ok(listener) = TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
            relay(&listener, (Ipv4Addr::LOCALHOST, other).into(), Relay::Sound);
        }
    });
    crate::around::stands_by(call)
}
