//! Cells in C++, Go, Python and Rust, each with its own library of Cap'n Proto: one table drives them all.

use std::io::Write;

use serde_json::{Value, json};

use crate::fake::{Fake, before};
use crate::invocation::Invocation;
use crate::languages::Language;
use crate::node::unixfs::cid_bytes;
use crate::node::{Import, Node};
use crate::registry::{Case, case};
use crate::suite::Suite;
use crate::verdict::{Stop, Verdict, fail, holds, same};

pub(crate) const CASES: &[Case] = &[
    case!(rpc_60_a_cell_in_cpp_gets_every_method),
    case!(rpc_60_a_cell_in_go_gets_every_method),
    case!(rpc_60_a_cell_in_python_gets_every_method),
    case!(rpc_60_a_cell_in_rust_gets_every_method),
];

fn rpc_60_a_cell_in_cpp_gets_every_method(suite: &Suite<'_>) -> Verdict {
    every_method(suite, Language::Cpp)
}

fn rpc_60_a_cell_in_go_gets_every_method(suite: &Suite<'_>) -> Verdict {
    every_method(suite, Language::Go)
}

fn rpc_60_a_cell_in_python_gets_every_method(suite: &Suite<'_>) -> Verdict {
    every_method(suite, Language::Python)
}

fn rpc_60_a_cell_in_rust_gets_every_method(suite: &Suite<'_>) -> Verdict {
    every_method(suite, Language::Rust)
}

const CONTENT: &[u8] = b"what a cell reads";
/// A peer that is only said to be there: the node of the suite is alone.
const PEER: &str = "12D3KooWDpJ7As7BWAwRMfu1VU2WCqNjvq387JEYKDBj4kx6nXTN";
/// As many bytes as the cells write.
const WRITTEN: usize = 700_000;

/// What the node has to say of what the cells are asked for.
struct Known<'n> {
    node: &'n Node,
    file: String,
    directory: String,
    /// What is added; each language has its own, for pins are the node's.
    text: String,
}

impl Known<'_> {
    fn block(&self, cid: &str) -> Verdict<Vec<u8>> {
        self.node.block_of(cid)
    }

    /// What the node has under a CID that a cell was given.
    fn stored(&self, verb: &str, cid: &Value) -> Verdict<Vec<u8>> {
        match cid.as_str() {
            Some(cid) => self.node.cat(cid),
            None => fail(format!("{verb} gives a CID"), cid),
        }
    }
}

/// Each call of `all`, in its order: the methods of the contract.
const CALLS: &[&str] = &[
    "ipfs",
    "add",
    "cat",
    "ls",
    "stat",
    "pin",
    "pins",
    "unpin",
    "id",
    "connect",
    "peers",
    "resolveNode",
    "node.cid",
    "node.rawData",
    "node.resolvePath",
    "node.tree",
    "node.resolveLink",
    "node.copy",
    "node.links",
    "node.stat",
    "node.size",
    "read",
    "write",
    "resolve",
    "getBlock",
    "putBlock",
];

/// The node, which answers as if it had one peer and could reach it.
fn with_a_peer(node: &Node) -> std::io::Result<Fake> {
    before(node, |request, mut answer, stream| {
        let peer =
            json!({ "Addr": "/ip4/127.0.0.1/tcp/9", "Peer": PEER, "Identify": { "ID": PEER, "Protocols": ["/x"] } });
        let told = match &request.target {
            target if target.starts_with("/api/v0/swarm/peers") => json!({ "Peers": [peer] }),
            target if target.starts_with("/api/v0/swarm/connect") => {
                json!({ "Strings": [format!("connect {PEER} success")] })
            }
            _ => return stream.write_all(&answer.bytes()),
        };
        answer.status = 200;
        answer.body = told.to_string().into_bytes();
        stream.write_all(&answer.bytes())
    })
}

