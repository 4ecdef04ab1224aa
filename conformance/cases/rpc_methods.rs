//! What the host answers on the RPC socket: `Host` and `IPFS`, spoken by the cell itself.

#[path = "rpc_methods/entries.rs"]
mod entries;

use std::ffi::OsString;

use serde_json::{Value, json};

use crate::cases::ipfs::{SCRIPT, nobody};
use crate::clauses::Profile;
use crate::fake::relay;
use crate::invocation::Invocation;
use crate::node::{Import, Node};
use crate::registry::{Case, case};
use crate::suite::Suite;
use crate::verdict::{Stop, Verdict, fail, holds, same};
use entries::{
    rpc_17_a_file_has_no_entries, rpc_17_ls_gives_sorted_entries, rpc_17_ls_of_a_sharded_directory_is_whole,
    rpc_18_stat_tells_kinds_apart, rpc_19_paths_have_three_forms,
};

pub(crate) const CASES: &[Case] = &[
    case!(rpc_03_it_speaks_two_party_rpc).also(&["RPC-04", "RPC-05"]).each_layout(),
    case!(rpc_10_a_retrieval_failure_begins_with_its_phrase),
    case!(rpc_11_other_failures_begin_with_the_method),
    case!(rpc_12_a_call_that_fails_ends_nothing),
    case!(rpc_13_add_stores_one_file),
    case!(rpc_14_add_doesnt_pin),
    case!(rpc_15_add_takes_8_mib_and_no_more),
    case!(rpc_16_cat_gives_8_mib_and_no_more),
    case!(rpc_17_ls_gives_sorted_entries),
    case!(rpc_17_ls_of_a_sharded_directory_is_whole),
    case!(rpc_17_a_file_has_no_entries),
    case!(rpc_18_stat_tells_kinds_apart),
    case!(rpc_19_paths_have_three_forms),
    case!(rpc_20_an_unknown_method_is_unimplemented),
    case!(rpc_20_every_method_of_the_contract_is_answered),
    case!(rpc_21_host_needs_no_daemon),
    case!(ep_06_multiaddrs_are_used_while_the_cell_runs).needs(Profile::Rpc),
];

/// One call: a verb of the RPC probe and its word.
pub(crate) type Call<'a> = (&'a str, &'a str);

pub(crate) fn answers(suite: &Suite<'_>, run: Invocation<'_>, calls: &[Call<'_>]) -> Verdict<Vec<Value>> {
    let probe = suite.setup().rpc_probe().ok_or_else(|| Stop::Harness("there is no RPC probe".into()))?;
    let words: Vec<&str> = calls.iter().flat_map(|(verb, word)| [*verb, *word]).collect();
    let run = run.binary(OsString::from(probe), words).run()?;
    run.exits(0)?.is_silent()?;
    let answers: Vec<Value> = run.json()?;
    run.same("answers", answers.len(), calls.len())?;
    Ok(answers)
}

/// Calls with the node behind the host, on one session.
pub(crate) fn ask(suite: &Suite<'_>, calls: &[Call<'_>]) -> Verdict<Vec<Value>> {
    answers(suite, suite.ww_with_node()?, calls)
}

/// The result of a call that must succeed.
pub(crate) fn ok<'v>(call: Call<'_>, answer: &'v Value) -> Verdict<&'v Value> {
    answer.get("ok").map_or_else(|| fail(format!("{call:?} succeeds"), answer), Ok)
}

pub(crate) fn one(suite: &Suite<'_>, verb: &str, word: &str) -> Verdict<Value> {
    let answers = ask(suite, &[(verb, word)])?;
    ok((verb, word), &answers[0]).cloned()
}

/// Checks that a call failed with a text that begins so and has this in it.
pub(crate) fn failed(call: Call<'_>, answer: &Value, begins: &str, has: &str) -> Verdict {
    let text = answer.get("error").and_then(Value::as_str).unwrap_or_default();
    let fits = text.starts_with(begins) && text.contains(has);
    holds(format!("{call:?} fails with {begins:?} and {has:?}"), fits, answer)
}

/// What the node has under a CID of the host's, which has to be one.
pub(crate) fn had(node: &Node, cid: &Value) -> Verdict<Vec<u8>> {
    let text = cid.as_str().unwrap_or_default();
    holds("a CID as text, and no path", !text.is_empty() && !text.contains('/'), cid)?;
    match node.cat(text) {
        // A node that still answers is not at fault.
        Err(Stop::Harness(why)) => node.version().and_then(|_| fail(format!("content of the CID {text}"), why)),
        content => content,
    }
}

