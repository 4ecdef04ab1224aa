//! `read` into a sink of the cell's: the range, the pace, and what is told of a transfer that breaks off.

#[path = "rpc_streams/pace.rs"]
pub(crate) mod pace;
#[path = "rpc_streams/uploads.rs"]
mod uploads;

use std::io::Write;

use serde_json::Value;

use crate::cases::ipfs_kinds::{linked, with_symlink};
use crate::cases::ipfs_verify::tampered;
use crate::cases::rpc_methods::{NOWHERE, answers, ask, failed, ok};
use crate::digest;
use crate::fake::{Answer, Fake, before, with_gateway};
use crate::node::{Import, Node, unixfs};
use crate::registry::{Case, case};
use crate::suite::Suite;
use crate::verdict::{Verdict, holds, same};
use pace::{
    rpc_40_a_cell_that_takes_nothing_stops_the_transfer, rpc_40_a_sink_that_doesnt_answer_stops_the_transfer,
    rpc_42_a_call_that_is_dropped_ends_the_transfer, rpc_42_a_sink_that_fails_ends_the_transfer,
    rpc_43_a_read_takes_little_memory, rpc_44_many_reads_take_little_memory,
};
use uploads::{
    rpc_27_a_file_of_any_size_is_stored, rpc_27_an_upload_that_breaks_off_is_no_file,
    rpc_27_what_is_dropped_is_in_no_pin, rpc_43_a_write_takes_little_memory, rpc_44_many_uploads_take_little_memory,
    rpc_45_a_daemon_that_takes_nothing_stops_the_writer, rpc_46_calls_out_of_turn_are_refused,
    rpc_47_an_upload_is_pinned_where_it_was_asked_for, rpc_48_the_cid_is_that_of_the_profile,
};

pub(crate) const CASES: &[Case] = &[
    case!(rpc_26_a_range_is_what_the_file_has_there),
    case!(rpc_26_a_file_of_any_layout_is_read),
    case!(rpc_26_no_byte_of_a_block_that_is_wrong_is_sent),
    case!(rpc_26_what_is_no_file_has_its_phrase),
    case!(rpc_27_a_file_of_any_size_is_stored),
    case!(rpc_27_what_is_dropped_is_in_no_pin),
    case!(rpc_27_an_upload_that_breaks_off_is_no_file),
    case!(rpc_40_a_sink_that_doesnt_answer_stops_the_transfer),
    case!(rpc_40_a_cell_that_takes_nothing_stops_the_transfer),
    case!(rpc_41_a_transfer_that_breaks_off_is_never_whole),
    case!(rpc_42_a_sink_that_fails_ends_the_transfer),
    case!(rpc_42_a_call_that_is_dropped_ends_the_transfer),
    case!(rpc_43_a_read_takes_little_memory),
    case!(rpc_43_a_write_takes_little_memory),
    case!(rpc_44_many_reads_take_little_memory),
    case!(rpc_44_many_uploads_take_little_memory),
    case!(rpc_45_a_daemon_that_takes_nothing_stops_the_writer),
    case!(rpc_46_calls_out_of_turn_are_refused),
    case!(rpc_47_an_upload_is_pinned_where_it_was_asked_for),
    case!(rpc_48_the_cid_is_that_of_the_profile),
    case!(rpc_49_a_gateway_that_lies_or_fails_changes_nothing),
];

/// Bytes of which each part differs.
pub(crate) fn content(length: usize) -> Vec<u8> {
    (0..length).map(|at| (at.wrapping_mul(2_654_435_761) >> 13) as u8).collect()
}

/// A block of 1 MiB, and a file that is it so many times.
fn repeated(node: &Node, times: usize) -> Verdict<(Vec<u8>, String)> {
    let block = content(1 << 20);
    let leaf = linked(&node.block("raw", "sha2-256", &block)?)?;
    let links = vec![("", leaf.as_slice(), 1 << 20); times];
    let file = unixfs::file(&[], Some((times as u64) << 20), &vec![1 << 20; times]);
    Ok((block, node.block("dag-pb", "sha2-256", &unixfs::node(&links, &file))?))
}

/// Checks that a sink got just these bytes, as a whole, in chunks of the size that there may be.
fn whole(what: &str, said: &Value, wanted: &[u8]) -> Verdict {
    same(format!("error of {what}"), &said["error"], &Value::Null)?;
    let counts = ["sent", "bytes"].map(|key| said[key].as_u64());
    same(format!("bytes told and bytes that came of {what}"), counts, [Some(wanted.len() as u64); 2])?;
    same(format!("SHA-256 of {what}"), said["digest"].as_str(), Some(digest::of(wanted).as_str()))?;
    let ends = ["ends", "after_end"].map(|key| said[key].as_u64());
    same(format!("how often {what} ended, and writes after that"), ends, [Some(1), Some(0)])?;
    let largest = said["largest"].as_u64().unwrap_or(u64::MAX);
    holds(format!("no chunk of {what} is larger than 256 KiB"), largest <= 256 << 10, said)?;
    let_go(what, said)
}

