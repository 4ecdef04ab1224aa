//! What gateways are there, for whoever asks one for a whole file or tree, and what came of it ahead of a walk.
//!
//! Serves: rulings 16, 20; clauses STORE-60, STORE-61.

use std::rc::Rc;

use super::Sources;
use super::source::{Source, Standing};
use crate::content::Cid;
use crate::content::http::Client;

impl Sources {
    /// The daemon's own gateway, where it has one at its own address.
    pub(crate) async fn own_gateway(&self) -> Option<Rc<Client>> {
        self.daemon.as_ref()?.own_gateway().await
    }

    /// The own gateway of a daemon that was told to expect much, where nobody else would be asked if it were slow.
    pub(crate) fn sole_gateway(&self) -> Option<Rc<Client>> {
        match &self.sources[..] {
            [source] => source.own(),
            _ => None,
        }
    }

    pub(crate) fn has_gateways(&self) -> bool {
        self.sources.iter().any(Source::is_gateway)
    }

    /// The gateway that is asked first for a block, if one is, and if it gives more than blocks.
    pub(crate) fn first_gateway(&self) -> Option<&Source> {
        let first = self.honest().min_by_key(|source| source.standing())?;
        Some(first).filter(|source| source.gives_trees())
    }

    /// Whether there is anybody besides who could be asked: a daemon that was slow isn't there, as a rule.
    pub(crate) fn others_than(&self, source: &Source) -> bool {
        let is_there = |other: &Source| other.is_gateway() || other.standing() == Standing::Good;
        self.honest().any(|other| !std::ptr::eq(other, source) && is_there(other))
    }

    fn honest(&self) -> impl Iterator<Item = &Source> {
        self.sources.iter().filter(|source| source.standing() != Standing::Lied)
    }

    /// The bytes of blocks that may be kept in the store's cache.
    pub(crate) fn room_to_keep(&self) -> u64 {
        self.shelf.as_ref().map_or(0, |shelf| shelf.room())
    }

    /// A block that lies in the store, for what it links to.
    pub(crate) fn shelved_block(&self, cid: &Cid) -> Option<Vec<u8>> {
        self.shelf.as_ref()?.get(cid)
    }

    /// A block lies in the store for this run: that it comes from there is no news.
    pub(crate) fn came_ahead(&self, bytes: u64) {
        let (blocks, sum) = self.came_ahead.get();
        self.came_ahead.set((blocks + 1, sum + bytes));
    }

    /// What of these came out of the store that a source didn't give in this run.
    pub(super) fn besides_ahead(&self, blocks: u64, bytes: u64) -> (u64, u64) {
        let (ahead, sum) = self.came_ahead.get();
        self.came_ahead.set((ahead.saturating_sub(blocks), sum.saturating_sub(bytes)));
        (blocks.saturating_sub(ahead), bytes.saturating_sub(sum))
    }

    /// What came so was taken, or won't be.
    pub(crate) fn nothing_ahead(&self) {
        self.came_ahead.take();
    }
}
