//! Who gets what a cell puts: the store, and the daemon where one answers.

use std::fs;

use serde_json::{Value, json};

use super::{all, alone, has, nobody_by_default, text};
use crate::cases::export::{one, store};
use crate::cases::ipfs::{nobody, script_of};
use crate::cases::rpc_methods::{answers, failed, had, ok};
use crate::cases::rpc_streams::content;
use crate::suite::Suite;
use crate::verdict::{Stop, Verdict, holds, same};

/// How many bytes a cell adds, and writes, each a file of several blocks that only one case has.
fn sizes() -> (u64, u64) {
    let own = 2 * (u64::from(std::process::id()) % 200_000);
    (2_100_000 + own, 3_100_001 + own)
}

/// The CID that a `write` gave.
fn written(answer: &Value) -> &str {
    answer.as_array().and_then(|steps| steps.last()).map_or("", |step| text(&step["ok"]))
}

pub(super) fn store_05_what_is_exported_is_in_the_store_and_the_daemon(suite: &Suite<'_>) -> Verdict {
    let (node, file) = (suite.node()?, suite.path("files").join("file"));
    let content = [script_of(2_000_000), suite.scratch().as_os_str().as_encoded_bytes().to_vec()].concat();
    fs::write(&file, &content)?;
    let tool = store(suite, suite.tool("export")).flags(["--ipfs", &node.endpoint()]);
    let path = one(tool.flags([file.as_os_str().as_encoded_bytes()]))?;
    same("what the daemon has", node.cat(&path)? == content, true)?;
    holds("the store has it", has(suite, &path, content.len() as u64)?, &path)
}

pub(super) fn store_05_what_a_cell_puts_is_in_the_store_and_the_daemon(suite: &Suite<'_>) -> Verdict {
    let node = suite.node()?;
    let (adds, writes) = sizes();
    let small = format!("put by {}", suite.path("x").display());
    let block = small.bytes().fold(String::new(), |hex, byte| format!("{hex}{byte:02x}"));
    let (number, stream) = (adds.to_string(), format!("stream:{writes}/70001 end finish"));
    let calls =
        [("add", small.as_str()), ("add", ""), ("add-bytes", &number), ("write", &stream), ("put-block", &block)];
    let said = all(suite, store(suite, suite.ww()).flags(["--ipfs", &node.endpoint()]), &calls)?;
    let cids = [text(&said[0]), text(&said[1]), text(&said[2]), written(&said[3]), text(&said[4])];
    let small = small.clone().into_bytes();
    let contents = [small.clone(), Vec::new(), content(adds as usize), content(writes as usize), small];
    for ((call, cid), content) in calls.iter().zip(cids).zip(&contents) {
        holds(format!("{call:?} is in the daemon"), had(node, &json!(cid))? == *content, cid)?;
        holds(format!("{call:?} is in the store"), has(suite, cid, content.len() as u64)?, cid)?;
    }
    // The same CIDs, whoever has it.
    let without = all(suite, suite.ww().flags(["--offline"]), &calls)?;
    same("CIDs without a daemon", &without, &said)
}

pub(super) fn store_46_a_daemon_that_was_named_must_answer(suite: &Suite<'_>) -> Verdict {
    let calls = [
        ("add", "nobody's"),
        ("write", "write:300 end finish"),
        ("put-block", "c0ffee"),
        ("pin", "bafkqac3imvwgy3zmebrwk3dm"),
    ];
    // What they would be.
    let cids = all(suite, suite.ww().flags(["--offline"]), &calls)?;
    let endpoint = nobody()?;
    let flag = store(suite, suite.ww()).flags(["--ipfs", &endpoint]);
    let variable = store(suite, suite.ww()).env("WW_IPFS", &endpoint);
    for run in [flag, variable] {
        let said = answers(suite, run, &calls)?;
        failed(calls[0], &said[0], "system.IPFS.add: ", &endpoint)?;
        let steps = ok(calls[1], &said[1])?;
        let told = steps.as_array().into_iter().flatten().find(|step| step.get("error").is_some());
        failed(calls[1], told.unwrap_or(&Value::Null), "system.IPFS.write: ", &endpoint)?;
        failed(calls[2], &said[2], "system.IPFS.putBlock: ", &endpoint)?;
        failed(calls[3], &said[3], "", &endpoint)?;
    }
    for (cid, size) in [(text(&cids[0]), 8), (written(&cids[1]), 300), (text(&cids[2]), 3)] {
        holds("nor has the store", !has(suite, cid, size)?, cid)?;
    }
    Ok(())
}

pub(super) fn store_46_without_one_the_store_alone_has_it_which_is_said_once(suite: &Suite<'_>) -> Verdict {
    nobody_by_default()?;
    let probe = suite.setup().rpc_probe().ok_or_else(|| Stop::Harness("there is no RPC probe".into()))?;
    let words = ["add", "one", "add", "two", "write", "write:300 end finish", "put-block", "c0ffee"];
    let ended = store(suite, suite.ww()).binary(probe, words).run()?;
    ended.exits(0)?;
    let said: Vec<Value> = ended.json()?;
    let told = String::from_utf8_lossy(&ended.stderr).into_owned();
    ended.same("lines on standard error", told.lines().count(), 1)?;
    ended.holds("it says that the store alone has it", told.starts_with("ww: ") && told.contains("store"))?;
    let cids = [text(&said[0]["ok"]), text(&said[1]["ok"]), written(&said[2]["ok"]), text(&said[3]["ok"])];
    for (cid, size) in cids.into_iter().zip([3, 3, 300, 3]) {
        holds("the store has it", has(suite, cid, size)?, cid)?;
    }
    // Who reads alone is told nothing.
    let calls = [("cat", cids[0])];
    same("cat", all(suite, store(suite, suite.ww()), &calls)?, vec![json!("one")])?;
    all(suite, alone(suite), &[("add", "three")]).map(drop)
}
