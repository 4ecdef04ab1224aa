//! Where the host meets peers: the addresses that it listens at, and who else has them.

use std::fs;
use std::io;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::unix::fs::chown;
use std::time::Duration;

use serde_json::Value;

use crate::clauses::Profile;
use crate::registry::{Case, case};
use crate::suite::Suite;
use crate::verdict::{Stop, Verdict, fail, holds, same};
use crate::visit::Hosting;

pub(crate) const CASES: &[Case] = &[
    case!(status_05_listening_tells_the_peer_and_its_addresses).needs(Profile::P2p),
    case!(p2p_03_by_default_it_is_loopback_and_a_free_port),
    case!(p2p_04_each_address_that_was_chosen_is_listened_at),
    case!(p2p_04_it_listens_when_the_cell_starts),
    case!(p2p_05_an_address_that_is_taken_is_a_failure),
    case!(p2p_06_none_turns_it_off),
    case!(p2p_19_ill_formed_values_are_usage_errors),
    case!(p2p_24_the_cell_has_none_of_the_sockets),
];

/// The parts of an address: ip, port, peer id.
fn parts(address: &str) -> Option<(String, u16, String)> {
    let mut parts = address.strip_prefix('/')?.split('/');
    let (_, ip) = (parts.next()?, parts.next()?);
    let port = (parts.next()? == "tcp").then(|| parts.next()?.parse().ok())??;
    let peer = (parts.next()? == "p2p").then(|| parts.next())??;
    parts.next().is_none().then(|| (ip.to_owned(), port, peer.to_owned()))
}

/// The same, of one that has them.
pub(crate) fn known(address: &str) -> Verdict<(String, u16, String)> {
    parts(address).map_or_else(|| fail("an address /ip…/tcp/PORT/p2p/ID", address), Ok)
}

/// A table of sockets of `/proc/PID/net`, and the state that makes one listen (proc_pid_net(5)).
type Table = (&'static str, Option<&'static str>);
pub(super) const TCP: &[Table] = &[("tcp", Some("0A")), ("tcp6", Some("0A"))];
pub(super) const UDP: &[Table] = &[("udp", None), ("udp6", None)];

/// Where a process listens, of these kinds: its cell apart, which has a network of its own.
pub(super) fn ports(hosting: &Hosting<'_>, tables: &[Table]) -> Verdict<Vec<(String, u16)>> {
    let pid = hosting.live.pid();
    let mut inodes = Vec::new();
    let descriptors = fs::read_dir(format!("/proc/{pid}/fd")).map_err(|fault| match fault.kind() {
        // A host that isn't dumpable is root's alone to look into (proc_pid_fd(5)).
        io::ErrorKind::PermissionDenied => Stop::NotVerifiable("only root can see the host's descriptors".into()),
        _ => fault.into(),
    })?;
    for entry in descriptors {
        let to = fs::read_link(entry?.path()).unwrap_or_default();
        let to = to.to_string_lossy().into_owned();
        inodes.extend(to.strip_prefix("socket:[").and_then(|rest| rest.strip_suffix(']')).map(str::to_owned));
    }
    let mut found = Vec::new();
    for (table, listens) in tables {
        let text = fs::read_to_string(format!("/proc/{pid}/net/{table}")).unwrap_or_default();
        for line in text.lines().skip(1) {
            let words: Vec<&str> = line.split_whitespace().collect();
            let [_, at, _, state, _, _, _, _, _, inode, ..] = &words[..] else { continue };
            if listens.is_none_or(|listens| listens == *state) && inodes.iter().any(|own| own == inode) {
                let (ip, port) = at.split_once(':').unwrap_or((at, "0"));
                found.push((ip.to_owned(), u16::from_str_radix(port, 16).unwrap_or(0)));
            }
        }
    }
    Ok(found)
}

/// Where it listens at all.
fn all(hosting: &Hosting<'_>) -> Verdict<Vec<(String, u16)>> {
    ports(hosting, &[TCP, UDP].concat())
}

/// A run beside another: with temporary files elsewhere, so that what one leaves isn't taken for the other's.
fn beside<'a>(suite: &'a Suite<'a>) -> Verdict<Hosting<'a>> {
    let place = suite.path("files/beside");
    fs::create_dir(&place)?;
    if let Some(user) = suite.user_of(suite.setup().adapter().user)? {
        chown(&place, Some(user.uid), Some(user.gid))?;
    }
    let run = suite.ww().env("TMPDIR", place.as_os_str().as_encoded_bytes());
    let mut hosting = suite.begin_hosting(run, &["serve"])?;
    hosting.live.hears("ready", 1)?;
    hosting.addresses = hosting.told()?;
    Ok(hosting)
}

