//! Where a fetched file lies, who can reach it, and that it is gone afterwards.

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::sys::signal::Signal;

use crate::cases::ipfs::{SCRIPT, script_of};
use crate::fake::{Fake, before};
use crate::launch::Tmpfs;
use crate::node::Import;
use crate::registry::{Case, case};
use crate::suite::Suite;
use crate::verdict::{Verdict, fail, holds};

pub(crate) const CASES: &[Case] = &[
    case!(ipfs_23_nothing_appears_in_the_callers_folders),
    case!(ipfs_24_nobody_else_can_reach_a_fetched_file),
    case!(ipfs_24_two_runs_at_once_share_nothing),
    case!(ipfs_25_a_fetched_file_is_gone_after_any_end),
    case!(ipfs_25_a_retrieval_that_breaks_off_leaves_nothing),
    case!(ipfs_25_a_signal_in_a_retrieval_leaves_nothing),
    case!(ipfs_25_what_a_killed_host_leaves_is_gone_after_the_next_run).also(&["SIG-06"]),
    case!(ipfs_26_a_full_disk_is_told),
    case!(ipfs_27_a_temporary_directory_that_isnt_there),
    case!(ipfs_27_a_temporary_directory_that_cant_be_written),
    case!(ipfs_27_a_temporary_directory_mounted_without_use),
];

/// The probe by its path in the node.
fn probe(suite: &Suite<'_>) -> Verdict<String> {
    Ok(format!("/ipfs/{}", suite.node()?.add(fs::read(suite.probe())?, Import::default())?))
}

/// Every file below a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => found.extend(files(&entry.path())),
            _ => found.push(entry.path()),
        }
    }
    found
}

fn ipfs_23_nothing_appears_in_the_callers_folders(suite: &Suite<'_>) -> Verdict {
    let run = suite.ww_with_node()?.binary(probe(suite)?, ["wait-then-exit", "0"]).with_input().start()?;
    run.hears("ready", 1)?;
    let there: Vec<PathBuf> = ["cwd", "home"].iter().flat_map(|name| files(&suite.path(name))).collect();
    run.finish()?.exits(0)?;
    holds("nothing in the working directory or home while it runs", there.is_empty(), there)
}

/// Checks that whoever isn't its owner can't get to a file: by its own mode or that of a folder above.
fn is_private(top: &Path, file: &Path) -> Verdict {
    let mode = |path: &Path| -> Verdict<u32> { Ok(fs::symlink_metadata(path)?.permissions().mode()) };
    holds("nobody else can write it", mode(file)? & 0o022 == 0, format!("{}: {:o}", file.display(), mode(file)?))?;
    let readable = mode(file)? & 0o044 != 0;
    let above = file.ancestors().skip(1).take_while(|folder| *folder != top);
    let mut closed = false;
    for folder in above {
        holds("nobody else can change its folder", mode(folder)? & 0o022 == 0, folder)?;
        closed |= mode(folder)? & 0o011 == 0;
    }
    holds("nobody else can read it", closed || !readable, format!("{}: {:o}", file.display(), mode(file)?))
}

fn ipfs_24_nobody_else_can_reach_a_fetched_file(suite: &Suite<'_>) -> Verdict {
    for mask in [0o022, 0] {
        let run = suite.ww_with_node()?.umask(mask).binary(probe(suite)?, ["wait-then-exit", "0"]);
        let run = run.with_input().start()?;
        run.hears("ready", 1)?;
        let tops = ["tmp", "run"].map(|name| suite.path(name));
        let checked = tops.iter().try_for_each(|top| files(top).iter().try_for_each(|file| is_private(top, file)));
        run.finish()?.exits(0)?;
        checked?;
    }
    Ok(())
}

