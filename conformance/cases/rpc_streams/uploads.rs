//! `write` of a file through an `Upload`: what is stored, what isn't, and how much waits meanwhile.

use std::io::{BufRead, BufReader, Read};
use std::net::TcpListener;
use std::sync::mpsc;
use std::time::Duration;

use serde_json::{Value, json};

use super::content;
use super::pace::{ends, grew, live, peak, refused};
use crate::cases::rpc_methods::{answers, ask, failed, had, ok};
use crate::node::Import;
use crate::suite::Suite;
use crate::verdict::{Verdict, fail, holds, same};

/// What came of each step of one upload.
fn steps(suite: &Suite<'_>, word: &str) -> Verdict<Vec<Value>> {
    let call = ("write", word);
    let said = ask(suite, &[call])?;
    Ok(ok(call, &said[0])?.as_array().cloned().unwrap_or_default())
}

/// The CID that the last step gave, all of which must succeed.
fn stored(suite: &Suite<'_>, word: &str) -> Verdict<Value> {
    let said = steps(suite, word)?;
    holds(format!("all steps of {word:?} succeed"), said.iter().all(|step| step.get("ok").is_some()), &said)?;
    said.last().map_or_else(|| fail("a CID", "nothing"), |step| Ok(step["ok"].clone()))
}

pub(super) fn rpc_27_a_file_of_any_size_is_stored(suite: &Suite<'_>) -> Verdict {
    let node = suite.node()?;
    let sizes = [
        (0, "end finish"),
        (0, "write:0 end finish"),
        (1, "write:1 end finish"),
        (300_001, "write:100000 write:1 write:200000 end finish"),
        (9_000_000, "write:8500000 write:500000 end finish"),
        (12_000_000, "stream:12000000/70001 end finish"),
    ];
    for (size, word) in sizes {
        let cid = stored(suite, word)?;
        same(format!("what the node has of {word:?}"), had(node, &cid)? == content(size), true)?;
    }
    Ok(())
}

pub(super) fn rpc_27_what_is_dropped_is_in_no_pin(suite: &Suite<'_>) -> Verdict {
    let node = suite.node()?;
    let import =
        Import { version: Some(1), raw_leaves: Some(true), chunker: Some("size-1048576"), ..Import::default() };
    // Each is a file that nobody else stores: the node keeps what others pinned.
    let size = 2_100_000 + 2 * (std::process::id() as usize % 400_000);
    for (size, how) in [(size, "end drop"), (size + 1, "drop")] {
        let word = format!("pin stream:{size}/50000 {how}");
        let mut run = live(suite, &node.endpoint(), &["write", &word, "write", "wait drop"])?;
        run.hears("waiting", 1)?;
        // The cell goes on: there is time to store it all the same.
        std::thread::sleep(Duration::from_millis(700));
        let pins = node.pins()?;
        run.say("\n")?;
        let said = ends(run, 2)?;
        let said = ok(("write", &word), &said[0])?.as_array().cloned().unwrap_or_default();
        holds(format!("all steps of {word:?} succeed"), said.iter().all(|step| step.get("ok").is_some()), &said)?;
        let cid = node.add(content(size), import)?;
        holds(format!("{cid} isn't pinned"), !pins.contains(&cid), pins)?;
    }
    Ok(())
}

/// Of 256 MiB, which are 256 times the first MiB of the sequence: `ipfs add --cid-version=1 --raw-leaves
/// --chunker=size-1048576 --max-file-links=1024`, Kubo 0.43.0.
const REPEATED: &str = "bafybeidjwxkz7c2wfph7wg6cehvar3leuz6qupss5x7bcnjpbu6au7fpie";

pub(super) fn rpc_43_a_write_takes_little_memory(suite: &Suite<'_>) -> Verdict {
    let word = "wait repeat:268435456/1048576 wait end finish";
    let mut run = live(suite, &suite.node()?.endpoint(), &["write", word])?;
    run.hears("waiting", 1)?;
    let idle = peak(&run)?;
    run.say("\n")?;
    run.hears("waiting", 2)?;
    grew("a write of 256 MiB", &run, idle, 10_000_000 / 1024)?;
    run.say("\n")?;
    let said = ends(run, 1)?;
    same("the CID of 256 MiB", &ok(("write", word), &said[0])?[4]["ok"], &json!(REPEATED))
}

pub(super) fn rpc_44_many_uploads_take_little_memory(suite: &Suite<'_>) -> Verdict {
    let words = ["write", "wait", "write-many", "300", "write", "wait write:10 end finish"];
    let mut run = live(suite, &suite.node()?.endpoint(), &words)?;
    run.hears("waiting", 1)?;
    let idle = peak(&run)?;
    run.say("\n")?;
    run.hears("waiting", 2)?;
    grew("300 uploads at once", &run, idle, 20_000_000 / 1024)?;
    run.say("\n")?;
    let said = ends(run, 3)?;
    let many = ok(("write-many", "300"), &said[1])?;
    refused("an upload that is one too many", many, "system.IPFS.write: ")?;
    holds("some are open, all the same", many["open"].as_u64() > Some(0), many)?;
    holds("one after them is stored", said[2]["ok"][3]["ok"].is_string(), &said[2])
}

