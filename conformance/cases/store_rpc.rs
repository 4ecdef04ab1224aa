//! `IPFS` of a cell on the store: each method without a daemon, and what it puts where there is one.

#[path = "store_rpc/kept.rs"]
mod kept;
#[path = "store_rpc/memory.rs"]
mod memory;
#[path = "store_rpc/pins.rs"]
mod pins;
#[path = "store_rpc/put.rs"]
mod put;

use std::net::TcpStream;

use serde_json::{Value, json};

use crate::cases::export::{export, one, store};
use crate::cases::ipfs::script_of;
use crate::cases::languages::{all_but_the_network, content_of_languages};
use crate::cases::rpc_methods::{Call, answers, failed, ok};
use crate::clauses::Profile;
use crate::invocation::Invocation;
use crate::languages::Language;
use crate::registry::{Case, case};
use crate::suite::Suite;
use crate::verdict::{Stop, Verdict, holds, same};
use kept::{
    store_04_what_was_put_stays_until_it_is_removed, store_49_a_store_that_cant_be_written_is_an_exception,
    store_49_what_breaks_off_is_not_there, store_49_what_is_dropped_is_not_there,
};
use memory::{
    rpc_43_a_write_into_the_store_takes_little_memory, rpc_44_many_uploads_into_the_store_take_little_memory,
};
use pins::{
    store_47_a_pin_keeps_all_that_is_below, store_47_pins_of_others_are_theirs,
    store_47_unpin_removes_nothing_that_was_put, store_47_what_cant_be_had_isnt_pinned,
};
use put::{
    store_05_what_a_cell_puts_is_in_the_store_and_the_daemon, store_05_what_is_exported_is_in_the_store_and_the_daemon,
    store_46_a_daemon_that_was_named_must_answer, store_46_without_one_the_store_alone_has_it_which_is_said_once,
};

pub(crate) const CASES: &[Case] = &[
    case!(store_02_content_is_exported_and_run_without_a_daemon).needs(Profile::Rpc),
    case!(store_02_every_method_answers_as_with_a_daemon).needs(Profile::Rpc),
    case!(store_02_a_cell_in_cpp_needs_no_daemon).needs(Profile::Rpc),
    case!(store_02_a_cell_in_go_needs_no_daemon).needs(Profile::Rpc),
    case!(store_02_a_cell_in_python_needs_no_daemon).needs(Profile::Rpc),
    case!(store_02_a_cell_in_rust_needs_no_daemon).needs(Profile::Rpc),
    case!(store_04_what_was_put_stays_until_it_is_removed).needs(Profile::Rpc),
    case!(store_05_what_is_exported_is_in_the_store_and_the_daemon).needs(Profile::Rpc),
    case!(store_05_what_a_cell_puts_is_in_the_store_and_the_daemon).needs(Profile::Rpc),
    case!(store_46_a_daemon_that_was_named_must_answer).needs(Profile::Rpc),
    case!(store_46_without_one_the_store_alone_has_it_which_is_said_once).needs(Profile::Rpc),
    case!(store_47_a_pin_keeps_all_that_is_below).needs(Profile::Rpc),
    case!(store_47_what_cant_be_had_isnt_pinned).needs(Profile::Rpc),
    case!(store_47_pins_of_others_are_theirs).needs(Profile::Rpc),
    case!(store_47_unpin_removes_nothing_that_was_put).needs(Profile::Rpc),
    case!(store_48_what_a_daemon_alone_can_do_says_so).needs(Profile::Rpc),
    case!(store_49_what_is_dropped_is_not_there).needs(Profile::Rpc),
    case!(store_49_what_breaks_off_is_not_there).needs(Profile::Rpc),
    case!(store_49_a_store_that_cant_be_written_is_an_exception).needs(Profile::Rpc),
    case!(rpc_43_a_write_into_the_store_takes_little_memory).needs(Profile::Store),
    case!(rpc_44_many_uploads_into_the_store_take_little_memory).needs(Profile::Store),
];

