//! Single blocks, and what a path ends at: `getBlock`, `putBlock`, `resolve`, `resolveNode`.

use std::io::Write;

use serde_json::{Value, json};

use crate::cases::ipfs::{SCRIPT, sharded};
use crate::cases::rpc_methods::{NOWHERE, answers, ask, failed, ok};
use crate::cases::rpc_nodes::{self, hex};
use crate::fake::before;
use crate::node::Import;
use crate::node::unixfs::cid_bytes;
use crate::registry::{Case, case};
use crate::suite::Suite;
use crate::verdict::{Verdict, holds, same};

pub(crate) const CASES: &[Case] = &[
    case!(rpc_25_resolve_gives_cid_and_codec),
    case!(rpc_25_resolve_node_gives_the_node),
    case!(rpc_28_a_block_is_stored_and_given),
    case!(rpc_28_two_mib_and_no_more),
    case!(rpc_28_a_block_under_another_cid_is_an_exception),
    case!(rpc_28_a_block_that_isnt_the_cids_is_an_exception),
];

fn rpc_25_resolve_gives_cid_and_codec(suite: &Suite<'_>) -> Verdict {
    let node = suite.node()?;
    let file = node.add(SCRIPT, Import { version: Some(1), ..Import::default() })?;
    let folder = node.directory([("bin/name", SCRIPT.into())])?;
    let name = node.publish(&format!("/ipfs/{folder}"), &format!("resolve-{}", suite.seed()))?;
    let cbor = node.block("dag-cbor", "sha2-256", &[0xa0])?;
    let in_shard = format!("/ipfs/{}/tool", sharded(node)?);
    let (path, named) = (format!("/ipfs/{folder}/bin/name"), format!("{name}/bin/name"));
    let words = [folder.as_str(), &path, &named, &file, &cbor, &in_shard];
    let said = ask(suite, &words.map(|word| ("resolve", word)))?;
    let expected =
        [(Some(&folder), 0x70), (Some(&file), 0x55), (Some(&file), 0x55), (Some(&file), 0x55), (Some(&cbor), 0x71)];
    for (at, (cid, codec)) in expected.into_iter().enumerate() {
        let found = ok(("resolve", words[at]), &said[at])?;
        same(format!("CID of {}", words[at]), found["cid"].as_str(), cid.map(String::as_str))?;
        same(format!("codec of {}", words[at]), &found["codec"], &json!(codec))?;
    }
    let cid = said[5]["ok"]["cid"].as_str().unwrap_or_default();
    holds("a CID for a name in a sharded directory", !cid.is_empty(), &said[5])?;
    same("what it ends at", node.cat(cid)?, SCRIPT.as_bytes().to_vec())?;
    let calls =
        [("resolve", &format!("/ipfs/{folder}/x")[..]), ("resolve", "/etc/passwd"), ("resolve", &format!("{path}/x"))];
    let said = ask(suite, &calls)?;
    failed(calls[0], &said[0], "failed to get IPFS path: ", calls[0].1)?;
    failed(calls[1], &said[1], "system.IPFS.resolve: ", "")?;
    failed(calls[2], &said[2], "failed to get IPFS path: ", calls[2].1)
}

fn rpc_25_resolve_node_gives_the_node(suite: &Suite<'_>) -> Verdict {
    let node = suite.node()?;
    let file = node.add(SCRIPT, Import { version: Some(1), ..Import::default() })?;
    let folder = node.directory([("bin/name", SCRIPT.into())])?;
    for (path, cid) in [(folder.clone(), &folder), (format!("/ipfs/{folder}/bin/name"), &file)] {
        let call = ("node", path.as_str());
        let found = ask(suite, &[call])?[0].clone();
        let wanted = json!({ "text": cid, "cid": hex(&cid_bytes(cid).unwrap_or_default()) });
        same(format!("the node at {path}"), ok(call, &found)?, &wanted)?;
    }
    let calls =
        [("node", NOWHERE), ("node", "no CID"), ("node", &format!("/ipfs/{folder}/x")[..]), ("node-data", NOWHERE)];
    let said = ask(suite, &calls)?;
    failed(calls[0], &said[0], "failed to get IPFS path: ", NOWHERE)?;
    failed(calls[1], &said[1], "system.IPFS.resolveNode: ", "")?;
    failed(calls[2], &said[2], "failed to get IPFS path: ", calls[2].1)?;
    failed(calls[3], &said[3], "failed to get IPFS path: ", NOWHERE)
}

