//! The blocks of UnixFS: leaves and nodes of files, directories, parts of sharded ones, symlinks.
//!
//! - What must stay true: the bytes are those of boxo's `merkledag` and `unixfs`: links before data, every field in
//!   the order of its number, a link's name even where it is empty.
//! - Serves: STORE-07. Format: the dag-pb and UnixFS specifications.

use sha2::{Digest, Sha256};

use super::shape::{Profile, Shape};
use super::{Id, Link};

/// The room that is left before a leaf's data for what wraps it, in bytes.
pub(crate) const ROOM: usize = 24;
/// murmur3-x64-64 in the multicodec table.
const MURMUR3: u64 = 0x22;
/// How many links a part of a sharded directory may have.
pub(crate) const FANOUT: usize = 256;

/// The types of UnixFS data.
const DIRECTORY: u64 = 1;
const FILE: u64 = 2;
const SYMLINK: u64 = 4;
const SHARD: u64 = 5;

/// A block, and the link that leads to it.
pub(crate) struct Block {
    pub(crate) link: Link,
    bytes: Vec<u8>,
    start: usize,
}

impl Block {
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes[self.start..]
    }

    /// What it was made in, to be used again.
    pub(crate) fn into_buffer(self) -> Vec<u8> {
        self.bytes
    }
}

/// The leaf whose data stands in `buffer` behind [`ROOM`] bytes.
pub(crate) fn leaf(profile: Profile, mut buffer: Vec<u8>) -> Block {
    let length = buffer.len() - ROOM;
    let size = length as u64;
    if profile == Profile::V1 {
        let link = Link { id: Id { raw: true, digest: digest(&buffer[ROOM..]) }, tsize: size, size };
        return Block { link, bytes: buffer, start: ROOM };
    }
    let mut head = vec![0x08, FILE as u8];
    if length > 0 {
        head.push(0x12);
        varint(&mut head, size);
    }
    let mut tail = Vec::new();
    field(&mut tail, 3, size);
    let mut outer = vec![0x0a];
    varint(&mut outer, (head.len() + length + tail.len()) as u64);
    outer.extend_from_slice(&head);
    // Two tags and lengths and a type, 14 bytes at most.
    let start = ROOM - outer.len();
    buffer[start..ROOM].copy_from_slice(&outer);
    buffer.extend_from_slice(&tail);
    let bytes = &buffer[start..];
    let link = Link { id: Id { raw: false, digest: digest(bytes) }, tsize: bytes.len() as u64, size };
    Block { link, bytes: buffer, start }
}

/// The node of a file that has these parts.
pub(crate) fn node(shape: Shape, links: &[Link]) -> Block {
    let size = links.iter().map(|link| link.size).sum();
    let mut unixfs = vec![0x08, FILE as u8];
    field(&mut unixfs, 3, size);
    for link in links {
        field(&mut unixfs, 4, link.size);
    }
    linked(shape.profile, links.iter().map(|link| (&[][..], &b""[..], link)), &unixfs, size)
}

/// A directory in one block; its entries are sorted.
pub(crate) fn directory<'a>(profile: Profile, entries: impl Iterator<Item = (&'a [u8], &'a Link)>) -> Block {
    linked(profile, entries.map(|(name, link)| (&[][..], name, link)), &[0x08, DIRECTORY as u8], 0)
}

/// A part of a sharded directory: what is in its slots, by their numbers. A slot without a name is another part.
pub(crate) fn shard<'a>(profile: Profile, slots: &'a [(u8, &'a [u8], Link)]) -> Block {
    let mut bits = [0; FANOUT / 8];
    for (slot, _, _) in slots {
        // The lowest is the last bit of the last byte.
        bits[bits.len() - 1 - usize::from(slot / 8)] |= 1 << (slot % 8);
    }
    let zeros = bits.iter().take_while(|byte| **byte == 0).count();
    let mut unixfs = vec![0x08, SHARD as u8];
    bytes(&mut unixfs, 2, &bits[zeros..]);
    field(&mut unixfs, 5, MURMUR3);
    field(&mut unixfs, 6, FANOUT as u64);
    let prefixes: Vec<[u8; 2]> = slots.iter().map(|(slot, _, _)| digits(*slot)).collect();
    let links = slots.iter().zip(&prefixes).map(|((_, name, link), prefix)| (&prefix[..], *name, link));
    linked(profile, links, &unixfs, 0)
}

/// A symlink.
pub(crate) fn symlink(profile: Profile, target: &[u8]) -> Block {
    let mut unixfs = vec![0x08, SYMLINK as u8];
    bytes(&mut unixfs, 2, target);
    linked(profile, std::iter::empty(), &unixfs, target.len() as u64)
}

/// A dag-pb block of links, each named by a prefix and a name, and UnixFS data.
fn linked<'a>(
    profile: Profile,
    links: impl Iterator<Item = (&'a [u8], &'a [u8], &'a Link)>,
    unixfs: &[u8],
    size: u64,
) -> Block {
    let mut block = Vec::with_capacity(links.size_hint().0 * 64 + unixfs.len() + 16);
    let mut message = Vec::with_capacity(128);
    let mut cid = Vec::with_capacity(36);
    let mut below = 0;
    for (prefix, name, link) in links {
        cid.clear();
        profile.put_cid(&mut cid, link.id);
        message.clear();
        bytes(&mut message, 1, &cid);
        message.push(2 << 3 | 2);
        varint(&mut message, (prefix.len() + name.len()) as u64);
        message.extend_from_slice(prefix);
        message.extend_from_slice(name);
        field(&mut message, 3, link.tsize);
        bytes(&mut block, 2, &message);
        below += link.tsize;
    }
    bytes(&mut block, 1, unixfs);
    let link = Link { id: Id { raw: false, digest: digest(&block) }, tsize: below + block.len() as u64, size };
    Block { link, bytes: block, start: 0 }
}

fn digits(slot: u8) -> [u8; 2] {
    let digit = |value: u8| b"0123456789ABCDEF"[usize::from(value)];
    [digit(slot >> 4), digit(slot & 15)]
}

pub(crate) fn digest(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

/// A protobuf field of varint type.
fn field(message: &mut Vec<u8>, number: u8, value: u64) {
    message.push(number << 3);
    varint(message, value);
}

/// A protobuf field of bytes.
fn bytes(message: &mut Vec<u8>, number: u8, bytes: &[u8]) {
    message.push(number << 3 | 2);
    varint(message, bytes.len() as u64);
    message.extend_from_slice(bytes);
}

/// Appends an unsigned number, seven bits a byte, the lowest first.
pub(crate) fn varint(message: &mut Vec<u8>, mut value: u64) {
    while value > 0x7f {
        message.push(value as u8 | 0x80);
        value >>= 7;
    }
    message.push(value as u8);
}
