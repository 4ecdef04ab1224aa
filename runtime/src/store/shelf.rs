//! A directory of packs: which of them has a block.
//!
//! - What it does: lists the packs, the newest first, opens each when it is first asked, and asks the one that had the last
//!   block first.
//! - What must stay true: a pack that another process made or removed meanwhile is noticed, where that decides. A pack that
//!   can't be read doesn't hide the others.

use std::collections::HashSet;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use super::StoreError;
use super::folder::Folder;
use super::pack::{Hash, Location, Pack, SUFFIX};

/// The most packs that stay open.
const OPEN_MAX: usize = 128;
/// What changed less than this ago may change again with the same time.
const TICK: Duration = Duration::from_millis(20);
/// How often a pack's time of use is written.
const USED: Duration = Duration::from_secs(1);

/// Packs in a directory.
#[derive(Debug)]
pub(super) struct Shelf {
    folder: Folder,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// When the directory had changed last as it was listed; `None` where it must be listed again.
    listed: Option<(i64, i64)>,
    packs: Vec<Slot>,
    /// Which can't be read.
    broken: HashSet<String>,
}

#[derive(Debug)]
struct Slot {
    name: String,
    pack: Option<Arc<Pack>>,
    used: Option<SystemTime>,
}

impl Shelf {
    pub(super) fn new(folder: Folder) -> Shelf {
        Shelf { folder, state: Mutex::default() }
    }

    pub(super) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(super) fn folder(&self) -> &Folder {
        &self.folder
    }

    /// Where a block is, in a pack that isn't one of `not`.
    pub(super) fn find(&self, hash: &Hash, not: &[String]) -> Result<Option<Location>, StoreError> {
        let failed = StoreError::io("look for a block", self.folder.path());
        let mut state = self.state();
        let fresh = state.list(&self.folder, false).map_err(&failed)?;
        let found = state.search(&self.folder, hash, not).map_err(&failed)?;
        if found.is_some() || fresh || !state.list(&self.folder, true).map_err(&failed)? {
            return Ok(found);
        }
        state.search(&self.folder, hash, not).map_err(&failed)
    }

    /// Forgets packs that others have removed: what is open can be read, and isn't in the store any more. Who holds the lock
    /// finds what is there from then on.
    pub(super) fn refresh(&self) -> Result<(), StoreError> {
        let listed = self.state().list(&self.folder, true);
        listed.map(drop).map_err(StoreError::io("look for blocks", self.folder.path()))
    }

    /// Notes that a pack was of use: the least recently used goes first.
    pub(super) fn used(&self, place: &Location) {
        let now = SystemTime::now();
        let mut state = self.state();
        let Some(slot) = state.packs.iter_mut().find(|slot| slot.name == place.name) else { return };
        if slot.used.is_none_or(|used| now.duration_since(used).is_ok_and(|since| since > USED)) {
            slot.used = Some(now);
            // Where it can't be written, nothing is evicted either.
            let _ = place.pack.file().set_modified(now);
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Lists the packs, if that was never done, or `again` and something changed. Says whether it did.
    fn list(&mut self, folder: &Folder, again: bool) -> io::Result<bool> {
        if self.listed.is_some() && !again {
            return Ok(false);
        }
        let known = folder.metadata()?;
        let changed = (known.mtime(), known.mtime_nsec());
        if self.listed == Some(changed) {
            return Ok(false);
        }
        let mut old: Vec<Slot> = std::mem::take(&mut self.packs);
        let mut packs = Vec::new();
        for name in folder.names()?.into_iter().filter(|name| name.ends_with(SUFFIX)) {
            let Some(known) = folder.look(&name)? else { continue };
            let modified = (known.mtime(), known.mtime_nsec());
            let slot = match old.iter().position(|slot| slot.name == name) {
                Some(at) => old.swap_remove(at),
                None => Slot { name, pack: None, used: None },
            };
            packs.push((modified, slot));
        }
        packs.sort_by(|(one, _), (other, _)| other.cmp(one));
        self.packs = packs.into_iter().map(|(_, slot)| slot).collect();
        let settled = known.modified().is_ok_and(|at| at.elapsed().is_ok_and(|since| since > TICK));
        // A time of (-1, -1) is no directory's: it is listed again when that decides.
        self.listed = Some(if settled { changed } else { (-1, -1) });
        Ok(true)
    }

    fn search(&mut self, folder: &Folder, hash: &Hash, not: &[String]) -> io::Result<Option<Location>> {
        for at in 0..self.packs.len() {
            if not.contains(&self.packs[at].name) {
                continue;
            }
            let Some(pack) = self.pack(folder, at)? else { continue };
            match pack.find(hash) {
                Ok(Some(offset)) => {
                    let name = self.packs[at].name.clone();
                    self.packs[..=at].rotate_right(1);
                    return Ok(Some(Location { name, pack, offset }));
                }
                Ok(None) => {}
                // An index that can't be read has nothing.
                Err(error) if super::is_damage(&error) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(None)
    }

    fn pack(&mut self, folder: &Folder, at: usize) -> io::Result<Option<Arc<Pack>>> {
        if let Some(pack) = &self.packs[at].pack {
            return Ok(Some(Arc::clone(pack)));
        }
        if self.broken.contains(&self.packs[at].name) {
            return Ok(None);
        }
        if self.packs.iter().filter(|slot| slot.pack.is_some()).count() >= OPEN_MAX
            && let Some(last) = self.packs.iter_mut().rev().find(|slot| slot.pack.is_some())
        {
            last.pack = None;
        }
        match folder.file(&self.packs[at].name).and_then(Pack::open) {
            Ok(pack) => {
                let pack = Arc::new(pack);
                self.packs[at].pack = Some(Arc::clone(&pack));
                Ok(Some(pack))
            }
            // Another process moved its blocks: the list is old.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                self.listed = Some((-1, -1));
                Ok(None)
            }
            Err(error) if super::is_damage(&error) || error.kind() == io::ErrorKind::InvalidInput => {
                super::told::damaged(&folder.path().join(&self.packs[at].name), &error);
                self.broken.insert(self.packs[at].name.clone());
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }
}
