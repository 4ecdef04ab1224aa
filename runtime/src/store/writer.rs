//! What is to be kept, on its way into the store.
//!
//! - What it does: blocks go into a pack of the writer's own, but for those that a kept pack has, byte for byte; the
//!   commit makes the pack durable, then the list that keeps it.
//! - What must stay true: nothing that was found there is collected before the list says that it is kept: either the lock
//!   is held from the first block to the last, or what was found is looked for again at the end. What is dropped without
//!   a commit was never there.
//! - Serves: ruling 16; clauses STORE-04, STORE-15, STORE-46.

use std::collections::HashSet;
use std::io;
use std::sync::Arc;

use super::lock::{self, Held};
use super::pack::{BLOCK_MAX, Hash, Key, PackWriter};
use super::rewrite::Which;
use super::root::{self, Root, Why};
use super::{Store, StoreError};
use crate::block::Cid;
use crate::block::IDENTITY;

/// Blocks that are going to be kept.
#[derive(Debug)]
pub struct Writer {
    store: Store,
    pack: PackWriter,
    /// Blocks that a kept pack has, and so not this one.
    found: HashSet<Key>,
    /// Bytes of all that were put.
    size: u64,
    /// `None`: it takes as long as somebody else likes, and keeps nobody from removing things.
    held: Option<Held>,
}

impl Writer {
    pub(super) fn begin(store: Store, hold: bool) -> Result<Writer, StoreError> {
        let held = lock::shared(&store.0.home)?;
        store.0.kept.refresh()?;
        let pack = store.0.home.made("tmp").and_then(|tmp| PackWriter::begin(Arc::new(tmp))).map(PackWriter::early);
        let pack = pack.map_err(StoreError::io("begin to write", store.0.home.path()))?;
        Ok(Writer { store, pack, found: HashSet::new(), size: 0, held: hold.then_some(held) })
    }

    /// Takes a block. Whether the bytes are those of the CID is the caller's to know: who made the CID of them does. All blocks of what
    /// is to be kept are put, those too that the store is known to have: what isn't put isn't kept.
    ///
    /// # Errors
    /// Where the disk is full, and where else it can't be written. The writer is of no use then.
    pub fn put(&mut self, cid: &Cid, block: &[u8]) -> Result<(), StoreError> {
        let hash = cid.hash();
        if hash.code() == IDENTITY || self.pack.has(hash) || self.found.contains(&Key::of(hash)) {
            return Ok(());
        }
        if block.len() > BLOCK_MAX {
            return Err(StoreError::TooLarge { size: block.len(), limit: BLOCK_MAX });
        }
        if self.is_kept(hash, block)? {
            self.found.insert(Key::of(hash));
        } else {
            self.pack.put(cid, block).map_err(StoreError::io("write a block", self.store.0.home.path()))?;
        }
        self.size += block.len() as u64;
        Ok(())
    }

    /// How many blocks were put, and their bytes; each counts once.
    #[must_use]
    pub fn holds(&self) -> (u64, u64) {
        ((self.pack.blocks() + self.found.len()) as u64, self.size)
    }

    /// Keeps what was put, under its root, durably: when this returns, a power cut loses nothing of it.
    ///
    /// # Errors
    /// As [`Writer::put`]; [`StoreError::Removed`] where a part of it was removed meanwhile. Then nothing of it is kept.
    pub fn commit(self, root: &Root) -> Result<(), StoreError> {
        self.keep(root, Why::Put)
    }

    /// Keeps what was put as what is pinned: until [`Store::unpin`], beside whatever else keeps it.
    ///
    /// # Errors
    /// As [`Writer::commit`].
    pub fn commit_pin(self, cid: Cid) -> Result<(), StoreError> {
        self.keep(&Root { cid, name: None }, Why::Pin)
    }

    fn keep(mut self, root: &Root, why: Why) -> Result<(), StoreError> {
        let held = match self.held.take() {
            Some(held) => held,
            None => self.hold()?,
        };
        let home = &self.store.0.home;
        let failed = StoreError::io("keep it", home.path());
        let list = root::write(home, root, why, self.holds(), &mut self.hashes()).map_err(&failed)?;
        if !self.pack.is_empty() {
            self.pack.finish(self.store.0.kept.folder(), true).map_err(&failed)?;
        }
        list.publish().map_err(&failed)?;
        drop(held);
        // It is kept: that small packs can't be gathered now isn't this one's failure.
        let _ = self.store.gather(Which::Kept);
        Ok(())
    }

    fn hashes(&self) -> impl Iterator<Item = Hash> {
        self.pack.hashes().chain(self.found.iter().filter_map(Key::hash))
    }

    /// Takes the lock, and looks whether what was found without it is still there.
    fn hold(&self) -> Result<Held, StoreError> {
        let held = lock::shared(&self.store.0.home)?;
        self.store.0.kept.refresh()?;
        for hash in self.found.iter().filter_map(Key::hash) {
            if self.store.0.kept.find(&hash, &[])?.is_none() {
                return Err(StoreError::Removed(self.store.0.home.path().to_owned()));
            }
        }
        Ok(held)
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
