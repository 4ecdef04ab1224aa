//! What an IPFS path names that isn't a file.

use crate::cases::ipfs::sharded;
use crate::node::unixfs::{self, cid_bytes};
use crate::node::{Import, Node};
use crate::registry::{Case, case};
use crate::suite::Suite;
use crate::verdict::{Stop, Verdict};

pub(crate) const CASES: &[Case] = &[
    case!(ipfs_07_a_directory_is_no_file).also(&["EXIT-10", "MSG-03"]),
    case!(ipfs_08_a_sharded_directory_is_no_file).also(&["EXIT-10", "MSG-03"]),
    case!(ipfs_09_a_symlink_is_no_file).also(&["EXIT-10", "MSG-03"]),
    case!(ipfs_10_other_codecs_are_no_files).also(&["EXIT-10", "MSG-03"]),
];

/// Checks that a path is refused as another kind of node, and that the line says which.
fn refused(suite: &Suite<'_>, path: &str, kinds: &[&str]) -> Verdict {
    let run = suite.ww_with_node()?.binary(path, ["facts"]).run()?;
    run.refuses(126, "unexpected node type", path)?;
    let line = run.first_line().to_lowercase();
    let said = line.split(path.to_lowercase().as_str()).last().unwrap_or("");
    run.holds(format!("the line says that it is {kinds:?}"), kinds.iter().any(|kind| said.contains(kind)))?;
    Ok(())
}

fn ipfs_07_a_directory_is_no_file(suite: &Suite<'_>) -> Verdict {
    let node = suite.node()?;
    let cid = node.directory([("bin/name", b"#!/bin/sh\n".to_vec())])?;
    refused(suite, &format!("/ipfs/{cid}"), &["a directory"])?;
    refused(suite, &format!("/ipfs/{cid}/bin"), &["a directory"])?;
    let empty = node.block("dag-pb", "sha2-256", &unixfs::node(&[], &unixfs::directory()))?;
    refused(suite, &format!("/ipfs/{empty}"), &["a directory"])
}

fn ipfs_08_a_sharded_directory_is_no_file(suite: &Suite<'_>) -> Verdict {
    refused(suite, &format!("/ipfs/{}", sharded(suite.node()?)?), &["sharded directory", "hamt"])
}

/// A CID as a link of dag-pb has it.
pub(crate) fn linked(cid: &str) -> Verdict<Vec<u8>> {
    cid_bytes(cid).ok_or_else(|| Stop::Harness(format!("{cid} isn't base 32")))
}

/// A directory with a program `tool` and a symlink `link` to it.
pub(crate) fn with_symlink(node: &Node) -> Verdict<(String, String)> {
    let tool = node.add("#!/bin/sh\necho ran\n", Import { version: Some(1), ..Import::default() })?;
    let link = node.block("dag-pb", "sha2-256", &unixfs::node(&[], &unixfs::symlink("tool")))?;
    let links = [("link", &linked(&link)?[..], 14), ("tool", &linked(&tool)?[..], 19)];
    let folder = node.block("dag-pb", "sha2-256", &unixfs::node(&links, &unixfs::directory()))?;
    Ok((folder, link))
}

fn ipfs_09_a_symlink_is_no_file(suite: &Suite<'_>) -> Verdict {
    let (folder, link) = with_symlink(suite.node()?)?;
    refused(suite, &format!("/ipfs/{link}"), &["symlink", "symbolic link"])?;
    refused(suite, &format!("/ipfs/{folder}/link"), &["symlink", "symbolic link"])
}

fn ipfs_10_other_codecs_are_no_files(suite: &Suite<'_>) -> Verdict {
    let node = suite.node()?;
    // {"a": 1}, as each of them writes it.
    let codecs: [(&str, &[u8], &[&str]); 4] = [
        ("dag-cbor", &[0xa1, 0x61, b'a', 1], &["dag-cbor", "0x71"]),
        ("dag-json", br#"{"a":1}"#, &["dag-json", "0x129", "0x0129"]),
        ("cbor", &[0xa1, 0x61, b'a', 1], &["cbor", "0x51"]),
        ("json", br#"{"a":1}"#, &["json", "0x200", "0x0200"]),
    ];
    for (codec, block, names) in codecs {
        refused(suite, &format!("/ipfs/{}", node.block(codec, "sha2-256", block)?), names)?;
    }
    Ok(())
}
