//! What `--ipfs-access` grants, and what a cell learns where it grants less.

use serde_json::{Value, json};

use crate::cases::ipfs::nobody;
use crate::cases::rpc_methods::{Call, answers, failed, ok};
use crate::clauses::Profile;
use crate::fake::before;
use crate::node::Import;
use crate::registry::{Case, case};
use crate::suite::Suite;
use crate::verdict::{Verdict, holds, same};

pub(crate) const CASES: &[Case] = &[
    case!(acc_01_none_refuses_host_ipfs),
    case!(acc_02_read_grants_reading_and_no_more).also(&["ACC-06"]),
    case!(acc_03_write_is_the_default).also(&["ACC-06"]),
    case!(acc_04_full_grants_everything),
    case!(acc_05_what_others_have_is_theirs),
    case!(acc_06_a_refusal_names_the_flag_that_grants).needs(Profile::Rpc),
    case!(acc_07_another_value_is_a_usage_error),
    case!(acc_08_a_pin_that_was_there_isnt_the_runs),
    case!(acc_09_what_is_refused_isnt_done),
    case!(acc_10_a_pin_of_write_is_the_runs),
];

const FLAG: &str = "--ipfs-access";
/// A peer's address; nobody is there.
const PEER: &str = "/ip4/127.0.0.1/tcp/9/p2p/12D3KooWGzxzKZYveHXtpG6AsrUJBcWxHBFS2HsEoGTxrMLvKXtf";

