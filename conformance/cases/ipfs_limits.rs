//! Sizes: what is larger than allowed, and what isn't as large as it says.

use std::io::{Read, Write};
use std::time::Duration;

use crate::cases::ipfs::{SCRIPT, nobody, runs, script_of};
use crate::cases::ipfs_kinds::linked;
use crate::fake::{Answer, before};
use crate::node::{Import, Node, unixfs};
use crate::registry::{Case, case};
use crate::suite::Suite;
use crate::verdict::{Verdict, holds};

pub(crate) const CASES: &[Case] = &[
    case!(ipfs_16_a_declared_size_above_the_limit_is_refused).also(&["EXIT-11"]),
    case!(ipfs_17_more_than_the_limit_is_refused_whatever_is_declared).also(&["EXIT-11"]),
    case!(ipfs_18_the_limit_is_1_gib).also(&["EXIT-11"]),
    case!(ipfs_19_sizes_have_units),
    case!(ipfs_19_ill_formed_sizes_are_refused),
    case!(ipfs_20_a_size_that_isnt_the_declared_one_is_refused).also(&["EXIT-11"]),
    case!(self_03_memory_doesnt_grow_with_the_file),
];

const PHRASE: &str = "failed to get IPFS path";

fn limited(suite: &Suite<'_>, limit: &str, path: &str) -> Verdict {
    let run = suite.ww_with_node()?.flags(["--max-size", limit]).binary(path, ["x"]).run()?;
    run.refuses(1, PHRASE, path)?;
    Ok(())
}

fn ipfs_16_a_declared_size_above_the_limit_is_refused(suite: &Suite<'_>) -> Verdict {
    let node = suite.node()?;
    for chunker in ["size-4096", "size-262144"] {
        let cid = node.add(script_of(20_000), Import { chunker: Some(chunker), ..Import::default() })?;
        let path = format!("/ipfs/{cid}");
        limited(suite, "19999", &path)?;
        limited(suite, "1", &path)?;
        runs(suite.ww_with_node()?.flags(["--max-size", "20000"]), &path)?;
    }
    Ok(())
}

/// A file of two raw parts, that says of itself and of them what it likes.
fn of_parts(node: &Node, size: Option<u64>, sizes: &[u64], parts: &[&[u8]]) -> Verdict<String> {
    let mut cids = Vec::new();
    for part in parts {
        cids.push(linked(&node.block("raw", "sha2-256", part)?)?);
    }
    let links: Vec<(&str, &[u8], u64)> =
        cids.iter().zip(sizes).map(|(cid, size)| ("", cid.as_slice(), *size)).collect();
    node.block("dag-pb", "sha2-256", &unixfs::node(&links, &unixfs::file(&[], size, sizes)))
}

fn ipfs_17_more_than_the_limit_is_refused_whatever_is_declared(suite: &Suite<'_>) -> Verdict {
    let node = suite.node()?;
    let script = script_of(100_000);
    let (first, second) = script.split_at(50_000);
    // A raw block declares nothing.
    limited(suite, "99999", &format!("/ipfs/{}", node.block("raw", "sha2-256", &script)?))?;
    for (size, sizes) in [(Some(20), [10, 10]), (Some(0), [0, 0]), (None, [10, 10])] {
        let cid = of_parts(node, size, &sizes, &[first, second])?;
        limited(suite, "60000", &format!("/ipfs/{cid}"))?;
    }
    Ok(())
}

/// A file of 1 GiB and some bytes, whose parts are one block again and again.
fn vast(node: &Node, more: &[u8]) -> Verdict<(String, String)> {
    let mut part = SCRIPT.as_bytes().to_vec();
    part.resize(1 << 20, b'\n');
    let part = node.block("raw", "sha2-256", &part)?;
    let (bytes, last) = (linked(&part)?, linked(&node.block("raw", "sha2-256", more)?)?);
    let mut links = vec![("", bytes.as_slice(), 1 << 20); 1024];
    let mut sizes = vec![1 << 20; 1024];
    if !more.is_empty() {
        links.push(("", &last, more.len() as u64));
        sizes.push(more.len() as u64);
    }
    let file = unixfs::file(&[], Some((1 << 30) + more.len() as u64), &sizes);
    Ok((node.block("dag-pb", "sha2-256", &unixfs::node(&links, &file))?, part))
}

fn ipfs_18_the_limit_is_1_gib(suite: &Suite<'_>) -> Verdict {
    let node = suite.node()?;
    let (large, _) = vast(node, b"#")?;
    let path = format!("/ipfs/{large}");
    suite.ww_with_node()?.binary(&path, ["x"]).run()?.refuses(1, PHRASE, &path)?;
    // One of 1 GiB is begun: its first part is asked for, and how that ends is what is told.
    let (fits, part) = vast(node, b"")?;
    let refusal = br#"{"Message":"this part is lost","Code":0,"Type":"error"}"#.to_vec();
    let fake = before(node, move |request, answer, stream| match request.target.contains(&part) {
        true => stream
            .write_all(&Answer { status: 500, content_type: "application/json".into(), body: refusal.clone() }.bytes()),
        false => stream.write_all(&answer.bytes()),
    })?;
    let path = format!("/ipfs/{fits}");
    let run = suite.ww().flags(["--ipfs", &fake.endpoint()]).binary(&path, ["x"]).run()?;
    run.refuses(1, PHRASE, "this part is lost")?;
    Ok(())
}

