//! What is to be kept, on its way into the store.
//!
//! - What it does: blocks go into a pack of the writer's own, but for those that a kept pack has, byte for byte; the
//!   commit makes the pack durable, then the list that keeps it.
//! - What must stay true: the lock is held from the first block to the last, so that nothing that was found there is
//!   collected before the list says that it is kept. What is dropped without a commit was never there.
//! - Serves: ruling 16; clauses STORE-04, STORE-15.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;

use super::lock::{self, Held};
use super::pack::{BLOCK_MAX, Hash, PackWriter};
use super::rewrite::Which;
use super::root::{self, Root};
use super::{Store, StoreError};
use crate::content::Cid;
use crate::content::verify::IDENTITY;

/// Blocks that are going to be kept.
#[derive(Debug)]
pub struct Writer {
    store: Store,
    pack: PackWriter,
    blocks: HashMap<Hash, usize>,
    held: Held,
}

impl Writer {
    pub(super) fn begin(store: Store) -> Result<Writer, StoreError> {
        let held = lock::shared(&store.0.home)?;
        let pack = store.0.home.made("tmp").and_then(|tmp| PackWriter::begin(Arc::new(tmp)));
        let pack = pack.map_err(StoreError::io("begin to write", store.0.home.path()))?;
        Ok(Writer { store, pack, blocks: HashMap::new(), held })
    }

    /// Takes a block. Whether the bytes are those of the CID is the caller's to know: who made the CID of them does. All blocks of what
    /// is to be kept are put, those too that the store is known to have: what isn't put isn't kept.
    ///
    /// # Errors
    /// Where the disk is full, and where else it can't be written. The writer is of no use then.
    pub fn put(&mut self, cid: &Cid, block: &[u8]) -> Result<(), StoreError> {
        let hash = cid.hash();
        if hash.code() == IDENTITY || self.blocks.contains_key(hash) {
            return Ok(());
        }
        if block.len() > BLOCK_MAX {
            return Err(StoreError::TooLarge { size: block.len(), limit: BLOCK_MAX });
        }
        if !self.is_kept(hash, block)? {
            self.pack.put(cid, block).map_err(StoreError::io("write a block", self.store.0.home.path()))?;
        }
        self.blocks.insert(*hash, block.len());
        Ok(())
    }

    /// Keeps what was put, under its root, durably: when this returns, a power cut loses nothing of it.
    ///
    /// # Errors
    /// As [`Writer::put`]; then nothing of it is kept.
    pub fn commit(self, root: &Root) -> Result<(), StoreError> {
        let home = &self.store.0.home;
        let failed = StoreError::io("keep it", home.path());
        if !self.pack.is_empty() {
            self.pack.finish(self.store.0.kept.folder(), true).map_err(&failed)?;
        }
        let size = self.blocks.values().map(|size| *size as u64).sum();
        root::write(home, root, size, &mut self.blocks.keys()).map_err(&failed)?;
        drop(self.held);
        // It is kept: that small packs can't be gathered now isn't this one's failure.
        let _ = self.store.gather(Which::Kept);
        Ok(())
    }

    /// Whether a kept pack has this block, good: a rotten one is written again.
    fn is_kept(&self, hash: &Hash, block: &[u8]) -> Result<bool, StoreError> {
        let Some(place) = self.store.0.kept.find(hash, &[])? else { return Ok(false) };
        match place.pack.section(place.offset) {
            Ok(found) => Ok(found.cid.hash() == hash && found.block == block),
            Err(error) if super::is_damage(&error) || error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(StoreError::io("read a block", self.store.0.home.path())(error)),
        }
    }
}
