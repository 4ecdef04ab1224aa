//! murmur3 against its published values, and tries that lie.

use super::*;
use crate::content::sources::Sources;
use crate::content::{Timeouts, node::RAW};
use crate::endpoint::Endpoint;

/// Values of the reference implementation (smhasher, MurmurHash3_x64_128, seed 0, first half).
#[test]
fn murmur3_has_the_published_values() {
    assert_eq!(murmur3_x64_64(b""), 0);
    assert_eq!(murmur3_x64_64(b"hello"), 0xcbd8_a7b3_41bd_9b02);
    assert_eq!(murmur3_x64_64(b"hello, world"), 0x342f_ac62_3a5e_bc8e);
    assert_eq!(murmur3_x64_64(b"The quick brown fox jumps over the lazy dog."), 0xcd99_481f_9ee9_02c9);
}

/// A shard of width 8 whose links are given by name and (identity) block.
fn shard(fields: &[u8], links: &[(&str, Cid)]) -> Vec<u8> {
    let mut block = Vec::new();
    for (name, cid) in links {
        let cid = cid.to_bytes();
        let link = [&[0x0a, cid.len() as u8][..], &cid, &[0x12, name.len() as u8], name.as_bytes()].concat();
        block.extend([&[0x12, link.len() as u8][..], &link].concat());
    }
    [&block[..], &[0x0a, fields.len() as u8 + 2, 8, 5], fields].concat()
}

fn inline(codec: u64, block: &[u8]) -> Cid {
    Cid::new_v1(codec, multihash::Multihash::wrap(0, block).unwrap())
}

const WIDTH_8: &[u8] = &[0x28, 0x22, 0x30, 8];

fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

/// Looks for `x`, lists all; nothing may be dialled.
fn both(block: Vec<u8>) -> [Result<usize, String>; 2] {
    let client = Sources::new(None, Endpoint::parse("/unix/nonexistent").ok(), &[], Timeouts::default());
    let cid = inline(DAG_PB, b"");
    let mut entries = 0;
    let found = run(find(&client, cid, block.clone(), "x")).map(|child| child.iter().count());
    let count = |_: &[u8], _: &Link<'_>| {
        entries += 1;
        Ok(())
    };
    let listed = run(list(&client, cid, block, count)).map(|()| entries);
    [found.map_err(|e| e.to_string()), listed.map_err(|e| e.to_string())]
}

/// The digit of `x` at width 8.
fn digit() -> String {
    (murmur3_x64_64(b"x") >> 61).to_string()
}

#[test]
fn an_entry_is_found_one_level_down() {
    let file = inline(RAW, b"1");
    let second = (murmur3_x64_64(b"x") >> 58 & 7).to_string();
    let below = inline(DAG_PB, &shard(WIDTH_8, &[(&format!("{second}x"), file), (&format!("{second}y"), file)]));
    assert_eq!(both(shard(WIDTH_8, &[(&digit(), below)])), [Ok(1), Ok(2)]);
    assert_eq!(both(shard(WIDTH_8, &[(&format!("{}y", digit()), file)])), [Ok(0), Ok(1)]);
}

#[test]
fn parameters_that_cannot_be_are_refused() {
    let odd: [&[u8]; 7] = [
        &[],
        &[0x28, 0x22],
        &[0x28, 0x12, 0x30, 8],
        &[0x28, 0x22, 0x30, 0],
        &[0x28, 0x22, 0x30, 4],
        &[0x28, 0x22, 0x30, 9],
        &[0x28, 0x22, 0x30, 0x80, 0x10],
    ];
    for fields in odd {
        assert!(both(shard(fields, &[])).iter().all(Result::is_err), "{fields:?}");
    }
}

#[test]
fn parts_that_cannot_be_are_refused() {
    let file = inline(RAW, b"1");
    let other_width = inline(DAG_PB, &shard(&[0x28, 0x22, 0x30, 16], &[]));
    let directory = inline(DAG_PB, &[0x0a, 2, 8, 1]);
    for (name, cid) in [(digit(), file), (digit(), other_width), (digit(), directory)] {
        assert!(both(shard(WIDTH_8, &[(&name, cid)])).iter().all(Result::is_err));
    }
    assert!(both(shard(WIDTH_8, &[("", file)]))[1].is_err());
    assert!(both(shard(WIDTH_8, &[("0a", file); 9])).iter().all(Result::is_err));
}