fn ipfs_19_sizes_have_units(suite: &Suite<'_>) -> Verdict {
    let path = format!("/ipfs/{}", suite.node()?.add(script_of(2_048), Import::default())?);
    for limit in ["2048", "2K", "1M", "1G", "3K", "002048"] {
        runs(suite.ww_with_node()?.flags(["--max-size", limit]), &path)?;
    }
    for limit in ["2047", "1K", "0", "2"] {
        limited(suite, limit, &path)?;
    }
    Ok(())
}

fn ipfs_19_ill_formed_sizes_are_refused(suite: &Suite<'_>) -> Verdict {
    let nobody = nobody()?;
    for limit in ["x", "K", "-1", "1.5K", "1KB", "1 K", "2T", "0x10", "1e6", "99999999999999999999", "17179869184G"] {
        let run = suite.ww().flags(["--ipfs", &nobody, "--max-size", limit]).probe(["facts"]).run()?;
        run.refuses(2, "", limit)?;
    }
    suite.ww().flags(["--max-size", ""]).probe(["facts"]).run()?.refuses(2, "", "--max-size")?;
    Ok(())
}

fn ipfs_20_a_size_that_isnt_the_declared_one_is_refused(suite: &Suite<'_>) -> Verdict {
    let node = suite.node()?;
    let script = script_of(2_000);
    let parts: [&[u8]; 2] = [&script[..1_000], &script[1_000..]];
    runs(suite.ww_with_node()?, &format!("/ipfs/{}", of_parts(node, Some(2_000), &[1_000, 1_000], &parts)?))?;
    for (size, sizes) in [
        (2_001, [1_000, 1_000]),
        (1_999, [1_000, 1_000]),
        (2_000, [1_001, 999]),
        (2_001, [1_000, 1_001]),
        (1_999, [1_000, 999]),
        (0, [0, 0]),
        (u64::MAX, [u64::MAX, 1]),
    ] {
        let path = format!("/ipfs/{}", of_parts(node, Some(size), &sizes, &parts)?);
        suite.ww_with_node()?.binary(&path, ["x"]).run()?.refuses(1, PHRASE, &path)?;
    }
    // One block alone, which says that it is longer, or shorter, than it is.
    for size in [SCRIPT.len() as u64 + 1, SCRIPT.len() as u64 - 1] {
        let block = unixfs::node(&[], &unixfs::file(SCRIPT.as_bytes(), Some(size), &[]));
        let path = format!("/ipfs/{}", node.block("dag-pb", "sha2-256", &block)?);
        suite.ww_with_node()?.binary(&path, ["x"]).run()?.refuses(1, PHRASE, &path)?;
    }
    Ok(())
}

fn self_03_memory_doesnt_grow_with_the_file(suite: &Suite<'_>) -> Verdict {
    const SIZE: u64 = 256 << 20;
    let node = suite.node()?;
    // Its second line ends it, so that the interpreter reads no further; every block is another.
    let head = b"#!/bin/sh\necho ran $1; exit 0\n";
    let block: Vec<u8> = (0..1 << 20).map(|at: u64| (at.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40) as u8).collect();
    let blocks = Blocks { next: [&head[..], &block[head.len()..]].concat(), at: 0, number: 0 };
    let content = blocks.take(SIZE);
    let import = Import { version: Some(1), chunker: Some("size-1048576"), ..Import::default() };
    let path = format!("/ipfs/{}", node.add_from(content, import)?);
    let local = suite.program("local", head)?;
    let alone = suite.ww().binary(local, ["x"]).run()?;
    alone.exits(0)?.prints("ran x\n")?;
    let run = suite.ww_with_node()?.at_most(Duration::from_secs(180)).binary(&path, ["fetched"]).run()?;
    run.exits(0)?.prints("ran fetched\n")?;
    let grown = run.report.peak_kib - alone.report.peak_kib;
    holds("at most 20 MB more than for a local program", grown < 20_000_000 / 1024, format!("{grown} KiB more"))
}

/// A block again and again, each with a number of its own in the middle.
struct Blocks {
    next: Vec<u8>,
    at: usize,
    number: u64,
}

impl Read for Blocks {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        let count = into.len().min(self.next.len() - self.at);
        into[..count].copy_from_slice(&self.next[self.at..self.at + count]);
        self.at = (self.at + count) % self.next.len();
        if self.at == 0 {
            self.number += 1;
            self.next[512..520].copy_from_slice(&self.number.to_le_bytes());
        }
        Ok(count)
    }
}