fn rpc_03_it_speaks_two_party_rpc(suite: &Suite<'_>) -> Verdict {
    let file = suite.file("file", "x")?;
    for grants in [0, 1] {
        let mut run = suite.ww();
        if grants == 1 {
            run = run.grant("a", 9).place(9, &file);
        }
        let said = answers(suite, run, &[("ipfs", ""), ("ipfs", "")])?;
        same("answers of Host.ipfs", said, vec![json!({ "ok": true }); 2])?;
    }
    Ok(())
}

pub(crate) const NOWHERE: &str = "/ipfs/QmYwAPJzv5CZsnA625s3Xf2nemtYgPpHdWEz79ojWnPbdG";

fn rpc_10_a_retrieval_failure_begins_with_its_phrase(suite: &Suite<'_>) -> Verdict {
    let node = suite.node()?;
    let folder = node.directory([("bin/name", SCRIPT.into())])?;
    let (missing, inner) = (format!("/ipfs/{folder}/nothing"), format!("/ipfs/{folder}/bin"));
    let cbor = format!("/ipfs/{}", node.block("dag-cbor", "sha2-256", &[0xa0])?);
    let (phrase, kind) = ("failed to get IPFS path: ", "unexpected node type: ");
    let expected: [(Call<'_>, &str); 8] = [
        (("cat", NOWHERE), phrase),
        (("ls", NOWHERE), phrase),
        (("stat", NOWHERE), phrase),
        (("cat", &missing), phrase),
        (("ls", &missing), phrase),
        (("cat", &inner), kind),
        (("cat", &cbor), kind),
        (("ls", &cbor), kind),
    ];
    let said = ask(suite, &expected.map(|(call, _)| call))?;
    for ((call, begins), answer) in expected.iter().zip(&said) {
        failed(*call, answer, begins, call.1)?;
    }
    Ok(())
}

fn rpc_11_other_failures_begin_with_the_method(suite: &Suite<'_>) -> Verdict {
    let calls = [("cat", "no CID"), ("ls", "/etc/passwd"), ("stat", ""), ("cat", "/ipfs/"), ("stat", "/ipfs/no-cid/a")];
    let said = ask(suite, &calls)?;
    for (call, answer) in calls.iter().zip(&said) {
        failed(*call, answer, &format!("system.IPFS.{}: ", call.0), "")?;
        same(format!("kind of {call:?}"), answer["kind"].as_str(), Some("failed"))?;
    }
    Ok(())
}

fn rpc_12_a_call_that_fails_ends_nothing(suite: &Suite<'_>) -> Verdict {
    let cid = suite.node()?.add("still here", Import::default())?;
    let mut calls = vec![("cat", NOWHERE), ("cat", "no CID"), ("ordinal", "9999"), ("add-bytes", "8388609")];
    calls.push(("cat", &cid));
    let said = ask(suite, &calls)?;
    for (call, answer) in calls.iter().zip(&said).take(4) {
        holds(format!("{call:?} fails"), answer.get("error").is_some(), answer)?;
    }
    same("the call after them", said[4].clone(), json!({ "ok": "still here" }))
}

fn rpc_13_add_stores_one_file(suite: &Suite<'_>) -> Verdict {
    let node = suite.node()?;
    let text = format!("added by {}", suite.path("x").display());
    for content in [text.as_str(), ""] {
        let cid = one(suite, "add", content)?;
        same("what the node has", had(node, &cid)?, content.as_bytes().to_vec())?;
        same("what a cell gets", one(suite, "cat", cid.as_str().unwrap_or_default())?, content.into())?;
    }
    let cid = one(suite, "add-bytes", "3000000")?;
    same("bytes of many blocks that the node has", had(node, &cid)?.len(), 3_000_000)?;
    let cid = cid.as_str().unwrap_or_default();
    same("bytes of many blocks that a cell gets", one(suite, "cat-length", cid)?, 3_000_000.into())?;
    same("they are those that were added", one(suite, "cat-is-pattern", cid)?, true.into())
}

fn rpc_14_add_doesnt_pin(suite: &Suite<'_>) -> Verdict {
    // Nobody else has added it, nor pinned it.
    let cid = one(suite, "add", &format!("unpinned, {}", suite.path("x").display()))?;
    let cid = cid.as_str().unwrap_or_default();
    let pins = suite.node()?.pins()?;
    holds(format!("{cid} isn't pinned"), !pins.iter().any(|pin| pin == cid), pins)
}

fn rpc_15_add_takes_8_mib_and_no_more(suite: &Suite<'_>) -> Verdict {
    let calls = [("add-bytes", "8388608"), ("add-bytes", "8388609"), ("add-bytes", "9000000")];
    let said = ask(suite, &calls)?;
    let cid = ok(calls[0], &said[0])?;
    same("bytes that the node has", had(suite.node()?, cid)?.len(), 8 << 20)?;
    failed(calls[1], &said[1], "system.IPFS.add: ", "")?;
    failed(calls[2], &said[2], "system.IPFS.add: ", "")
}

fn rpc_16_cat_gives_8_mib_and_no_more(suite: &Suite<'_>) -> Verdict {
    let node = suite.node()?;
    let content = vec![b'x'; (8 << 20) + 1];
    let (fits, large) = (node.add(&content[1..], Import::default())?, node.add(content, Import::default())?);
    let calls = [("cat-length", fits.as_str()), ("cat-length", &large), ("cat-length", &fits)];
    let said = ask(suite, &calls)?;
    same("bytes of 8 MiB", ok(calls[0], &said[0])?, &json!(8 << 20))?;
    failed(calls[1], &said[1], "system.IPFS.cat: ", "")?;
    same("bytes of 8 MiB, again", ok(calls[2], &said[2])?, &json!(8 << 20))
}

fn rpc_20_an_unknown_method_is_unimplemented(suite: &Suite<'_>) -> Verdict {
    let calls =
        [("ordinal", "9999"), ("ordinal", "65535"), ("host-ordinal", "9999"), ("other-interface", "0"), ("ipfs", "")];
    let said = answers(suite, suite.ww(), &calls)?;
    for (call, answer) in calls.iter().zip(&said).take(4) {
        same(format!("kind of exception of {call:?}"), answer["kind"].as_str(), Some("unimplemented"))?;
    }
    same("the session goes on", said[4].clone(), json!({ "ok": true }))
}

fn rpc_20_every_method_of_the_contract_is_answered(suite: &Suite<'_>) -> Verdict {
    let numbers: Vec<String> = (0..=15).map(|number| number.to_string()).collect();
    let calls: Vec<Call<'_>> =
        numbers.iter().map(|number| ("ordinal", number.as_str())).chain([("ipfs", "")]).collect();
    // Without parameters: a result, or an exception of the host's own, and the session goes on.
    for (call, answer) in calls.iter().zip(&ask(suite, &calls)?) {
        let kind = answer["kind"].as_str().unwrap_or("ok");
        holds(format!("{call:?} is answered"), ["ok", "failed", "unimplemented"].contains(&kind), answer)?;
    }
    Ok(())
}

fn rpc_21_host_needs_no_daemon(suite: &Suite<'_>) -> Verdict {
    // The last is inside its own CID.
    let calls = [("ipfs", ""), ("cat", NOWHERE), ("add", "x"), ("ipfs", ""), ("cat", "bafkqac3imvwgy3zmebrwk3dm")];
    let said = answers(suite, suite.ww().flags(["--ipfs", &nobody()?]), &calls)?;
    same("Host.ipfs", said[0].clone(), json!({ "ok": true }))?;
    failed(calls[1], &said[1], "failed to get IPFS path: ", NOWHERE)?;
    failed(calls[2], &said[2], "system.IPFS.add: ", "")?;
    same("Host.ipfs, again", said[3].clone(), json!({ "ok": true }))?;
    same("content inside its CID", said[4].clone(), json!({ "ok": "hello, cell" }))
}

/// To look a name up takes a thread, files and sockets, which a host that has tied its own hands must still have.
fn ep_06_multiaddrs_are_used_while_the_cell_runs(suite: &Suite<'_>) -> Verdict {
    let node = suite.node()?;
    let path = format!("/ipfs/{}", node.add("found by name", Import::default())?);
    let port = relay::over_tcp("127.0.0.1:0", node)?.port();
    for family in ["ip4/127.0.0.1", "dns/localhost", "dns4/localhost"] {
        let call = ("cat", path.as_str());
        let run = suite.ww().flags(["--ipfs", &format!("/{family}/tcp/{port}")]);
        same(format!("cat by /{family}"), ok(call, &answers(suite, run, &[call])?[0])?, &json!("found by name"))?;
    }
    Ok(())
}