fn ipfs_24_two_runs_at_once_share_nothing(suite: &Suite<'_>) -> Verdict {
    let path = probe(suite)?;
    let start = |code| -> Verdict<_> {
        // What the other one has isn't what this one left: that is looked for in the end.
        let run = suite.ww_with_node()?.may_leave_files().binary(&path, ["wait-then-exit", code]);
        let run = run.with_input().start()?;
        run.hears("ready", 1).map(|()| run)
    };
    let inodes = || -> BTreeSet<u64> {
        let all = ["tmp", "run"].iter().flat_map(|name| files(&suite.path(name)));
        let size = fs::metadata(suite.probe()).map_or(0, |found| found.len());
        all.filter_map(|file| fs::metadata(file).ok()).filter(|found| found.len() == size).map(|it| it.ino()).collect()
    };
    let first = start("3")?;
    let alone = inodes().len();
    let second = start("4")?;
    let both = inodes();
    first.finish()?.exits(3)?;
    // The second still has its own.
    let left = inodes();
    second.finish()?.exits(4)?;
    holds("each has a file of its own, if it has one", both.len() == 2 * alone, &both)?;
    holds("the end of one leaves the other's", left.len() == alone, left)?;
    let rest: Vec<PathBuf> = ["tmp", "run"].iter().flat_map(|name| files(&suite.path(name))).collect();
    holds("nothing is left of both", rest.is_empty(), rest)
}

fn ipfs_25_a_fetched_file_is_gone_after_any_end(suite: &Suite<'_>) -> Verdict {
    let path = probe(suite)?;
    for code in [0, 1, 7, 255] {
        suite.ww_with_node()?.binary(&path, ["exit", &code.to_string()]).run()?.exits(code)?;
    }
    let cid = suite.node()?.add("#!/bin/sh\nkill -KILL $$\n", Import::default())?;
    suite.ww_with_node()?.binary(format!("/ipfs/{cid}"), ["x"]).run()?.exits(128 + 9)?;
    // Fetched, and nothing that can be executed.
    let cid = suite.node()?.add("neither a script nor an ELF program", Import::default())?;
    suite.ww_with_node()?.binary(format!("/ipfs/{cid}"), ["x"]).run()?.exits(126)?;
    for signal in [Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP, Signal::SIGQUIT] {
        let run = suite.ww_with_node()?.binary(&path, ["wait-then-exit", "0"]).with_input().start()?;
        run.hears("ready", 1)?;
        run.signal(signal);
        run.finish()?;
    }
    // What a run left is a leak, which fails the case.
    Ok(())
}

/// The last block of a file of some never comes whole, and then nothing at all: `fault` says how.
fn broken_file(
    suite: &Suite<'_>,
    fault: impl Fn(&mut std::net::TcpStream) -> io::Result<()> + Send + Sync + 'static,
) -> Verdict<(String, Fake)> {
    let node = suite.node()?;
    let mut content = script_of(40_000);
    content.extend_from_slice(b"#the-end\n");
    let import = Import { version: Some(1), chunker: Some("size-4096"), ..Import::default() };
    let path = format!("/ipfs/{}", node.add(content, import)?);
    let fake = before(node, move |_, answer, stream| {
        let bytes = answer.bytes();
        if !answer.has(b"#the-end") {
            return stream.write_all(&bytes);
        }
        stream.write_all(&bytes[..bytes.len() - 5])?;
        fault(stream)
    })?;
    Ok((path, fake))
}

fn ipfs_25_a_retrieval_that_breaks_off_leaves_nothing(suite: &Suite<'_>) -> Verdict {
    let (path, fake) = broken_file(suite, |_| Err(io::ErrorKind::ConnectionAborted.into()))?;
    let run = suite.ww().flags(["--ipfs", &fake.endpoint()]).binary(&path, ["x"]).run()?;
    run.refuses(1, "failed to get IPFS path", &path)?;
    Ok(())
}

fn ipfs_25_a_signal_in_a_retrieval_leaves_nothing(suite: &Suite<'_>) -> Verdict {
    for signal in [Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP, Signal::SIGQUIT] {
        let (tell, told) = std::sync::mpsc::channel();
        let tell = std::sync::Mutex::new(tell);
        let (path, fake) = broken_file(suite, move |stream| {
            tell.lock().unwrap_or_else(std::sync::PoisonError::into_inner).send(()).ok();
            io::copy(stream, &mut io::sink()).map(|_| ())
        })?;
        let run = suite.ww().flags(["--ipfs", &fake.endpoint()]).binary(&path, ["x"]).start()?;
        if told.recv_timeout(suite.patience(Duration::from_secs(30))).is_err() {
            return fail("the last block is asked for", "it isn't");
        }
        run.signal(signal);
        let run = run.finish()?;
        run.nothing_ran()?;
        run.holds("the signal ends it", !run.report.overdue)?;
        run.holds("it doesn't succeed", run.report.code != Some(0))?;
    }
    Ok(())
}

