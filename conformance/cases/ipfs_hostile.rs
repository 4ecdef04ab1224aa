//! Answers and content that are made to hurt: an ordinary error, within bounded time and memory.

use std::io::{self, Write};
use std::time::Duration;

use wiremock::ResponseTemplate;

use crate::cases::ipfs::SCRIPT;
use crate::cases::ipfs_faults::hasty;
use crate::cases::ipfs_kinds::linked;
use crate::fake::{Fake, Scripted};
use crate::node::unixfs::{self, field};
use crate::node::{Import, Node};
use crate::registry::{Case, case};
use crate::suite::Suite;
use crate::verdict::Verdict;

pub(crate) const CASES: &[Case] = &[
    case!(self_01_what_isnt_http_is_an_error),
    case!(self_01_what_isnt_kubo_is_an_error),
    case!(self_01_what_never_ends_is_an_error),
    case!(self_02_ill_formed_blocks_are_errors),
    case!(self_02_deep_and_wide_content_is_bounded),
];

const PHRASE: &str = "failed to get IPFS path";
const NOWHERE: &str = "/ipfs/QmYwAPJzv5CZsnA625s3Xf2nemtYgPpHdWEz79ojWnPbdG";
const NAME: &str = "/ipns/k51qzi5uqu5dgutdk6i1ynyzgkqngpha5xpgia3a5qqp4jsh0u4csozksxel2r";
/// What "bounded" is here: far below what an endless answer takes, far above what a busy machine needs.
const SOON: Duration = Duration::from_secs(100);
/// Above a run of a local program, in KiB (20 MB).
const MEMORY: i64 = 20_000_000 / 1024;

/// Checks that both a CID and a name end in an ordinary error, in time and without much memory.
fn survives(suite: &Suite<'_>, endpoint: &str) -> Verdict {
    for path in [NOWHERE, NAME] {
        survives_at(suite, endpoint, path)?;
    }
    Ok(())
}

fn survives_at(suite: &Suite<'_>, endpoint: &str, path: &str) -> Verdict {
    let alone = suite.ww().probe(["exit", "0"]).run()?;
    alone.exits(0)?;
    let run = hasty(suite, suite.ww().flags(["--ipfs", endpoint])).at_most(SOON).binary(path, ["x"]).run()?;
    // What a block isn't may be told as what it is.
    let another_kind = run.report.code == Some(126) && path.starts_with("/ipfs/bafybei");
    let (code, phrase) = if another_kind { (126, "unexpected node type") } else { (1, PHRASE) };
    run.refuses(code, phrase, path)?;
    let grown = run.report.peak_kib - alone.report.peak_kib;
    run.holds(format!("{grown} KiB more than a local program are at most {MEMORY}"), grown <= MEMORY)?;
    Ok(())
}

fn self_01_what_isnt_http_is_an_error(suite: &Suite<'_>) -> Verdict {
    let answers: [&[u8]; 8] = [
        b"",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"\x15\x03\x01\x00\x02\x02\x28",
        &[0xff; 10_000],
        b"HTTP/1.1",
        b"HTTP/1.1 999999 What\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\nx",
    ];
    for answer in answers {
        survives(suite, &Fake::sending(answer)?.endpoint())?;
    }
    Ok(())
}

fn self_01_what_isnt_kubo_is_an_error(suite: &Suite<'_>) -> Verdict {
    let page = ResponseTemplate::new(200).set_body_raw("<html><body>It works!</body></html>", "text/html");
    let json = |text: &str| ResponseTemplate::new(200).set_body_raw(text, "application/json");
    let to_itself = ResponseTemplate::new(307).insert_header("Location", "/api/v0/block/get?arg=again");
    let nested = "[".repeat(200_000);
    for answer in [
        page,
        json("{\"Path\":"),
        json("{\"Path\":42}"),
        json("{\"Path\":\"/etc/passwd\"}"),
        json("null"),
        json(&nested),
        ResponseTemplate::new(500).set_body_string("no JSON at all"),
        ResponseTemplate::new(500).set_body_string("x".repeat(4 << 20)),
        ResponseTemplate::new(404),
        ResponseTemplate::new(204),
        to_itself,
    ] {
        survives(suite, &Scripted::answering(answer)?.endpoint())?;
    }
    Ok(())
}

/// A daemon that says `head`, then `again` without end.
fn endless(head: &'static [u8], again: &[u8]) -> io::Result<Fake> {
    let many = again.repeat((64 << 10) / again.len());
    Fake::new(move |_, stream| {
        stream.write_all(head)?;
        loop {
            stream.write_all(&many)?;
        }
    })
}

