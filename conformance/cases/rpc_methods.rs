//! What the host answers on the RPC socket: `Host` and `IPFS`, spoken by the cell itself.

use std::ffi::OsString;

use serde_json::{Value, json};

use crate::cases::ipfs::{SCRIPT, nobody, sharded};
use crate::cases::ipfs_kinds::with_symlink;
use crate::invocation::Invocation;
use crate::node::Import;
use crate::registry::{Case, case};
use crate::suite::Suite;
use crate::verdict::{Stop, Verdict, fail, holds, same};

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
];

/// One call: a verb of the RPC probe and its word.
type Call<'a> = (&'a str, &'a str);

fn answers(suite: &Suite<'_>, run: Invocation<'_>, calls: &[Call<'_>]) -> Verdict<Vec<Value>> {
    let probe = suite.setup().rpc_probe().ok_or_else(|| Stop::Harness("there is no RPC probe".into()))?;
    let words: Vec<&str> = calls.iter().flat_map(|(verb, word)| [*verb, *word]).collect();
    let run = run.binary(OsString::from(probe), words).run()?;
    run.exits(0)?.is_silent()?;
    let answers: Vec<Value> = run.json()?;
    run.same("answers", answers.len(), calls.len())?;
    Ok(answers)
}

/// Calls with the node behind the host, on one session.
fn ask(suite: &Suite<'_>, calls: &[Call<'_>]) -> Verdict<Vec<Value>> {
    answers(suite, suite.ww_with_node()?, calls)
}

/// The result of a call that must succeed.
fn ok<'v>(call: Call<'_>, answer: &'v Value) -> Verdict<&'v Value> {
    answer.get("ok").map_or_else(|| fail(format!("{call:?} succeeds"), answer), Ok)
}

fn one(suite: &Suite<'_>, verb: &str, word: &str) -> Verdict<Value> {
    let answers = ask(suite, &[(verb, word)])?;
    ok((verb, word), &answers[0]).cloned()
}

/// Checks that a call failed with a text that begins so and has this in it.
fn failed(call: Call<'_>, answer: &Value, begins: &str, has: &str) -> Verdict {
    let text = answer.get("error").and_then(Value::as_str).unwrap_or_default();
    let fits = text.starts_with(begins) && text.contains(has);
    holds(format!("{call:?} fails with {begins:?} and {has:?}"), fits, answer)
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

const NOWHERE: &str = "/ipfs/QmYwAPJzv5CZsnA625s3Xf2nemtYgPpHdWEz79ojWnPbdG";

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
    let text = format!("added by a cell: {}", std::process::id());
    for content in [text.as_str(), ""] {
        let cid = one(suite, "add", content)?;
        let cid = cid.as_str().unwrap_or_default();
        same("what the node has", node.cat(cid)?, content.as_bytes().to_vec())?;
        same("what a cell gets", one(suite, "cat", cid)?, content.into())?;
    }
    let cid = one(suite, "add-bytes", "3000000")?;
    same("a file of many blocks", one(suite, "cat-is-pattern", cid.as_str().unwrap_or_default())?, true.into())
}

fn rpc_14_add_doesnt_pin(suite: &Suite<'_>) -> Verdict {
    let cid = one(suite, "add", &format!("unpinned, {}", std::process::id()))?;
    let cid = cid.as_str().unwrap_or_default();
    let pins = suite.node()?.pins()?;
    holds(format!("{cid} isn't pinned"), !pins.iter().any(|pin| pin == cid), pins)
}