/// The probe's verb for each method, with a word of its own; the method; and the least level that grants it.
fn methods(cid: &str) -> [(Call<'_>, &'static str, &'static str); 16] {
    [
        (("cat", cid), "cat", "read"),
        (("ls", cid), "ls", "read"),
        (("stat", cid), "stat", "read"),
        (("node", cid), "resolveNode", "read"),
        (("read", cid), "read", "read"),
        (("resolve", cid), "resolve", "read"),
        (("get-block", cid), "getBlock", "read"),
        (("add", "of a level"), "add", "write"),
        (("write", "write:3 end finish"), "write", "write"),
        (("put-block", "c0ffee"), "putBlock", "write"),
        (("pin", cid), "pin", "write"),
        (("pins", ""), "pins", "write"),
        (("unpin", cid), "unpin", "write"),
        (("id", ""), "id", "full"),
        (("peers", ""), "peers", "full"),
        (("connect", PEER), "connect", "full"),
    ]
}

/// Checks that a method was refused, and that the exception says what would grant it.
fn refused(call: Call<'_>, answer: &Value, method: &str, least: &str) -> Verdict {
    failed(call, answer, &format!("system.IPFS.{method}: "), &format!("{FLAG} {least}"))
}

/// Calls each method at a level; `granted` are the levels that it includes.
fn grants(suite: &Suite<'_>, level: Option<&str>, granted: &[&str]) -> Verdict {
    let content = format!("of {level:?}, {}", suite.path("x").display());
    let cid = suite.node()?.add(content, Import { version: Some(1), ..Import::default() })?;
    let flags: Vec<&str> = level.into_iter().flat_map(|level| [FLAG, level]).collect();
    let methods = methods(&cid);
    let said = answers(suite, suite.ww_with_node()?.flags(flags), &methods.map(|(call, ..)| call))?;
    for ((call, method, least), answer) in methods.into_iter().zip(&said) {
        if !granted.contains(&least) {
            refused(call, answer, method, least)?;
        } else if ["peers", "connect"].contains(&method) {
            // A node without peers refuses these itself.
            let text = answer["error"].as_str().unwrap_or_default();
            holds(format!("{call:?} isn't refused for the level"), !text.contains(FLAG), answer)?;
        } else {
            ok(call, answer)?;
        }
    }
    Ok(())
}

fn acc_01_none_refuses_host_ipfs(suite: &Suite<'_>) -> Verdict {
    let calls = [("ipfs", ""), ("cat", "bafkqac3imvwgy3zmebrwk3dm"), ("host-ordinal", "9999")];
    let said = answers(suite, suite.ww().flags([FLAG, "none"]), &calls)?;
    for (call, answer) in calls.iter().zip(&said).take(2) {
        failed(*call, answer, "", "ipfs")?;
        failed(*call, answer, "", FLAG)?;
    }
    same("the session goes on", said[2]["kind"].as_str(), Some("unimplemented"))
}

fn acc_02_read_grants_reading_and_no_more(suite: &Suite<'_>) -> Verdict {
    grants(suite, Some("read"), &["read"])
}

fn acc_03_write_is_the_default(suite: &Suite<'_>) -> Verdict {
    for level in [None, Some("write")] {
        grants(suite, level, &["read", "write"])?;
    }
    Ok(())
}

fn acc_04_full_grants_everything(suite: &Suite<'_>) -> Verdict {
    grants(suite, Some("full"), &["read", "write", "full"])?;
    let node = suite.node()?;
    let cid = node.add(format!("others', {}", suite.path("x").display()), Import::default())?;
    node.pin(&cid)?;
    let calls = [("pins", ""), ("unpin", cid.as_str()), ("pins", "")];
    let said = answers(suite, suite.ww_with_node()?.flags([FLAG, "full"]), &calls)?;
    let listed = |at: usize| ok(calls[at], &said[at]).map(|pins| has(pins, &cid));
    holds("a pin of others is listed", listed(0)?, &said[0])?;
    same("and unpinned", ok(calls[1], &said[1])?, &json!(true))?;
    holds("and is listed no more", !listed(2)?, &said[2])?;
    holds("nor pinned", !node.pins()?.contains(&cid), &cid)
}

fn has(list: &Value, text: &str) -> bool {
    list.as_array().is_some_and(|list| list.iter().any(|entry| entry == text))
}

fn acc_05_what_others_have_is_theirs(suite: &Suite<'_>) -> Verdict {
    let node = suite.node()?;
    let cid = node.add(format!("kept, {}", suite.path("x").display()), Import::default())?;
    node.pin(&cid)?;
    let calls = [("unpin", cid.as_str()), ("pins", ""), ("id", ""), ("peers", ""), ("connect", PEER)];
    let said = answers(suite, suite.ww_with_node()?, &calls)?;
    refused(calls[0], &said[0], "unpin", "full")?;
    same("pins", ok(calls[1], &said[1])?, &json!([]))?;
    holds("what others pinned is pinned", node.pins()?.contains(&cid), &cid)?;
    let id = node.id()?;
    for (call, answer) in calls.iter().zip(&said).skip(2) {
        refused(*call, answer, call.0, "full")?;
        holds(format!("{call:?} doesn't tell the daemon's id"), !answer.to_string().contains(&id), answer)?;
    }
    Ok(())
}

fn acc_06_a_refusal_names_the_flag_that_grants(suite: &Suite<'_>) -> Verdict {
    // Without arguments, and without a daemon: neither is looked at first.
    for (level, beyond) in [("read", &["write", "full"][..]), ("write", &["full"])] {
        let methods: Vec<_> = methods("").into_iter().filter(|(.., least)| beyond.contains(least)).collect();
        let calls: Vec<Call<'_>> = methods.iter().map(|(call, ..)| *call).filter(|call| call.0 != "unpin").collect();
        let said = answers(suite, suite.ww().flags([FLAG, level, "--ipfs", &nobody()?]), &calls)?;
        for (call, answer) in calls.iter().zip(&said) {
            let (_, method, least) = methods.iter().find(|(other, ..)| other == call).copied().unwrap_or_default();
            refused(*call, answer, method, least)?;
            same(format!("kind of {call:?}"), answer["kind"].as_str(), Some("failed"))?;
        }
    }
    Ok(())
}

fn acc_07_another_value_is_a_usage_error(suite: &Suite<'_>) -> Verdict {
    for value in ["", "READ", "all", "writ", "read,write", " full", "none "] {
        let run = suite.ww().flags([FLAG, value]).probe(["exit", "7"]).run()?;
        run.refuses(2, "", "ipfs-access")?.nothing_ran()?;
    }
    // Of two mistakes the first is told.
    suite.ww().flags([FLAG, "every", "--no-such-flag"]).probe(["exit", "7"]).run()?.refuses(2, "", "every")?;
    suite.ww().flags([FLAG, "full", FLAG, "read"]).probe(["exit", "7"]).run()?.exits(7)?.is_silent()?;
    Ok(())
}

fn acc_08_a_pin_that_was_there_isnt_the_runs(suite: &Suite<'_>) -> Verdict {
    let node = suite.node()?;
    let cid = node.add(format!("pinned before, {}", suite.path("x").display()), Import::default())?;
    node.pin(&cid)?;
    let calls = [("pin", cid.as_str()), ("pins", ""), ("unpin", &cid), ("pin", &cid), ("unpin", &cid)];
    let said = answers(suite, suite.ww_with_node()?, &calls)?;
    for at in [0, 3] {
        same("to pin it again", ok(calls[at], &said[at])?, &json!(true))?;
    }
    same("pins", ok(calls[1], &said[1])?, &json!([]))?;
    for at in [2, 4] {
        refused(calls[at], &said[at], "unpin", "full")?;
    }
    holds("it is pinned", node.pins()?.contains(&cid), &cid)
}

fn acc_09_what_is_refused_isnt_done(suite: &Suite<'_>) -> Verdict {
    let node = suite.node()?;
    let fake = before(node, |_, answer, stream| std::io::Write::write_all(stream, &answer.bytes()))?;
    let cid = node.add("for nobody", Import::default())?;
    let calls = [("add", "x"), ("put-block", "00"), ("pin", cid.as_str()), ("unpin", &cid), ("pins", ""), ("id", "")];
    let endpoint = fake.endpoint();
    let said = answers(suite, suite.ww().flags(["--ipfs", &endpoint, FLAG, "read"]), &calls)?;
    for (call, answer) in calls.iter().zip(&said) {
        failed(*call, answer, "system.IPFS.", FLAG)?;
    }
    same("what the daemon was asked for", fake.targets(), vec![])?;
    // It would have been asked.
    let call = ("cat", cid.as_str());
    ok(call, &answers(suite, suite.ww().flags(["--ipfs", &endpoint, FLAG, "read"]), &[call])?[0])?;
    holds("the daemon is asked for what is granted", !fake.targets().is_empty(), fake.targets())
}

fn acc_10_a_pin_of_write_is_the_runs(suite: &Suite<'_>) -> Verdict {
    let node = suite.node()?;
    // A file that only this case writes.
    let write = format!("pin write:{} end finish", 1_000 + suite.seed() % 100_000);
    let calls = [("write", write.as_str()), ("pins", "")];
    let said = answers(suite, suite.ww_with_node()?, &calls)?;
    let steps = ok(calls[0], &said[0])?.as_array().cloned().unwrap_or_default();
    let cid = steps.last().and_then(|last| last["ok"].as_str()).unwrap_or_default().to_owned();
    same("pins of the run", ok(calls[1], &said[1])?, &json!([cid]))?;
    holds("it is pinned", node.pins()?.contains(&cid), &cid)?;
    // That run has ended: its pin is one that was there before.
    let calls = [calls[0], calls[1], ("unpin", cid.as_str())];
    let said = answers(suite, suite.ww_with_node()?, &calls)?;
    same("pins of the next run", ok(calls[1], &said[1])?, &json!([]))?;
    refused(calls[2], &said[2], "unpin", "full")?;
    let full = suite.ww_with_node()?.flags([FLAG, "full"]);
    ok(calls[2], &answers(suite, full, &calls[2..])?[0]).map(drop)
}
