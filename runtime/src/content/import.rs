//! UnixFS as Kubo imports it, by the profiles of IPIP-499: what files, directories and symlinks become.
//!
//! - What it does: `shape` says what a profile is, `dagpb` makes blocks, `layout` puts nodes above the leaves of a
//!   file, `directory` puts entries together. [`Builder`] gives the CID alone, as the bytes of a file go by.
//! - What must stay true: it gives what Kubo gives for the same content; a daemon that says otherwise stored
//!   something else, or nothing. Of a file it holds links alone, one node's for each level.
//! - Serves: ruling 16 (one file, one CID); STORE-07.

use std::convert::Infallible;

use multihash::Multihash;
use sha2::{Digest, Sha256};

use super::node::{DAG_PB, RAW};

pub(crate) mod dagpb;
mod directory;
mod layout;
mod shape;
#[cfg(test)]
mod tests;

pub use directory::Collision;
pub(crate) use directory::Directory;
pub(crate) use layout::Layout;
pub use shape::Profile;
pub(crate) use shape::Shape;

/// Where blocks go as they are made: whatever they link to before they themselves.
pub(crate) trait Blocks {
    type Error;

    fn put(&mut self, cid: &super::Cid, block: &[u8]) -> Result<(), Self::Error>;
}

/// Nowhere: only CIDs are wanted.
pub(crate) struct Nowhere;

impl Blocks for Nowhere {
    type Error = Infallible;

    fn put(&mut self, _: &super::Cid, _: &[u8]) -> Result<(), Infallible> {
        Ok(())
    }
}

/// A block's codec and SHA-256: its CID, short of the version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Id {
    raw: bool,
    digest: [u8; 32],
}

/// What leads to a block, and to all that is below it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Link {
    pub(crate) id: Id,
    /// Bytes of all blocks of it and below.
    pub(crate) tsize: u64,
    /// Bytes of the file.
    pub(crate) size: u64,
}

impl Id {
    const fn codec(self) -> u8 {
        if self.raw { RAW as u8 } else { DAG_PB as u8 }
    }
}

/// Hands a block on.
pub(crate) fn put<B: Blocks>(profile: Profile, block: &dagpb::Block, blocks: &mut B) -> Result<(), B::Error> {
    blocks.put(&super::wide(&profile.cid(block.link.id)), block.bytes())
}

/// Adds the leaf of a file that has these bytes, under the profile `unixfs-v1-2025`.
pub(crate) fn leaf<B: Blocks>(layout: &mut Layout, data: &[u8], blocks: &mut B) -> Result<(), B::Error> {
    let id = Id { raw: true, digest: dagpb::digest(data) };
    blocks.put(&super::wide(&Profile::V1.cid(id)), data)?;
    let size = data.len() as u64;
    layout.leaf(Link { id, tsize: size, size }, blocks)
}

/// The CID that a file has under the profile `unixfs-v1-2025`, whose bytes come one part after another.
pub(crate) struct Builder {
    shape: Shape,
    /// The leaf that is being filled, and how many bytes it has.
    leaf: Sha256,
    filled: usize,
    layout: Layout,
}

/// The CID of a whole file.
pub(crate) fn cid_of(data: &[u8]) -> cid::Cid {
    let mut builder = Builder::new();
    builder.write(data);
    builder.finish()
}

impl Builder {
    pub(crate) fn new() -> Builder {
        Builder::shaped(Profile::V1.shape())
    }

    fn shaped(shape: Shape) -> Builder {
        Builder { shape, leaf: Sha256::new(), filled: 0, layout: Layout::new(shape) }
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
        let Ok(link) = self.layout.finish(&mut Nowhere);
        self.shape.profile.cid(link.id)
    }

    fn end_leaf(&mut self) {
        let size = std::mem::take(&mut self.filled) as u64;
        let id = Id { raw: true, digest: std::mem::take(&mut self.leaf).finalize().into() };
        let Ok(()) = self.layout.leaf(Link { id, tsize: size, size }, &mut Nowhere);
    }
}

/// The CID, of version 1 and by SHA-256, of a block.
pub(crate) fn of_block(codec: u64, block: &[u8]) -> cid::Cid {
    let hash = Multihash::wrap(0x12, &dagpb::digest(block)).expect("32 bytes fit into a multihash of 64");
    cid::Cid::new_v1(codec, hash)
}
