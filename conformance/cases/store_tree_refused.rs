//! Trees of IPFS's that aren't shown, and what a cell can't do with those that are.

use std::fs;

use nix::sys::signal::Signal;

use crate::cases::import_hostile::{PHRASE, ending, falling_silent, many, named, until_asked};
use crate::cases::ipfs::{nobody, script_of};
use crate::cases::ipfs_faults::hasty;
use crate::cases::ipfs_kinds::linked;
use crate::cases::sources_store::{failing, in_store, rots};
use crate::cases::store_tree::{CALLERS, deed, shell, small};
use crate::fake::{Fault, broken_daemon};
use crate::invocation::Invocation;
use crate::node::{Import, unixfs};
use crate::registry::{Case, case};
use crate::suite::Suite;
use crate::verdict::{Verdict, holds, same};

pub(crate) const CASES: &[Case] = &[
    case!(store_51_a_tree_that_doesnt_come_whole_is_no_tree),
    case!(store_51_a_rotten_block_is_met),
    case!(store_51_names_that_lead_elsewhere_are_refused),
    case!(store_51_what_is_no_file_and_no_directory_is_refused),
    case!(store_51_all_files_together_have_a_limit),
    case!(store_51_a_place_that_is_none_is_told_before),
    case!(store_51_a_signal_leaves_nothing),
    case!(store_51_what_a_killed_run_left_goes_with_the_next),
    case!(store_52_nobody_writes_to_it),
    case!(store_52_rw_is_a_usage_error),
];

/// A run that is to be refused for its tree, and leaves nothing.
fn refused(run: Invocation<'_>, grant: &str, phrase: &str, what: &str) -> Verdict {
    let run = run.flags(["--ro", grant]).probe(["exit", "0"]).run()?;
    run.refuses(1, phrase, what)?.nothing_ran()?;
    Ok(())
}

fn store_51_a_tree_that_doesnt_come_whole_is_no_tree(suite: &Suite<'_>) -> Verdict {
    let node = suite.node()?;
    let path = many(node, 20, "breaks")?;
    let grant = format!("{path}:/given");
    for most in [0, 1, 3, 6, 12, 20] {
        let daemon = ending(node, most)?.endpoint();
        refused(hasty(suite, suite.ww().flags(["--ipfs", &daemon])), &grant, PHRASE, &path)?;
    }
    let parts = Import { version: Some(1), chunker: Some("size-4096"), ..Import::default() };
    let file = linked(&node.add(script_of(100_000), parts)?)?;
    let root = unixfs::node(&[("file", &file[..], 0)], &unixfs::directory());
    let path = format!("/ipfs/{}", node.block("dag-pb", "sha2-256", &root)?);
    for fault in [Fault::Flipped, Fault::CutInBlock, Fault::CutAtEdge, Fault::Stall] {
        let daemon = broken_daemon(node, fault)?.endpoint();
        let run = hasty(suite, suite.ww().flags(["--ipfs", &daemon]));
        refused(run, &format!("{path}:/given"), PHRASE, &path)?;
    }
    let missing = format!("{path}/other");
    refused(suite.ww_with_node()?, &format!("{missing}:/given"), PHRASE, &missing)?;
    let upwards = format!("{path}/../x");
    refused(suite.ww_with_node()?, &format!("{upwards}:/given"), PHRASE, &upwards)
}

fn store_51_a_rotten_block_is_met(suite: &Suite<'_>) -> Verdict {
    let node = suite.node()?;
    let mark = b"#rotten-mark";
    let mut content = script_of(3_000);
    content[1_000..1_000 + mark.len()].copy_from_slice(mark);
    let path = format!("/ipfs/{}", node.directory([("a", b"a".to_vec()), ("below/b", content)])?);
    let grant = format!("{path}:/given");
    let run = || -> Verdict<_> { Ok(in_store(suite, "store")?.flags(["--ro", &grant])) };
    run()?.flags(["--ipfs", &node.endpoint()]).probe(["exit", "3"]).run()?.exits(3)?;
    rots(&suite.path("data").join("store"), mark)?;
    let again = run()?.flags(["--ipfs", &nobody()?]).probe(["exit", "3"]).run()?;
    again.exits(1)?.nothing_ran()?;
    // A daemon that has it makes it whole again.
    let again = run()?.flags(["--ipfs", &node.endpoint()]).probe(["read", "/given/a"]).run()?;
    again.same("what is there", again.deed()?, Ok("a".into()))?;
    Ok(())
}