/// Checks that the host has let go of the sink.
fn let_go(what: &str, said: &Value) -> Verdict {
    holds(format!("the host lets go of the sink of {what}"), said["dropped"] == true, said)
}

/// Checks that a sink saw the start of a file and no end, and that this is what the cell was told.
fn broken(what: &str, said: &Value, file: &[u8], begins: &str, has: &str) -> Verdict {
    let text = said["error"].as_str().unwrap_or_default();
    holds(format!("{what} fails with {begins:?} and {has:?}"), text.starts_with(begins) && text.contains(has), said)?;
    same(format!("how often {what} ended"), said["ends"].as_u64(), Some(0))?;
    let bytes = said["bytes"].as_u64().map_or(usize::MAX, |bytes| bytes as usize);
    let start = file.get(..bytes).filter(|start| start.len() < file.len()).map(digest::of);
    holds(format!("{what} is the start of the file"), said["digest"].as_str() == start.as_deref(), said)?;
    let_go(what, said)
}

fn rpc_26_a_range_is_what_the_file_has_there(suite: &Suite<'_>) -> Verdict {
    let file = content(5_000_000);
    let import = Import { version: Some(1), chunker: Some("size-1048576"), ..Import::default() };
    let path = format!("/ipfs/{}", suite.node()?.add(file.clone(), import)?);
    let ranges: [(&str, std::ops::Range<usize>); 10] = [
        ("", 0..5_000_000),
        ("offset=1 length=1", 1..2),
        ("offset=1048575 length=2", 1_048_575..1_048_577),
        ("offset=1048576 length=1048576", 1_048_576..2_097_152),
        ("offset=999999 length=3000002", 999_999..4_000_001),
        ("offset=4999999", 4_999_999..5_000_000),
        ("offset=4999999 length=18446744073709551615", 4_999_999..5_000_000),
        ("length=0", 0..0),
        ("offset=5000000", 0..0),
        ("offset=18446744073709551615 length=18446744073709551615", 0..0),
    ];
    let words = ranges.each_ref().map(|(range, _)| format!("{path} {range}"));
    let calls: Vec<_> = words.iter().map(|word| ("read", word.as_str())).collect();
    for ((call, (range, at)), answer) in calls.iter().zip(ranges).zip(&ask(suite, &calls)?) {
        whole(&format!("read {range}"), ok(*call, answer)?, &file[at])?;
    }
    Ok(())
}

fn rpc_26_a_file_of_any_layout_is_read(suite: &Suite<'_>) -> Verdict {
    let (node, file) = (suite.node()?, content(1_300_000));
    let small = Import { chunker: Some("size-4096"), ..Import::default() };
    let layouts = [
        ("CIDv0, 256 KiB", Import { version: Some(0), ..Import::default() }),
        ("raw leaves of 4 KiB", Import { version: Some(1), raw_leaves: Some(true), ..small }),
        ("trickle", Import { trickle: Some(true), ..small }),
    ];
    for (layout, import) in layouts {
        let path = format!("/ipfs/{}", node.add(file.clone(), import)?);
        let range = format!("{path} offset=700001 length=400000");
        let calls = [("read", path.as_str()), ("read", &range)];
        let said = ask(suite, &calls)?;
        whole(layout, ok(calls[0], &said[0])?, &file)?;
        whole(layout, ok(calls[1], &said[1])?, &file[700_001..1_100_001])?;
    }
    // By a bare CID, inside its own, and below a directory.
    let folder = node.directory([("bin/name", b"hello, cell".to_vec())])?;
    let (bare, within) = (node.add("hello, cell", Import::default())?, format!("/ipfs/{folder}/bin/name"));
    let calls = [("read", bare.as_str()), ("read", "bafkqac3imvwgy3zmebrwk3dm"), ("read", &within)];
    for (call, answer) in calls.iter().zip(&ask(suite, &calls)?) {
        whole(call.1, ok(*call, answer)?, b"hello, cell")?;
    }
    Ok(())
}

/// What a read says through a daemon.
fn through(suite: &Suite<'_>, fake: &Fake, word: &str) -> Verdict<Value> {
    let call = ("read", word);
    // The session goes on: the last is inside its own CID.
    let calls = [call, ("cat", "bafkqac3imvwgy3zmebrwk3dm")];
    let said = answers(suite, suite.ww().flags(["--ipfs", &fake.endpoint()]), &calls)?;
    same("the call after it", ok(calls[1], &said[1])?.as_str(), Some("hello, cell"))?;
    ok(call, &said[0]).cloned()
}

