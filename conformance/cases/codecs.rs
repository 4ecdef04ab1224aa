//! Content of every codec and hash, out of a CAR that Kubo made (`fixtures/car`), by a gateway that has nothing else.

use std::collections::HashMap;
use std::io::Write;
use std::process::Command;
use std::sync::Arc;

use multibase::Base;

use crate::cases::export::{at, export, one, word};
use crate::cases::ipfs::{nobody, runs};
use crate::fake::{Answer, Fake};
use crate::registry::{Case, case};
use crate::suite::Suite;
use crate::verdict::{Stop, Verdict, holds};

pub(crate) const CASES: &[Case] = &[
    case!(store_58_a_program_runs_whatever_its_hash_and_leaves),
    case!(store_58_another_bit_is_found_whatever_the_hash),
    case!(store_58_a_node_that_is_no_file_is_one_whatever_its_hash),
    case!(store_23_a_car_is_the_one_that_kubo_made),
];

/// Blocks by the bytes of their CIDs.
type Blocks = HashMap<Vec<u8>, Vec<u8>>;

const HASHES: &[u8] = include_bytes!("../../fixtures/car/hashes.car");
const LISTED: &str = include_str!("../../fixtures/car/hashes.txt");
const TREE: &[u8] = include_bytes!("../../fixtures/car/tree.car");
const MAKE_TREE: &str = include_str!("../../fixtures/car/tree.sh");

fn varint(bytes: &mut &[u8]) -> Option<usize> {
    let mut value = 0;
    for shift in (0..56).step_by(7) {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= usize::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

/// The sections of a CAR (version 1) after its header. The CIDs are of version 1, as Kubo was asked to make them.
fn sections(mut car: &[u8]) -> Option<Blocks> {
    let mut blocks = Blocks::new();
    let header = varint(&mut car)?;
    car = car.get(header..)?;
    while !car.is_empty() {
        let length = varint(&mut car)?;
        let (section, rest) = car.split_at_checked(length)?;
        car = rest;
        // Version, codec, hash, and the digest with its length.
        let mut at = section;
        let fields = [varint(&mut at)?, varint(&mut at)?, varint(&mut at)?, varint(&mut at)?];
        let name = section.len() - at.len() + fields[3];
        let (cid, block) = section.split_at_checked(name)?;
        blocks.insert(cid.to_vec(), block.to_vec());
    }
    Some(blocks)
}

/// A gateway that has the fixture's blocks, each after `spoil` had its way with it.
fn gateway(spoil: fn(&mut Vec<u8>)) -> Verdict<Fake> {
    let mut blocks = sections(HASHES).ok_or_else(|| Stop::Harness("the fixture is no CAR".into()))?;
    blocks.values_mut().for_each(spoil);
    let blocks = Arc::new(blocks);
    Ok(Fake::new(move |request, stream| {
        let cid = request.target.split(['/', '?']).nth(2).and_then(|text| multibase::decode(text).ok());
        let answer = match cid.and_then(|(base, cid)| blocks.get(&cid).filter(|_| base == Base::Base32Lower)) {
            Some(block) => Answer { status: 200, content_type: "application/vnd.ipld.raw".into(), body: block.clone() },
            None => Answer { status: 404, content_type: "text/plain".into(), body: b"not found".to_vec() },
        };
        stream.write_all(&answer.bytes())
    })?)
}

/// The CIDs of the list that begin with this kind, and what each is.
fn listed(kind: &str) -> Vec<(String, &'static str)> {
    let of_kind = |line: &'static str| line.split_once(' ').filter(|(_, what)| what.starts_with(kind));
    LISTED.lines().filter_map(of_kind).map(|(cid, what)| (format!("/ipfs/{cid}"), what)).collect()
}

fn store_58_a_program_runs_whatever_its_hash_and_leaves(suite: &Suite<'_>) -> Verdict {
    let gateway = gateway(|_| ())?;
    let all = listed("runs");
    holds("five hashes, each in four shapes", all.len() == 20, all.len())?;
    for (path, _) in all {
        runs(suite.ww().flags(["--ipfs", &nobody()?, "--gateway", &gateway.url()]), &path)?;
    }
    Ok(())
}

fn store_58_another_bit_is_found_whatever_the_hash(suite: &Suite<'_>) -> Verdict {
    let gateway = gateway(|block| {
        if let Some(last) = block.last_mut() {
            *last ^= 1;
        }
    })?;
    for (path, _) in listed("runs") {
        let run = suite.ww().flags(["--ipfs", &nobody()?, "--gateway", &gateway.url()]);
        run.binary(&path, ["x"]).run()?.refuses(1, "failed to get IPFS path", &path)?;
    }
    Ok(())
}

fn store_58_a_node_that_is_no_file_is_one_whatever_its_hash(suite: &Suite<'_>) -> Verdict {
    let gateway = gateway(|_| ())?;
    for kind in ["dag-cbor", "dag-json"] {
        let all = listed(kind);
        holds("five hashes", all.len() == 5, all.len())?;
        for (path, _) in all {
            let run = suite.ww().flags(["--ipfs", &nobody()?, "--gateway", &gateway.url()]);
            run.binary(&path, ["x"]).run()?.refuses(126, "unexpected node type", &path)?;
        }
    }
    Ok(())
}

fn store_23_a_car_is_the_one_that_kubo_made(suite: &Suite<'_>) -> Verdict {
    let (top, car) = (at(suite, "tree"), at(suite, "out.car"));
    let made = Command::new("/bin/sh").args(["-c", MAKE_TREE, "tree.sh"]).arg(&top).status()?;
    holds("the tree is made", made.success(), made)?;
    one(export(suite).flags(["--car"]).flags([word(&car), word(&top)]))?;
    let written = std::fs::read(&car)?;
    holds("the CAR is Kubo's, byte for byte", written == TREE, format!("{} bytes", written.len()))
}
