//! What the host tells of content: `ls`, `stat`, and the forms of paths.

use serde_json::{Value, json};

use super::{ask, had, ok, one};
use crate::cases::ipfs::{sharded, sharded_files};
use crate::cases::ipfs_kinds::with_symlink;
use crate::node::Import;
use crate::suite::Suite;
use crate::verdict::{Verdict, holds, same};

pub(super) fn rpc_17_ls_gives_sorted_entries(suite: &Suite<'_>) -> Verdict {
    let node = suite.node()?;
    let long = vec![b'l'; 600_000];
    let folder = node.directory([
        ("zebra", b"12345".to_vec()),
        ("Zoo", b"1".to_vec()),
        ("Apple", vec![]),
        ("inner/file", b"x".to_vec()),
        ("long", long),
        ("ärger", b"1".to_vec()),
    ])?;
    let entries = one(suite, "ls", &format!("/ipfs/{folder}"))?;
    let entries = entries.as_array().cloned().unwrap_or_default();
    let seen: Vec<Value> = entries.iter().map(|it| json!([it["name"], it["type"], it["size"]])).collect();
    let wanted = [("Apple", "file", 0), ("Zoo", "file", 1), ("inner", "directory", 0), ("long", "file", 600_000)];
    let wanted = wanted.into_iter().chain([("zebra", "file", 5), ("ärger", "file", 1)]);
    same("entries", seen, wanted.map(|(name, kind, size)| json!([name, kind, size])).collect::<Vec<_>>())?;
    // Each CID leads to what the name leads to.
    same("the CID of an entry", had(node, &entries[4]["cid"])?, b"12345".to_vec())?;
    let (folder, link) = with_symlink(node)?;
    let entries = one(suite, "ls", &folder)?;
    same("a symlink in it", (&entries[0]["type"], &entries[0]["cid"]), (&json!("symlink"), &json!(link)))
}

pub(super) fn rpc_17_ls_of_a_sharded_directory_is_whole(suite: &Suite<'_>) -> Verdict {
    let entries = one(suite, "ls", &sharded(suite.node()?)?)?;
    let entries = entries.as_array().cloned().unwrap_or_default();
    let seen = entries.iter().map(|it| (it["name"].as_str().unwrap_or_default().to_owned(), it["size"].as_u64()));
    let seen: Vec<(String, Option<u64>)> = seen.collect();
    holds("sorted by name", seen.iter().map(|entry| &entry.0).is_sorted(), &seen)?;
    let mut wanted = sharded_files();
    wanted.sort();
    same("how many entries", seen.len(), wanted.len())?;
    let wanted = wanted.into_iter().map(|(name, content)| (name, Some(content.len() as u64)));
    same("first entry that differs", seen.into_iter().zip(wanted).find(|(seen, wanted)| seen != wanted), None)
}

pub(super) fn rpc_17_a_file_has_no_entries(suite: &Suite<'_>) -> Verdict {
    let cid = suite.node()?.add(vec![b'x'; 600_000], Import::default())?;
    same("entries of a file", one(suite, "ls", &cid)?, json!([]))
}

pub(super) fn rpc_18_stat_tells_kinds_apart(suite: &Suite<'_>) -> Verdict {
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
    let links: Vec<Value> = info["node"]["links"].as_array().cloned().unwrap_or_default();
    let names: Vec<&Value> = links.iter().map(|link| &link["name"]).collect();
    same("its links", names, vec![&json!("link"), &json!("tool")])?;
    same("where a link leads", &links[0]["cid"], &json!(link))?;
    same("content that a link leads to", had(node, &links[1]["cid"])?, b"#!/bin/sh\necho ran\n".to_vec())?;
    let info = one(suite, "stat", &format!("/ipfs/{folder}/link"))?;
    let symlink = json!({ "type": "symlink", "target": "tool" });
    same("a symlink", (&info["cid"], &info["node"]), (&json!(link), &symlink))
}

pub(super) fn rpc_19_paths_have_three_forms(suite: &Suite<'_>) -> Verdict {
    let node = suite.node()?;
    let folder = node.directory([("bin/name", b"found".to_vec())])?;
    let file = node.add("found", Import::default())?;
    let key = format!("ww-conformance-rpc-{}", suite.scratch().file_name().unwrap_or_default().display());
    let name = node.publish(&format!("/ipfs/{folder}"), &key)?;
    let (by_cid, within, by_name) =
        (format!("/ipfs/{file}"), format!("/ipfs/{folder}/bin/name"), format!("{name}/bin/name"));
    let calls = [("cat", file.as_str()), ("cat", &by_cid), ("cat", &within), ("cat", &by_name)];
    for (call, answer) in calls.iter().zip(&ask(suite, &calls)?) {
        same(format!("{call:?}"), ok(*call, answer)?, &json!("found"))?;
    }
    let asked = [("ls", folder.as_str()), ("ls", &name), ("stat", &file), ("stat", &within), ("stat", &by_name)];
    let said = ask(suite, &asked)?;
    asked.iter().zip(&said).try_for_each(|(call, answer)| ok(*call, answer).map(|_| ()))?;
    same("entries, by CID and by name", &said[0], &said[1])?;
    // The file in the directory has a CID of version 1, and so another.
    let told = |at: usize| (&said[at]["ok"]["size"], &said[at]["ok"]["node"]);
    same("the file, by itself and within", told(3), told(2))?;
    same("the file, within and by name", &said[4], &said[3])
}