fn rpc_26_no_byte_of_a_block_that_is_wrong_is_sent(suite: &Suite<'_>) -> Verdict {
    let node = suite.node()?;
    let mut file = content(3_500_000);
    file[2_500_000..2_500_016].copy_from_slice(b"#this-is-a-mark#");
    let import = Import { version: Some(1), chunker: Some("size-1048576"), ..Import::default() };
    let path = format!("/ipfs/{}", node.add(file.clone(), import)?);
    let fake = tampered(node, |answer| answer.flip(b"#this-is-a-mark#"))?;
    let said = through(suite, &fake, &path)?;
    broken("a read of a wrong block", &said, &file, "failed to get IPFS path: ", &path)?;
    holds("no byte of the third block came", said["bytes"].as_u64().unwrap_or(u64::MAX) <= 2 << 20, &said)?;
    // What isn't asked for isn't fetched.
    let said = through(suite, &fake, &format!("{path} length=2000000"))?;
    whole("the part before it", &said, &file[..2_000_000])
}

fn rpc_26_what_is_no_file_has_its_phrase(suite: &Suite<'_>) -> Verdict {
    let node = suite.node()?;
    let (folder, link) = with_symlink(node)?;
    let (folder, link) = (format!("/ipfs/{folder}"), format!("/ipfs/{link}"));
    let missing = format!("{folder}/nothing");
    let cbor = format!("/ipfs/{}", node.block("dag-cbor", "sha2-256", &[0xa0])?);
    let (phrase, kind) = ("failed to get IPFS path: ", "unexpected node type: ");
    let expected = [
        (NOWHERE, phrase),
        (&*missing, phrase),
        (&*folder, kind),
        (&*link, kind),
        (&*cbor, kind),
        ("no-CID", "system.IPFS.read: "),
    ];
    let calls = expected.map(|(path, _)| ("read", path));
    for (((path, begins), call), answer) in expected.iter().zip(calls).zip(&ask(suite, &calls)?) {
        broken(path, ok(call, answer)?, b"x", begins, path)?;
    }
    let call = ("read-without-sink", folder.as_str());
    failed(call, &ask(suite, &[call])?[0], "system.IPFS.read: ", "")
}

fn rpc_41_a_transfer_that_breaks_off_is_never_whole(suite: &Suite<'_>) -> Verdict {
    let node = suite.node()?;
    let mut file = content(4_000_000);
    file[3_300_000..3_300_016].copy_from_slice(b"#this-is-a-mark#");
    let import = Import { version: Some(1), chunker: Some("size-1048576"), ..Import::default() };
    let path = format!("/ipfs/{}", node.add(file.clone(), import)?);
    let refusal = br#"{"Message":"this part is lost","Code":0,"Type":"error"}"#.to_vec();
    let refusal = Answer { status: 500, content_type: "application/json".into(), body: refusal }.bytes();
    type Breaks = fn(&Answer) -> Vec<u8>;
    let ways: [(&str, Breaks); 2] = [
        ("a body that is cut short", |answer| answer.claiming(answer.body.len() + 1)),
        ("a body of which nothing comes", |answer| {
            Answer { body: vec![], ..answer.clone() }.claiming(answer.body.len())
        }),
    ];
    for (way, breaks) in ways {
        let fake = before(node, move |_, answer, stream| match answer.has(b"#this-is-a-mark#") {
            true => stream.write_all(&breaks(&answer)).and(Err(std::io::ErrorKind::ConnectionAborted.into())),
            false => stream.write_all(&answer.bytes()),
        })?;
        broken(way, &through(suite, &fake, &path)?, &file, "failed to get IPFS path: ", &path)?;
    }
    let fake = before(node, move |_, answer, stream| match answer.has(b"#this-is-a-mark#") {
        true => stream.write_all(&refusal),
        false => stream.write_all(&answer.bytes()),
    })?;
    broken(
        "a block that is refused",
        &through(suite, &fake, &path)?,
        &file,
        "failed to get IPFS path: ",
        "this part is lost",
    )
}

fn rpc_49_a_gateway_that_lies_or_fails_changes_nothing(suite: &Suite<'_>) -> Verdict {
    let (node, file) = (suite.node()?, content(9_000_000));
    let import = Import { version: Some(1), chunker: Some("size-1048576"), ..Import::default() };
    let path = format!("/ipfs/{}", node.add(file.clone(), import)?);
    let answer = |status, body: Vec<u8>| Answer { status, content_type: "application/octet-stream".into(), body };
    let ways = [
        ("that isn't there", answer(404, b"no such thing".to_vec()).bytes()),
        ("that has another file", answer(200, content(9_000_001)[1..].to_vec()).bytes()),
        ("that has a part of another", answer(206, content(9_000_001)[1..].to_vec()).bytes()),
        ("that breaks off", answer(206, file[..1_500_000].to_vec()).claiming(9_000_000)),
        ("that is something else", b"220 mail.example ESMTP\r\n".to_vec()),
    ];
    for (way, said) in ways {
        let gateway = Fake::sending(said)?;
        let fake = with_gateway(node, &gateway.endpoint())?;
        whole(&format!("a read by a gateway {way}"), &through(suite, &fake, &path)?, &file)?;
    }
    Ok(())
}
