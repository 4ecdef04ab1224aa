//! What stays in the store of what a cell put, and what was never there.

use std::fs;

use nix::sys::signal::Signal;
use serde_json::{Value, json};

use super::{all, alone, has, text};
use crate::cases::export::{export, one, store};
use crate::cases::ipfs::{runs, script_of};
use crate::cases::rpc_methods::{answers, failed, ok};
use crate::cases::sources::script;
use crate::suite::Suite;
use crate::verdict::{Stop, Verdict, holds, same};

/// Something that the store does when it is told to.
fn told(suite: &Suite<'_>, words: &[&str]) -> Verdict {
    store(suite, suite.tool("store")).flags(words).run()?.exits(0).map(drop)
}

pub(super) fn store_04_what_was_put_stays_until_it_is_removed(suite: &Suite<'_>) -> Verdict {
    let file = suite.path("files").join("file");
    fs::write(&file, script_of(1_200_000))?;
    let exported = one(export(suite).flags([file.as_os_str().as_encoded_bytes()]))?;
    let calls = [
        ("add", "stays"),
        ("add-bytes", "2500000"),
        ("write", "stream:3500000/70001 end finish"),
        ("write", "pin write:1000 end finish"),
    ];
    let said = all(suite, alone(suite).env("WW_STORE_LIMIT", "64K"), &calls)?;
    let last = |at: usize| text(&said[at].as_array().and_then(|steps| steps.last()).unwrap_or(&Value::Null)["ok"]);
    let put = [
        (exported.trim_start_matches("/ipfs/"), 1_200_000),
        (text(&said[0]), 5),
        (text(&said[1]), 2_500_000),
        (last(2), 3_500_000),
        (last(3), 1000),
    ];
    // What comes and goes, more than there is room for.
    let node = suite.node()?;
    for _ in 0..3 {
        let run = store(suite, suite.ww()).env("WW_STORE_LIMIT", "64K").flags(["--ipfs", &node.endpoint()]);
        runs(run, &script(node, 20)?)?;
    }
    told(suite, &["gc"])?;
    for (cid, size) in put {
        holds("it is there", has(suite, cid, size)?, cid)?;
    }
    for at in 0..put.len() {
        told(suite, &["rm", put[at].0])?;
        told(suite, &["gc"])?;
        for (other, (cid, size)) in put.iter().enumerate() {
            let there = has(suite, cid, *size)?;
            same(format!("{cid} is there, with {} removed", put[at].0), there, other > at)?;
        }
    }
    Ok(())
}

pub(super) fn store_49_what_is_dropped_is_not_there(suite: &Suite<'_>) -> Verdict {
    let whole = ["stream:3000000/50000 end finish", "write:1000 end finish"].map(|word| ("write", word));
    // What they would be, from a store of its own.
    let cids = all(suite, suite.ww().flags(["--offline"]), &whole)?;
    let cids: Vec<&str> = cids.iter().map(|steps| text(&steps[2]["ok"])).collect();
    let cut = ["stream:3000000/50000 drop", "stream:3000000/50000 end drop", "write:1000 drop", "write:1000 end drop"];
    let calls = cut.map(|word| ("write", word));
    for (call, steps) in calls.iter().zip(all(suite, alone(suite), &calls)?) {
        let steps = steps.as_array().cloned().unwrap_or_default();
        holds(format!("all steps of {call:?} succeed"), steps.iter().all(|step| step.get("ok").is_some()), &steps)?;
    }
    for (cid, size) in cids.iter().zip([3_000_000, 1000]) {
        holds("what was dropped isn't there", !has(suite, cid, size)?, cid)?;
    }
    leaves_little(suite)
}

pub(super) fn store_49_what_breaks_off_is_not_there(suite: &Suite<'_>) -> Verdict {
    let word = "stream:3000000/50000 end finish";
    let whole = all(suite, suite.ww().flags(["--offline"]), &[("write", word)])?.remove(0);
    let probe = suite.setup().rpc_probe().ok_or_else(|| Stop::Harness("there is no RPC probe".into()))?;
    let run = alone(suite).binary(probe, ["write", "stream:3000000/50000 wait end finish"]).with_input();
    let run = run.may_leave_files().start()?;
    run.hears("waiting", 1)?;
    run.signal(Signal::SIGKILL);
    run.finish()?;
    let cid = text(&whole[2]["ok"]);
    holds("what broke off isn't there", !has(suite, cid, 3_000_000)?, cid)?;
    leaves_little(suite)
}

/// Checks that garbage is gone where nothing was put.
fn leaves_little(suite: &Suite<'_>) -> Verdict {
    told(suite, &["gc"])?;
    let left = weight(&suite.path("data").join("store"));
    holds("nor what it was made of", left < 500_000, format!("{left} bytes"))
}

/// Bytes of all files below a folder.
fn weight(folder: &std::path::Path) -> u64 {
    let mut sum = 0;
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        sum += match entry.metadata() {
            Ok(known) if known.is_dir() => weight(&entry.path()),
            Ok(known) => known.len(),
            Err(_) => 0,
        };
    }
    sum
}

pub(super) fn store_49_a_store_that_cant_be_written_is_an_exception(suite: &Suite<'_>) -> Verdict {
    suite.file("no-folder", "x")?;
    let below = suite.path("files").join("no-folder").join("store");
    let below = below.as_os_str().as_encoded_bytes();
    let calls = [
        ("add", "nowhere"),
        ("write", "write:300 end finish"),
        ("put-block", "c0ffee"),
        ("cat", "bafkqac3imvwgy3zmebrwk3dm"),
    ];
    let said = answers(suite, suite.ww().env("WW_STORE", below).flags(["--offline"]), &calls)?;
    failed(calls[0], &said[0], "system.IPFS.add: ", "no-folder")?;
    let steps = ok(calls[1], &said[1])?.as_array().cloned().unwrap_or_default();
    let told = steps.iter().find(|step| step.get("error").is_some()).unwrap_or(&Value::Null);
    failed(calls[1], told, "system.IPFS.write: ", "no-folder")?;
    failed(calls[2], &said[2], "system.IPFS.putBlock: ", "no-folder")?;
    same("the call after them", ok(calls[3], &said[3])?, &json!("hello, cell"))?;
    // A daemon takes it all the same, which is said once.
    let node = suite.node()?;
    let probe = suite.setup().rpc_probe().ok_or_else(|| Stop::Harness("there is no RPC probe".into()))?;
    let words = calls.iter().flat_map(|(verb, word)| [*verb, *word]);
    let run = suite.ww().env("WW_STORE", below).flags(["--ipfs", &node.endpoint()]);
    let ended = run.binary(probe, words).run()?;
    ended.exits(0)?;
    let said: Vec<Value> = ended.json()?;
    same("what the daemon has", node.cat(text(ok(calls[0], &said[0])?))?, b"nowhere".to_vec())?;
    let stored = text(&ok(calls[1], &said[1])?[2]["ok"]);
    same("what the daemon has of a write", node.cat(stored)?.len(), 300)?;
    ok(calls[2], &said[2])?;
    let told = String::from_utf8_lossy(&ended.stderr).into_owned();
    ended.same("lines on standard error", told.lines().count(), 1)?;
    ended.holds("it names the store", told.contains("no-folder")).map(drop)
}
