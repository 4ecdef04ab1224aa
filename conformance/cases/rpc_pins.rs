//! Recursive pins, and the daemon behind them: `pin`, `unpin`, `pins`, `id`, `connect`, `peers`.

use std::io::Write;

use serde_json::{Value, json};

use crate::cases::ipfs::SCRIPT;
use crate::cases::rpc_methods::{Call, NOWHERE, answers, ask, failed, ok};
use crate::fake::{Answer, Fake, before};
use crate::node::{Import, Node};
use crate::registry::{Case, case};
use crate::suite::Suite;
use crate::verdict::{Verdict, holds, same};

pub(crate) const CASES: &[Case] = &[
    case!(rpc_23_pin_and_unpin_are_recursive),
    case!(rpc_23_pins_are_roots_alone),
    case!(rpc_23_what_cant_be_pinned_is_an_exception),
    case!(rpc_24_id_is_the_daemons),
    case!(rpc_24_peers_are_the_daemons),
    case!(rpc_24_connect_is_done_by_the_daemon),
];

/// A directory that only this case has, and the CID of the file in it.
fn folder(suite: &Suite<'_>) -> Verdict<(String, String)> {
    let content = format!("{SCRIPT}# {}\n", suite.path("x").display());
    let node = suite.node()?;
    let file = node.add(content.as_str(), Import { version: Some(1), ..Import::default() })?;
    Ok((node.directory([("bin/name", content.into())])?, file))
}

fn full(suite: &Suite<'_>, calls: &[Call<'_>]) -> Verdict<Vec<Value>> {
    answers(suite, suite.ww_with_node()?.flags(["--ipfs-access", "full"]), calls)
}

fn rpc_23_pin_and_unpin_are_recursive(suite: &Suite<'_>) -> Verdict {
    let (node, (folder, file)) = (suite.node()?, folder(suite)?);
    let path = format!("/ipfs/{folder}");
    let calls = [("pin", path.as_str()), ("pins", "")];
    let said = ask(suite, &calls)?;
    same("pin", ok(calls[0], &said[0])?, &json!(true))?;
    same("pins", ok(calls[1], &said[1])?, &json!([folder]))?;
    let pins = node.pins()?;
    holds("what is below it is pinned too", pins.contains(&folder) && pins.contains(&file), &file)?;
    let calls = [("unpin", folder.as_str()), ("pins", ""), ("pin", &folder), ("unpin", &path), ("pins", "")];
    let said = full(suite, &calls)?;
    for at in [0, 2, 3] {
        same(format!("{:?}", calls[at]), ok(calls[at], &said[at])?, &json!(true))?;
    }
    let pins = node.pins()?;
    holds("nothing of it is pinned", !pins.contains(&folder) && !pins.contains(&file), &pins)?;
    // By a path: what it ends at.
    let below = format!("{path}/bin/name");
    let calls = [("pin", below.as_str()), ("pins", ""), ("unpin", &below), ("pins", "")];
    let said = ask(suite, &calls)?;
    same("pins of a path", ok(calls[1], &said[1])?, &json!([file]))?;
    same("pins after unpin", ok(calls[3], &said[3])?, &json!([]))
}

fn rpc_23_pins_are_roots_alone(suite: &Suite<'_>) -> Verdict {
    let (folder, file) = folder(suite)?;
    suite.node()?.pin(&folder)?;
    let calls = [("pins", ""), ("unpin", file.as_str())];
    let said = full(suite, &calls)?;
    let pins = ok(calls[0], &said[0])?.as_array().cloned().unwrap_or_default();
    holds("a root is listed", pins.iter().any(|pin| *pin == folder), &folder)?;
    holds("what is below it isn't", !pins.iter().any(|pin| *pin == file), &file)?;
    failed(calls[1], &said[1], "system.IPFS.unpin: ", "")
}

fn rpc_23_what_cant_be_pinned_is_an_exception(suite: &Suite<'_>) -> Verdict {
    let (folder, _) = folder(suite)?;
    let missing = format!("/ipfs/{folder}/nothing");
    let calls = [("pin", NOWHERE), ("pin", &missing), ("pin", "no CID"), ("unpin", "no CID"), ("pins", "")];
    let said = ask(suite, &calls)?;
    failed(calls[0], &said[0], "failed to get IPFS path: ", NOWHERE)?;
    failed(calls[1], &said[1], "failed to get IPFS path: ", &missing)?;
    failed(calls[2], &said[2], "system.IPFS.pin: ", "")?;
    failed(calls[3], &said[3], "system.IPFS.unpin: ", "")?;
    same("pins", ok(calls[4], &said[4])?, &json!([]))?;
    let call = ("unpin", folder.as_str());
    failed(call, &full(suite, &[call])?[0], "system.IPFS.unpin: ", "")
}

fn rpc_24_id_is_the_daemons(suite: &Suite<'_>) -> Verdict {
    let said = full(suite, &[("id", "")])?;
    let peer = ok(("id", ""), &said[0])?;
    same("id", peer["id"].as_str(), Some(suite.node()?.id()?.as_str()))
}

