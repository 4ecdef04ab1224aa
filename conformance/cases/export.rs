//! `ww export`: what becomes of files and directories, what it prints of them, and where they go.

use std::fs;
use std::io::{Seek, Write};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

use nix::sys::stat::Mode;
use nix::unistd::mkfifo;

use crate::cases::ipfs::runs;
use crate::ended::Ended;
use crate::invocation::Invocation;
use crate::node::Import;
use crate::registry::{Case, case};
use crate::suite::Suite;
use crate::verdict::{Stop, Verdict, fail, holds, same};

pub(crate) const CASES: &[Case] = &[
    case!(store_01_what_is_exported_runs),
    case!(store_07_a_file_has_kubos_cid_in_both_profiles),
    case!(store_07_a_directory_has_kubos_cid_in_both_profiles),
    case!(store_07_a_large_directory_is_sharded_as_kubo_does),
    case!(store_08_a_directory_is_taken_whole),
    case!(store_08_what_is_no_file_is_named),
    case!(store_25_what_cant_be_read_whole_fails),
];

/// Where both an export and a run have their store.
pub(crate) fn store<'a>(suite: &Suite<'_>, run: Invocation<'a>) -> Invocation<'a> {
    run.env("WW_STORE", suite.path("data").join("store").as_os_str().as_encoded_bytes())
}

/// An export that asks no daemon.
pub(crate) fn export<'a>(suite: &'a Suite<'a>) -> Invocation<'a> {
    store(suite, suite.tool("export")).flags(["--offline"])
}

/// The paths that an export prints, and nothing else, and says nothing.
pub(crate) fn printed(ended: &Ended) -> Verdict<Vec<String>> {
    ended.exits(0)?;
    let text = String::from_utf8_lossy(&ended.stdout).into_owned();
    let lines: Vec<String> = text.lines().map(str::to_owned).collect();
    let path = |line: &String| {
        let cid = line.strip_prefix("/ipfs/").unwrap_or_default();
        !cid.is_empty() && cid.bytes().all(|byte| byte.is_ascii_alphanumeric())
    };
    ended.holds("standard output is /ipfs/<cid> a line", text.ends_with('\n') && lines.iter().all(path))?;
    Ok(lines)
}

/// The one path of an export that succeeds.
pub(crate) fn one(run: Invocation<'_>) -> Verdict<String> {
    let ended = run.run()?;
    match &printed(&ended)?[..] {
        [path] => Ok(path.clone()),
        lines => fail("one line", format!("{}", lines.len())),
    }
}

/// A path that isn't there yet, among the files of the case.
pub(crate) fn at(suite: &Suite<'_>, name: &str) -> PathBuf {
    suite.path("files").join(name)
}

/// Bytes of which no two parts are the same.
pub(crate) fn bytes(length: usize) -> Vec<u8> {
    let mut state = 1u32;
    let step = |_| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    (0..length).map(step).collect()
}

pub(crate) fn word(path: &Path) -> &[u8] {
    path.as_os_str().as_encoded_bytes()
}

/// A directory with one of each that can be exported, and odd names.
pub(crate) fn tree(suite: &Suite<'_>, name: &str) -> Verdict<PathBuf> {
    let top = at(suite, name);
    fs::create_dir_all(top.join("sub/deep"))?;
    fs::create_dir(top.join("empty"))?;
    fs::write(top.join("a"), "hi\n")?;
    fs::write(top.join(".hidden"), "dot\n")?;
    fs::write(top.join("sub/.dot"), "dot\n")?;
    fs::write(top.join("sub/deep/b c%41"), "x")?;
    fs::write(top.join("日本"), "")?;
    symlink("a", top.join("link"))?;
    symlink("../nowhere", top.join("sub/dangling"))?;
    fs::set_permissions(top.join("a"), fs::Permissions::from_mode(0o755))?;
    Ok(top)
}

