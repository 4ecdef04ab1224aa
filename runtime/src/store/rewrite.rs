//! Packs written anew: without what nothing keeps, without what is rotten, many small ones as one.
//!
//! What must stay true: the new pack is there, and durable where the old ones were, before an old one goes: killed in between,
//! a block is there twice. No byte is copied that wasn't verified. Who calls holds the lock alone.
//! Serves: ruling 16.

use std::io;
use std::sync::Arc;
use std::time::SystemTime;

use super::pack::{Hash, Location, Pack, PackWriter, Section};
use super::{Store, StoreError, is, is_damage, told};
use crate::block::Cid;

/// Where a pack is cut, in bytes: what is rewritten at most for one block that goes.
const PACK_MAX: u64 = 1 << 30;

/// Which of the two directories.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Which {
    Kept,
    Cached,
}

/// Packs on their way into fewer, or better ones.
pub(super) struct Rewrite<'a> {
    store: &'a Store,
    which: Which,
    new: Option<PackWriter>,
    old: Vec<String>,
    newest: Option<SystemTime>,
    /// Hears of each block that was copied, by its bytes.
    copied: Option<&'a mut dyn FnMut(u64)>,
    /// What wasn't copied as it isn't what its CID says.
    pub(super) rotten: Vec<(Cid, String)>,
}

impl<'a> Rewrite<'a> {
    pub(super) fn new(store: &'a Store, which: Which) -> Rewrite<'a> {
        Rewrite { store, which, new: None, old: Vec::new(), newest: None, copied: None, rotten: Vec::new() }
    }

    /// The same, and somebody hears of each block that is copied, by its bytes.
    pub(super) fn heard(self, copied: &'a mut dyn FnMut(u64)) -> Rewrite<'a> {
        Rewrite { copied: Some(copied), ..self }
    }

    /// Takes over of a pack the blocks that `live` says, and has it go.
    pub(super) fn take(
        &mut self,
        name: &str,
        pack: &Arc<Pack>,
        live: &mut dyn FnMut(&Hash) -> bool,
    ) -> Result<(), StoreError> {
        let failed = StoreError::io("copy blocks", self.store.home().path());
        for (hash, offset) in pack.entries().map_err(&failed)? {
            // Where the index is damaged, the block itself still says what it is.
            let wanted = live(&hash) || pack.cid(offset).is_ok_and(|cid| live(cid.hash()));
            if !wanted {
                continue;
            }
            match pack.section(offset) {
                Ok(found) if is(&found.cid, &found.block) => self.copy(&found).map_err(&failed)?,
                Err(error) if !is_damage(&error) => return Err(failed(error)),
                _ => {
                    // The codec isn't known where the section isn't: as a raw block, it has a CID.
                    let cid = Cid::new_v1(0x55, hash);
                    let place = Location { name: name.to_owned(), pack: Arc::clone(pack), offset };
                    told::set_aside(self.store.home(), &cid, &place);
                    self.rotten.push((cid, name.to_owned()));
                }
            }
        }
        self.done(name, pack.file().metadata().and_then(|known| known.modified()).ok())
    }

    /// Takes over of a pack what is good of it, by its payload alone, and has it go.
    pub(super) fn salvage(
        &mut self,
        name: &str,
        pack: &Pack,
        live: &mut dyn FnMut(&Hash) -> bool,
    ) -> Result<(), StoreError> {
        let failed = StoreError::io("copy blocks", self.store.home().path());
        let mut copied = Ok(());
        pack.scan(&mut |_, found| {
            if copied.is_ok() && live(found.cid.hash()) && is(&found.cid, &found.block) {
                copied = self.copy(&found);
            }
        })
        .and(copied)
        .map_err(&failed)?;
        self.done(name, pack.file().metadata().and_then(|known| known.modified()).ok())
    }

    fn copy(&mut self, found: &Section) -> io::Result<()> {
        if self.new.is_none() {
            self.new = Some(PackWriter::begin(Arc::new(self.store.home().made("tmp")?))?);
        }
        if let Some(new) = &mut self.new {
            new.put(&found.cid, &found.block)?;
        }
        if let Some(copied) = &mut self.copied {
            copied(found.block.len() as u64);
        }
        Ok(())
    }

    fn done(&mut self, name: &str, used: Option<SystemTime>) -> Result<(), StoreError> {
        self.old.push(name.to_owned());
        self.newest = self.newest.max(used);
        if self.new.as_ref().is_some_and(|new| new.length() > PACK_MAX) { self.publish() } else { Ok(()) }
    }

    /// Puts the new pack into the place of the old ones.
    pub(super) fn publish(&mut self) -> Result<(), StoreError> {
        let failed = StoreError::io("replace a pack", self.store.home().path());
        let folder = self.store.shelf(self.which).folder();
        if let Some(new) = self.new.take() {
            let finished = new.finish(folder, self.which == Which::Kept).map_err(&failed)?;
            // What is the least recently used stays that.
            if let (Which::Cached, Some(used)) = (self.which, self.newest.take()) {
                let _ = folder.file(&finished.name).and_then(|file| file.set_modified(used));
            }
        }
        for name in self.old.drain(..) {
            folder.remove(&name).map_err(&failed)?;
        }
        Ok(())
    }
}