fn store_51_names_that_lead_elsewhere_are_refused(suite: &Suite<'_>) -> Verdict {
    let node = suite.node()?;
    let outside = suite.path("files").join("planted");
    let (long, absolute) = ("x".repeat(256), outside.to_string_lossy().into_owned());
    for name in ["", ".", "..", "a/b", "../../planted", &absolute, "a\0b", &long] {
        let root = named(node, &["a", name])?;
        let links = [("good", &linked(&root)?[..], 0)];
        let above = node.block("dag-pb", "sha2-256", &unixfs::node(&links, &unixfs::directory()))?;
        for path in [format!("/ipfs/{root}"), format!("/ipfs/{above}")] {
            refused(suite.ww_with_node()?, &format!("{path}:/given"), PHRASE, &path)?;
            holds("nothing is written", !outside.exists(), &path)?;
        }
    }
    Ok(())
}

fn store_51_what_is_no_file_and_no_directory_is_refused(suite: &Suite<'_>) -> Verdict {
    let node = suite.node()?;
    let secret = suite.path("files").join("secret");
    fs::write(&secret, "secret")?;
    let link = unixfs::node(&[], &unixfs::symlink(&secret.to_string_lossy()));
    let link = node.block("dag-pb", "sha2-256", &link)?;
    let cbor = node.block("dag-cbor", "sha2-256", &[0xa0])?;
    let links = [("odd", &linked(&cbor)?[..], 0)];
    let above = node.block("dag-pb", "sha2-256", &unixfs::node(&links, &unixfs::directory()))?;
    // A link at the top would show what it leads to, and that is the host's.
    for path in [format!("/ipfs/{link}"), format!("/ipfs/{cbor}"), format!("/ipfs/{above}")] {
        refused(suite.ww_with_node()?, &format!("{path}:/given"), "unexpected node type", &path)?;
    }
    Ok(())
}

fn store_51_all_files_together_have_a_limit(suite: &Suite<'_>) -> Verdict {
    let node = suite.node()?;
    let path = format!("/ipfs/{}", node.directory([("a", vec![b'a'; 600]), ("below/b", vec![b'b'; 424])])?);
    let grant = format!("{path}:/given");
    let run = |most: &str| -> Verdict<_> { Ok(suite.ww_with_node()?.flags(["--max-size", most])) };
    run("1K")?.flags(["--ro", &grant]).probe(["exit", "3"]).run()?.exits(3)?;
    refused(run("1023")?, &grant, PHRASE, &path)?;
    // More bytes than there are disks, in a few blocks.
    let size = 1 << 50;
    let leaf = linked(&node.add("x", Import { version: Some(1), ..Import::default() })?)?;
    let file = unixfs::node(&[("", &leaf, size)], &unixfs::file(b"", Some(size), &[size]));
    let path = format!("/ipfs/{}", node.block("dag-pb", "sha2-256", &file)?);
    refused(suite.ww_with_node()?, &format!("{path}:/given"), PHRASE, &path)
}

fn store_51_a_place_that_is_none_is_told_before(suite: &Suite<'_>) -> Verdict {
    let daemon = failing()?;
    let cid = small(suite.node()?)?;
    for (grant, what) in [
        (format!("/ipfs/{cid}:/proc/x"), "/proc"),
        (format!("/ipfs/{cid}:/usr"), "/usr"),
        (format!("/ipfs/{cid}:x"), ""),
    ] {
        let run = suite.ww().flags(["--ipfs", &daemon.endpoint(), "--ro", &grant]).probe(["exit", "0"]).run()?;
        run.refuses(2, "", what)?;
    }
    let two = [format!("/ipfs/{cid}:/given"), format!("/ipfs/{cid}/inner:/given/inner")];
    let run = suite.ww().flags(["--ipfs", &daemon.endpoint(), "--ro", &two[0], "--ro", &two[1]]);
    run.probe(["exit", "0"]).run()?.refuses(2, "", "/given")?;
    holds("nobody is asked", daemon.connections() == 0, daemon.targets())
}