/// What `ipfs add -r -Q -H` of Kubo 0.43.0 gives for [`tree`], after `ipfs init --profile` of each.
const TREE: [(&str, &str); 2] = [("unixfs-v1-2025", TREE_V1), ("unixfs-v0-2015", TREE_V0)];
const TREE_V1: &str = "bafybeic4julmiju3g4ycixq5t6wjykzrkmmwbhkbtzau3645tm2xlwxieu";
const TREE_V0: &str = "QmQfu2fVFddJdo2KZLZS4hEfmKPHxPJ61Zn3Npr2kXjXMu";

/// What `ipfs add -r -Q` of Kubo 0.43.0 gives for directories at the threshold and one byte above.
const MANY_V1: [&str; 2] = [
    "bafybeicveixuifizb4qr7hxrzl7wwpywjepxdttisd6bingqvra7obgcx4",
    "bafybeihvjss4brfqeq6lbsrbhkbqmhggne3jj7xhhjzlicct4rwso7c2nu",
];
const MANY_V0: [&str; 2] =
    ["QmaXVduPXb8MRthXjdr88FLhMnNYQXW2VBurX8941jvA5n", "QmfHNN9YMvowvwtsGZ7iyEgv3sAk75hkEaJqWDtz2CrP6g"];

fn store_01_what_is_exported_runs(suite: &Suite<'_>) -> Verdict {
    let script = suite.program("script", "#!/bin/sh\necho ran $*\n")?;
    let path = one(export(suite).flags([word(&script)]))?;
    runs(store(suite, suite.ww()).flags(["--ipfs", &super::ipfs::nobody()?]), &path)
}

fn store_07_a_file_has_kubos_cid_in_both_profiles(suite: &Suite<'_>) -> Verdict {
    let node = suite.node()?;
    let v1 = Import { version: Some(1), raw_leaves: Some(true), chunker: Some("size-1048576"), ..Import::default() };
    let v0 = Import { version: Some(0), raw_leaves: Some(false), chunker: Some("size-262144"), ..Import::default() };
    let (k256, mib) = (256 << 10, 1 << 20);
    for length in [0, 1, k256 - 1, k256, k256 + 1, mib - 1, mib, mib + 1, 5 * mib + 3] {
        let content = bytes(length);
        let file = at(suite, &format!("file-{length}"));
        fs::write(&file, &content)?;
        for (profile, import) in [("unixfs-v1-2025", v1), ("unixfs-v0-2015", v0)] {
            let wanted = format!("/ipfs/{}", node.add(content.clone(), import)?);
            let got = one(export(suite).flags(["--profile", profile]).flags([word(&file)]))?;
            same(format!("{length} bytes in {profile}"), got, wanted)?;
        }
    }
    // A file with holes is as one of zeros.
    let mut sparse = suite.file("sparse", "begin")?;
    sparse.seek(std::io::SeekFrom::Start(3 * mib as u64 + 7))?;
    sparse.write_all(b"end")?;
    let content = fs::read(at(suite, "sparse"))?;
    let got = one(export(suite).flags([word(&at(suite, "sparse"))]))?;
    same("with a hole", got, format!("/ipfs/{}", node.add(content, v1)?))
}

fn store_07_a_directory_has_kubos_cid_in_both_profiles(suite: &Suite<'_>) -> Verdict {
    let top = tree(suite, "tree")?;
    for (profile, cid) in TREE {
        let got = one(export(suite).flags(["--profile", profile]).flags([word(&top)]))?;
        same(profile, got, format!("/ipfs/{cid}"))?;
    }
    same("without --profile", one(export(suite).flags([word(&top)]))?, format!("/ipfs/{TREE_V1}"))
}