fn rpc_15_add_takes_8_mib_and_no_more(suite: &Suite<'_>) -> Verdict {
    let calls = [("add-bytes", "8388608"), ("add-bytes", "8388609"), ("add-bytes", "9000000")];
    let said = ask(suite, &calls)?;
    let cid = ok(calls[0], &said[0])?.as_str().unwrap_or_default();
    same("bytes that the node has", suite.node()?.cat(cid)?.len(), 8 << 20)?;
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

fn rpc_17_ls_gives_sorted_entries(suite: &Suite<'_>) -> Verdict {
    let node = suite.node()?;
    let long = vec![b'l'; 600_000];
    let folder = node.directory([
        ("zebra", b"12345".to_vec()),
        ("Apple", vec![]),
        ("inner/file", b"x".to_vec()),
        ("long", long),
        ("ärger", b"1".to_vec()),
    ])?;
    let entries = one(suite, "ls", &format!("/ipfs/{folder}"))?;
    let entries = entries.as_array().cloned().unwrap_or_default();
    let seen: Vec<Value> = entries.iter().map(|it| json!([it["name"], it["type"], it["size"]])).collect();
    let wanted = [("Apple", "file", 0), ("inner", "directory", 0), ("long", "file", 600_000)];
    let wanted = wanted.into_iter().chain([("zebra", "file", 5), ("ärger", "file", 1)]);
    same("entries", seen, wanted.map(|(name, kind, size)| json!([name, kind, size])).collect::<Vec<_>>())?;
    // Each CID leads to what the name leads to.
    let zebra = entries[3]["cid"].as_str().unwrap_or_default();
    same("the CID of an entry", node.cat(zebra)?, b"12345".to_vec())?;
    let (folder, link) = with_symlink(node)?;
    let entries = one(suite, "ls", &folder)?;
    same("a symlink in it", (&entries[0]["type"], &entries[0]["cid"]), (&json!("symlink"), &json!(link)))
}

fn rpc_17_ls_of_a_sharded_directory_is_whole(suite: &Suite<'_>) -> Verdict {
    let entries = one(suite, "ls", &sharded(suite.node()?)?)?;
    let names: Vec<&str> =
        entries.as_array().into_iter().flatten().filter_map(|entry| entry["name"].as_str()).collect();
    same("how many entries", names.len(), 1_401)?;
    holds("sorted by name", names.is_sorted(), names)
}

fn rpc_17_a_file_has_no_entries(suite: &Suite<'_>) -> Verdict {
    let cid = suite.node()?.add(vec![b'x'; 600_000], Import::default())?;
    same("entries of a file", one(suite, "ls", &cid)?, json!([]))
}

fn rpc_18_stat_tells_kinds_apart(suite: &Suite<'_>) -> Verdict {
    let node = suite.node()?;
    let import = Import { version: Some(1), ..Import::default() };
    let raw = node.add("five5", import)?;
    let info = one(suite, "stat", &raw)?;
    same("a raw block", info, json!({ "cid": raw, "size": 5, "cumulative": 5, "node": { "type": "file" } }))?;
    let long = node.add(vec![b'x'; 600_000], Import { chunker: Some("size-262144"), ..import })?;
    let info = one(suite, "stat", &long)?;
    same("a file's size", (&info["size"], &info["node"]), (&json!(600_000), &json!({ "type": "file" })))?;
    // The blocks below, and the one that links them.
    let cumulative = 600_000 + node.block_of(&long)?.len();
    same("its cumulative size", &info["cumulative"], &json!(cumulative))?;
    let (folder, link) = with_symlink(node)?;
    let info = one(suite, "stat", &format!("/ipfs/{folder}"))?;
    same(
        "a directory",
        (&info["cid"], &info["size"], &info["node"]["type"]),
        (&json!(folder), &json!(0), &json!("directory")),
    )?;
    let links: Vec<&Value> = info["node"]["links"].as_array().into_iter().flatten().map(|link| &link["name"]).collect();
    same("its links", links, vec![&json!("link"), &json!("tool")])?;
    let info = one(suite, "stat", &format!("/ipfs/{folder}/link"))?;
    let symlink = json!({ "type": "symlink", "target": "tool" });
    same("a symlink", (&info["cid"], &info["node"]), (&json!(link), &symlink))
}

fn rpc_19_paths_have_three_forms(suite: &Suite<'_>) -> Verdict {
    let node = suite.node()?;
    let folder = node.directory([("bin/name", b"found".to_vec())])?;
    let file = node.add("found", Import::default())?;
    let key = format!("ww-conformance-rpc-{}", std::process::id());
    let name = node.publish(&format!("/ipfs/{folder}"), &key)?;
    let (by_cid, within, by_name) =
        (format!("/ipfs/{file}"), format!("/ipfs/{folder}/bin/name"), format!("{name}/bin/name"));
    let calls = [("cat", file.as_str()), ("cat", &by_cid), ("cat", &within), ("cat", &by_name)];
    for (call, answer) in calls.iter().zip(&ask(suite, &calls)?) {
        same(format!("{call:?}"), ok(*call, answer)?, &json!("found"))?;
    }
    let lists = [("ls", folder.as_str()), ("ls", &name), ("stat", &within), ("stat", &by_name), ("stat", &folder)];
    lists.iter().zip(&ask(suite, &lists)?).try_for_each(|(call, answer)| ok(*call, answer).map(|_| ()))
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
