//! What it takes the host to put a large file into the store.

use std::time::Duration;

use serde_json::json;

use super::{alone, text};
use crate::cases::rpc_methods::ok;
use crate::cases::rpc_streams::pace::{ends, grew, peak};
use crate::live::Live;
use crate::suite::Suite;
use crate::verdict::{Stop, Verdict, holds};

/// A run of the RPC probe that is talked to, with the store alone.
fn live<'a>(suite: &'a Suite<'a>, words: &[&str]) -> Verdict<Live<'a>> {
    let probe = suite.setup().rpc_probe().ok_or_else(|| Stop::Harness("there is no RPC probe".into()))?;
    alone(suite).at_most(Duration::from_secs(180)).binary(probe, words).with_input().start()
}

pub(super) fn rpc_43_a_write_into_the_store_takes_little_memory(suite: &Suite<'_>) -> Verdict {
    let word = "wait stream:201326592/1048576 wait end finish";
    let mut run = live(suite, &["write", word])?;
    run.hears("waiting", 1)?;
    let idle = peak(&run)?;
    run.say("\n")?;
    run.hears("waiting", 2)?;
    grew("a write of 192 MiB into the store", &run, idle, 10_000_000 / 1024)?;
    run.say("\n")?;
    let said = ends(run, 1)?;
    let steps = ok(("write", word), &said[0])?;
    holds("it is stored", !text(&steps[4]["ok"]).is_empty(), steps)
}

pub(super) fn rpc_44_many_uploads_into_the_store_take_little_memory(suite: &Suite<'_>) -> Verdict {
    let words = ["write", "wait", "write-many", "300", "write", "wait write:10 end finish"];
    let mut run = live(suite, &words)?;
    run.hears("waiting", 1)?;
    let idle = peak(&run)?;
    run.say("\n")?;
    run.hears("waiting", 2)?;
    grew("300 uploads into the store at once", &run, idle, 20_000_000 / 1024)?;
    run.say("\n")?;
    let said = ends(run, 3)?;
    let many = ok(("write-many", "300"), &said[1])?;
    holds("some are open", many["open"].as_u64() > Some(0), many)?;
    holds("one after them is stored", said[2]["ok"][3]["ok"] != json!(null), &said[2])
}