/// A port that nobody listens at, held for now: none of those that connections take for themselves (ip(7),
/// `ip_local_port_range`), one of which might take it before the implementation does.
fn held() -> Verdict<(TcpListener, u16)> {
    const BELOW: std::ops::Range<u16> = 10_000..32_768;
    let begin = std::process::id() as usize * 97;
    let ports = BELOW.cycle().skip(begin % BELOW.len()).take(BELOW.len());
    for port in ports {
        if let Ok(listener) = TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
            return Ok((listener, port));
        }
    }
    Err(Stop::Harness("no port is free".into()))
}

/// The same, held no more.
fn free() -> Verdict<u16> {
    held().map(|(_, port)| port)
}

fn status_05_listening_tells_the_peer_and_its_addresses(suite: &Suite<'_>) -> Verdict {
    let hosting = suite.hosting(&[], &["serve"], "ready")?;
    let lines = hosting.lines();
    let told: Vec<&Value> = lines.iter().filter(|line| line["event"] == "listening").collect();
    same("`listening` lines", told.len(), 1)?;
    let peer = told[0]["peer"].as_str().unwrap_or_default();
    holds("addrs, one at least", told[0]["addrs"].as_array().is_some_and(|addrs| !addrs.is_empty()), &lines)?;
    for address in &hosting.addresses {
        same("the id at the end of an address", known(address)?.2.as_str(), peer)?;
        let found = suite.peer_at(address, &["connect"])?;
        same("who answers there", found["peer"].as_str(), Some(peer))?;
    }
    let order = |event: &str| lines.iter().position(|line| line["event"] == event);
    holds("`started` and `listening`", order("started").is_some() && order("listening").is_some(), &lines)?;
    hosting.finish()?.exits(0)?.is_silent()?;
    Ok(())
}

fn p2p_03_by_default_it_is_loopback_and_a_free_port(suite: &Suite<'_>) -> Verdict {
    let (one, other) = (suite.hosting(&[], &["serve"], "ready")?, beside(suite)?);
    for hosting in [&one, &other] {
        for address in &hosting.addresses {
            same("the ip of an address", known(address)?.0.as_str(), "127.0.0.1")?;
        }
        for (ip, _) in all(hosting)? {
            same("where the host listens (as in /proc/net/tcp)", ip.as_str(), "0100007F")?;
        }
        hosting.answers(&["echo", "10"], true.into())?;
    }
    holds("two runs have two ports", known(one.address()?)?.1 != known(other.address()?)?.1, &one.addresses)?;
    one.finish()?.exits(0)?;
    other.finish()?.exits(0)?;
    Ok(())
}

fn p2p_04_each_address_that_was_chosen_is_listened_at(suite: &Suite<'_>) -> Verdict {
    let (a, b) = (free()?, free()?);
    let chosen = [format!("/ip4/127.0.0.1/tcp/{a}"), format!("/ip4/127.0.0.2/tcp/{b}")];
    let flags: Vec<&str> = chosen.iter().flat_map(|address| ["--listen", address]).collect();
    let hosting = suite.hosting(&flags, &["serve"], "ready")?;
    let mut told = Vec::new();
    for address in &hosting.addresses {
        let (ip, port, _) = known(address)?;
        told.push(format!("/ip4/{ip}/tcp/{port}"));
        let answer = suite.peer_at(address, &["echo", "10"])?;
        holds("a peer is served at each", answer["ok"] == true, answer)?;
    }
    told.sort();
    let mut wanted = chosen.to_vec();
    wanted.sort();
    same("the addresses that are told", told, wanted)?;
    same("sockets that listen", all(&hosting)?.len(), 2)?;
    hosting.finish()?.exits(0)?;
    Ok(())
}

fn p2p_04_it_listens_when_the_cell_starts(suite: &Suite<'_>) -> Verdict {
    for _ in 0..3 {
        let port = free()?;
        let chosen = format!("/ip4/127.0.0.1/tcp/{port}");
        let run = suite.ww().flags(["--listen", &chosen]).probe(["wait-then-exit", "3"]).with_input().start()?;
        run.hears("ready", 1)?;
        let reached = TcpStream::connect_timeout(&(Ipv4Addr::LOCALHOST, port).into(), Duration::from_secs(5));
        holds("when the cell speaks first, the address is listened at", reached.is_ok(), reached)?;
        run.finish()?.exits(3)?;
    }
    Ok(())
}

