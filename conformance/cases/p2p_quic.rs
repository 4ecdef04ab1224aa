//! Peers over QUIC: that it is there where it was asked for, that they find the same there, and that no more harm is done.

use std::net::{Ipv4Addr, UdpSocket};
use std::time::{Duration, Instant};

use serde_json::json;

use crate::cases::p2p::{TCP, UDP, ports};
use crate::cases::p2p_hostile::endures_at;
use crate::registry::{Case, case};
use crate::suite::Suite;
use crate::verdict::{Verdict, fail, holds, same};
use crate::visit::Hosting;

pub(crate) const CASES: &[Case] = &[
    case!(p2p_20_a_peer_is_served_over_quic).also(&["P2P-01", "P2P-02"]),
    case!(p2p_20_quic_and_tcp_lead_to_the_same_cell),
    case!(p2p_20_nothing_is_quic_that_nobody_asked_for),
    case!(p2p_20_an_address_that_is_taken_is_a_failure).also(&["P2P-05"]),
    case!(p2p_20_only_those_that_are_named_come_in).also(&["P2P-08"]),
    case!(p2p_20_the_cells_end_is_told).also(&["P2P-14"]),
    case!(self_06_packets_that_lead_nowhere).also(&["P2P-20"]),
    case!(self_06_connections_of_quic_that_say_nothing).also(&["P2P-20"]),
    case!(self_06_streams_of_quic).long().also(&["P2P-20"]),
];

const QUIC: &str = "/ip4/127.0.0.1/udp/0/quic-v1";

/// A host at which QUIC alone is spoken.
fn host<'a>(suite: &'a Suite<'a>, flags: &[&str]) -> Verdict<Hosting<'a>> {
    suite.hosting(&[&["--listen", QUIC], flags].concat(), &["serve"], "ready")
}

/// Port and peer id of an address of QUIC.
fn known(address: &str) -> Verdict<(u16, String)> {
    let parts: Vec<&str> = address.split('/').collect();
    match parts[..] {
        ["", "ip4", "127.0.0.1", "udp", port, "quic-v1", "p2p", peer] => Ok((port.parse()?, peer.to_owned())),
        _ => fail("an address /ip4/127.0.0.1/udp/PORT/quic-v1/p2p/ID", address),
    }
}

fn p2p_20_a_peer_is_served_over_quic(suite: &Suite<'_>) -> Verdict {
    let hosting = host(suite, &[])?;
    same("addresses", hosting.addresses.len(), 1)?;
    let (_, id) = known(hosting.address()?)?;
    same("who answers there", hosting.peer(&["connect"])?["peer"].as_str(), Some(id.as_str()))?;
    let found = hosting.peer(&["identify"])?;
    let names = found["protocols"].as_array().cloned().unwrap_or_default();
    holds("`/ww/0.1.0` among the protocols", names.contains(&json!("/ww/0.1.0")), &found)?;
    hosting.answers(&["echo", "1000000"], true.into())?;
    hosting.answers(&["names", "a", "b", "c"], "a/b/c".into())?;
    hosting.answers(&["call", "20"], json!({ "sum": 400, "heard": 20 }))?;
    hosting.answers(&["wait-then-cancel"], json!({ "before": 0, "during": 1, "after": 0 }))?;
    let said = hosting.peer(&["sessions", "4"])?;
    same("sessions on one connection that are served", said["answered"].as_u64(), Some(4))?;
    hosting.finish()?.exits(0)?.is_silent()?;
    Ok(())
}

fn p2p_20_quic_and_tcp_lead_to_the_same_cell(suite: &Suite<'_>) -> Verdict {
    let flags = ["--listen", QUIC, "--listen", "/ip4/127.0.0.1/tcp/0"];
    let hosting = suite.hosting(&flags, &["serve"], "ready")?;
    same("addresses", hosting.addresses.len(), 2)?;
    for address in &hosting.addresses {
        let said = suite.peer_at(address, &["echo", "10"])?;
        holds("a peer is served at each", said["ok"] == true, said)?;
    }
    let over = |name: &str| hosting.addresses.iter().filter(|address| address.contains(name)).count();
    same("addresses of QUIC and of TCP", (over("/quic-v1/"), over("/tcp/")), (1, 1))?;
    let waits: Vec<_> = hosting.addresses.iter().map(|at| hosting.visitor_at(at, &["hold"])).collect::<Verdict<_>>()?;
    waits.iter().try_for_each(|peer| peer.ready())?;
    for address in &hosting.addresses {
        let mut said = suite.peer_at(address, &["waiting"])?;
        let began = Instant::now();
        while said["ok"] != 2 && began.elapsed() < Duration::from_secs(10) {
            said = suite.peer_at(address, &["waiting"])?;
        }
        same("calls that wait in the cell", &said["ok"], &json!(2))?;
    }
    hosting.finish()?.exits(0)?;
    Ok(())
}

