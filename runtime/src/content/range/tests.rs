//! Any range of any tree, from a daemon of these tests' own: the bytes of the range, and few blocks beside it.

mod gateway;
mod pace;

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::ops::Range;
use std::sync::{Arc, Mutex};

use multihash::Multihash;
use proptest::prelude::*;
use sha2::{Digest, Sha256};

use super::*;
use crate::content::Timeouts;
use crate::content::node::{DAG_PB, RAW};
use crate::content::sources::Sources;
use crate::endpoint::Endpoint;

type Asked = Arc<Mutex<Vec<String>>>;

/// A daemon that has these blocks, by their CIDs as text, and no gateway.
fn daemon(blocks: HashMap<String, Vec<u8>>) -> (Rc<Sources>, Asked) {
    daemon_with_gateway(blocks, |_, _| None)
}

/// What a gateway gives for a target and a range, as bytes on the wire.
type Gateway = fn(&str, Option<Range<usize>>) -> Option<Vec<u8>>;

/// A daemon whose gateway is at its API's own port.
fn daemon_with_gateway(blocks: HashMap<String, Vec<u8>>, gateway: Gateway) -> (Rc<Sources>, Asked) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let asked = Asked::default();
    let (blocks, shared) = (Arc::new(blocks), asked.clone());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let (mut stream, blocks, asked) = (stream.expect("a client"), blocks.clone(), shared.clone());
            std::thread::spawn(move || {
                let mut reader = BufReader::new(stream.try_clone().expect("a copy"));
                let mut line = String::new();
                while reader.read_line(&mut line).is_ok_and(|read| read > 0) {
                    let (target, mut range) = (line.split(' ').nth(1).expect("a target").to_owned(), None);
                    let mut rest = String::new();
                    while reader.read_line(&mut rest).is_ok_and(|read| read > 2) {
                        if let Some(bytes) = rest.trim().to_lowercase().strip_prefix("range: bytes=") {
                            let (start, last) = bytes.split_once('-').expect("a range");
                            range = Some(start.parse().expect("a start")..last.parse::<usize>().expect("an end") + 1);
                        }
                        rest.clear();
                    }
                    let whole = |status: &str, body: &[u8]| {
                        [format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n", body.len()).as_bytes(), body]
                            .concat()
                    };
                    let argument = target.split('=').nth(1).unwrap_or_default();
                    asked.lock().expect("no panic").push(target.clone());
                    let answer = match target.split('?').next() {
                        Some("/api/v0/config") if gateway("", None).is_some() => {
                            whole("200 OK", format!(r#"{{"Value":"/ip4/0.0.0.0/tcp/{port}"}}"#).as_bytes())
                        }
                        Some("/api/v0/block/get") => whole("200 OK", &blocks[argument]),
                        Some(path) if path.starts_with("/ipfs/") => gateway(&target, range).expect("a gateway"),
                        _ => whole("500 No", b"no"),
                    };
                    if stream.write_all(&answer).is_err() {
                        break;
                    }
                    line.clear();
                }
            });
        }
    });
    let endpoint = Endpoint::parse(&format!("/ip4/127.0.0.1/tcp/{port}")).expect("an endpoint");
    (Rc::new(Sources::new(None, Some(endpoint), &[], Timeouts::default())), asked)
}

#[derive(Default)]
struct Tree {
    blocks: HashMap<String, Vec<u8>>,
    leaves: usize,
}

impl Tree {
    fn put(&mut self, codec: u64, block: Vec<u8>) -> Cid {
        let hash = Multihash::wrap(0x12, &Sha256::digest(&block)).expect("a hash");
        let cid = Cid::new_v1(codec, hash);
        self.blocks.insert(cid.to_string(), block);
        cid
    }

    /// A file: leaves of `leaf` bytes, nodes of `links`; where `inner`, nodes have bytes of their own too.
    fn file(&mut self, data: &[u8], leaf: usize, links: usize, raw: bool, inner: bool) -> Cid {
        if data.len() <= leaf {
            self.leaves += 1;
            return match raw {
                true => self.put(RAW, data.to_vec()),
                false => self.node(data, &[]),
            };
        }
        let (own, below) = data.split_at(if inner { leaf / 2 } else { 0 });
        let part = below.len().div_ceil(links).max(leaf);
        let parts: Vec<(Cid, u64)> =
            below.chunks(part).map(|part| (self.file(part, leaf, links, raw, inner), part.len() as u64)).collect();
        self.node(own, &parts)
    }