fn rpc_28_a_block_is_stored_and_given(suite: &Suite<'_>) -> Verdict {
    let node = suite.node()?;
    let mark = suite.path("x").display().to_string();
    let text = format!("\"{mark}\"");
    // A text of dag-cbor, as long as that.
    let cbor = [&[0x78, u8::try_from(mark.len()).unwrap_or(0)][..], mark.as_bytes()].concat();
    let kinds: [(&str, &str, &[u8]); 4] = [
        ("", "raw", mark.as_bytes()),
        ("85 ", "raw", b""),
        ("113 ", "dag-cbor", &cbor),
        ("297 ", "dag-json", text.as_bytes()),
    ];
    for (codec, name, bytes) in kinds {
        let word = format!("{codec}{}", hex(bytes));
        let put = ("put-block", word.as_str());
        let cid = ok(put, &ask(suite, &[put])?[0])?.as_str().unwrap_or_default().to_owned();
        same(format!("what the node has of {name}"), node.block_of(&cid)?, bytes.to_vec())?;
        holds(format!("a block of {name} isn't pinned"), !node.pins()?.contains(&cid), &cid)?;
        same(format!("the CID of {name}"), &cid, &node.block(name, "sha2-256", bytes)?)?;
        let get = ("get-block", cid.as_str());
        same("the block", ok(get, &ask(suite, &[get])?[0])?, &json!(hex(bytes)))?;
    }
    let folder = node.directory([("a", b"inside".to_vec())])?;
    let below = format!("/ipfs/{folder}/a");
    let calls = [
        ("get-block", below.as_str()),
        ("get-block", NOWHERE),
        ("get-block", "no CID"),
        ("put-block", "72057594037927936 00"),
    ];
    let said = ask(suite, &calls)?;
    ok(calls[0], &said[0])?;
    failed(calls[1], &said[1], "failed to get IPFS path: ", NOWHERE)?;
    failed(calls[2], &said[2], "system.IPFS.getBlock: ", "")?;
    failed(calls[3], &said[3], "system.IPFS.putBlock: ", "")
}

fn rpc_28_two_mib_and_no_more(suite: &Suite<'_>) -> Verdict {
    let node = suite.node()?;
    let fake = before(node, |_, answer, stream| stream.write_all(&answer.bytes()))?;
    let calls = [("put-pattern", "2097153"), ("put-pattern", "9000000")];
    for (call, answer) in calls.iter().zip(answers(suite, suite.ww().flags(["--ipfs", &fake.endpoint()]), &calls)?) {
        failed(*call, &answer, "system.IPFS.putBlock: ", "")?;
    }
    same("what the daemon was asked for", fake.targets(), vec![])?;
    let call = ("put-pattern", "2097152");
    let cid = ok(call, &ask(suite, &[call])?[0])?.as_str().unwrap_or_default().to_owned();
    same("bytes that the node has", node.block_of(&cid)?.len(), 2 << 20)?;
    let larger = node.block("raw", "sha2-256", &vec![b'x'; (2 << 20) + 1])?;
    let calls = [("get-block-length", cid.as_str()), ("get-block-length", &larger), ("get-block-length", &cid)];
    let said = ask(suite, &calls)?;
    same("2 MiB", ok(calls[0], &said[0])?, &json!(2 << 20))?;
    failed(calls[1], &said[1], "", "")?;
    same("2 MiB, again", ok(calls[2], &said[2])?, &json!(2 << 20))
}

fn rpc_28_a_block_under_another_cid_is_an_exception(suite: &Suite<'_>) -> Verdict {
    let node = suite.node()?;
    let other = node.block("raw", "sha2-256", b"another")?;
    let fake = before(node, move |request, mut answer, stream| {
        if request.target.starts_with("/api/v0/block/put") || request.target.starts_with("/api/v0/dag/put") {
            let text = String::from_utf8_lossy(&answer.body).into_owned();
            if let Ok(Value::Object(mut told)) = serde_json::from_str(&text) {
                told.insert("Key".into(), other.clone().into());
                told.insert("Cid".into(), json!({ "/": other }));
                answer.body = Value::Object(told).to_string().into_bytes();
            }
        }
        stream.write_all(&answer.bytes())
    })?;
    let call = ("put-block", "00010203");
    let said = answers(suite, suite.ww().flags(["--ipfs", &fake.endpoint()]), &[call])?;
    failed(call, &said[0], "system.IPFS.putBlock: ", "")
}

fn rpc_28_a_block_that_isnt_the_cids_is_an_exception(suite: &Suite<'_>) -> Verdict {
    let node = suite.node()?;
    let sample = rpc_nodes::sample(node)?;
    let fake = before(node, |request, mut answer, stream| {
        if request.is_for_content()
            && let Some(last) = answer.body.last_mut()
        {
            *last ^= 1;
        }
        stream.write_all(&answer.bytes())
    })?;
    for verb in ["get-block", "node", "node-data", "node-links"] {
        let call = (verb, sample.cbor.as_str());
        let said = answers(suite, suite.ww().flags(["--ipfs", &fake.endpoint()]), &[call])?;
        failed(call, &said[0], "failed to get IPFS path: ", &sample.cbor)?;
    }
    Ok(())
}