fn p2p_20_nothing_is_quic_that_nobody_asked_for(suite: &Suite<'_>) -> Verdict {
    for (flags, tcp, udp) in [
        (&[][..], 1, 0),
        (&["--listen", "/ip4/127.0.0.1/tcp/0"][..], 1, 0),
        (&["--listen", QUIC][..], 0, 1),
        (&["--listen", QUIC, "--listen", QUIC][..], 0, 2),
    ] {
        let hosting = suite.hosting(flags, &["serve"], "ready")?;
        let over_quic = hosting.addresses.iter().filter(|address| address.contains("quic")).count();
        same("addresses that are told, of QUIC", (hosting.addresses.len(), over_quic), (tcp + udp, udp))?;
        same("sockets of TCP that listen", ports(&hosting, TCP)?.len(), tcp)?;
        same("sockets of UDP", ports(&hosting, UDP)?.len(), udp)?;
        hosting.finish()?.exits(0)?;
    }
    Ok(())
}

fn p2p_20_an_address_that_is_taken_is_a_failure(suite: &Suite<'_>) -> Verdict {
    let taken = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
    let address = format!("/ip4/127.0.0.1/udp/{}/quic-v1", taken.local_addr()?.port());
    suite.ww().flags(["--listen", &address]).probe(["print", "ran"]).run()?.refuses(1, "", &address)?;
    suite.ww().flags(["--listen", QUIC]).probe(["print", "ran"]).run()?.exits(0)?.prints("ran")?;
    Ok(())
}

fn p2p_20_only_those_that_are_named_come_in(suite: &Suite<'_>) -> Verdict {
    let a = suite.peer_says("id", "a")?;
    let hosting = host(suite, &["--allow-peer", &a])?;
    hosting.answers(&["--key", "a", "echo", "10"], true.into())?;
    let said = hosting.peer(&["--key", "b", "echo", "10"])?;
    holds("a peer that isn't named isn't served", said.get("ok").is_none(), &said)?;
    let said = hosting.peer(&["--key", "b", "identify"])?;
    holds("nor told anything", said.get("protocols").is_none(), said)?;
    hosting.answers(&["--key", "a", "echo", "10"], true.into())?;
    hosting.finish()?.exits(0)?;
    Ok(())
}

fn p2p_20_the_cells_end_is_told(suite: &Suite<'_>) -> Verdict {
    let hosting = host(suite, &[])?;
    let (waits, idles) = (hosting.visitor(&["hold"])?, hosting.visitor(&["idle"])?);
    waits.ready()?;
    idles.ready()?;
    let began = Instant::now();
    hosting.finish()?.exits(0)?.is_silent()?;
    let said = waits.found()?;
    holds("the call that went on fails with an exception", said["error"].is_string(), said)?;
    same("the connection is closed", idles.found()?["closed"].as_bool(), Some(true))?;
    holds("at once", began.elapsed() < Duration::from_secs(8), began.elapsed())
}

fn self_06_packets_that_lead_nowhere(suite: &Suite<'_>) -> Verdict {
    endures_at(suite, &["--listen", QUIC], &[["quic-garbage", "8"], ["quic-strangers", "64"]])
}

fn self_06_connections_of_quic_that_say_nothing(suite: &Suite<'_>) -> Verdict {
    endures_at(suite, &["--listen", QUIC], &[["quic-silent", "100"], ["quic-streams", "16"]])
}

fn self_06_streams_of_quic(suite: &Suite<'_>) -> Verdict {
    endures_at(suite, &["--listen", QUIC], &[["quic-half", "16"], ["quic-bomb", "6"], ["quic-never-read", "16"]])
}