const ONE: &str = "12D3KooWGzxzKZYveHXtpG6AsrUJBcWxHBFS2HsEoGTxrMLvKXtf";
const OTHER: &str = "QmYwAPJzv5CZsnA625s3Xf2nemtYgPpHdWEz79ojWnPbdG";

/// What Kubo says of two peers, one of which has told nothing of itself.
fn two_peers() -> Value {
    let protocols = ["/ipfs/bitswap/1.2.0", "/ipfs/id/1.0.0"];
    let identify = json!({
        "ID": ONE, "PublicKey": "", "Addresses": ["/ip4/192.0.2.1/tcp/4001"], "AgentVersion": "x", "Protocols": protocols
    });
    let nothing = json!({ "ID": "", "PublicKey": "", "Addresses": null, "AgentVersion": "", "Protocols": null });
    json!({ "Peers": [
        { "Addr": "/ip4/127.0.0.1/tcp/4001", "Peer": ONE, "Identify": identify,
          "Streams": protocols.map(|protocol| json!({ "Protocol": protocol })) },
        { "Addr": "/ip4/127.0.0.1/tcp/4002", "Peer": OTHER, "Identify": nothing, "Streams": null },
    ] })
}

/// The node, but for what it would say of peers.
fn with_peers(node: &Node, status: u16, body: Value) -> std::io::Result<Fake> {
    before(node, move |request, answer, stream| {
        if !request.target.starts_with("/api/v0/swarm/") {
            return stream.write_all(&answer.bytes());
        }
        let body = body.to_string().into_bytes();
        stream.write_all(&Answer { status, content_type: "application/json".into(), body }.bytes())
    })
}

/// The calls, at `full`, with the node before which this is.
fn through(suite: &Suite<'_>, fake: &Fake, calls: &[Call<'_>]) -> Verdict<Vec<Value>> {
    answers(suite, suite.ww().flags(["--ipfs", &fake.endpoint(), "--ipfs-access", "full"]), calls)
}

fn rpc_24_peers_are_the_daemons(suite: &Suite<'_>) -> Verdict {
    let call = ("peers", "");
    let fake = with_peers(suite.node()?, 200, two_peers())?;
    let said = through(suite, &fake, &[call])?;
    let mut peers = ok(call, &said[0])?.as_array().cloned().unwrap_or_default();
    peers.sort_by_key(|peer| peer["id"].as_str() != Some(ONE));
    same("ids", peers.iter().map(|peer| peer["id"].clone()).collect::<Vec<_>>(), vec![json!(ONE), json!(OTHER)])?;
    let has = |peer: usize, key: &str, text: &str| {
        let list = peers[peer][key].as_array();
        holds(format!("{text} in {key}"), list.is_some_and(|list| list.iter().any(|it| it == text)), &peers[peer])
    };
    has(0, "addresses", "/ip4/127.0.0.1/tcp/4001")?;
    has(1, "addresses", "/ip4/127.0.0.1/tcp/4002")?;
    has(0, "protocols", "/ipfs/bitswap/1.2.0")?;
    has(0, "protocols", "/ipfs/id/1.0.0")?;
    same("protocols of one that told none", &peers[1]["protocols"], &json!([]))?;
    // None, and a daemon that can't say.
    let fake = with_peers(suite.node()?, 200, json!({ "Peers": null }))?;
    same("no peers", through(suite, &fake, &[call])?[0].clone(), json!({ "ok": [] }))?;
    let fake = with_peers(suite.node()?, 500, json!({ "Message": "the swarm sleeps", "Code": 0, "Type": "error" }))?;
    failed(call, &through(suite, &fake, &[call])?[0], "system.IPFS.peers: ", "the swarm sleeps")
}

fn rpc_24_connect_is_done_by_the_daemon(suite: &Suite<'_>) -> Verdict {
    let address = format!("/dns4/a.example/tcp/4001/p2p/{ONE}");
    let call = ("connect", address.as_str());
    let fake = with_peers(suite.node()?, 200, json!({ "Strings": [format!("connect {ONE} success")] }))?;
    same("connect", ok(call, &through(suite, &fake, &[call])?[0])?, &json!(true))?;
    let asked = fake.targets().iter().any(|target| {
        let target = target.replace("%2F", "/").replace("%2f", "/");
        target.starts_with("/api/v0/swarm/connect") && target.contains(&address)
    });
    holds("the daemon was asked to connect there", asked, fake.targets())?;
    let fake = with_peers(suite.node()?, 500, json!({ "Message": "no route", "Code": 0, "Type": "error" }))?;
    let calls = [call, ("connect", "no address"), ("connect", ""), ("pins", "")];
    let said = through(suite, &fake, &calls)?;
    failed(call, &said[0], "system.IPFS.connect: ", "no route")?;
    failed(calls[1], &said[1], "system.IPFS.connect: ", "")?;
    failed(calls[2], &said[2], "system.IPFS.connect: ", "")?;
    ok(calls[3], &said[3])?;
    // What is a part of an address stays one.
    let odd = ("connect", "/dns4/x&arg=/ip4/192.0.2.7/tcp/1");
    through(suite, &fake, &[odd])?;
    let split = fake.targets().iter().any(|target| target.contains("&arg=/ip4"));
    holds("no part of an address becomes another argument", !split, fake.targets())
}