fn self_01_what_never_ends_is_an_error(suite: &Suite<'_>) -> Verdict {
    // What takes long to parse is long itself: it shows as much with fewer lines.
    let chunk = [b"80\r\n", &[b'#'; 128][..], b"\r\n"].concat();
    let again = [b"HTTP/1.1 100 Continue\r\nX-Long: ", &[b'x'; 1_000][..], b"\r\n\r\n"].concat();
    for (head, again) in [
        (&b"HTTP/1.1 200 OK\r\n"[..], &b"X-More: and more\r\n"[..]),
        (b"HTTP/1.1 200 OK\r\nX-Long: ", b"abcdefgh"),
        (b"HTTP/1.1 200 OK\r\n\r\n", b"#!/bin/sh\n"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 1099511627776\r\n\r\n", b"#!/bin/sh\n"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", &chunk),
        (b"HTTP/1.1 500 Internal Server Error\r\n\r\n", b"{\"Message\":"),
        (b"", &again),
        (b"", b"x"),
    ] {
        survives_at(suite, &endless(head, again)?.endpoint(), if head.is_empty() { NAME } else { NOWHERE })?;
    }
    Ok(())
}

fn self_02_ill_formed_blocks_are_errors(suite: &Suite<'_>) -> Verdict {
    let node = suite.node()?;
    let leaf = linked(&node.block("raw", "sha2-256", SCRIPT.as_bytes())?)?;
    let whole = unixfs::node(&[("", &leaf, 1)], &unixfs::file(&[], Some(SCRIPT.len() as u64), &[SCRIPT.len() as u64]));
    let blocks = [
        whole[..whole.len() - 1].to_vec(),
        vec![0xff; 64],
        vec![0x0a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f],
        field(1, &[8, 2, 0x12, 0xff, 0xff, 0xff, 0xff, 0x0f]),
        // A part without a size, a size without a part, a link that is no CID.
        unixfs::node(&[("", &leaf, 1)], &unixfs::file(&[], Some(SCRIPT.len() as u64), &[])),
        unixfs::node(&[], &unixfs::file(&[], Some(5), &[5])),
        unixfs::node(&[("", b"not a CID", 1)], &unixfs::file(&[], Some(5), &[5])),
        unixfs::node(&[("", &[], 1)], &unixfs::file(&[], Some(5), &[5])),
        unixfs::node(&[("", &leaf, 1)], &unixfs::file(&[], Some(u64::MAX), &[u64::MAX])),
    ];
    for block in blocks {
        let path = format!("/ipfs/{}", node.block("dag-pb", "sha2-256", &block)?);
        survives_at(suite, &node.endpoint(), &path)?;
    }
    Ok(())
}

/// A file in so many levels, each of which has the one below `width` times.
fn tower(node: &Node, levels: usize, width: usize) -> Verdict<String> {
    let mut cid = node.block("raw", "sha2-256", b"#")?;
    let mut size: u64 = 1;
    for _ in 0..levels {
        let below = linked(&cid)?;
        let links = vec![("", below.as_slice(), size); width];
        let sizes = vec![size; width];
        size = size.wrapping_mul(width as u64);
        cid = node.block("dag-pb", "sha2-256", &unixfs::node(&links, &unixfs::file(&[], Some(size), &sizes)))?;
    }
    Ok(cid)
}

fn self_02_deep_and_wide_content_is_bounded(suite: &Suite<'_>) -> Verdict {
    let node = suite.node()?;
    // 2^64 bytes and none, from one leaf; and one byte below 100 levels.
    for (levels, width) in [(8, 256), (64, 2), (100, 1)] {
        let path = format!("/ipfs/{}", tower(node, levels, width)?);
        let run = suite.ww_with_node()?.at_most(SOON).binary(&path, ["x"]).run()?;
        run.nothing_ran()?;
        // One byte is no program, if it is fetched: then it isn't executable, else not to be had.
        run.holds("an ordinary error", [Some(1), Some(126)].contains(&run.report.code))?;
        run.holds("the host says why", run.first_line().starts_with("ww: "))?;
    }
    // A part of no bytes, 10^15 times: one in 50 is to be asked for, the others are inside their CID.
    let nothing = linked(&node.add("", Import { version: Some(1), ..Import::default() })?)?;
    let inside = linked("bafkqaaa")?;
    let links: Vec<_> = (0..1_000).map(|at| ("", if at % 50 == 0 { &nothing[..] } else { &inside }, 0)).collect();
    let mut cid = node.block("dag-pb", "sha2-256", &unixfs::node(&links, &unixfs::file(&[], Some(0), &[0; 1_000])))?;
    for _ in 0..4 {
        let below = linked(&cid)?;
        let links = vec![("", below.as_slice(), 0); 1_000];
        cid = node.block("dag-pb", "sha2-256", &unixfs::node(&links, &unixfs::file(&[], Some(0), &[0; 1_000])))?;
    }
    let path = format!("/ipfs/{cid}");
    let run = suite.ww_with_node()?.at_most(SOON).binary(&path, ["x"]).run()?;
    run.nothing_ran()?;
    run.holds("an ordinary error", [Some(1), Some(126)].contains(&run.report.code))?;
    Ok(())
}
