//! The CID that a file has under the import profile `unixfs-v1-2025` (IPIP-499).
//!
//! - What it does: cuts a file into raw leaves of 1 MiB and hashes the node above them.
//! - What must stay true: it gives what Kubo gives for the same bytes; a daemon that says otherwise stored
//!   something else, or nothing.
//! - Serves: ruling 16 (one file, one CID).

use multihash::Multihash;
use sha2::{Digest, Sha256};

use super::node::{DAG_PB, RAW};

/// The profile's size of a leaf, in bytes.
const LEAF: usize = 1 << 20;
/// The profile's number of links in a node.
const LINKS: usize = 1024;

/// The CID of a file of at most 1 GiB (one node of links); `None` above that.
pub(crate) fn cid_of(data: &[u8]) -> Option<cid::Cid> {
    if data.len() <= LEAF {
        return cid(RAW, data);
    }
    let leaves = data.chunks(LEAF);
    if leaves.len() > LINKS {
        return None;
    }
    let (mut node, mut unixfs) = (Vec::new(), vec![0x08, 2]);
    field(&mut unixfs, 3, data.len());
    for leaf in leaves {
        let mut link = Vec::new();
        bytes(&mut link, 1, &cid(RAW, leaf)?.to_bytes());
        bytes(&mut link, 2, b"");
        field(&mut link, 3, leaf.len());
        bytes(&mut node, 2, &link);
        field(&mut unixfs, 4, leaf.len());
    }
    bytes(&mut node, 1, &unixfs);
    cid(DAG_PB, &node)
}

fn cid(codec: u64, block: &[u8]) -> Option<cid::Cid> {
    let digest = Multihash::wrap(0x12, &Sha256::digest(block)).ok()?;
    Some(cid::Cid::new_v1(codec, digest))
}

/// A protobuf field of varint type.
fn field(message: &mut Vec<u8>, number: u8, value: usize) {
    message.push(number << 3);
    varint(message, value);
}

/// A protobuf field of bytes.
fn bytes(message: &mut Vec<u8>, number: u8, bytes: &[u8]) {
    message.push(number << 3 | 2);
    varint(message, bytes.len());
    message.extend_from_slice(bytes);
}

fn varint(message: &mut Vec<u8>, mut value: usize) {
    while value > 0x7f {
        message.push(value as u8 | 0x80);
        value >>= 7;
    }
    message.push(value as u8);
}