fn every_method(suite: &Suite<'_>, language: Language) -> Verdict {
    let node = suite.node()?;
    let directory = node.directory([("file", CONTENT.to_vec())])?;
    let file = node.add(CONTENT, Import { version: Some(1), ..Import::default() })?;
    let known = Known { node, file, directory, text: format!("added by a cell in {language:?}") };
    let (path, folder) = (format!("/ipfs/{}/file", known.directory), format!("/ipfs/{}", known.directory));
    let daemon = with_a_peer(node)?;
    let run = suite.ww().flags(["--ipfs", &daemon.endpoint(), "--ipfs-access", "full"]);
    let address = format!("/ip4/127.0.0.1/tcp/9/p2p/{PEER}");
    let words = ["all", &path, &folder, "file", &address, &known.text];
    let run = suite.cell_in(language, "cell", run, &words)?.run()?;
    run.exits(0)?.is_silent()?;
    let facts = lines(&run.stdout)?;
    let verbs: Vec<&str> = facts.iter().filter_map(|fact| fact["verb"].as_str()).collect();
    same("calls", verbs, CALLS.to_vec())?;
    for fact in &facts {
        holds(format!("{} is answered", fact["verb"]), fact.get("ok").is_some(), fact)?;
    }
    let of = |verb: &str| facts.iter().find(|fact| fact["verb"] == verb).map_or(&Value::Null, |fact| &fact["ok"]);
    files(&known, &of)?;
    nodes(&known, &of)?;
    around(&known, &of)
}

/// What the cells read.
pub(crate) fn content_of_languages() -> &'static [u8] {
    CONTENT
}

/// Has a cell call each method in a run without a daemon, on a directory that has the cells' content as `file`; `length` says
/// how long a file is that it stored.
pub(crate) fn all_but_the_network<'a>(
    suite: &'a Suite<'a>,
    language: Language,
    run: Invocation<'a>,
    folder: &str,
    length: &dyn Fn(&str) -> Verdict<Value>,
) -> Verdict {
    let (path, address) = (format!("{folder}/file"), format!("/ip4/127.0.0.1/tcp/9/p2p/{PEER}"));
    let words = ["all", &path, folder, "file", &address, "added by a cell"];
    let ended = suite.cell_in(language, "cell", run, &words)?.run()?;
    ended.exits(0)?.is_silent()?;
    let facts = lines(&ended.stdout)?;
    let verbs: Vec<&str> = facts.iter().filter_map(|fact| fact["verb"].as_str()).collect();
    same("calls", verbs, CALLS.to_vec())?;
    for fact in &facts {
        let verb = fact["verb"].as_str().unwrap_or_default();
        match ["id", "connect", "peers"].contains(&verb) {
            true => {
                let said = fact["error"].as_str().unwrap_or_default();
                let needs = said.starts_with(&format!("system.IPFS.{verb}: ")) && said.contains("daemon");
                holds(format!("{verb} needs a daemon"), needs, fact)?;
            }
            false => holds(format!("{verb} is answered"), fact.get("ok").is_some(), fact)?,
        }
    }
    let of = |verb: &str| facts.iter().find(|fact| fact["verb"] == verb).map_or(&Value::Null, |fact| &fact["ok"]);
    same("cat", &of("cat")["length"], &json!(CONTENT.len()))?;
    same("read", &of("read")["sent"], &json!(5))?;
    holds("pins has what was pinned", of("pins").as_array().is_some_and(|pins| pins.contains(of("add"))), of("pins"))?;
    let stored = [
        ("add", of("add"), "added by a cell".len()),
        ("write", &of("write")["cid"], WRITTEN),
        ("putBlock", of("putBlock"), "a block of a cell".len()),
    ];
    for (verb, cid, size) in stored {
        same(format!("bytes of what {verb} stored"), length(cid.as_str().unwrap_or_default())?, json!(size))?;
    }
    Ok(())
}

fn lines(output: &[u8]) -> Verdict<Vec<Value>> {
    let text = String::from_utf8_lossy(output);
    let lines = text.lines().map(serde_json::from_str).collect::<Result<_, _>>();
    lines.map_err(|fault| Stop::Harness(format!("the cell prints JSON: {fault}: {text}")))
}

