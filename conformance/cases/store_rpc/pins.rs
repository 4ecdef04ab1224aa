//! Pins of the store's: what they keep, and whose they are.

use serde_json::{Value, json};

use super::{all, alone, has, nobody_by_default, text};
use crate::cases::export::store;
use crate::cases::ipfs::script_of;
use crate::cases::rpc_methods::{answers, failed};
use crate::fake::{Fake, honest_gateway};
use crate::invocation::Invocation;
use crate::node::Import;
use crate::suite::Suite;
use crate::verdict::{Verdict, same};

/// A directory of the node's, and the file in it, which no other case has.
fn folder(suite: &Suite<'_>) -> Verdict<(String, String, u64)> {
    let node = suite.node()?;
    let content = [script_of(1_400_000), suite.scratch().as_os_str().as_encoded_bytes().to_vec()].concat();
    let size = content.len() as u64;
    let import = Import { version: Some(1), ..Import::default() };
    let file = node.add(content.clone(), import)?;
    Ok((node.directory([("bin/name", content), ("bin/other", b"other".to_vec())])?, file, size))
}

/// A run without a daemon, with somebody who has what the node has; nothing is cached.
fn from<'a>(suite: &'a Suite<'a>, gateway: &Fake) -> Invocation<'a> {
    store(suite, suite.ww()).env("WW_STORE_LIMIT", "0").flags(["--gateway", &gateway.url()])
}

fn full<'a>(suite: &'a Suite<'a>) -> Invocation<'a> {
    alone(suite).flags(["--ipfs-access", "full"])
}

fn collects(suite: &Suite<'_>) -> Verdict {
    store(suite, suite.tool("store")).flags(["gc"]).run()?.exits(0).map(drop)
}

/// Whether the file of a directory is in the store.
fn is_there(suite: &Suite<'_>, folder: &str, size: u64) -> Verdict<bool> {
    has(suite, &format!("/ipfs/{folder}/bin/name"), size)
}

pub(super) fn store_47_a_pin_keeps_all_that_is_below(suite: &Suite<'_>) -> Verdict {
    nobody_by_default()?;
    let (folder, _, size) = folder(suite)?;
    let gateway = honest_gateway(suite.node()?)?;
    let said = all(suite, from(suite, &gateway), &[("pin", &folder), ("pins", "")])?;
    same("pin, pins", said, vec![json!(true), json!([folder])])?;
    collects(suite)?;
    same("all of it is in the store", is_there(suite, &folder, size)?, true)?;
    same("unpin", all(suite, full(suite), &[("unpin", &folder), ("pins", "")])?, vec![json!(true), json!([])])?;
    collects(suite)?;
    same("it is in the store after that", is_there(suite, &folder, size)?, false)
}

pub(super) fn store_47_what_cant_be_had_isnt_pinned(suite: &Suite<'_>) -> Verdict {
    nobody_by_default()?;
    let (folder, _, size) = folder(suite)?;
    // Its own block alone is there.
    let gateway = honest_gateway(suite.node()?)?;
    let run = store(suite, suite.ww()).flags(["--gateway", &gateway.url()]);
    all(suite, run, &[("get-block", &folder)])?;
    let calls = [("pin", folder.as_str()), ("pins", ""), ("stat", &folder)];
    let said = answers(suite, full(suite), &calls)?;
    failed(calls[0], &said[0], "failed to get IPFS path: ", &folder)?;
    same("pins", &said[1], &json!({ "ok": [] }))?;
    same("the rest of it is in the store", is_there(suite, &folder, size)?, false)
}

pub(super) fn store_47_pins_of_others_are_theirs(suite: &Suite<'_>) -> Verdict {
    let cid = all(suite, alone(suite), &[("add", "pinned by one")])?.remove(0);
    let cid = text(&cid);
    let said = all(suite, alone(suite), &[("pin", cid), ("pins", "")])?;
    same("pins of the run", &said[1], &json!([cid]))?;
    // Another run, before and after it pins the same.
    let calls = [("pins", ""), ("unpin", cid), ("pin", cid), ("pins", ""), ("unpin", cid)];
    let said = answers(suite, alone(suite), &calls)?;
    same("pins of another run", &said[0], &json!({ "ok": [] }))?;
    failed(calls[1], &said[1], "system.IPFS.unpin: ", "--ipfs-access full")?;
    same("pin of what is pinned", &said[2], &json!({ "ok": true }))?;
    same("pins after that", &said[3], &json!({ "ok": [] }))?;
    failed(calls[4], &said[4], "system.IPFS.unpin: ", "--ipfs-access full")?;
    let said = all(suite, full(suite), &[("pins", ""), ("unpin", cid), ("pins", "")])?;
    same("all pins, unpin, all pins", said, vec![json!([cid]), json!(true), json!([])])
}

pub(super) fn store_47_unpin_removes_nothing_that_was_put(suite: &Suite<'_>) -> Verdict {
    let calls = [("add-bytes", "1500000"), ("pins", ""), ("write", "pin write:1000 end finish"), ("pins", "")];
    let said = all(suite, full(suite), &calls)?;
    let cids = [text(&said[0]), text(&said[2].as_array().and_then(|steps| steps.last()).unwrap_or(&Value::Null)["ok"])];
    same("what was added is pinned", &said[1], &json!([]))?;
    same("what was written to be pinned is", &said[3], &json!([cids[1]]))?;
    let calls = [("pin", cids[0]), ("unpin", cids[0]), ("unpin", cids[1]), ("pins", "")];
    same("no pin is left", &all(suite, full(suite), &calls)?[3], &json!([]))?;
    let again = ("unpin", cids[0]);
    failed(again, &answers(suite, full(suite), &[again])?[0], "system.IPFS.unpin: ", cids[0])?;
    collects(suite)?;
    for (cid, size) in cids.into_iter().zip([1_500_000, 1000]) {
        same(format!("{cid} is in the store"), has(suite, cid, size)?, true)?;
    }
    Ok(())
}