fn ipfs_25_what_a_killed_host_leaves_is_gone_after_the_next_run(suite: &Suite<'_>) -> Verdict {
    let path = probe(suite)?;
    let run = suite.ww_with_node()?.may_leave_files().binary(&path, ["wait-then-exit", "0"]).with_input().start()?;
    run.hears("ready", 1)?;
    run.signal(Signal::SIGKILL);
    run.finish()?;
    suite.ww_with_node()?.binary(&path, ["exit", "0"]).run()?.exits(0)?;
    let left: Vec<PathBuf> = ["tmp", "run", "home", "cwd"].iter().flat_map(|name| files(&suite.path(name))).collect();
    holds("nothing is left of the killed run", left.is_empty(), left)
}

fn tmpfs(suite: &Suite<'_>, bytes: u64) -> Tmpfs {
    Tmpfs { at: suite.path("tmp"), bytes, noexec: false, read_only: false, holds: vec![] }
}

fn ipfs_26_a_full_disk_is_told(suite: &Suite<'_>) -> Verdict {
    let node = suite.node()?;
    for chunker in ["size-4096", "size-1048576"] {
        let import = Import { version: Some(1), chunker: Some(chunker), ..Import::default() };
        let path = format!("/ipfs/{}", node.add(script_of(400_000), import)?);
        let run = suite.ww_with_node()?.tmpfs(tmpfs(suite, 64 << 10)).binary(&path, ["a"]).run()?;
        if run.report.code == Some(0) {
            // It needs no disk.
            run.prints("ran a\n")?.is_silent()?;
            continue;
        }
        run.exits(1)?.nothing_ran()?;
        let line = run.first_line().to_lowercase();
        run.holds(
            "the line of the host says that the disk is full",
            line.starts_with("ww: ") && ["space", "full", "enospc", "quota"].iter().any(|word| line.contains(word)),
        )?;
    }
    Ok(())
}

/// Checks a run with a temporary directory of no use: a local program, then one from IPFS.
fn without_tmp<'a>(
    suite: &'a Suite<'a>,
    spoil: impl Fn(crate::invocation::Invocation<'a>) -> crate::invocation::Invocation<'a>,
) -> Verdict {
    spoil(suite.ww()).probe(["print", "x"]).run()?.exits(0)?.prints("x")?.is_silent()?;
    let path = format!("/ipfs/{}", suite.node()?.add(SCRIPT, Import::default())?);
    let run = spoil(suite.ww_with_node()?).binary(&path, ["a"]).run()?;
    if run.report.code == Some(0) {
        run.prints("ran a\n")?.is_silent()?;
        return Ok(());
    }
    run.exits(1)?.nothing_ran()?;
    let line = run.first_line().to_lowercase();
    let causes = ["read-only", "no such file", "noexec", "permission denied", "not a directory", "tmpdir"];
    run.holds(
        "the line of the host gives the cause",
        line.starts_with("ww: ") && causes.iter().any(|cause| line.contains(cause)),
    )?;
    Ok(())
}

fn ipfs_27_a_temporary_directory_that_isnt_there(suite: &Suite<'_>) -> Verdict {
    without_tmp(suite, |run| run.env("TMPDIR", "/there/is/no/such/folder"))?;
    without_tmp(suite, |run| run.env("TMPDIR", "/dev/null"))
}

fn ipfs_27_a_temporary_directory_that_cant_be_written(suite: &Suite<'_>) -> Verdict {
    // Root, who may write there all the same, just runs.
    let closed = suite.path("files").join("closed");
    fs::create_dir(&closed)?;
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o555))?;
    without_tmp(suite, |run| run.env("TMPDIR", closed.as_os_str().as_encoded_bytes()))
}

fn ipfs_27_a_temporary_directory_mounted_without_use(suite: &Suite<'_>) -> Verdict {
    let whole = 8 << 20;
    without_tmp(suite, |run| run.tmpfs(Tmpfs { read_only: true, ..tmpfs(suite, whole) }))?;
    without_tmp(suite, |run| run.tmpfs(Tmpfs { noexec: true, ..tmpfs(suite, whole) }))
}