fn p2p_05_an_address_that_is_taken_is_a_failure(suite: &Suite<'_>) -> Verdict {
    let (taken, port) = held()?;
    let address = format!("/ip4/127.0.0.1/tcp/{port}");
    suite.ww().flags(["--listen", &address]).probe(["print", "ran"]).run()?.refuses(1, "", &address)?;
    let second = ["--listen", "/ip4/127.0.0.1/tcp/0", "--listen", &address];
    suite.ww().flags(second).probe(["print", "ran"]).run()?.refuses(1, "", &address)?;
    // One that this machine hasn't got (RFC 5737).
    let foreign = "/ip4/192.0.2.1/tcp/0";
    suite.ww().flags(["--listen", foreign]).probe(["print", "ran"]).run()?.refuses(1, "", foreign)?;
    drop(taken);
    suite.ww().flags(["--listen", &address]).probe(["print", "ran"]).run()?.exits(0)?.prints("ran")?;
    Ok(())
}

fn p2p_06_none_turns_it_off(suite: &Suite<'_>) -> Verdict {
    let hosting = suite.begin_hosting(suite.ww().flags(["--listen", "none"]), &["serve"])?;
    hosting.live.hears("ready", 1)?;
    // As long as another run takes until it listens, and longer.
    let other = beside(suite)?;
    holds("a run without the flag listens", !all(&other)?.is_empty(), ())?;
    std::thread::sleep(Duration::from_millis(500));
    same("sockets that listen", all(&hosting)?, vec![])?;
    let told = hosting.lines().into_iter().filter(|line| line["event"] == "listening").count();
    same("`listening` lines", told, 0)?;
    hosting.finish()?.exits(0)?.is_silent()?;
    other.finish()?.exits(0)?;
    Ok(())
}

fn p2p_19_ill_formed_values_are_usage_errors(suite: &Suite<'_>) -> Verdict {
    let addresses = [
        "",
        "x",
        "127.0.0.1:4001",
        "/ip4/127.0.0.1",
        "/ip4/127.0.0.1/tcp",
        "/ip4/127.0.0.1/tcp/x",
        "/ip4/127.0.0.1/tcp/65536",
        "/ip4/127.0.0.256/tcp/1",
        "/ip4/::1/tcp/1",
        "/ip6/127.0.0.1/tcp/1",
        "/dns4/localhost/tcp/1",
        "/unix/x",
        "/ip4/127.0.0.1/udp/1",
        "/ip4/127.0.0.1/udp/1/quic",
        "/ip4/127.0.0.1/tcp/1/ws",
        "/ip4/127.0.0.1/tcp/1/http",
        "None",
        "/ip4/127.0.0.1/tcp/1/",
        "/ip4/127.0.0.1/tcp/-1",
    ];
    for address in addresses {
        let run = suite.ww().flags([format!("--listen={address}")]).probe(["print", "ran"]).run()?;
        run.refuses(2, "", "--listen")?;
    }
    let id = suite.peer_says("id", "a")?;
    for peer in ["", "x", "12D3KooW", &id[1..], &format!("{id}x"), &format!("/p2p/{id}")] {
        let run = suite.ww().flags([format!("--allow-peer={peer}")]).probe(["print", "ran"]).run()?;
        run.refuses(2, "", "--allow-peer")?;
    }
    for both in [["none", "/ip4/127.0.0.1/tcp/0"], ["/ip4/127.0.0.1/tcp/0", "none"]] {
        let run = suite.ww().flags(["--listen", both[0], "--listen", both[1]]).probe(["print", "ran"]).run()?;
        run.refuses(2, "", "--listen")?;
    }
    let sound =
        suite.ww().flags(["--listen", "/ip4/127.0.0.1/tcp/0", "--allow-peer", &id]).probe(["print", "ran"]).run()?;
    sound.exits(0)?.prints("ran")?;
    Ok(())
}

fn p2p_24_the_cell_has_none_of_the_sockets(suite: &Suite<'_>) -> Verdict {
    let file = suite.file("granted", "x")?;
    let addresses = ["--listen", "/ip4/127.0.0.1/tcp/0", "--listen", "/ip4/127.0.0.1/tcp/0"];
    let run = suite.ww().flags(addresses).grant("a", 9).place(9, &file).probe(["facts"]).run()?;
    let facts = run.facts()?;
    run.same("open descriptors", facts.numbers(), vec![0, 1, 2, 3, 4])?;
    let streams = facts.fds.iter().filter(|fd| fd.is_connected_stream()).count();
    run.same("sockets among them, the host's own apart", streams, 1)?;
    Ok(())
}
