//! Sharded directories (HAMTs): looks one name up by its hash, or lists all.
//!
//! - What it does: follows the bits of murmur3 of the name down a trie of blocks.
//! - What must stay true: the trie's parameters are checked before they are used; a lookup visits at most
//!   as many blocks as 64 bits of hash have digits; a listing has bounds on blocks, levels and entries.
//! - Serves: rulings 7, 20. Format: UnixFS specification, "HAMTDirectory".

use super::listing::Child;
use super::node::{DAG_PB, Kind, Link, Node, UnixFs};
use super::{Cid, ContentError, sources::Sources};

#[cfg(test)]
mod tests;

/// murmur3-x64-64 in the multicodec table, the only function that is used.
const MURMUR3: u64 = 0x22;
/// Kubo takes no more children a node than this.
const FANOUT_MAX: u64 = 1024;
/// The most blocks of one directory that are visited.
const BLOCKS: u32 = 1 << 16;

/// The checked parameters of one trie.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Shape {
    /// Bits of the hash that one level takes.
    bits: u32,
    /// Hexadecimal digits before each name.
    digits: usize,
}

/// A link of a shard: the next level, or an entry's name.
enum Slot<'a> {
    Shard,
    Entry(&'a [u8]),
}

/// Finds the entry `name` of the sharded directory whose root is `block`.
pub(crate) async fn find(
    sources: &Sources,
    cid: Cid,
    block: Vec<u8>,
    name: &str,
) -> Result<Option<Child>, ContentError> {
    let (mut cid, mut block) = (cid, block);
    let hash = murmur3_x64_64(name.as_bytes());
    let mut used = 0;
    let mut trie = None;
    loop {
        let shard = {
            let (node, shape) = decode(&cid, &block, trie)?;
            trie = Some(shape);
            used += shape.bits;
            if used > u64::BITS {
                return Err(ContentError::malformed(&cid, "a sharded directory is deeper than its hash is long"));
            }
            let index = (hash >> (u64::BITS - used)) & ((1 << shape.bits) - 1);
            let prefix = format!("{index:0digits$X}", digits = shape.digits);
            let mut next = None;
            for link in node.links().filter(|link| link.name.starts_with(prefix.as_bytes())) {
                match slot(&cid, &link, shape)? {
                    Slot::Entry(found) if found == name.as_bytes() => {
                        return Ok(Some(Child::new(found, &link)));
                    }
                    Slot::Entry(_) => {}
                    Slot::Shard => next = Some(link.cid),
                }
            }
            next
        };
        match shard {
            Some(next) => (cid, block) = (next, shard_block(sources, &next).await?),
            None => return Ok(None),
        }
    }
}

/// Calls `entry` with the name and the link of each entry of the sharded directory whose root is `block`, in the order of
/// their hashes.
pub(crate) async fn list(
    sources: &Sources,
    cid: Cid,
    block: Vec<u8>,
    mut entry: impl FnMut(&[u8], &Link<'_>) -> Result<(), ContentError>,
) -> Result<(), ContentError> {
    let mut trie = None;
    let mut waiting = vec![(cid, 1)];
    let mut root = Some(block);
    let mut blocks = BLOCKS;
    while let Some((cid, depth)) = waiting.pop() {
        blocks = blocks.checked_sub(1).ok_or(ContentError::Bomb("a sharded directory of too many blocks"))?;
        let block = match root.take() {
            Some(block) => block,
            None => shard_block(sources, &cid).await?,
        };
        let (node, shape) = decode(&cid, &block, trie)?;
        trie = Some(shape);
        if depth * shape.bits > u64::BITS {
            return Err(ContentError::malformed(&cid, "a sharded directory is deeper than its hash is long"));
        }
        for link in node.links() {
            match slot(&cid, &link, shape)? {
                Slot::Entry(name) => entry(name, &link)?,
                Slot::Shard => waiting.push((link.cid, depth + 1)),
            }
        }
    }
    Ok(())
}

async fn shard_block(sources: &Sources, cid: &Cid) -> Result<Vec<u8>, ContentError> {
    match cid.codec() {
        DAG_PB => sources.block(cid).await,
        _ => Err(ContentError::malformed(cid, "a part of a sharded directory isn't dag-pb")),
    }
}

/// Decodes a shard and checks its parameters; all shards of a trie have the same.
fn decode<'a>(cid: &Cid, block: &'a [u8], trie: Option<Shape>) -> Result<(Node<'a>, Shape), ContentError> {
    let malformed = |why| ContentError::malformed(cid, why);
    let node = Node::decode(block).map_err(malformed)?;
    let shape = match &node.unixfs {
        Some(unixfs) if unixfs.kind == Kind::Shard => shape(unixfs).map_err(malformed)?,
        _ => return Err(malformed("a part of a sharded directory is not one")),
    };
    if trie.is_some_and(|trie| trie != shape) {
        return Err(malformed("the parts of a sharded directory differ in their width"));
    }
    if node.links().count() > 1 << shape.bits {
        return Err(malformed("a part of a sharded directory has more links than its width"));
    }
    Ok((node, shape))
}

