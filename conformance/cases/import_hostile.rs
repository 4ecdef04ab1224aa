//! `ww import` of what is broken, ends early, or is made to hurt: nothing half written, nothing elsewhere, nothing left.

use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use nix::sys::signal::Signal;

use crate::adapter::Caller;
use crate::cases::import::{import, imported, place, tree};
use crate::cases::ipfs::script_of;
use crate::cases::ipfs_faults::hasty;
use crate::cases::ipfs_kinds::linked;
use crate::fake::{Fake, Fault, before, broken_daemon};
use crate::launch::Tmpfs;
use crate::node::{Import, Node, unixfs};
use crate::registry::{Case, case};
use crate::suite::Suite;
use crate::verdict::{Verdict, holds, same};

pub(crate) const CASES: &[Case] = &[
    case!(store_11_a_transfer_that_breaks_leaves_nothing),
    case!(store_11_a_full_disk_leaves_nothing),
    case!(store_11_a_place_that_cant_be_written_is_told),
    case!(store_28_names_that_lead_elsewhere_are_refused),
    case!(store_28_what_is_no_file_is_refused),
    case!(store_29_links_are_written_and_not_followed),
    case!(store_30_a_signal_leaves_nothing),
    case!(store_30_what_a_killed_import_left_goes_with_the_next),
];

pub(crate) const PHRASE: &str = "failed to get IPFS path";

/// A directory of this many files, none like another.
pub(crate) fn many(node: &Node, files: usize, mark: &str) -> Verdict<String> {
    let files = (0..files).map(|n| (format!("d{}/f{n}", n % 3), format!("{mark} {n}\n").repeat(300).into_bytes()));
    Ok(format!("/ipfs/{}", node.directory(files)?))
}

/// A daemon that fails all requests for content but the first so many.
pub(crate) fn ending(node: &Node, most: usize) -> Verdict<Fake> {
    let asked = AtomicUsize::new(0);
    Ok(before(node, move |request, answer, stream| {
        if request.is_for_content() && asked.fetch_add(1, Ordering::Relaxed) >= most {
            return stream.write_all(b"HTTP/1.1 500 No\r\nContent-Length: 2\r\n\r\nno");
        }
        stream.write_all(&answer.bytes())
    })?)
}

fn store_11_a_transfer_that_breaks_leaves_nothing(suite: &Suite<'_>) -> Verdict {
    let (node, to) = (suite.node()?, place(suite, "to")?);
    let path = many(node, 20, "breaks")?;
    let at = to.join("x").to_string_lossy().into_owned();
    for most in [0, 1, 3, 6, 12, 20] {
        let daemon = ending(node, most)?.endpoint();
        let run = hasty(suite, suite.tool("import")).flags(["--ipfs", &daemon, &path, &at]).run()?;
        run.refuses(1, PHRASE, &path)?;
        same(format!("what is left after {most} blocks"), tree(&to)?.len(), 0)?;
    }
    let parts = Import { version: Some(1), chunker: Some("size-4096"), ..Import::default() };
    let file = format!("/ipfs/{}", node.add(script_of(100_000), parts)?);
    for fault in [Fault::Flipped, Fault::CutInBlock, Fault::CutAtEdge, Fault::Stall] {
        let daemon = broken_daemon(node, fault)?.endpoint();
        let run = hasty(suite, suite.tool("import")).flags(["--ipfs", &daemon, &file, &at]).run()?;
        run.refuses(1, PHRASE, &file)?;
        same(format!("what is left with {fault:?}"), tree(&to)?.len(), 0)?;
    }
    Ok(())
}

fn store_11_a_full_disk_leaves_nothing(suite: &Suite<'_>) -> Verdict {
    let node = suite.node()?;
    let parts = Import { version: Some(1), chunker: Some("size-65536"), ..Import::default() };
    let file = format!("/ipfs/{}", node.add(script_of(1_000_000), parts)?);
    let at = suite.path("tmp");
    for path in [file, many(node, 100, "full disk")?] {
        let tmpfs = Tmpfs { at: at.clone(), bytes: 256 << 10, noexec: false, read_only: false, holds: vec![] };
        // What is left there is a leftover of the run, as everything in its temporary directory.
        let target = at.join("x").to_string_lossy().into_owned();
        let run = import(suite)?.tmpfs(tmpfs).flags([&path, &target]).run()?;
        run.refuses(1, "", &target)?;
        let line = run.first_line().to_lowercase();
        run.holds("the line says why", ["space", "full"].iter().any(|word| line.contains(word)))?;
    }
    Ok(())
}

