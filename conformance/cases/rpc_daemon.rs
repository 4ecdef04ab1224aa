//! A daemon that goes away, or falls silent, while a call waits for it.

use std::ffi::OsString;
use std::io::{self, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::Value;

use crate::cases::ipfs::SCRIPT;
use crate::cases::ipfs_faults::hasty;
use crate::cases::rpc_methods::{Call, ok};
use crate::fake::{Answer, Fake, before};
use crate::invocation::Invocation;
use crate::node::{Import, Node};
use crate::registry::{Case, case};
use crate::suite::Suite;
use crate::verdict::{Stop, Verdict, holds, same};

pub(crate) const CASES: &[Case] = &[
    case!(rpc_39_a_daemon_that_goes_away_is_an_exception),
    case!(rpc_39_a_daemon_that_falls_silent_is_an_exception).long(),
];

/// A daemon that can be broken, and whole again.
struct Fragile {
    fake: Fake,
    broken: Arc<AtomicBool>,
}

/// The node, but for what it does in the middle of each answer while it is broken.
fn fragile(node: &Node, breaks: fn(&mut TcpStream) -> io::Result<()>) -> io::Result<Fragile> {
    let broken = Arc::new(AtomicBool::new(false));
    let now = Arc::clone(&broken);
    let fake = before(node, move |_, answer: Answer, stream| {
        let bytes = answer.bytes();
        if !now.load(Ordering::SeqCst) {
            return stream.write_all(&bytes);
        }
        stream.write_all(&bytes[..bytes.len() - answer.body.len().div_ceil(2)])?;
        breaks(stream)
    })?;
    Ok(Fragile { fake, broken })
}

/// Does the same calls three times on one session: while the daemon is whole, broken, and whole again.
fn thrice(suite: &Suite<'_>, run: Invocation<'_>, daemon: &Fragile, calls: &[Call<'_>]) -> Verdict<[Vec<Value>; 3]> {
    let probe = suite.setup().rpc_probe().ok_or_else(|| Stop::Harness("there is no RPC probe".into()))?;
    let words = [calls, &[("pause", "")], calls, &[("pause", "")], calls].concat();
    let words: Vec<&str> = words.iter().flat_map(|(verb, word)| [*verb, *word]).collect();
    let mut run = run.binary(OsString::from(probe), words).with_input().start()?;
    for (times, broken) in [(1, true), (2, false)] {
        run.hears("paused", times)?;
        daemon.broken.store(broken, Ordering::SeqCst);
        run.say("on\n")?;
    }
    let run = run.finish()?;
    run.exits(0)?;
    let last = run.stdout.trim_ascii_end().rsplit(|byte| *byte == b'\n').next().unwrap_or_default();
    let mut said: Vec<Value> = serde_json::from_slice(last).unwrap_or_default();
    run.same("answers", said.len(), 3 * calls.len() + 2)?;
    let again = said.split_off(2 * calls.len() + 2);
    let broken = said.split_off(calls.len() + 1);
    said.pop();
    Ok([said, broken.into_iter().take(calls.len()).collect(), again])
}

/// Every method that has the daemon do something. None changes what the next one finds.
fn judges(suite: &Suite<'_>, run: Invocation<'_>, daemon: &Fragile, file: &str, folder: &str) -> Verdict {
    let calls = [
        ("cat", file),
        ("ls", folder),
        ("stat", folder),
        ("resolve", folder),
        ("node", file),
        ("node-links", folder),
        ("get-block", file),
        ("put-block", "c0ffee"),
        ("add", "again and again"),
        ("pin", file),
        ("pins", ""),
        ("id", ""),
    ];
    // Without a store, so that the daemon is asked each time.
    let run = run.env("WW_STORE", "/dev/null/none").flags(["--ipfs-access", "full"]);
    let [before, broken, after] = thrice(suite, run, daemon, &calls)?;
    for (at, call) in calls.iter().enumerate() {
        ok(*call, &before[at])?;
        let text = broken[at]["error"].as_str().unwrap_or_default();
        let begins = text.starts_with("failed to get IPFS path: ") || text.starts_with("system.IPFS.");
        holds(format!("{call:?} is an exception meanwhile"), begins, &broken[at])?;
        // The pins of others come and go.
        if call.0 != "pins" {
            same(format!("{call:?} afterwards"), &after[at], &before[at])?;
        }
        ok(*call, &after[at])?;
    }
    Ok(())
}

/// A file and a path in a folder, of this case alone.
fn content(suite: &Suite<'_>) -> Verdict<(String, String)> {
    let node = suite.node()?;
    let content = format!("{SCRIPT}# {}\n", suite.path("x").display());
    let file = node.add(content.as_str(), Import { version: Some(1), ..Import::default() })?;
    Ok((file, format!("/ipfs/{}/bin", node.directory([("bin/name", content.into())])?)))
}

fn rpc_39_a_daemon_that_goes_away_is_an_exception(suite: &Suite<'_>) -> Verdict {
    let (file, folder) = content(suite)?;
    let daemon = fragile(suite.node()?, |_| Err(io::ErrorKind::ConnectionAborted.into()))?;
    judges(suite, suite.ww().flags(["--ipfs", &daemon.fake.endpoint()]), &daemon, &file, &folder)
}

fn rpc_39_a_daemon_that_falls_silent_is_an_exception(suite: &Suite<'_>) -> Verdict {
    let (file, folder) = content(suite)?;
    let daemon = fragile(suite.node()?, |stream| {
        io::copy(stream, &mut io::sink())?;
        Err(io::ErrorKind::ConnectionAborted.into())
    })?;
    // Each call in turn gives the daemon up: after a second, where that can be asked for.
    let adapter = suite.setup().adapter();
    let each = if adapter.ipfs_timeout_flag.is_some() { 2_000 } else { adapter.timeouts.ipfs_ms };
    let run = hasty(suite, suite.ww().flags(["--ipfs", &daemon.fake.endpoint()]));
    let run = run.deadline_ms(adapter.timeouts.run_ms + 12 * each);
    judges(suite, run, &daemon, &file, &folder)
}