fn shape(unixfs: &UnixFs<'_>) -> Result<Shape, &'static str> {
    if unixfs.hash_type != Some(MURMUR3) {
        return Err("a sharded directory by a hash other than murmur3-x64-64");
    }
    match unixfs.fanout {
        Some(fanout) if (8..=FANOUT_MAX).contains(&fanout) && fanout.is_power_of_two() => {
            let bits = fanout.ilog2();
            Ok(Shape { bits, digits: format!("{:X}", fanout - 1).len() })
        }
        _ => Err("a sharded directory whose width isn't a power of two from 8 to 1024"),
    }
}

fn slot<'a>(cid: &Cid, link: &Link<'a>, shape: Shape) -> Result<Slot<'a>, ContentError> {
    match link.name.split_at_checked(shape.digits) {
        Some((_, b"")) => Ok(Slot::Shard),
        Some((_, name)) => Ok(Slot::Entry(name)),
        None => Err(ContentError::malformed(cid, "a link of a sharded directory has no index")),
    }
}

/// The first 64 bits of MurmurHash3_x64_128 with seed 0 (Austin Appleby, public domain).
pub(super) fn murmur3_x64_64(data: &[u8]) -> u64 {
    const C1: u64 = 0x87c3_7b91_1142_53d5;
    const C2: u64 = 0x4cf5_ad43_2745_937f;
    let mix1 = |k: u64| k.wrapping_mul(C1).rotate_left(31).wrapping_mul(C2);
    let mix2 = |k: u64| k.wrapping_mul(C2).rotate_left(33).wrapping_mul(C1);
    let last = |k: u64| {
        let k = (k ^ (k >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
        let k = (k ^ (k >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
        k ^ (k >> 33)
    };
    let word = |bytes: &[u8]| {
        let mut word = [0; 8];
        word[..bytes.len()].copy_from_slice(bytes);
        u64::from_le_bytes(word)
    };
    let (mut h1, mut h2) = (0u64, 0u64);
    let (blocks, tail) = data.as_chunks::<16>();
    for block in blocks {
        h1 ^= mix1(word(&block[..8]));
        h1 = h1.rotate_left(27).wrapping_add(h2).wrapping_mul(5).wrapping_add(0x52dc_e729);
        h2 ^= mix2(word(&block[8..]));
        h2 = h2.rotate_left(31).wrapping_add(h1).wrapping_mul(5).wrapping_add(0x3849_5ab5);
    }
    let (low, high) = tail.split_at(tail.len().min(8));
    h2 ^= mix2(word(high));
    h1 ^= mix1(word(low));
    h1 ^= data.len() as u64;
    h2 ^= data.len() as u64;
    h1 = h1.wrapping_add(h2);
    h2 = h2.wrapping_add(h1);
    last(h1).wrapping_add(last(h2))
}
