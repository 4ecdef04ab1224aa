//! `ww import` of what is larger or deeper than anything should be.

use std::fs;

use crate::cases::import::{import, imported, place, tree};
use crate::cases::import_hostile::PHRASE;
use crate::cases::ipfs::script_of;
use crate::cases::ipfs_kinds::linked;
use crate::node::{Import, unixfs};
use crate::registry::{Case, case};
use crate::suite::Suite;
use crate::verdict::{Verdict, same};

pub(crate) const CASES: &[Case] = &[
    case!(store_31_all_files_together_have_a_limit),
    case!(store_31_what_declares_too_much_is_refused_at_once),
    case!(store_31_depth_is_bounded),
    case!(store_31_directories_that_repeat_are_bounded),
];

fn store_31_all_files_together_have_a_limit(suite: &Suite<'_>) -> Verdict {
    let (node, to) = (suite.node()?, place(suite, "to")?);
    let parts = Import { version: Some(1), chunker: Some("size-65536"), ..Import::default() };
    let file = linked(&node.add(script_of(1 << 20), parts)?)?;
    let names: Vec<String> = (0..64).map(|n| n.to_string()).collect();
    let links: Vec<(&str, &[u8], u64)> = names.iter().map(|name| (&name[..], &file[..], 0)).collect();
    let mut root = node.block("dag-pb", "sha2-256", &unixfs::node(&links, &unixfs::directory()))?;
    let at = to.join("x").to_string_lossy().into_owned();
    imported(import(suite)?.flags(["--max-size", "64M"]), &format!("/ipfs/{root}"), &to.join("x"))?;
    fs::remove_dir_all(to.join("x"))?;
    let path = format!("/ipfs/{root}");
    let run = import(suite)?.flags(["--max-size", "67108863", &path, &at]).run()?;
    run.refuses(1, PHRASE, &path)?.holds("the line names the flag", run.first_line().contains("--max-size"))?;
    // 64 MiB, 64 times over at each of ten levels: more bytes than there are disks.
    for _ in 0..10 {
        let below = linked(&root)?;
        let links: Vec<(&str, &[u8], u64)> = names.iter().map(|name| (&name[..], &below[..], 0)).collect();
        root = node.block("dag-pb", "sha2-256", &unixfs::node(&links, &unixfs::directory()))?;
    }
    let path = format!("/ipfs/{root}");
    import(suite)?.flags(["--max-size", "8M", &path, &at]).run()?.refuses(1, PHRASE, &path)?;
    same("what is left", tree(&to)?.len(), 0)
}

fn store_31_what_declares_too_much_is_refused_at_once(suite: &Suite<'_>) -> Verdict {
    let (node, to) = (suite.node()?, place(suite, "to")?);
    let leaf = linked(&node.add("x", Import { version: Some(1), ..Import::default() })?)?;
    let size = 1 << 50;
    let data = unixfs::file(b"", Some(size), &[size]);
    let file = node.block("dag-pb", "sha2-256", &unixfs::node(&[("", &leaf, size)], &data))?;
    let links = [("a", &linked(&file)?[..], size)];
    let above = node.block("dag-pb", "sha2-256", &unixfs::node(&links, &unixfs::directory()))?;
    let at = to.join("x").to_string_lossy().into_owned();
    for path in [format!("/ipfs/{file}"), format!("/ipfs/{above}")] {
        import(suite)?.flags([&path, &at]).run()?.refuses(1, PHRASE, &path)?;
        same("nothing is written", tree(&to)?.len(), 0)?;
    }
    Ok(())
}

fn store_31_depth_is_bounded(suite: &Suite<'_>) -> Verdict {
    let (node, to) = (suite.node()?, place(suite, "to")?);
    let put =
        |links: &[(&str, &[u8], u64)]| node.block("dag-pb", "sha2-256", &unixfs::node(links, &unixfs::directory()));
    let (mut root, long) = (put(&[])?, "x".repeat(250));
    for level in 0..40 {
        root = put(&[(&long, &linked(&root)?, 0)])?;
        let path = format!("/ipfs/{root}");
        let at = to.join("x").to_string_lossy().into_owned();
        match level {
            // Some 2,500 bytes: as deep as anybody can walk.
            9 => {
                imported(import(suite)?, &path, &to.join("x"))?;
                fs::remove_dir_all(to.join("x"))?;
            }
            39 => drop(import(suite)?.flags([&path, &at]).run()?.refuses(1, PHRASE, &path)?),
            _ => {}
        }
    }
    same("what is left", tree(&to)?.len(), 0)
}

fn store_31_directories_that_repeat_are_bounded(suite: &Suite<'_>) -> Verdict {
    let (node, to) = (suite.node()?, place(suite, "to")?);
    let names: Vec<String> = (0..2_000).map(|n| n.to_string()).collect();
    let mut root = node.block("dag-pb", "sha2-256", &unixfs::node(&[], &unixfs::directory()))?;
    // 2,000 in each of 2,000 in each of 2,000: not a byte, and more entries than a disk has room for.
    for _ in 0..3 {
        let below = linked(&root)?;
        let links: Vec<(&str, &[u8], u64)> = names.iter().map(|name| (&name[..], &below[..], 0)).collect();
        root = node.block("dag-pb", "sha2-256", &unixfs::node(&links, &unixfs::directory()))?;
    }
    let path = format!("/ipfs/{root}");
    let at = to.join("x").to_string_lossy().into_owned();
    import(suite)?.flags([&path, &at]).run()?.refuses(1, PHRASE, &path)?;
    same("what is left", tree(&to)?.len(), 0)
}