fn store_51_what_a_killed_run_left_goes_with_the_next(suite: &Suite<'_>) -> Verdict {
    let node = suite.node()?;
    let path = many(node, 40, "tree killed")?;
    let run = |endpoint: &str| suite.ww().flags(["--ipfs", endpoint, "--ro", &format!("{path}:/given")]);
    let left =
        || -> Verdict<Vec<_>> { Ok(fs::read_dir(suite.path("tmp"))?.flatten().map(|one| one.file_name()).collect()) };
    // In the midst of the fetch, and with all of it there.
    let (daemon, asked) = falling_silent(node, 12)?;
    let begun = run(&daemon.endpoint()).may_leave_files().probe(["exit", "0"]).start()?;
    until_asked(suite, &asked, 12);
    begun.signal(Signal::SIGKILL);
    begun.finish()?;
    let begun = run(&node.endpoint()).may_leave_files().probe(["wait-then-exit", "0"]).with_input().start()?;
    begun.says("ready")?;
    holds("the tree is there", !left()?.is_empty(), "nothing")?;
    begun.signal(Signal::SIGKILL);
    begun.finish()?;
    run(&node.endpoint()).probe(["exit", "3"]).run()?.exits(3)?;
    same("what is left", left()?, Vec::new())
}

fn store_51_a_signal_leaves_nothing(suite: &Suite<'_>) -> Verdict {
    let path = many(suite.node()?, 40, "tree signals")?;
    for signal in [Signal::SIGINT, Signal::SIGTERM] {
        let (daemon, asked) = falling_silent(suite.node()?, 12)?;
        let run = suite.ww().flags(["--ipfs", &daemon.endpoint(), "--ro", &format!("{path}:/given")]);
        let run = run.probe(["exit", "0"]).start()?;
        until_asked(suite, &asked, 12);
        run.signal(signal);
        run.finish()?.exits(128 + signal as i32)?.prints("")?;
    }
    Ok(())
}

fn store_52_nobody_writes_to_it(suite: &Suite<'_>) -> Verdict {
    let grant = format!("/ipfs/{}:/given", small(suite.node()?)?);
    let deeds: [&[&str]; 7] = [
        &["write", "/given/new", "x"],
        &["write", "/given/inner/file", "x"],
        &["open-to-write", "/given/inner/file"],
        &["rename", "/given/inner/file", "/given/file"],
        &["link", "/given/inner/file", "/given/inner/more"],
        &["make-directory", "/given/inner/directory"],
        &["remove", "/given/inner/file"],
    ];
    for (caller, words) in CALLERS.iter().flat_map(|caller| deeds.map(|words| (*caller, words))) {
        let done = deed(suite, caller, &grant, words)?;
        holds(format!("{words:?} is refused"), done.is_err(), done)?;
    }
    let run = suite.ww_with_node()?.flags(["--ro", &grant]);
    let found =
        shell(run, "chmod 777 /given/tool 2>/dev/null || echo closed; touch /given/tool 2>/dev/null || echo closed")?;
    same("modes and times", found, "closed\nclosed\n".into())
}

fn store_52_rw_is_a_usage_error(suite: &Suite<'_>) -> Verdict {
    let daemon = failing()?;
    let cid = small(suite.node()?)?;
    let name = "/ipns/example.org";
    for grant in [format!("/ipfs/{cid}:/given"), format!("/ipfs/{cid}"), format!("ipfs://{cid}:/given"), name.into()] {
        let run = suite.ww().flags(["--ipfs", &daemon.endpoint(), "--rw", &grant]).probe(["exit", "0"]).run()?;
        run.refuses(2, "", &grant)?;
        run.holds("the line says what to do", run.first_line().contains("--ro"))?;
    }
    holds("nobody is asked", daemon.connections() == 0, daemon.targets())
}
