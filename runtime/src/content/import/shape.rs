//! What an import profile says: how files are cut, how wide nodes are, when a directory is sharded (IPIP-499).
//!
//! - What must stay true: the two profiles give what Kubo gives after `ipfs config profile apply` of their names.
//! - Serves: ruling 16; STORE-07.

use multihash::Multihash;

use super::{DAG_PB, Id, Link, RAW};

/// A directory whose estimate is larger than this is sharded, in bytes.
pub(crate) const THRESHOLD: u64 = 256 * 1024;

/// A UnixFS import profile of IPIP-499.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Profile {
    /// `unixfs-v1-2025`: CIDs of version 1, raw leaves of 1 MiB, 1,024 links a node.
    #[default]
    V1,
    /// `unixfs-v0-2015`: CIDs of version 0, wrapped leaves of 256 KiB, 174 links a node.
    V0,
}

/// How a file is cut, and what its blocks are called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shape {
    /// The size of a leaf, in bytes.
    pub(crate) leaf: usize,
    /// The number of links in a node of a file.
    pub(crate) links: usize,
    /// Which of the two it is otherwise.
    pub(crate) profile: Profile,
}

impl Profile {
    /// All of them, the default first.
    pub const ALL: [Profile; 2] = [Profile::V1, Profile::V0];

    /// Its name in IPIP-499, which is Kubo's too.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Profile::V1 => "unixfs-v1-2025",
            Profile::V0 => "unixfs-v0-2015",
        }
    }

    /// Its numbers.
    pub(crate) const fn shape(self) -> Shape {
        match self {
            Profile::V1 => Shape { leaf: 1 << 20, links: 1024, profile: self },
            Profile::V0 => Shape { leaf: 256 << 10, links: 174, profile: self },
        }
    }

    /// What a directory without entries counts for the threshold.
    pub(crate) const fn estimate_of_none(self) -> u64 {
        match self {
            // The block of an empty directory.
            Profile::V1 => 4,
            Profile::V0 => 0,
        }
    }

    /// What an entry counts for the threshold: `block-bytes` of IPIP-499, or `links-bytes`.
    pub(crate) fn estimate(self, name: &[u8], link: &Link) -> u64 {
        let (name, cid) = (name.len() as u64, self.cid_length(link.id) as u64);
        match self {
            Profile::V1 => {
                let field = |length: u64| 1 + varint_length(length) + length;
                field(field(cid) + field(name) + 1 + varint_length(link.tsize))
            }
            Profile::V0 => name + cid,
        }
    }

    const fn cid_length(self, _: Id) -> usize {
        match self {
            Profile::V1 => 36,
            Profile::V0 => 34,
        }
    }

    /// Appends the binary CID of a block.
    pub(crate) fn put_cid(self, bytes: &mut Vec<u8>, id: Id) {
        if self == Profile::V1 {
            bytes.extend_from_slice(&[1, id.codec()]);
        }
        bytes.extend_from_slice(&[0x12, 32]);
        bytes.extend_from_slice(&id.digest);
    }

    /// The CID of a block.
    pub(crate) fn cid(self, id: Id) -> cid::Cid {
        let hash = Multihash::wrap(0x12, &id.digest).expect("32 bytes fit into a multihash of 64");
        match self {
            Profile::V1 if id.raw => cid::Cid::new_v1(RAW, hash),
            Profile::V1 => cid::Cid::new_v1(DAG_PB, hash),
            Profile::V0 => cid::Cid::new_v0(hash).expect("a SHA-256 of 32 bytes"),
        }
    }
}

/// How many bytes a number takes in a protobuf message, seven bits each.
const fn varint_length(value: u64) -> u64 {
    match value {
        0 => 1,
        value => (value.ilog2() / 7 + 1) as u64,
    }
}
