//! `ww import`: what is written, and where.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use crate::cases::ipfs::{nobody, script_of, sharded, sharded_files};
use crate::cases::ipfs_kinds::linked;
use crate::invocation::Invocation;
use crate::node::unixfs;
use crate::node::{Import, Node};
use crate::registry::{Case, case};
use crate::suite::Suite;
use crate::verdict::{Verdict, holds, same};

pub(crate) const CASES: &[Case] = &[
    case!(store_09_a_file_is_written),
    case!(store_09_a_directory_is_written_whole),
    case!(store_09_a_sharded_directory_is_written_whole),
    case!(store_09_the_last_part_is_its_name_here),
    case!(store_12_files_are_made_executable),
    case!(store_26_a_slash_at_the_end_is_a_directory_to_put_it_in),
    case!(store_26_what_is_no_ipfs_path_is_a_usage_error),
    case!(store_32_modes_and_times_are_kept_within_bounds),
];

/// A directory of the case's own, that every caller can write in.
pub(crate) fn place(suite: &Suite<'_>, name: &str) -> Verdict<PathBuf> {
    let path = suite.path("files").join(name);
    fs::create_dir(&path)?;
    fs::set_permissions(&path, fs::Permissions::from_mode(0o777))?;
    Ok(path)
}

/// An import that asks the suite's node.
pub(crate) fn import<'a>(suite: &'a Suite<'a>) -> Verdict<Invocation<'a>> {
    Ok(suite.tool("import").flags(["--ipfs", &suite.node()?.endpoint()]))
}

/// Imports from a path to a place, which succeeds without a word.
pub(crate) fn imported(run: Invocation<'_>, path: &str, to: &Path) -> Verdict {
    let run = run.flags([path.as_bytes(), to.as_os_str().as_encoded_bytes()]).run()?;
    run.exits(0)?.prints("")?.is_silent()?;
    Ok(())
}

/// The mode of what is there, as of the entry itself.
fn mode(path: &Path) -> Option<u32> {
    Some(fs::symlink_metadata(path).ok()?.permissions().mode() & 0o7777)
}

/// All that is below a directory: a file's content, `-> …` for a link, `/` for a directory.
pub(crate) fn tree(top: &Path) -> Verdict<BTreeMap<String, Vec<u8>>> {
    let mut found = BTreeMap::new();
    let mut open = vec![top.to_owned()];
    while let Some(folder) = open.pop() {
        // What isn't there has nothing in it.
        for entry in fs::read_dir(&folder).into_iter().flatten() {
            let path = entry?.path();
            let kind = fs::symlink_metadata(&path)?.file_type();
            let what = if kind.is_symlink() {
                [b"-> ", fs::read_link(&path)?.as_os_str().as_encoded_bytes()].concat()
            } else if kind.is_dir() {
                open.push(path.clone());
                b"/".to_vec()
            } else {
                fs::read(&path)?
            };
            let name = path.strip_prefix(top).unwrap_or(&path);
            found.insert(name.to_string_lossy().into_owned(), what);
        }
    }
    Ok(found)
}

fn store_09_a_file_is_written(suite: &Suite<'_>) -> Verdict {
    let (node, to) = (suite.node()?, place(suite, "to")?);
    for (n, (length, chunker)) in
        [(0, "size-1024"), (1, "size-1024"), (10_000, "size-1024"), (5_000_000, "size-1048576")].into_iter().enumerate()
    {
        for version in [0, 1] {
            let import_as = Import { version: Some(version), chunker: Some(chunker), ..Import::default() };
            let content = script_of(length);
            let path = format!("/ipfs/{}", node.add(content.clone(), import_as)?);
            let at = to.join(format!("{n}-{version}"));
            imported(import(suite)?, &path, &at)?;
            holds("it is what was to be written", fs::read(&at).is_ok_and(|found| found == content), at.display())?;
            same("its mode", mode(&at), Some(0o644))?;
        }
    }
    same("nothing else is written", tree(&to)?.len(), 8)
}

/// A directory with what a directory can have.
fn directory(node: &Node) -> Verdict<(String, BTreeMap<String, Vec<u8>>)> {
    let put = |block: Vec<u8>| node.block("dag-pb", "sha2-256", &block);
    let small = node.add("small\n", Import { version: Some(1), ..Import::default() })?;
    let parts = Import { version: Some(1), chunker: Some("size-4096"), ..Import::default() };
    let large = node.add(script_of(300_000), parts)?;
    let empty = put(unixfs::node(&[], &unixfs::directory()))?;
    let link = put(unixfs::node(&[], &unixfs::symlink("../small")))?;
    let astray = put(unixfs::node(&[], &unixfs::symlink("/there/is/no/such/place")))?;
    let [small, large, empty, link, astray] = [&small, &large, &empty, &link, &astray].map(|cid| linked(cid));
    let (small, large, empty, link, astray) = (small?, large?, empty?, link?, astray?);
    let below = [("astray", &astray[..], 0), ("deep", &empty, 0), ("large", &large, 0), ("link", &link, 0)];
    let below = linked(&put(unixfs::node(&below, &unixfs::directory()))?)?;
    let names = [
        (" spaces ", &small[..], 0),
        (".dots", &small, 0),
        ("-x", &small, 0),
        ("below", &below, 0),
        ("new\nline", &small, 0),
        ("small", &small, 0),
        ("ümlaut", &small, 0),
    ];
    let root = put(unixfs::node(&names, &unixfs::directory()))?;
    let mut wanted: BTreeMap<String, Vec<u8>> =
        names.iter().map(|(name, ..)| ((*name).to_owned(), b"small\n".to_vec())).collect();
    wanted.insert("below".into(), b"/".to_vec());
    wanted.insert("below/deep".into(), b"/".to_vec());
    wanted.insert("below/large".into(), script_of(300_000));
    wanted.insert("below/link".into(), b"-> ../small".to_vec());
    wanted.insert("below/astray".into(), b"-> /there/is/no/such/place".to_vec());
    Ok((format!("/ipfs/{root}"), wanted))
}