fn store_11_a_place_that_cant_be_written_is_told(suite: &Suite<'_>) -> Verdict {
    let to = place(suite, "to")?;
    let path = many(suite.node()?, 3, "closed")?;
    fs::set_permissions(&to, fs::Permissions::from_mode(0o555))?;
    let target = to.join("x").to_string_lossy().into_owned();
    let run = import(suite)?.by(Caller::Ordinary).flags([&path, &target]).run()?;
    run.refuses(1, "", &target)?.holds("the line says why", run.first_line().contains("denied"))?;
    fs::write(suite.path("files").join("file"), "x")?;
    let target = suite.path("files").join("file/x").to_string_lossy().into_owned();
    import(suite)?.flags([&path, &target]).run()?.refuses(1, "", &target)?;
    same("nothing is written", tree(&to)?.len(), 0)
}

/// A directory with entries of these names, all one file.
pub(crate) fn named(node: &Node, names: &[&str]) -> Verdict<String> {
    let file = linked(&node.add("planted\n", Import { version: Some(1), ..Import::default() })?)?;
    let links: Vec<(&str, &[u8], u64)> = names.iter().map(|name| (*name, &file[..], 8)).collect();
    node.block("dag-pb", "sha2-256", &unixfs::node(&links, &unixfs::directory()))
}

fn store_28_names_that_lead_elsewhere_are_refused(suite: &Suite<'_>) -> Verdict {
    let (node, to) = (suite.node()?, place(suite, "to")?);
    fs::create_dir(to.join("other"))?;
    let before = tree(&to)?;
    let outside = suite.path("files").join("planted");
    let (long, longer) = ("x".repeat(256), "x".repeat(4096));
    let absolute = outside.to_string_lossy().into_owned();
    let bad =
        ["", ".", "..", "/", "a/b", "../planted", "../../planted", "../other/x", &absolute, "a\0b", &long, &longer];
    let mut roots = Vec::new();
    for name in bad {
        roots.push(named(node, &["a", name])?);
    }
    roots.push(named(node, &["a", "twice", "twice"])?);
    for root in &roots {
        // By itself, and below another.
        let links = [("good", &linked(root)?[..], 0)];
        let above = node.block("dag-pb", "sha2-256", &unixfs::node(&links, &unixfs::directory()))?;
        for path in [format!("/ipfs/{root}"), format!("/ipfs/{above}")] {
            let at = to.join("x").to_string_lossy().into_owned();
            import(suite)?.flags([&path, &at]).run()?.refuses(1, PHRASE, &path)?;
            holds("nothing is written", tree(&to)? == before && !outside.exists(), &path)?;
        }
    }
    Ok(())
}

fn store_28_what_is_no_file_is_refused(suite: &Suite<'_>) -> Verdict {
    let (node, to) = (suite.node()?, place(suite, "to")?);
    let cbor = node.block("dag-cbor", "sha2-256", &[0xa0])?;
    let bare = node.block("dag-pb", "sha2-256", &unixfs::node(&[], b"not UnixFS"))?;
    let at = to.join("x").to_string_lossy().into_owned();
    for odd in [cbor, bare] {
        let links = [("odd", &linked(&odd)?[..], 0)];
        let above = node.block("dag-pb", "sha2-256", &unixfs::node(&links, &unixfs::directory()))?;
        for path in [format!("/ipfs/{odd}"), format!("/ipfs/{above}")] {
            import(suite)?.flags([&path, &at]).run()?.refuses(1, "unexpected node type", &path)?;
            same("nothing is written", tree(&to)?.len(), 0)?;
        }
    }
    Ok(())
}

