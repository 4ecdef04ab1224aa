//! Where verified blocks lie between runs, as far as reading needs it: there or not there, and never a reason to fail.
//!
//! - What it does: opens the store at the first use; what can't be opened, read or written is said once.
//! - What must stay true: a block that is given was verified now. What can't be read or kept is as if it weren't there: the
//!   next source is asked. A run that needs no content opens nothing.
//! - Serves: ruling 16; clauses STORE-02, STORE-03, STORE-45.

use std::cell::{Cell, OnceCell};
use std::sync::Arc;

use super::Cid;
use crate::notice::note;
use crate::phrase::told;
use crate::store::{Place, Store, StoreError};
use crate::tame::tame;

/// A store, as reading sees it.
pub(crate) trait Shelf {
    /// Whether there is a store at all.
    fn is_there(&self) -> bool;

    /// Whether a block seems to be there; nothing is read.
    fn has(&self, cid: &Cid) -> bool;

    /// A block, verified; `None` where it isn't there or isn't itself any more.
    fn get(&self, cid: &Cid) -> Option<Vec<u8>>;

    /// Keeps a block that was verified, as long as there is room.
    fn cache(&self, cid: &Cid, block: &[u8]);

    /// The most bytes that are kept so; 0 where nothing is.
    fn room(&self) -> u64;

    /// Has other runs find what was kept.
    fn settle(&self);

    /// The store itself, for several threads at once, where it is one.
    fn store(&self) -> Option<Store>;

    /// The same, or why it can't be had, which isn't said.
    fn opened(&self) -> Result<Store, Arc<StoreError>>;

    /// Says what is wrong with it, where the run goes on without.
    fn say(&self, error: &StoreError);
}

/// The store of this machine's disk, opened when it is first asked.
#[derive(Default)]
pub(crate) struct OnDisk {
    store: OnceCell<Result<Store, Arc<StoreError>>>,
    /// Whether nothing more is kept.
    full: Cell<bool>,
    said: Cell<bool>,
}

impl OnDisk {
    fn open(&self) -> Option<&Store> {
        match self.tried() {
            Ok(store) => Some(store),
            Err(error) => {
                self.say(error);
                None
            }
        }
    }

    fn tried(&self) -> &Result<Store, Arc<StoreError>> {
        self.store.get_or_init(|| {
            let opened = Place::of_environment().map_err(StoreError::from).and_then(|place| Store::open(&place));
            opened.map_err(Arc::new)
        })
    }

    /// What came, or nothing, which is said the first time.
    fn or_nothing<T>(&self, done: Result<T, StoreError>) -> Option<T> {
        done.map_err(|error| self.say(&error)).ok()
    }
}

impl Shelf for OnDisk {
    fn is_there(&self) -> bool {
        self.open().is_some()
    }

    fn has(&self, cid: &Cid) -> bool {
        self.open().and_then(|store| self.or_nothing(store.has(cid))).unwrap_or(false)
    }

    fn get(&self, cid: &Cid) -> Option<Vec<u8>> {
        self.open().and_then(|store| self.or_nothing(store.get(cid))).flatten()
    }

    fn cache(&self, cid: &Cid, block: &[u8]) {
        if let (false, Some(store)) = (self.full.get(), self.open()) {
            // One that can't be written to isn't tried again.
            self.full.set(self.or_nothing(store.cache(cid, block)).is_none());
        }
    }

    fn room(&self) -> u64 {
        if self.full.get() { 0 } else { self.open().map_or(0, Store::room) }
    }

    fn settle(&self) {
        if let (false, Some(Ok(store))) = (self.full.get(), self.store.get()) {
            self.full.set(self.or_nothing(store.flush()).is_none());
        }
    }

    fn store(&self) -> Option<Store> {
        self.open().cloned()
    }

    fn opened(&self) -> Result<Store, Arc<StoreError>> {
        self.tried().clone()
    }

    fn say(&self, error: &StoreError) {
        if self.said.replace(true) {
            return;
        }
        note(format_args!("{}: going on without it", tame(&told(error))));
    }
}

/// A shelf in memory, that takes everything.
#[cfg(test)]
#[derive(Default)]
pub(crate) struct Memory(std::cell::RefCell<std::collections::HashMap<Vec<u8>, Vec<u8>>>);

#[cfg(test)]
impl Shelf for Memory {
    fn is_there(&self) -> bool {
        true
    }

    fn has(&self, cid: &Cid) -> bool {
        self.0.borrow().contains_key(&cid.to_bytes())
    }

    fn get(&self, cid: &Cid) -> Option<Vec<u8>> {
        self.0.borrow().get(&cid.to_bytes()).cloned()
    }

    fn cache(&self, cid: &Cid, block: &[u8]) {
        self.0.borrow_mut().insert(cid.to_bytes(), block.to_vec());
    }

    fn room(&self) -> u64 {
        u64::MAX
    }

    fn settle(&self) {}

    fn store(&self) -> Option<Store> {
        None
    }

    fn opened(&self) -> Result<Store, Arc<StoreError>> {
        Err(Arc::new(StoreError::Unknown(String::new())))
    }

    fn say(&self, _: &StoreError) {}
}
