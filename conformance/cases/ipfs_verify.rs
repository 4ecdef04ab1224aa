//! Content that isn't what its CID says: nothing of it runs.

use std::io::Write;

use crate::cases::ipfs::{SCRIPT, runs, script_of};
use crate::cases::ipfs_kinds::linked;
use crate::fake::{Answer, Fake, before};
use crate::node::{Import, Node};
use crate::registry::{Case, case};
use crate::suite::Suite;
use crate::verdict::{Stop, Verdict, holds};

pub(crate) const CASES: &[Case] = &[
    case!(ipfs_21_one_wrong_byte_in_any_block_is_found).also(&["EXIT-11"]),
    case!(ipfs_21_a_wrong_byte_in_a_file_of_one_block_is_found).also(&["EXIT-11"]),
    case!(ipfs_21_an_exchanged_block_is_found).also(&["EXIT-11"]),
    case!(ipfs_22_a_directory_that_isnt_the_one_asked_for_is_found).also(&["EXIT-11"]),
];

const PHRASE: &str = "failed to get IPFS path";

/// A daemon before the node that changes each answer so.
pub(crate) fn tampered(node: &Node, change: impl Fn(&mut Answer) + Send + Sync + 'static) -> Verdict<Fake> {
    Ok(before(node, move |_, mut answer, stream| {
        change(&mut answer);
        stream.write_all(&answer.bytes())
    })?)
}

/// Checks that a path runs as it is, and doesn't where an answer has one wrong bit after `mark`.
fn finds(suite: &Suite<'_>, path: &str, mark: &'static [u8]) -> Verdict {
    let node = suite.node()?;
    let fake = tampered(node, move |answer| answer.flip(mark))?;
    let run = suite.ww().flags(["--ipfs", &fake.endpoint()]).binary(path, ["x"]).run()?;
    run.refuses(1, PHRASE, path)?;
    Ok(())
}

fn ipfs_21_one_wrong_byte_in_any_block_is_found(suite: &Suite<'_>) -> Verdict {
    let node = suite.node()?;
    let import = Import { version: Some(1), chunker: Some("size-4096"), ..Import::default() };
    // In the first block, in one of the middle, and in the last.
    let marks: [(usize, &'static [u8]); 3] = [(40, b"#first-mark"), (10_000, b"#middle-mark"), (20_400, b"#last-mark")];
    let mut content = script_of(20_480);
    for (at, mark) in marks {
        content[at..at + mark.len()].copy_from_slice(mark);
        content[at - 1] = b'\n';
    }
    let path = format!("/ipfs/{}", node.add(content, import)?);
    let honest = tampered(node, |_| ())?;
    runs(suite.ww().flags(["--ipfs", &honest.endpoint()]), &path)?;
    marks.iter().try_for_each(|(_, mark)| finds(suite, &path, mark))
}

fn ipfs_21_a_wrong_byte_in_a_file_of_one_block_is_found(suite: &Suite<'_>) -> Verdict {
    let node = suite.node()?;
    for version in [0, 1] {
        let cid = node.add(SCRIPT, Import { version: Some(version), ..Import::default() })?;
        finds(suite, &format!("/ipfs/{cid}"), b"echo")?;
        finds(suite, &format!("/ipfs/{cid}"), b"$*\"\n")?;
    }
    Ok(())
}

/// Exchanges `from` for `to` of the same length wherever an answer has it.
fn exchange(answer: &mut Answer, from: &[u8], to: &[u8]) {
    let mut at = 0;
    while at + from.len() <= answer.body.len() {
        if answer.body[at..].starts_with(from) {
            answer.body[at..at + to.len()].copy_from_slice(to);
        }
        at += 1;
    }
}

fn ipfs_21_an_exchanged_block_is_found(suite: &Suite<'_>) -> Verdict {
    let node = suite.node()?;
    let import = Import { version: Some(1), ..Import::default() };
    let wanted = node.add(SCRIPT, import)?;
    let other = SCRIPT.replace("ran", "bad");
    node.add(other.clone(), import)?;
    let fake = tampered(node, move |answer| exchange(answer, SCRIPT.as_bytes(), other.as_bytes()))?;
    let path = format!("/ipfs/{wanted}");
    suite.ww().flags(["--ipfs", &fake.endpoint()]).binary(&path, ["x"]).run()?.refuses(1, PHRASE, &path)?;
    Ok(())
}

fn ipfs_22_a_directory_that_isnt_the_one_asked_for_is_found(suite: &Suite<'_>) -> Verdict {
    let node = suite.node()?;
    let folder = |content: String| node.directory([("bin/name", content.into_bytes())]);
    let (good, bad) = (folder(SCRIPT.into())?, folder(SCRIPT.replace("ran", "bad"))?);
    let inner = |top: &str| -> Verdict<Vec<u8>> { node.block_of(top) };
    let (good_block, bad_block) = (inner(&good)?, inner(&bad)?);
    let (good_bytes, bad_bytes) = (linked(&good)?, linked(&bad)?);
    if good_block.len() != bad_block.len() || good_bytes.len() != bad_bytes.len() {
        return Err(Stop::Harness("the two directories differ in length".into()));
    }
    // As a block, as a CID in text, and as a CID in bytes.
    let path = format!("/ipfs/{good}/bin/name");
    let texts = (good.clone(), bad.clone());
    let fake = tampered(node, move |answer| {
        exchange(answer, &good_block, &bad_block);
        exchange(answer, texts.0.as_bytes(), texts.1.as_bytes());
        exchange(answer, &good_bytes, &bad_bytes);
    })?;
    let run = suite.ww().flags(["--ipfs", &fake.endpoint()]).binary(&path, ["x"]).run()?;
    run.refuses(1, PHRASE, &path)?;
    holds("the daemon was asked", fake.connections() > 0, fake.connections())
}
