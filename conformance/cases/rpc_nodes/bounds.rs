//! Blocks that are made to hurt, and more than there is room for.

use std::time::Duration;

use serde_json::{Value, json};

use super::{binary, link};
use crate::cases::rpc_methods::{Call, answers, ask, failed, ok};
use crate::node::unixfs::field;
use crate::suite::Suite;
use crate::verdict::{Verdict, holds, same};

/// Far above what a block of 2 MiB takes, far below what one takes that is gone through again and again.
const SOON: Duration = Duration::from_secs(60);

/// Asks each of a block, and then something that works.
fn survives(suite: &Suite<'_>, calls: &[Call<'_>]) -> Verdict<Vec<Value>> {
    let run = suite.ww_with_node()?.at_most(SOON);
    let mut said = answers(suite, run, &[calls, &[("cat", "bafkqac3imvwgy3zmebrwk3dm")]].concat())?;
    same("the session goes on", said.pop(), Some(json!({ "ok": "hello, cell" })))?;
    Ok(said)
}

const VERBS: [&str; 6] = ["node-links", "node-tree", "node-stat", "node-path", "node-link", "node"];

pub(super) fn rpc_36_ill_formed_blocks_are_exceptions(suite: &Suite<'_>) -> Verdict {
    let node = suite.node()?;
    let blocks: [(&str, &[u8]); 12] = [
        ("dag-cbor", b""),
        ("dag-cbor", &[0xa1, 0x61, b'a']),
        ("dag-cbor", &[0x9b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]),
        ("dag-cbor", &[0x5b, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1]),
        ("dag-cbor", &[0xd8, 0x2a, 0x43, 0, 1, 2]),
        ("dag-cbor", &[0x01, 0x02]),
        ("dag-json", b"{\"a\":"),
        ("dag-json", b"[1,2"),
        ("dag-json", b"{\"/\":\"no cid\"}"),
        ("dag-json", b"\xff\xfe"),
        ("dag-pb", &[0x12, 0x05, 0x0a]),
        ("dag-pb", &[0x12, 0xff, 0xff, 0xff, 0xff, 0x0f]),
    ];
    for (codec, bytes) in blocks {
        let cid = node.block(codec, "sha2-256", bytes)?;
        let calls = VERBS.map(|verb| (verb, cid.as_str()));
        for (call, answer) in calls.iter().zip(survives(suite, &calls)?) {
            failed(*call, &answer, "failed to get IPFS path: ", &cid)?;
        }
        // Its bytes can be had.
        let call = ("get-block-length", cid.as_str());
        same("bytes of the block", ok(call, &ask(suite, &[call])?[0])?, &json!(bytes.len()))?;
    }
    Ok(())
}

pub(super) fn rpc_36_nesting_without_end_is_an_exception(suite: &Suite<'_>) -> Verdict {
    let node = suite.node()?;
    for depth in [100, 1 << 20] {
        let cbor = [vec![0x81; depth], vec![0x01]].concat();
        let map = [b"\xa1\x61a".repeat(depth / 2), vec![0x01]].concat();
        let json = [vec![b'['; depth], vec![b']'; depth]].concat();
        let links = [br#"{"/":"#.repeat(depth / 4), b"1".to_vec(), vec![b'}'; depth / 4]].concat();
        for (codec, bytes) in [("dag-cbor", cbor), ("dag-cbor", map), ("dag-json", json), ("dag-json", links)] {
            let cid = node.block(codec, "sha2-256", &bytes)?;
            let calls = VERBS.map(|verb| (verb, cid.as_str()));
            for (call, answer) in calls.iter().zip(survives(suite, &calls)?) {
                match depth {
                    100 if call.0 != "node-link" => _ = ok(*call, &answer)?,
                    // The root is no link.
                    100 => failed(*call, &answer, "system.IPFS.resolveNode: ", "")?,
                    _ => failed(*call, &answer, "failed to get IPFS path: ", &cid)?,
                }
            }
            // On the way to something else, too.
            let word = format!("/ipfs/{cid}/0/a");
            let call = ("cat", word.as_str());
            holds(format!("{call:?} fails"), survives(suite, &[call])?[0].get("error").is_some(), &cid)?;
        }
    }
    Ok(())
}

pub(super) fn rpc_37_nodes_are_bounded_and_given_back(suite: &Suite<'_>) -> Verdict {
    let call = ("node-copies", "bafkqac3imvwgy3zmebrwk3dm 100000");
    let said = ask(suite, &[call, call])?;
    // The second time as the first: what was let go of counts no more.
    for answer in &said {
        let told = ok(call, answer)?;
        let held = told["held"].as_u64().unwrap_or_default();
        holds("1,000 are held, and not 100,000", (1_000..100_000).contains(&held), told)?;
        let refused = told["refused"].as_str().unwrap_or_default();
        holds("the next one is an exception", refused.starts_with("system.IPFS.resolveNode: "), told)?;
        same("what is held works", &told["works"], &json!(true))?;
        same("there is room again", &told["again"], &json!(true))?;
    }
    Ok(())
}

pub(super) fn rpc_38_what_no_message_holds_is_refused(suite: &Suite<'_>) -> Verdict {
    let node = suite.node()?;
    // Names one below the other, and below them many links: the path of each is as long as all of them, 25 KB.
    let names = b"\xa1\x78\xfa".iter().chain(&[b'n'; 250]).copied().collect::<Vec<u8>>();
    let list = [&[0x99, 0x03, 0xe8][..], &link("bafkqaaa")?.repeat(1_000)].concat();
    let cid = node.block("dag-cbor", "sha2-256", &[names.repeat(100), list].concat())?;
    let ways = ["rawData", "getBlock", "resolvePath", "resolveLink"];
    for verb in ["node-links-length", "node-tree-length"] {
        let call = (verb, cid.as_str());
        let answer = &survives(suite, &[call])?[0];
        failed(call, answer, "system.IPFS.resolveNode: ", "")?;
        let text = answer["error"].as_str().unwrap_or_default();
        holds("it names what gives the same in parts", ways.iter().any(|way| text.contains(way)), answer)?;
    }
    let parts = [("node-data-length", cid.as_str()), ("get-block-length", &cid), ("node-stat", &cid)];
    for (call, answer) in parts.iter().zip(survives(suite, &parts)?) {
        ok(*call, &answer)?;
    }
    // Many links fit, where their names are short.
    let links = field(2, &field(1, &binary("bafkqaaa")?)).repeat(50_000);
    let cid = node.block("dag-pb", "sha2-256", &links)?;
    let call = ("node-links-length", cid.as_str());
    same("links of one block", ok(call, &survives(suite, &[call])?[0])?, &json!(50_000))
}