fn store_29_links_are_written_and_not_followed(suite: &Suite<'_>) -> Verdict {
    let (node, to) = (suite.node()?, place(suite, "to")?);
    fs::create_dir(to.join("other"))?;
    let file = linked(&node.add("planted\n", Import { version: Some(1), ..Import::default() })?)?;
    let below = [("planted", &file[..], 8)];
    let below = linked(&node.block("dag-pb", "sha2-256", &unixfs::node(&below, &unixfs::directory()))?)?;
    let out = to.join("other").to_string_lossy().into_owned();
    for target in ["../other", &out, "."] {
        let link = linked(&node.block("dag-pb", "sha2-256", &unixfs::node(&[], &unixfs::symlink(target)))?)?;
        // A link, and entries behind it by the same name: as a link first, as a directory first.
        for links in [[("a", &link[..], 0), ("a", &below[..], 0)], [("a", &below[..], 0), ("a", &link[..], 0)]] {
            let root = node.block("dag-pb", "sha2-256", &unixfs::node(&links, &unixfs::directory()))?;
            let path = format!("/ipfs/{root}");
            let at = to.join("x").to_string_lossy().into_owned();
            import(suite)?.flags([&path, &at]).run()?.refuses(1, PHRASE, &path)?;
            same("what is there", tree(&to)?.into_keys().collect::<Vec<_>>(), vec!["other".to_owned()])?;
        }
        let links = [("a", &link[..], 0), ("b", &below[..], 0)];
        let root = node.block("dag-pb", "sha2-256", &unixfs::node(&links, &unixfs::directory()))?;
        imported(import(suite)?, &format!("/ipfs/{root}"), &to.join("x"))?;
        same("where it points", fs::read_link(to.join("x/a")).ok(), Some(Path::new(target).to_owned()))?;
        fs::remove_dir_all(to.join("x"))?;
        same("what it points at", tree(&to.join("other"))?.len(), 0)?;
    }
    Ok(())
}

/// A daemon that falls silent after so many blocks, and says that it has.
pub(crate) fn falling_silent(node: &Node, most: usize) -> Verdict<(Fake, std::sync::Arc<AtomicUsize>)> {
    let asked = std::sync::Arc::new(AtomicUsize::new(0));
    let seen = asked.clone();
    let fake = before(node, move |request, answer, stream| {
        if request.is_for_content() && asked.fetch_add(1, Ordering::SeqCst) >= most {
            std::io::copy(stream, &mut std::io::sink())?;
            return Err(std::io::ErrorKind::ConnectionAborted.into());
        }
        stream.write_all(&answer.bytes())
    })?;
    Ok((fake, seen))
}

/// Waits until more was asked for. By the fake's count, not by time alone: who waits for the next block is in the midst.
pub(crate) fn until_asked(suite: &Suite<'_>, asked: &AtomicUsize, most: usize) {
    let end = std::time::Instant::now() + suite.patience(Duration::from_secs(20));
    while asked.load(Ordering::SeqCst) <= most && std::time::Instant::now() < end {
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Starts an import that waits in its midst.
fn midway<'a>(suite: &'a Suite<'a>, path: &str, to: &Path, signal: Signal) -> Verdict<crate::ended::Ended> {
    let (daemon, asked) = falling_silent(suite.node()?, 12)?;
    let run = suite.tool("import").may_leave_files().flags(["--ipfs", &daemon.endpoint(), path]);
    let run = run.flags([to.join("x").as_os_str().as_encoded_bytes()]).start()?;
    until_asked(suite, &asked, 12);
    run.signal(signal);
    run.finish()
}

fn store_30_a_signal_leaves_nothing(suite: &Suite<'_>) -> Verdict {
    let to = place(suite, "to")?;
    let path = many(suite.node()?, 40, "signals")?;
    for signal in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP] {
        midway(suite, &path, &to, signal)?.exits(128 + signal as i32)?.prints("")?;
        same(format!("what is left after {signal}"), tree(&to)?.len(), 0)?;
    }
    Ok(())
}

fn store_30_what_a_killed_import_left_goes_with_the_next(suite: &Suite<'_>) -> Verdict {
    let to = place(suite, "to")?;
    let path = many(suite.node()?, 40, "killed")?;
    for _ in 0..2 {
        midway(suite, &path, &to, Signal::SIGKILL)?;
        holds("nothing is at the target", !to.join("x").exists(), "something is")?;
    }
    fs::write(to.join("mine"), "mine")?;
    imported(import(suite)?, &path, &to.join("x"))?;
    let mut found: Vec<_> = fs::read_dir(&to)?.flatten().map(|entry| entry.file_name()).collect();
    found.sort();
    same("what is there", found, ["mine", "x"].map(Into::into).to_vec())?;
    same("all of it", tree(&to.join("x"))?.len(), 43)
}
