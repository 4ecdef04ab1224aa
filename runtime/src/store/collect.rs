//! What nothing keeps is freed, and many small packs become one.
//!
//! - What it does: reads what each root keeps, then removes the packs that have nothing of it and rewrites those that
//!   have something else too. The cache, what was set aside, and what killed processes left go as well.
//! - What must stay true: alone with the store. Nothing is removed where a list of what is kept can't be read.
//! - Serves: ruling 16; clauses STORE-04, STORE-16.

use std::cell::Cell;
use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::sync::Arc;

use super::folder::Folder;
use super::lock;
use super::pack::{Hash, Pack, SUFFIX};
use super::rewrite::{Rewrite, Which};
use super::{Store, StoreError, is_damage, root};
use crate::block::Cid;

/// From how many small packs on they become one: what a look-up of a block that isn't there has to ask.
const SMALL_MANY: usize = 48;
/// What a small pack is, in bytes.
const SMALL: u64 = 4 << 20;

/// What a collection came to.
#[derive(Clone, Debug, Default)]
pub struct Collected {
    /// Bytes of the disk that are free now.
    pub freed: u64,
    /// Blocks that are gone.
    pub blocks: u64,
    /// Rotten ones that were met, with their packs.
    pub rotten: Vec<(Cid, String)>,
    /// Packs that can't be read: left as they are.
    pub damaged: Vec<String>,
}

/// A set of hashes, eight bytes each. What isn't in it may be said to be, once in 2^40 or so: that keeps garbage, and frees nothing
/// that is kept. Nobody can choose hashes that do, as its key is random.
#[derive(Default)]
pub(super) struct Known {
    set: HashSet<u64>,
    keys: RandomState,
}

impl Known {
    pub(super) fn insert(&mut self, hash: &Hash) -> bool {
        self.set.insert(self.keys.hash_one(hash))
    }

    pub(super) fn has(&self, hash: &Hash) -> bool {
        self.set.contains(&self.keys.hash_one(hash))
    }
}

impl Store {
    /// Frees what no root keeps, the cache included.
    ///
    /// # Errors
    /// [`StoreError::Busy`] where somebody writes to it for too long, [`StoreError::Root`] where it isn't known what is kept.
    pub fn collect(&self) -> Result<Collected, StoreError> {
        self.collect_watched(&mut |_, _| ())
    }

    /// The same; `went` hears how many bytes were looked through or copied, and of how many.
    ///
    /// # Errors
    /// As [`Store::collect`].
    pub fn collect_watched(&self, went: &mut dyn FnMut(u64, u64)) -> Result<Collected, StoreError> {
        self.flush()?;
        let _alone = lock::exclusive(self.home())?;
        let failed = StoreError::io("collect garbage", self.home().path());
        let before = self.weight().map_err(&failed)?;
        let mut live = Known::default();
        for kept in root::all(self.home())? {
            root::blocks(self.home(), &kept, &mut |hash| {
                live.insert(&hash);
            })?;
        }
        let mut collected = Collected::default();
        self.collect_kept(&live, &mut collected, went)?;
        let cached = self.shelf(Which::Cached).folder();
        for name in cached.names().map_err(&failed)? {
            collected.blocks += opened(cached, &name).map(|pack| pack.blocks()).unwrap_or_default();
            cached.remove(&name).map_err(&failed)?;
        }
        let aside = self.home().made("aside").map_err(&failed)?;
        for name in aside.names().map_err(&failed)? {
            aside.remove(&name).map_err(&failed)?;
        }
        self.clear_left().map_err(&failed)?;
        collected.freed = before.saturating_sub(self.weight().map_err(&failed)?);
        Ok(collected)
    }