/// A run with the case's store, and with nobody else.
fn alone<'a>(suite: &'a Suite<'a>) -> Invocation<'a> {
    store(suite, suite.ww()).flags(["--offline"])
}

/// The answers of calls that must all succeed.
fn all(suite: &Suite<'_>, run: Invocation<'_>, calls: &[Call<'_>]) -> Verdict<Vec<Value>> {
    let said = answers(suite, run, calls)?;
    calls.iter().zip(&said).map(|(call, answer)| ok(*call, answer).cloned()).collect()
}

/// Whether the store has a file of that size, and knows it without anybody else.
fn has(suite: &Suite<'_>, cid: &str, size: u64) -> Verdict<bool> {
    let answer = &answers(suite, alone(suite), &[("cat-length", cid)])?[0];
    match answer.get("ok") {
        Some(length) => same(format!("bytes of {cid}"), length, &json!(size)).map(|()| true),
        None => failed(("cat-length", cid), answer, "failed to get IPFS path: ", cid).map(|()| false),
    }
}

/// Fails where something listens at the address of a daemon that nobody named.
fn nobody_by_default() -> Verdict {
    match TcpStream::connect(("localhost", 5001)) {
        Ok(_) => Err(Stop::NotVerifiable("something listens where an IPFS daemon does by default, port 5001".into())),
        Err(_) => Ok(()),
    }
}

/// What an answer says as text.
fn text(answer: &Value) -> &str {
    answer.as_str().unwrap_or_default()
}

fn store_02_content_is_exported_and_run_without_a_daemon(suite: &Suite<'_>) -> Verdict {
    let script = suite.program("script", script_of(1_500_000))?;
    let home = suite.path("data").join("home");
    let home = home.as_os_str().as_encoded_bytes();
    for variable in ["WW_STORE", "XDG_DATA_HOME"] {
        let tool = suite.tool("export").env(variable, home).flags(["--offline"]);
        let path = one(tool.flags([script.as_os_str().as_encoded_bytes()]))?;
        let run = || suite.ww().env(variable, home).flags(["--offline"]);
        run().binary(&path, ["a", "b c"]).run()?.exits(0)?.prints("ran a b c\n")?.is_silent()?;
        // And the cell finds there what was exported, and what it puts.
        let calls = [("cat-length", path.as_str()), ("add", "of a cell")];
        let said = all(suite, run(), &calls)?;
        same("bytes of what was exported", &said[0], &json!(1_500_000))?;
        same("what was added", all(suite, run(), &[("cat", text(&said[1]))])?, vec![json!("of a cell")])?;
    }
    Ok(())
}

fn store_02_every_method_answers_as_with_a_daemon(suite: &Suite<'_>) -> Verdict {
    let node = suite.node()?;
    let top = suite.path("files").join("top");
    std::fs::create_dir_all(top.join("sub/deeper"))?;
    std::fs::write(top.join("file"), "a file of the store")?;
    std::fs::write(top.join("sub/deeper/own"), suite.scratch().as_os_str().as_encoded_bytes())?;
    std::fs::write(top.join("large"), script_of(9_000_000))?;
    std::os::unix::fs::symlink("file", top.join("link"))?;
    let tool = store(suite, suite.tool("export")).flags(["--ipfs", &node.endpoint()]);
    let folder = one(tool.flags([top.as_os_str().as_encoded_bytes()]))?;
    let [file, large, sub, own] = ["file", "large", "sub", "sub/deeper/own"].map(|name| format!("{folder}/{name}"));
    // Of this case's own, for the node keeps pins of others.
    let write = format!("pin stream:{}/70001 end finish", 2_100_000 + 2 * (std::process::id() % 400_000));
    let part = format!("{large} offset=1048000 length=2000");
    let calls = [
        ("cat", file.as_str()),
        ("ls", &folder),
        ("ls", &sub),
        ("stat", &folder),
        ("stat", &large),
        ("resolve", &own),
        ("node", &sub),
        ("node-links", &folder),
        ("get-block", &folder),
        ("read", &part),
        ("add", "put by a cell"),
        ("add", ""),
        ("add-bytes", "3000000"),
        ("put-block", "c0ffee"),
        ("write", "stream:5000000/70001 end finish"),
        ("write", "end finish"),
        ("pins", ""),
        ("pin", &sub),
        ("pin", &sub),
        ("pins", ""),
        ("unpin", &sub),
        ("pins", ""),
        ("write", &write),
        ("pins", ""),
    ];
    let with = all(suite, suite.ww_with_node()?, &calls)?;
    let without = all(suite, alone(suite), &calls)?;
    for ((call, with), without) in calls.iter().zip(&with).zip(&without) {
        same(format!("{call:?} without a daemon, as with one"), without, with)?;
    }
    holds("a pin is listed", without[19].as_array().is_some_and(|pins| pins.len() == 1), &without[19])?;
    let failures = [("cat", format!("{folder}/none")), ("cat", folder.clone()), ("unpin", folder.clone())];
    let calls: Vec<Call<'_>> = failures.iter().map(|(verb, word)| (*verb, word.as_str())).collect();
    let said = answers(suite, alone(suite), &calls)?;
    failed(calls[0], &said[0], "failed to get IPFS path: ", "none")?;
    failed(calls[1], &said[1], "unexpected node type: ", "directory")?;
    failed(calls[2], &said[2], "system.IPFS.unpin: ", "--ipfs-access full")
}

fn in_language(suite: &Suite<'_>, language: Language) -> Verdict {
    let top = suite.path("files").join("top");
    std::fs::create_dir_all(&top)?;
    std::fs::write(top.join("file"), content_of_languages())?;
    let folder = one(export(suite).flags([top.as_os_str().as_encoded_bytes()]))?;
    let run = || alone(suite).flags(["--ipfs-access", "full"]);
    let stored = |cid: &str| -> Verdict<Value> { Ok(all(suite, run(), &[("cat-length", cid)])?.remove(0)) };
    all_but_the_network(suite, language, run(), &folder, &stored)
}

fn store_02_a_cell_in_cpp_needs_no_daemon(suite: &Suite<'_>) -> Verdict {
    in_language(suite, Language::Cpp)
}

fn store_02_a_cell_in_go_needs_no_daemon(suite: &Suite<'_>) -> Verdict {
    in_language(suite, Language::Go)
}

fn store_02_a_cell_in_python_needs_no_daemon(suite: &Suite<'_>) -> Verdict {
    in_language(suite, Language::Python)
}

fn store_02_a_cell_in_rust_needs_no_daemon(suite: &Suite<'_>) -> Verdict {
    in_language(suite, Language::Rust)
}

fn store_48_what_a_daemon_alone_can_do_says_so(suite: &Suite<'_>) -> Verdict {
    let address = "/ip4/127.0.0.1/tcp/9/p2p/12D3KooWGzxzKZYveHXtpG6AsrUJBcWxHBFS2HsEoGTxrMLvKXtf";
    let calls = [("id", ""), ("peers", ""), ("connect", address), ("add", "goes on")];
    let nobody = crate::cases::ipfs::nobody()?;
    let named = store(suite, suite.ww()).flags(["--ipfs", &nobody]);
    for run in [alone(suite), named] {
        let said = answers(suite, run.flags(["--ipfs-access", "full"]), &calls)?;
        for (call, answer) in calls.iter().zip(&said).take(3) {
            failed(*call, answer, &format!("system.IPFS.{}: ", call.0), "daemon")?;
            failed(*call, answer, "", "--ipfs")?;
        }
    }
    all(suite, alone(suite), &[calls[3]]).map(drop)
}