type Answers<'f> = &'f dyn Fn(&str) -> &'f Value;

/// Content, whole and in parts, out and in.
fn files(known: &Known<'_>, of: Answers<'_>) -> Verdict {
    same("what add stored", known.stored("add", of("add"))?, known.text.clone().into_bytes())?;
    let body = String::from_utf8_lossy(CONTENT);
    same("cat", of("cat"), &json!({ "length": CONTENT.len(), "body": body }))?;
    let file = json!({ "name": "file", "type": "file", "size": CONTENT.len(), "cid": known.file });
    same("ls", of("ls"), &json!([file]))?;
    let stat = of("stat");
    same("the CID of stat", &stat["cid"], &json!(known.directory))?;
    same("the kind of stat", &stat["type"], &json!("directory"))?;
    same(
        "the link of stat",
        [&stat["links"][0]["name"], &stat["links"][0]["cid"]],
        [&json!("file"), &json!(known.file)],
    )?;
    let part = json!({ "length": 5, "body": &body[1..6], "sent": 5, "ended": true });
    same("read", of("read"), &part)?;
    let written = known.stored("write", &of("write")["cid"])?;
    let pattern: Vec<u8> = (0..WRITTEN as u32).map(|at| (at.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    holds("write stored what the cell wrote", written == pattern, written.len())
}

/// The node of the directory, as its block has it.
fn nodes(known: &Known<'_>, of: Answers<'_>) -> Verdict {
    let hex = |cid: &str| -> Value {
        let bytes = cid_bytes(cid).unwrap_or_default();
        bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>().into()
    };
    let block = known.block(&known.directory)?;
    let (directory, file) = (hex(&known.directory), hex(&known.file));
    same("resolveNode", of("resolveNode"), &json!(known.directory))?;
    same("Node.cid", of("node.cid"), &directory)?;
    same("Node.copy", of("node.copy"), &directory)?;
    same("bytes of Node.rawData", &of("node.rawData")["length"], &json!(block.len()))?;
    same("Node.resolvePath", of("node.resolvePath"), &json!({ "cid": file, "remaining": [] }))?;
    let link = of("node.resolveLink");
    let given = [&link["link"]["name"], &link["link"]["cid"], &link["remaining"]];
    same("Node.resolveLink", given, [&json!("file"), &file, &json!([])])?;
    let links = of("node.links");
    same("Node.links", [&links[0]["name"], &links[0]["cid"], &links[1]], [&json!("file"), &file, &Value::Null])?;
    holds("Node.tree has paths", of("node.tree").as_array().is_some_and(|paths| !paths.is_empty()), of("node.tree"))?;
    let stat = of("node.stat");
    let given = [&stat["hash"], &stat["links"], &stat["block"]];
    same("Node.stat", given, [&directory, &json!(1), &json!(block.len())])?;
    holds("Node.size", of("node.size").as_u64().is_some_and(|size| size >= block.len() as u64), of("node.size"))
}

/// Pins, blocks, and the daemon itself.
fn around(known: &Known<'_>, of: Answers<'_>) -> Verdict {
    same("pin, unpin", [of("pin"), of("unpin")], [&json!(true), &json!(true)])?;
    holds("pins has what was pinned", of("pins").as_array().is_some_and(|pins| pins.contains(of("add"))), of("pins"))?;
    let id = of("id")["id"].as_str().unwrap_or_default();
    holds("id is a peer's", id.starts_with("12D3Koo") || id.starts_with("Qm"), id)?;
    same("connect", of("connect"), &json!(true))?;
    same("peers", [&of("peers")[0]["id"], &of("peers")[1]], [&json!(PEER), &Value::Null])?;
    let block = known.block(&known.file)?;
    same("resolve", of("resolve"), &json!({ "cid": known.file, "codec": 0x55 }))?;
    same("bytes of getBlock", &of("getBlock")["length"], &json!(block.len()))?;
    let put = of("putBlock").as_str().unwrap_or_default();
    same("what putBlock stored", known.block(put)?, b"a block of a cell".to_vec())
}
