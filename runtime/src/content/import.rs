//! The CID that a file has under the import profile `unixfs-v1-2025` (IPIP-499), as its bytes go by.
//!
//! - What it does: cuts a file into raw leaves of 1 MiB, hashes them as they are filled, and puts nodes of
//!   1,024 links above them, as the balanced layout of Kubo (boxo's `importer/balanced`) does.
//! - What must stay true: it gives what Kubo gives for the same bytes; a daemon that says otherwise stored
//!   something else, or nothing. It holds links alone, one node's for each level: 50 KB a level.
//! - Serves: ruling 16 (one file, one CID).

use multihash::Multihash;
use sha2::{Digest, Sha256};

use super::node::{DAG_PB, RAW};

#[cfg(test)]
mod tests;

/// How a file is cut.
#[derive(Clone, Copy)]
struct Shape {
    /// The size of a leaf, in bytes.
    leaf: usize,
    /// The number of links in a node.
    links: usize,
}

const PROFILE: Shape = Shape { leaf: 1 << 20, links: 1024 };

/// The bytes of a CID of version 1 with a SHA-256.
const CID: usize = 36;

/// A file whose bytes come one part after another.
pub(crate) struct Builder {
    shape: Shape,
    /// The leaf that is being filled, and how many bytes it has.
    leaf: Sha256,
    filled: usize,
    /// What waits for a node above it: leaves first, then nodes of leaves, and so on.
    levels: Vec<Vec<Link>>,
}

/// A node or leaf that is done.
#[derive(Clone, Copy)]
struct Link {
    cid: cid::Cid,
    /// Bytes of all blocks of it and below.
    tsize: u64,
    /// Bytes of the file.
    size: u64,
}

/// The CID of a whole file.
pub(crate) fn cid_of(data: &[u8]) -> cid::Cid {
    let mut builder = Builder::new();
    builder.write(data);
    builder.finish()
}

impl Builder {
    pub(crate) fn new() -> Builder {
        Builder::shaped(PROFILE)
    }

    fn shaped(shape: Shape) -> Builder {
        Builder { shape, leaf: Sha256::new(), filled: 0, levels: vec![Vec::new()] }
    }

    /// Takes the next bytes.
    pub(crate) fn write(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            // A leaf is done when there is more than it holds, for the last one may be full.
            if self.filled == self.shape.leaf {
                self.end_leaf();
            }
            let (now, later) = bytes.split_at(bytes.len().min(self.shape.leaf - self.filled));
            self.leaf.update(now);
            self.filled += now.len();
            bytes = later;
        }
    }

    /// The CID of all that was written.
    pub(crate) fn finish(mut self) -> cid::Cid {
        // An empty file is an empty leaf.
        self.end_leaf();
        let mut level = 0;
        loop {
            let links = std::mem::take(&mut self.levels[level]);
            match (&links[..], self.levels.len() == level + 1) {
                // What is alone at the top is the file.
                ([root], true) => return root.cid,
                ([], _) => {}
                // A last node that isn't full, of one link even, is as deep as those before it.
                (links, _) => self.push(level + 1, node(links)),
            }
            level += 1;
        }
    }

    fn end_leaf(&mut self) {
        let size = std::mem::take(&mut self.filled) as u64;
        let cid = cid(RAW, std::mem::take(&mut self.leaf));
        self.push(0, Link { cid, tsize: size, size });
    }

    /// Adds what is done to its level; a level that is full is a node of the next.
    fn push(&mut self, level: usize, link: Link) {
        if self.levels.len() == level {
            self.levels.push(Vec::new());
        }
        self.levels[level].push(link);
        if self.levels[level].len() == self.shape.links {
            let links = std::mem::take(&mut self.levels[level]);
            self.push(level + 1, node(&links));
        }
    }
}

/// The node that has these links.
fn node(links: &[Link]) -> Link {
    let size = links.iter().map(|link| link.size).sum();
    let mut block = Vec::with_capacity(links.len() * (CID + 24));
    // The type: a file.
    let mut unixfs = vec![0x08, 2];
    field(&mut unixfs, 3, size);
    for link in links {
        let mut message = Vec::with_capacity(CID + 16);
        bytes(&mut message, 1, &link.cid.to_bytes());
        bytes(&mut message, 2, b"");
        field(&mut message, 3, link.tsize);
        bytes(&mut block, 2, &message);
        field(&mut unixfs, 4, link.size);
    }
    bytes(&mut block, 1, &unixfs);
    let below: u64 = links.iter().map(|link| link.tsize).sum();
    Link { cid: cid(DAG_PB, Sha256::new_with_prefix(&block)), tsize: below + block.len() as u64, size }
}

/// The CID, of version 1 and by SHA-256, of a block.
pub(crate) fn of_block(codec: u64, block: &[u8]) -> cid::Cid {
    cid(codec, Sha256::new_with_prefix(block))
}

fn cid(codec: u64, hash: Sha256) -> cid::Cid {
    let digest: [u8; 32] = hash.finalize().into();
    let hash = Multihash::wrap(0x12, &digest).expect("32 bytes fit into a multihash of 64");
    cid::Cid::new_v1(codec, hash)
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

fn varint(message: &mut Vec<u8>, mut value: u64) {
    while value > 0x7f {
        message.push(value as u8 | 0x80);
        value >>= 7;
    }
    message.push(value as u8);
}