fn store_09_a_directory_is_written_whole(suite: &Suite<'_>) -> Verdict {
    let to = place(suite, "to")?;
    let (path, wanted) = directory(suite.node()?)?;
    imported(import(suite)?, &path, &to.join("all"))?;
    holds("all is there, and nothing else", tree(&to.join("all"))? == wanted, "something else")?;
    same("the directory's mode", mode(&to.join("all")), Some(0o755))?;
    imported(import(suite)?, &format!("{path}/below/link"), &to.join("link"))?;
    same("a symlink is one", fs::read_link(to.join("link")).ok(), Some(PathBuf::from("../small")))?;
    same("nothing is written beside", fs::read_dir(&to)?.count(), 2)
}

fn store_09_a_sharded_directory_is_written_whole(suite: &Suite<'_>) -> Verdict {
    let to = place(suite, "to")?;
    let path = format!("/ipfs/{}", sharded(suite.node()?)?);
    imported(import(suite)?, &path, &to.join("all"))?;
    let wanted: BTreeMap<String, Vec<u8>> = sharded_files().into_iter().collect();
    let found = tree(&to.join("all"))?;
    holds("all is there, and nothing else", found == wanted, found.len())
}

fn store_09_the_last_part_is_its_name_here(suite: &Suite<'_>) -> Verdict {
    let here = place(suite, "here")?;
    let cid = suite.node()?.directory([("bin/name", b"x".to_vec())])?;
    for path in [format!("/ipfs/{cid}/bin/name"), format!("/ipfs/{cid}/bin/"), format!("ipfs://{cid}")] {
        import(suite)?.cwd(&here).flags([&path]).run()?.exits(0)?.prints("")?.is_silent()?;
    }
    let found: Vec<String> = tree(&here)?.into_keys().collect();
    let wanted =
        [cid.clone(), format!("{cid}/bin"), format!("{cid}/bin/name"), "bin".into(), "bin/name".into(), "name".into()];
    let mut wanted = wanted.to_vec();
    wanted.sort();
    same("what is here", found, wanted)
}

fn store_12_files_are_made_executable(suite: &Suite<'_>) -> Verdict {
    let (node, to) = (suite.node()?, place(suite, "to")?);
    let cid = node.directory([("a", b"#!/bin/sh\n".to_vec()), ("below/b", b"x".to_vec())])?;
    let modes = |at: &Path, names: [&str; 2]| names.map(|name| mode(&at.join(name)));
    for (mask, plain, executable) in [(0o022, 0o644, 0o755), (0o077, 0o600, 0o700)] {
        let (one, other) = (to.join(format!("{mask}")), to.join(format!("{mask}-x")));
        imported(import(suite)?.umask(mask), &format!("/ipfs/{cid}"), &one)?;
        imported(import(suite)?.umask(mask).flags(["-x"]), &format!("/ipfs/{cid}"), &other)?;
        same("files without -x", modes(&one, ["a", "below/b"]), [Some(plain); 2])?;
        same("files with -x", modes(&other, ["a", "below/b"]), [Some(executable); 2])?;
        same("directories", modes(&other, ["", "below"]), [Some(executable); 2])?;
    }
    imported(import(suite)?.flags(["-x"]), &format!("/ipfs/{cid}/a"), &to.join("alone"))?;
    same("a file alone", modes(&to, ["alone", "alone"]), [Some(0o755); 2])
}

fn store_26_a_slash_at_the_end_is_a_directory_to_put_it_in(suite: &Suite<'_>) -> Verdict {
    let (node, to) = (suite.node()?, place(suite, "to")?);
    let cid = node.directory([("bin/name", b"x".to_vec())])?;
    let (slash, dot) = (format!("{}/", to.display()), format!("{}/.", to.display()));
    imported(import(suite)?, &format!("/ipfs/{cid}/bin/name"), Path::new(&slash))?;
    imported(import(suite)?, &format!("/ipfs/{cid}/bin"), Path::new(&dot))?;
    same(
        "what is in it",
        tree(&to)?.into_keys().collect::<Vec<_>>(),
        ["bin", "bin/name", "name"].map(String::from).to_vec(),
    )?;
    for missing in ["not/there/", "not/there"] {
        let to = to.join(missing).to_string_lossy().into_owned();
        import(suite)?.flags([&format!("/ipfs/{cid}/bin"), &to]).run()?.refuses(1, "", &to)?;
    }
    same("no directory is made for it", tree(&to)?.len(), 3)
}

