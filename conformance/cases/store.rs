//! The store on the disk, seen from outside: what rots, what is killed, what runs beside each other, what it takes.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::sys::signal::Signal;

use crate::adapter::Caller;
use crate::cases::ipfs::{SCRIPT, nobody, runs};
use crate::cases::sources_store::rots;
use crate::invocation::Invocation;
use crate::node::{Import, Node};
use crate::registry::{Case, case};
use crate::suite::Suite;
use crate::verdict::{Verdict, holds};

pub(crate) const CASES: &[Case] = &[
    case!(store_14_a_rotten_block_is_told_once_and_fetched_again),
    case!(store_14_a_rotten_block_that_nobody_has_is_named),
    case!(store_15_a_host_that_is_killed_leaves_a_store_that_works),
    case!(store_16_many_at_once_share_a_store),
    case!(store_17_what_was_used_longest_ago_makes_room),
    case!(store_18_a_store_that_cant_be_written_is_read),
    case!(store_19_a_store_is_its_users_alone),
];

/// Where the store of a case is.
fn store(suite: &Suite<'_>) -> PathBuf {
    suite.path("data").join("store")
}

/// A run with that store.
fn with_store<'a>(suite: &'a Suite<'a>, endpoint: &str) -> Invocation<'a> {
    suite.ww().env("WW_STORE", store(suite).as_os_str().as_encoded_bytes()).flags(["--ipfs", endpoint])
}

/// A script of some such length that shares no block with any other, in blocks of 64 KiB.
fn script(node: &Node, length: usize, mark: &str) -> Verdict<String> {
    let mut content = SCRIPT.to_owned();
    for line in 0.. {
        content += &format!("# {mark} ({line})\n");
        if content.len() > length {
            break;
        }
    }
    let import = Import { version: Some(1), chunker: Some("size-65536"), ..Import::default() };
    Ok(format!("/ipfs/{}", node.add(content, import)?))
}

/// Every file and folder below one, itself included.
fn all_below(top: &Path) -> Vec<PathBuf> {
    let mut found = vec![top.to_owned()];
    for entry in fs::read_dir(top).into_iter().flatten().flatten() {
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => found.extend(all_below(&entry.path())),
            _ => found.push(entry.path()),
        }
    }
    found
}

fn store_14_a_rotten_block_is_told_once_and_fetched_again(suite: &Suite<'_>) -> Verdict {
    let node = suite.node()?;
    let path = script(node, 200_000, "rotten, fetched again")?;
    runs(with_store(suite, &node.endpoint()), &path)?;
    rots(&store(suite), b"rotten, fetched again (1000)")?;
    let ended = with_store(suite, &node.endpoint()).binary(&path, ["a"]).run()?;
    ended.exits(0)?.prints("ran a\n")?;
    let said = String::from_utf8_lossy(&ended.stderr).into_owned();
    ended.holds("one line names a block and where it was", {
        let place = store(suite).display().to_string();
        said.lines().count() == 1 && said.starts_with("ww: ") && said.contains("bafk") && said.contains(&place)
    })?;
    // Whole again, it says no more, and needs nobody.
    runs(with_store(suite, &nobody()?), &path)
}

fn store_14_a_rotten_block_that_nobody_has_is_named(suite: &Suite<'_>) -> Verdict {
    let node = suite.node()?;
    let path = script(node, 0, "rotten, and gone")?;
    runs(with_store(suite, &node.endpoint()), &path)?;
    rots(&store(suite), b"rotten, and gone (0)")?;
    for _ in 0..2 {
        let ended = with_store(suite, &nobody()?).binary(&path, ["a"]).run()?;
        ended.exits(1)?.nothing_ran()?;
        let said = String::from_utf8_lossy(&ended.stderr).into_owned();
        let failure = said.lines().last().unwrap_or_default();
        ended.holds("its last line is the failure", failure.starts_with("ww: failed to get IPFS path: "))?;
        ended.holds("and names the content", failure.contains(&path))?;
    }
    Ok(())
}

fn store_15_a_host_that_is_killed_leaves_a_store_that_works(suite: &Suite<'_>) -> Verdict {
    let node = suite.node()?;
    // Fetching takes some milliseconds; each is killed a little later than the one before.
    for moment in 0..24u64 {
        let path = script(node, 3_000_000, &format!("killed at {moment}"))?;
        let run = with_store(suite, &node.endpoint()).may_leave_files().binary(&path, ["a"]).start()?;
        // No synchronisation: the moments are what is drawn.
        std::thread::sleep(Duration::from_millis(moment * 4));
        run.signal(Signal::SIGKILL);
        run.finish()?;
        if moment % 6 == 5 {
            runs(with_store(suite, &node.endpoint()), &path)?;
            runs(with_store(suite, &nobody()?), &path)?;
        }
    }
    Ok(())
}