    fn node(&mut self, data: &[u8], parts: &[(Cid, u64)]) -> Cid {
        let mut unixfs = vec![8, 2, 0x12];
        varint(&mut unixfs, data.len() as u64);
        unixfs.extend_from_slice(data);
        unixfs.push(0x18);
        varint(&mut unixfs, data.len() as u64 + parts.iter().map(|part| part.1).sum::<u64>());
        let mut block = Vec::new();
        for (cid, size) in parts {
            let cid = cid.to_bytes();
            block.extend([0x12, cid.len() as u8 + 2, 0x0a, cid.len() as u8]);
            block.extend(cid);
            unixfs.push(0x20);
            varint(&mut unixfs, *size);
        }
        block.push(0x0a);
        varint(&mut block, unixfs.len() as u64);
        block.extend(unixfs);
        self.put(DAG_PB, block)
    }
}

fn varint(bytes: &mut Vec<u8>, mut value: u64) {
    while value > 0x7f {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
}

fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime").block_on(future)
}

/// Takes all of it, by `most` bytes, and rests after every `rest` of them.
async fn taken(mut reading: Ranged, most: usize, rest: usize) -> Result<Vec<u8>, ContentError> {
    let (mut all, mut since) = (Vec::new(), 0);
    while reading.ready().await? {
        let bytes = reading.bytes(most).to_vec();
        reading.take(bytes.len());
        since += bytes.len();
        all.extend(bytes);
        if since >= rest {
            reading.rest();
            since = 0;
        }
    }
    Ok(all)
}

fn data(length: usize) -> Vec<u8> {
    (0..length).map(|at| (at * 31 + (at >> 8)) as u8).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_range_is_what_the_file_has_there(
        (length, leaf, links) in (0usize..2000, 1usize..200, 2usize..7),
        (raw, inner) in any::<(bool, bool)>(),
        (offset, count) in (0u64..2200, 0u64..2200),
        (most, rest) in (1usize..300, 1usize..900),
    ) {
        let file = data(length);
        let leaf = leaf.max(length / 150);
        let mut tree = Tree::default();
        let root = tree.file(&file, leaf, links, raw, inner);
        let (client, _) = daemon(tree.blocks);
        let from = (offset as usize).min(length);
        let wanted = &file[from..(from + count as usize).min(length)];
        let reading = Ranged::new(client, root, offset, count);
        prop_assert_eq!(run(taken(reading, most, rest.max(leaf))).expect("the range"), wanted);
    }
}

#[test]
fn only_the_blocks_of_the_range_are_fetched() {
    let file = data(64 * 1000);
    let mut tree = Tree::default();
    let root = tree.file(&file, 1000, 4, true, false);
    let (client, asked) = daemon(tree.blocks);
    let reading = Ranged::new(client, root, 31_500, 1000);
    assert_eq!(run(taken(reading, 1 << 20, usize::MAX)).expect("the range"), file[31_500..32_500]);
    // The root, two nodes on either side of the middle of two levels, two leaves.
    assert_eq!(asked.lock().expect("no panic").len(), 1 + 2 + 2 + 2);
}

#[test]
fn the_end_of_numbers_is_past_the_end() {
    let mut tree = Tree::default();
    let root = tree.file(&data(10), 4, 3, true, false);
    let (client, _) = daemon(tree.blocks);
    for (offset, length, wanted) in [(u64::MAX, u64::MAX, 10..10), (0, u64::MAX, 0..10), (9, u64::MAX, 9..10)] {
        let reading = Ranged::new(client.clone(), root, offset, length);
        assert_eq!(run(taken(reading, 3, usize::MAX)).expect("the range"), data(10)[wanted]);
    }
}

#[test]
fn a_size_that_lies_is_an_error() {
    for (declared, codec) in [(9, RAW), (11, RAW), (9, DAG_PB), (11, DAG_PB)] {
        let mut tree = Tree::default();
        let part = match codec {
            RAW => tree.put(RAW, data(10)),
            _ => tree.node(&data(10), &[]),
        };
        let root = tree.node(&[], &[(part, declared)]);
        let (client, _) = daemon(tree.blocks);
        let error = run(taken(Ranged::new(client, root, 0, u64::MAX), 100, usize::MAX));
        assert!(matches!(error, Err(ContentError::Size { declared: told, .. }) if told == declared), "{error:?}");
    }
}

#[test]
fn no_byte_of_a_block_that_is_wrong_comes() {
    let mut tree = Tree::default();
    let root = tree.file(&data(100), 10, 10, true, false);
    let wrong = tree.put(RAW, data(100)[50..60].to_vec()).to_string();
    tree.blocks.get_mut(&wrong).expect("a leaf")[9] ^= 1;
    let (client, _) = daemon(tree.blocks);
    run(async {
        let mut reading = Ranged::new(client, root, 0, u64::MAX);
        let mut all = Vec::new();
        let error = loop {
            match reading.ready().await {
                Ok(true) => {
                    all.extend_from_slice(reading.bytes(3));
                    reading.take(3.min(reading.bytes(3).len()));
                }
                Ok(false) => panic!("it ended"),
                Err(error) => break error,
            }
        };
        assert!(matches!(error, ContentError::Mismatch { .. }), "{error:?}");
        assert!(all.len() <= 50 && all == data(100)[..all.len()]);
    });
}