/// A daemon that takes 1 MiB of each upload, and the rest when it is told to, or nothing more where it can't be told;
/// it stores nothing.
fn stalling() -> Verdict<(String, mpsc::Sender<()>)> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let endpoint = format!("/ip4/127.0.0.1/tcp/{}", listener.local_addr()?.port());
    let (go, going) = mpsc::channel();
    std::thread::spawn(move || -> std::io::Result<()> {
        for stream in listener.incoming() {
            let mut reader = BufReader::new(stream?);
            let mut line = String::new();
            reader.read_line(&mut line)?;
            if !line.contains("/add") {
                continue;
            }
            std::io::copy(&mut reader.by_ref().take(1 << 20), &mut std::io::sink())?;
            if going.recv().is_ok() {
                std::io::copy(&mut reader, &mut std::io::sink())?;
            }
        }
        Ok(())
    });
    Ok((endpoint, go))
}

pub(super) fn rpc_27_an_upload_that_breaks_off_is_no_file(suite: &Suite<'_>) -> Verdict {
    let (endpoint, _) = stalling()?;
    let calls = [("write", "stream:8000000/100000 end finish"), ("cat", "bafkqac3imvwgy3zmebrwk3dm")];
    let said = answers(suite, suite.ww().flags(["--ipfs", &endpoint]), &calls)?;
    let steps = ok(calls[0], &said[0])?;
    failed(calls[0], &steps[2], "system.IPFS.write: ", "")?;
    same("the call after it", ok(calls[1], &said[1])?, &json!("hello, cell"))
}

pub(super) fn rpc_45_a_daemon_that_takes_nothing_stops_the_writer(suite: &Suite<'_>) -> Verdict {
    let (endpoint, go) = stalling()?;
    let mut run = live(suite, &endpoint, &["write", "wait stream:67108864/262144 wait drop"])?;
    run.hears("waiting", 1)?;
    let idle = peak(&run)?;
    run.say("\n")?;
    std::thread::sleep(Duration::from_millis(2500));
    let said = run.output().escape_ascii().to_string();
    holds("the cell can't write on", said.matches("waiting").count() == 1, &said)?;
    grew("what the daemon doesn't take", &run, idle, 10_000_000 / 1024)?;
    go.send(()).ok();
    run.hears("waiting", 2)?;
    run.say("\n")?;
    ends(run, 1).map(|_| ())
}

pub(super) fn rpc_46_calls_out_of_turn_are_refused(suite: &Suite<'_>) -> Verdict {
    // The steps, and which of them are out of turn.
    let sequences: [(&str, &[usize]); 6] = [
        ("finish", &[0]),
        ("write:5 finish end finish", &[1]),
        ("write:5 end end finish", &[2]),
        ("write:5 end write:5", &[2]),
        ("write:5 end finish finish", &[3]),
        ("write:5 end finish write:5", &[3]),
    ];
    for (word, wrong) in sequences {
        let said = steps(suite, word)?;
        same(format!("steps of {word:?}"), said.len(), word.split(' ').count())?;
        for (at, step) in said.iter().enumerate() {
            match wrong.contains(&at) {
                true => failed(("write", word), step, "system.IPFS.write: ", "")?,
                false => ok(("write", word), step).map(|_| ())?,
            }
        }
    }
    Ok(())
}

pub(super) fn rpc_47_an_upload_is_pinned_where_it_was_asked_for(suite: &Suite<'_>) -> Verdict {
    let node = suite.node()?;
    // The node is others' too, and keeps what they pinned: each run has files of its own.
    let size = 1_100_000 + 2 * (std::process::id() % 400_000);
    for (word, pinned) in [
        (format!("pin stream:{size}/90000 end finish"), true),
        (format!("stream:{}/90000 end finish", size + 1), false),
    ] {
        let cid = stored(suite, &word)?;
        let pins = node.pins()?;
        let found = pins.iter().any(|pin| Some(pin.as_str()) == cid.as_str());
        same(format!("whether {word:?} is pinned"), found, pinned)?;
    }
    Ok(())
}

pub(super) fn rpc_48_the_cid_is_that_of_the_profile(suite: &Suite<'_>) -> Verdict {
    let node = suite.node()?;
    let import =
        Import { version: Some(1), raw_leaves: Some(true), chunker: Some("size-1048576"), ..Import::default() };
    const MIB: usize = 1 << 20;
    for size in [0, 1, MIB - 1, MIB, MIB + 1, 3 * MIB, 8 * MIB] {
        let wanted = json!(node.add(content(size), import)?);
        same(
            format!("the CID of {size} bytes by `write`"),
            stored(suite, &format!("stream:{size}/99999 end finish"))?,
            wanted.clone(),
        )?;
        let (call, word) = ("add-bytes", size.to_string());
        same(
            format!("the CID of {size} bytes by `add`"),
            ok((call, &word), &ask(suite, &[(call, &word)])?[0])?,
            &wanted,
        )?;
    }
    Ok(())
}