fn store_16_many_at_once_share_a_store(suite: &Suite<'_>) -> Verdict {
    let node = suite.node()?;
    let mut paths = Vec::new();
    for n in 0..3 {
        paths.push(script(node, 1_000_000, &format!("beside others, {n}"))?);
    }
    for _ in 0..3 {
        let mut running = Vec::new();
        for n in 0..9 {
            // What the others have isn't what this one left.
            let run = with_store(suite, &node.endpoint()).may_leave_files();
            running.push(run.binary(&paths[n % 3], ["a"]).start()?);
        }
        for run in running {
            run.finish()?.exits(0)?.prints("ran a\n")?.is_silent()?;
        }
    }
    for path in &paths {
        runs(with_store(suite, &nobody()?), path)?;
    }
    Ok(())
}

/// Bytes of all files below a folder.
fn weight(top: &Path) -> u64 {
    all_below(top).iter().filter_map(|path| fs::metadata(path).ok()).filter(|it| it.is_file()).map(|it| it.len()).sum()
}

fn store_17_what_was_used_longest_ago_makes_room(suite: &Suite<'_>) -> Verdict {
    let node = suite.node()?;
    let limited = |endpoint: &str| with_store(suite, endpoint).env("WW_STORE_LIMIT", "4M");
    let mut paths = Vec::new();
    for n in 0..8 {
        paths.push(script(node, 1_000_000, &format!("one of many, {n}"))?);
        runs(limited(&node.endpoint()), &paths[n])?;
        // The first is used all the time.
        runs(limited(&nobody()?), &paths[0])?;
        let size = weight(&store(suite));
        holds("the store stays below its limit", size <= 4 << 20, size)?;
    }
    runs(limited(&nobody()?), &paths[7])?;
    let gone = limited(&nobody()?).binary(&paths[1], ["x"]).run()?;
    gone.refuses(1, "failed to get IPFS path", &paths[1])?;
    Ok(())
}

fn store_18_a_store_that_cant_be_written_is_read(suite: &Suite<'_>) -> Verdict {
    let node = suite.node()?;
    let (there, other) = (script(node, 200_000, "there")?, script(node, 200_000, "not there")?);
    // Its temporary files too lie where an ordinary user may write.
    let run = |endpoint: &str| {
        let tmp = suite.path("data");
        with_store(suite, endpoint).env("TMPDIR", tmp.as_os_str().as_encoded_bytes()).by(Caller::Ordinary)
    };
    runs(run(&node.endpoint()), &there)?;
    let folders: Vec<PathBuf> = all_below(&store(suite)).into_iter().filter(|path| path.is_dir()).collect();
    for folder in &folders {
        fs::set_permissions(folder, fs::Permissions::from_mode(0o500))?;
    }
    let ended = [(&there, nobody()?), (&other, node.endpoint())]
        .map(|(path, endpoint)| run(&endpoint).binary(path, ["a"]).run());
    for folder in &folders {
        fs::set_permissions(folder, fs::Permissions::from_mode(0o700))?;
    }
    let [there, other] = ended;
    there?.exits(0)?.prints("ran a\n")?;
    let other = other?;
    other.exits(0)?.prints("ran a\n")?;
    other.holds("it is said once at most", String::from_utf8_lossy(&other.stderr).lines().count() <= 1)?;
    Ok(())
}

fn store_19_a_store_is_its_users_alone(suite: &Suite<'_>) -> Verdict {
    let node = suite.node()?;
    for mask in [0o022, 0] {
        let path = script(node, 200_000, &format!("mine, {mask}"))?;
        runs(with_store(suite, &node.endpoint()).umask(mask), &path)?;
        let top = store(suite);
        let mode = fs::metadata(&top)?.permissions().mode();
        holds("nobody else can go into it", mode & 0o077 == 0, format!("{mode:o}"))?;
        for path in all_below(&top) {
            let mode = fs::symlink_metadata(&path)?.permissions().mode();
            holds("nobody else can write in it", mode & 0o022 == 0, format!("{}: {mode:o}", path.display()))?;
        }
    }
    Ok(())
}