fn store_26_what_is_no_ipfs_path_is_a_usage_error(suite: &Suite<'_>) -> Verdict {
    let here = place(suite, "here")?;
    let nowhere = nobody()?;
    for wrong in ["there", "/ipfs/", "/ipfs/nothing", "/tmp/x", "http://gateway.example/ipfs/bafkqaaa"] {
        suite.tool("import").cwd(&here).flags(["--ipfs", &nowhere, wrong]).run()?.refuses(2, "", wrong)?;
    }
    for words in [&[][..], &["/ipfs/bafkqaaa", ""], &["/ipfs/bafkqaaa", "a", "b"]] {
        suite.tool("import").cwd(&here).flags(["--ipfs", &nowhere]).flags(words).run()?.refuses(2, "", "")?;
    }
    same("nothing is written", tree(&here)?.len(), 0)?;
    // An empty file that is all in its CID needs nobody.
    suite.tool("import").cwd(&here).flags(["--ipfs", &nowhere, "/ipfs/bafkqaaa"]).run()?.exits(0)?.is_silent()?;
    same("what is written", tree(&here)?.into_iter().collect::<Vec<_>>(), vec![("bafkqaaa".into(), vec![])])
}

/// UnixFS's message with a mode and a time.
fn dressed(message: Vec<u8>, mode: u64, seconds: u64) -> Vec<u8> {
    let time = [&[8][..], &unixfs::varint(seconds), &[0x15, 0, 0x65, 0xcd, 0x1d]].concat();
    [message, vec![0x38], unixfs::varint(mode), unixfs::field(8, &time)].concat()
}

/// A directory with one below it of files with modes, all of one time. Their path, and what the content says of each.
pub(crate) fn with_modes(node: &Node) -> Verdict<(String, [(&'static str, u32); 6])> {
    let put = |message: Vec<u8>| node.block("dag-pb", "sha2-256", &unixfs::node(&[], &message));
    let of_file = |mode| put(dressed(unixfs::file(b"x", Some(1), &[]), mode, 1_000_000_000));
    let link = linked(&put(dressed(unixfs::symlink("a"), 0o777, 1_000_000_000))?)?;
    let modes = [("a", 0o640), ("b", 0o755), ("c", 0o100_600), ("d", 0o777), ("e", 0o6755), ("f", 0o1644)];
    let mut cids = Vec::new();
    for (_, mode) in modes {
        cids.push(linked(&of_file(u64::from(mode))?)?);
    }
    let mut links: Vec<(&str, &[u8], u64)> =
        modes.iter().zip(&cids).map(|((name, _), cid)| (*name, &cid[..], 0)).collect();
    links.push(("link", &link, 0));
    // A directory that may not be written to has entries all the same, and so has one below it.
    let closed = |links: &[(&str, &[u8], u64)]| {
        let data = dressed(unixfs::directory(), 0o555, 1_000_000_000);
        node.block("dag-pb", "sha2-256", &unixfs::node(links, &data))
    };
    let below = linked(&closed(&links)?)?;
    Ok((format!("/ipfs/{}", closed(&[("below", &below, 0)])?), modes))
}

fn store_32_modes_and_times_are_kept_within_bounds(suite: &Suite<'_>) -> Verdict {
    let to = place(suite, "to")?;
    let judged = modes_and_times(suite, &to);
    // Who isn't root can't clear a directory that may not be written to.
    for closed in ["x", "x/below"] {
        let _ = fs::set_permissions(to.join(closed), fs::Permissions::from_mode(0o755));
    }
    judged
}

fn modes_and_times(suite: &Suite<'_>, to: &Path) -> Verdict {
    let (path, _) = with_modes(suite.node()?)?;
    let at = to.join("x");
    imported(import(suite)?, &path, &at)?;
    let of = |path: &Path| {
        let found = fs::symlink_metadata(path).ok()?;
        Some((found.permissions().mode() & 0o7777, found.mtime(), found.mtime_nsec()))
    };
    let time = |mode: u32| Some((mode, 1_000_000_000, 500_000_000));
    for (name, mode) in
        [("a", 0o640), ("b", 0o755), ("c", 0o600), ("d", 0o755), ("e", 0o755), ("f", 0o644), ("", 0o555)]
    {
        same(format!("mode and time of {name:?}"), of(&at.join("below").join(name)), time(mode))?;
    }
    same("of the root", of(&at), time(0o555))?;
    same("a link's time", of(&at.join("below/link")).map(|found| found.1), Some(1_000_000_000))?;
    // Replaced, nothing of it is left.
    imported(import(suite)?.flags(["--force", "-x"]), &path, &at)?;
    same("with -x", of(&at.join("below/a")), time(0o750))?;
    same("nothing is written beside", fs::read_dir(to)?.count(), 1)
}
