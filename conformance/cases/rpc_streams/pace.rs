//! Who is slow makes who is before it wait, and nobody keeps what is on its way.

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde_json::Value;

use super::{broken, repeated, whole};
use crate::cases::rpc_methods::ok;
use crate::fake::{Fake, before};
use crate::live::Live;
use crate::node::Node;
use crate::suite::Suite;
use crate::verdict::{Stop, Verdict, fail, holds};

/// How large the file is of which the cell takes some and then no more, in MiB.
const FILE: usize = 96;
/// How much of it may be on its way while the cell takes nothing: what two sockets hold, and some more.
const ON_ITS_WAY: u64 = 32 << 20;
/// How long it is watched that nothing happens.
const WHILE: Duration = Duration::from_millis(1500);
/// How much of the host's memory a transfer may take, in KiB.
const TRANSFER: u64 = 10_000_000 / 1024;
/// And whatever a cell does, as the clause on that has it.
const WHATEVER: u64 = 20_000_000 / 1024;

/// A daemon before the node, and how many bytes of content have left it.
pub(super) fn counting(node: &Node) -> Verdict<(Fake, Arc<AtomicU64>)> {
    let left = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&left);
    let fake = before(node, move |request, answer, stream| {
        for part in answer.bytes().chunks(64 << 10) {
            stream.write_all(part)?;
            if request.is_for_content() {
                count.fetch_add(part.len() as u64, Ordering::Relaxed);
            }
        }
        Ok(())
    })?;
    Ok((fake, left))
}

/// A run of the RPC probe that is talked to.
pub(super) fn live<'a>(suite: &'a Suite<'a>, endpoint: &str, words: &[&str]) -> Verdict<Live<'a>> {
    let probe = suite.setup().rpc_probe().ok_or_else(|| Stop::Harness("there is no RPC probe".into()))?;
    let run = suite.ww().flags(["--ipfs", endpoint]).at_most(Duration::from_secs(180));
    run.binary(probe, words).with_input().start()
}

/// The answers of such a run: its last line.
pub(crate) fn ends(run: Live<'_>, calls: usize) -> Verdict<Vec<Value>> {
    let run = run.finish()?;
    run.exits(0)?;
    let said = String::from_utf8_lossy(&run.stdout).into_owned();
    let answers: Option<Vec<Value>> = said.lines().last().and_then(|line| serde_json::from_str(line).ok());
    let answers = answers.map_or_else(|| fail("a list of answers in the last line", &said), Ok)?;
    run.same("answers", answers.len(), calls)?;
    Ok(answers)
}

/// The most memory that the host has had so far, in KiB.
pub(crate) fn peak(run: &Live<'_>) -> Verdict<u64> {
    let status = std::fs::read_to_string(format!("/proc/{}/status", run.pid()))?;
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB")?.parse().ok());
    peak.ok_or_else(|| Stop::Harness("/proc says nothing of the host's memory".into()))
}

/// Checks how much memory the host has had more than before.
pub(crate) fn grew(what: &str, run: &Live<'_>, before: u64, most: u64) -> Verdict {
    let grown = peak(run)?.saturating_sub(before);
    holds(format!("{what} takes the host {most} KiB at most"), grown <= most, format!("{grown} KiB"))
}

/// The cell takes 1 MiB, then waits in this way.
fn waits(suite: &Suite<'_>, way: &str, word: &str) -> Verdict {
    let (block, cid) = repeated(suite.node()?, FILE)?;
    let (fake, left) = counting(suite.node()?)?;
    let read = format!("/ipfs/{cid} {way}=1048576");
    let mut run = live(suite, &fake.endpoint(), &["write", "wait", "read", &read, "write", "wait"])?;
    run.hears("waiting", 1)?;
    let idle = peak(&run)?;
    run.say("\n")?;
    run.hears(word, 1)?;
    std::thread::sleep(WHILE);
    let sent = left.load(Ordering::Relaxed);
    holds(format!("the daemon gives {ON_ITS_WAY} bytes at most"), sent <= ON_ITS_WAY, format!("{sent} bytes"))?;
    grew("what is on its way", &run, idle, TRANSFER)?;
    run.say("\n")?;
    run.hears("waiting", 2)?;
    run.say("\n")?;
    whole("the rest", ok(("read", &read), &ends(run, 3)?[1])?, &block.repeat(FILE))
}