fn store_07_a_large_directory_is_sharded_as_kubo_does(suite: &Suite<'_>) -> Verdict {
    // By IPIP-499, 4,765 names of 11 bytes and one of 21 are a block of 262,144 bytes, the most that isn't
    // sharded; by the other estimate, 4,096 names of 30 bytes are as much.
    let file = at(suite, "x");
    fs::write(&file, "x")?;
    for (profile, files, name, lasts) in [
        ("unixfs-v1-2025", 4_766, 11, &[(21, MANY_V1[0]), (22, MANY_V1[1])][..]),
        ("unixfs-v0-2015", 4_096, 30, &[(30, MANY_V0[0])]),
        ("unixfs-v0-2015", 4_033, 31, &[(31, MANY_V0[1])]),
    ] {
        let top = at(suite, &format!("many-{files}"));
        fs::create_dir(&top)?;
        let named = |number: usize, length: usize| top.join(format!("{number:0length$}"));
        // Names of one file: thousands of files take long.
        (0..files).try_for_each(|number| fs::hard_link(&file, named(number, name)))?;
        let mut last = name;
        for (length, cid) in lasts {
            fs::rename(named(files - 1, last), named(files - 1, *length))?;
            last = *length;
            let got = one(suite.tool("export").flags(["--only-hash", "--profile", profile]).flags([word(&top)]))?;
            same(format!("{files} entries in {profile}, the last of {last} bytes"), got, format!("/ipfs/{cid}"))?;
        }
        fs::remove_dir_all(&top)?;
    }
    Ok(())
}

fn store_08_a_directory_is_taken_whole(suite: &Suite<'_>) -> Verdict {
    let top = tree(suite, "tree")?;
    let whole = one(export(suite).flags([word(&top)]))?;
    same("the whole tree", &whole, &format!("/ipfs/{TREE_V1}"))?;
    for gone in [".hidden", "sub/.dot", "link", "sub/dangling"] {
        let copy = tree(suite, &gone.replace('/', "-"))?;
        fs::remove_file(copy.join(gone))?;
        let without = one(export(suite).flags([word(&copy)]))?;
        holds(format!("{gone} counts"), without != whole, &without)?;
    }
    let copy = tree(suite, "no-empty")?;
    fs::remove_dir(copy.join("empty"))?;
    let without = one(export(suite).flags([word(&copy)]))?;
    holds("an empty directory counts", without != whole, &without)
}

fn store_08_what_is_no_file_is_named(suite: &Suite<'_>) -> Verdict {
    let top = tree(suite, "tree")?;
    let odd = top.join("sub/odd-one");
    mkfifo(&odd, Mode::S_IRWXU)?;
    for kind in ["fifo", "socket"] {
        let ended = export(suite).flags([word(&top)]).run()?;
        ended.exits(1)?.nothing_ran()?;
        let line = ended.first_line();
        ended.holds(format!("it names the {kind}"), line.contains("odd-one") && line.contains(kind))?;
        fs::remove_file(&odd)?;
        if kind == "fifo" {
            UnixListener::bind(&odd)?;
        }
    }
    one(export(suite).flags([word(&top)])).map(drop)
}

fn store_25_what_cant_be_read_whole_fails(suite: &Suite<'_>) -> Verdict {
    let gone = at(suite, "gone");
    let run = export(suite).flags([word(&gone)]).run()?;
    run.exits(1)?.nothing_ran()?;
    run.holds("it names what isn't there", run.first_line().contains("gone"))?;
    // A tree with a file in it that says it has more than it has.
    let top = tree(suite, "tree")?;
    let long = Path::new("/sys/kernel/notes");
    let lying = Path::new("/sys/kernel/mm/transparent_hugepage/enabled");
    let Some(lying) = [lying, Path::new("/sys/kernel/uevent_seqnum"), long].into_iter().find(|path| path.exists())
    else {
        return Err(Stop::NotVerifiable("no file in /sys declares another size than it has".into()));
    };
    let (declared, has) = (fs::metadata(lying)?.len(), fs::read(lying)?.len() as u64);
    if declared <= has {
        return Err(Stop::NotVerifiable(format!("{} has the size that it declares", lying.display())));
    }
    let good = one(export(suite).flags([word(&top)]))?;
    let run = export(suite).flags([word(&top), word(lying), word(&top)]).run()?;
    run.exits(1)?;
    let name = lying.file_name().unwrap_or_default().to_string_lossy();
    run.holds("it names it", run.first_line().contains(&*name))?;
    run.same("standard output", String::from_utf8_lossy(&run.stdout).into_owned(), format!("{good}\n")).map(drop)
}