    fn collect_kept(
        &self,
        live: &Known,
        collected: &mut Collected,
        went: &mut dyn FnMut(u64, u64),
    ) -> Result<(), StoreError> {
        let folder = self.shelf(Which::Kept).folder();
        let failed = StoreError::io("collect garbage", self.home().path());
        let size = |name: &str| folder.look(name).ok().flatten().map_or(0, |known| known.len());
        let all = packs(folder).map_err(&failed)?.into_iter().map(|name| (size(&name), name));
        let all: Vec<(u64, String)> = all.collect();
        let whole = all.iter().map(|(size, _)| size).sum();
        let done = Cell::new(0);
        let mut heard = |bytes: u64| {
            done.set(done.get() + bytes);
            went(done.get(), whole);
        };
        let mut rewrite = Rewrite::new(self, Which::Kept).heard(&mut heard);
        let mut before = 0;
        for (size, name) in all {
            // Of the packs before, all is done, whatever was copied of them.
            done.set(before);
            before += size;
            let pack = match opened(folder, &name) {
                Ok(pack) => Arc::new(pack),
                Err(error) if is_damage(&error) || error.kind() == io::ErrorKind::InvalidInput => {
                    collected.damaged.push(name);
                    continue;
                }
                Err(error) => return Err(failed(error)),
            };
            let entries = pack.entries().map_err(&failed)?;
            let is_live = |hash: &Hash, at| live.has(hash) || pack.cid(at).is_ok_and(|cid| live.has(cid.hash()));
            let dead = entries.iter().filter(|(hash, at)| !is_live(hash, *at)).count();
            collected.blocks += dead as u64;
            if dead > 0 {
                rewrite.take(&name, &pack, &mut |hash| live.has(hash))?;
            }
        }
        rewrite.publish()?;
        collected.rotten.append(&mut rewrite.rotten);
        Ok(())
    }

    /// Removes what processes that were killed left on its way.
    fn clear_left(&self) -> io::Result<()> {
        let tmp = self.home().made("tmp")?;
        for name in tmp.names()? {
            match tmp.file(&name) {
                // Its writer lives: a cache that is being filled.
                Ok(file) if file.try_clone().is_ok_and(lock::is_held) => {}
                _ => tmp.remove(&name)?,
            }
        }
        Ok(())
    }

    /// Makes one pack of many small ones, if nobody else is there.
    pub(super) fn gather(&self, which: Which) -> Result<(), StoreError> {
        let failed = StoreError::io("gather small packs", self.home().path());
        let folder = self.shelf(which).folder();
        if small(folder).map_err(&failed)?.len() < SMALL_MANY {
            return Ok(());
        }
        let Some(_alone) = lock::exclusive_now(self.home()).map_err(&failed)? else { return Ok(()) };
        let mut rewrite = Rewrite::new(self, which);
        for name in small(folder).map_err(&failed)? {
            // One that can't be read is left to `verify`.
            if let Ok(pack) = opened(folder, &name) {
                rewrite.take(&name, &Arc::new(pack), &mut |_| true)?;
            }
        }
        rewrite.publish()
    }

    /// Bytes of all files that blocks are in.
    pub(super) fn weight(&self) -> io::Result<u64> {
        let home = self.home();
        let folders = [home.made("kept")?, home.made("cache")?, home.made("aside")?, home.made("tmp")?];
        let mut sum = 0;
        for folder in folders {
            for name in folder.names()? {
                sum += folder.look(&name)?.map_or(0, |known| known.len());
            }
        }
        Ok(sum)
    }
}

/// The names of the packs in a directory.
pub(super) fn packs(folder: &Folder) -> io::Result<Vec<String>> {
    let mut names = folder.names()?;
    names.retain(|name| name.ends_with(SUFFIX));
    names.sort_unstable();
    Ok(names)
}

pub(super) fn opened(folder: &Folder, name: &str) -> io::Result<Pack> {
    folder.file(name).and_then(Pack::open)
}

fn small(folder: &Folder) -> io::Result<Vec<String>> {
    let mut names = packs(folder)?;
    names.retain(|name| folder.look(name).is_ok_and(|known| known.is_some_and(|known| known.len() < SMALL)));
    Ok(names)
}