pub(super) fn rpc_40_a_sink_that_doesnt_answer_stops_the_transfer(suite: &Suite<'_>) -> Verdict {
    waits(suite, "stall", "stalled")
}

pub(super) fn rpc_40_a_cell_that_takes_nothing_stops_the_transfer(suite: &Suite<'_>) -> Verdict {
    waits(suite, "hold", "held")
}

/// The cell ends a transfer after 1 MiB in this way; gives what it saw.
fn ended(suite: &Suite<'_>, way: &str) -> Verdict<(Value, Vec<u8>)> {
    let (block, cid) = repeated(suite.node()?, FILE)?;
    let (fake, left) = counting(suite.node()?)?;
    let read = format!("/ipfs/{cid} {way}=1048576");
    let mut run = live(suite, &fake.endpoint(), &["read", &read, "write", "wait", "cat", "bafkqac3imvwgy3zmebrwk3dm"])?;
    run.hears("waiting", 1)?;
    std::thread::sleep(WHILE);
    let sent = left.load(Ordering::Relaxed);
    holds(format!("the daemon gives {ON_ITS_WAY} bytes at most"), sent <= ON_ITS_WAY, format!("{sent} bytes"))?;
    run.say("\n")?;
    let said = ends(run, 3)?;
    holds("the next call is answered", said[2]["ok"] == "hello, cell", &said[2])?;
    Ok((ok(("read", &read), &said[0])?.clone(), block.repeat(FILE)))
}

pub(super) fn rpc_42_a_sink_that_fails_ends_the_transfer(suite: &Suite<'_>) -> Verdict {
    let (said, file) = ended(suite, "fail")?;
    broken("a read into a sink that fails", &said, &file, "system.IPFS.read: ", "")
}

pub(super) fn rpc_42_a_call_that_is_dropped_ends_the_transfer(suite: &Suite<'_>) -> Verdict {
    let (said, file) = ended(suite, "cancel")?;
    // Nobody is left to tell.
    broken("a read that is dropped", &said, &file, "", "")
}

pub(super) fn rpc_43_a_read_takes_little_memory(suite: &Suite<'_>) -> Verdict {
    const SIZE: usize = 256;
    let (block, cid) = repeated(suite.node()?, SIZE)?;
    let words = ["write", "wait", "read", &cid, "write", "wait"];
    let mut run = live(suite, &suite.node()?.endpoint(), &words)?;
    run.hears("waiting", 1)?;
    let idle = peak(&run)?;
    run.say("\n")?;
    run.hears("waiting", 2)?;
    grew("a read of 256 MiB", &run, idle, TRANSFER)?;
    run.say("\n")?;
    whole("256 MiB", ok(("read", &cid), &ends(run, 3)?[1])?, &block.repeat(SIZE))
}

pub(super) fn rpc_44_many_reads_take_little_memory(suite: &Suite<'_>) -> Verdict {
    let (block, cid) = repeated(suite.node()?, 8)?;
    let many = format!("1000 {cid}");
    let words = ["write", "wait", "read-many", &many, "read", &cid, "write", "wait"];
    let mut run = live(suite, &suite.node()?.endpoint(), &words)?;
    run.hears("waiting", 1)?;
    let idle = peak(&run)?;
    run.say("\n")?;
    run.hears("opened", 1)?;
    std::thread::sleep(WHILE);
    run.say("\n")?;
    run.hears("waiting", 2)?;
    grew("a thousand reads of which nobody takes anything", &run, idle, WHATEVER)?;
    run.say("\n")?;
    let said = ends(run, 4)?;
    let many = ok(("read-many", &many), &said[1])?;
    refused("a read that is one too many", many, "system.IPFS.read: ")?;
    holds("some are served, all the same", many["reached"].as_u64() > Some(0), many)?;
    whole("a read after them", ok(("read", &cid), &said[2])?, &block.repeat(8))
}

/// Checks that whatever was refused was refused by an exception of this method's.
pub(super) fn refused(what: &str, said: &Value, begins: &str) -> Verdict {
    let errors = said["errors"].as_array().cloned().unwrap_or_default();
    let fits = |error: &Value| error.as_str().is_some_and(|error| error.starts_with(begins));
    holds(format!("{what} fails with {begins:?}"), errors.iter().all(fits), said)
}
