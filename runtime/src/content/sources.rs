//! Where blocks come from: the store, then the daemon, then gateways.
//!
//! - What it does: gives a block by its CID from the first source that has it; asks the next one too where one is slow
//!   (`race`), and keeps what came from elsewhere in the store's cache.
//! - What must stay true: a block that is given was verified, whoever it came from. A source that gave a wrong one isn't
//!   asked again in this run; one that was slow comes last from then on. What is in memory is bounded: of large blocks
//!   there are a few at a time. With a block in the store, nobody is asked.
//! - Serves: rulings 7, 16, 20; clauses STORE-03, STORE-33 to STORE-43.

mod answers;
mod failures;
mod gateways;
mod names;
mod pace;
mod put;
mod race;
mod source;
#[cfg(test)]
mod tests;
mod wide;

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use tokio::sync::Semaphore;

use super::http::Client;
use super::shelf::Shelf;
use super::turns::Turns;
use super::{Cid, ContentError, Timeouts};
use crate::block::{IDENTITY, Verifier};
use crate::endpoint::{Endpoint, Gateway};
use crate::store::Store;

pub(crate) use answers::{BLOCK_LIMIT, Got, Next};
pub use failures::Failures;
pub(crate) use failures::STORE;
pub(crate) use pace::{Once, Pace};
pub(crate) use put::Receivers;
pub(crate) use source::Source;
pub(crate) use wide::Wide;

/// Blocks above this size are large, in bytes.
pub(crate) const LARGE: usize = 384 << 10;
/// How many large blocks may be on their way into memory, and as many more while a whole file is fetched.
const AT_ONCE: usize = 2;
/// And how many that are asked for a second time, as the first source is slow.
const AGAIN: usize = 1;

/// What is seen of a retrieval while it goes on: enough to tell how far it is and who serves it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen<'a> {
    /// Something of so many bytes is being fetched, as it declares. What is told first holds all that follows.
    Whole(u64),
    /// A block arrived.
    Block {
        /// Its size.
        bytes: u64,
        /// Who gave it: `the store`, an endpoint, a gateway.
        source: &'a str,
    },
}

/// What one source gave in this run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Served {
    /// Who: `the store`, an endpoint, a gateway.
    pub source: String,
    /// How many blocks.
    pub blocks: u64,
    /// Their bytes.
    pub bytes: u64,
}

type Watcher = dyn Fn(Seen<'_>);

/// All sources of one run.
pub(crate) struct Sources {
    shelf: Option<Rc<dyn Shelf>>,
    shelved: Cell<(u64, u64)>,
    /// What a source gave in this run and is still to be taken out of the store.
    came_ahead: Cell<(u64, u64)>,
    /// In the order in which they are asked.
    sources: Vec<Source>,
    daemon: Option<Rc<Client>>,
    timeouts: Timeouts,
    pub(crate) turns: Rc<Turns>,
    large: Semaphore,
    again: Semaphore,
    /// For those whose turn bounds their memory: room for all.
    turned: Semaphore,
    watcher: RefCell<Option<Rc<Watcher>>>,
    putting: put::Putting,
}

impl Sources {
    /// No daemon is a run that is offline.
    pub(crate) fn new(
        shelf: Option<Rc<dyn Shelf>>,
        daemon: Option<Endpoint>,
        gateways: &[Gateway],
        timeouts: Timeouts,
    ) -> Sources {
        let daemon = daemon.map(|endpoint| Rc::new(Client::new(endpoint, timeouts)));
        let first = daemon.iter().map(|client| Source::daemon(client.clone()));
        let then = gateways.iter().map(|gateway| Source::gateway(gateway, timeouts));
        let sources = first.chain(then).collect();
        Sources {
            shelf,
            shelved: Cell::default(),
            came_ahead: Cell::default(),
            sources,
            daemon,
            timeouts,
            turns: Turns::new(),
            large: Semaphore::new(AT_ONCE),
            again: Semaphore::new(AGAIN),
            turned: Semaphore::new(Semaphore::MAX_PERMITS),
            watcher: RefCell::default(),
            putting: put::Putting::default(),
        }
    }

    /// The daemon, for what it alone can do.
    ///
    /// # Errors
    /// [`ContentError::Offline`] where the run asks none.
    pub(crate) fn daemon(&self) -> Result<&Rc<Client>, ContentError> {
        self.daemon.as_ref().ok_or(ContentError::Offline)
    }

    pub(crate) fn timeouts(&self) -> Timeouts {
        self.timeouts
    }

    /// Calls this with all that is seen from now on.
    pub(crate) fn watch(&self, watcher: Rc<Watcher>) {
        self.watcher.replace(Some(watcher));
    }

    /// Calls nobody from now on.
    pub(crate) fn unwatch(&self) {
        self.watcher.replace(None);
    }

    pub(crate) fn see(&self, seen: Seen<'_>) {
        let watcher = self.watcher.borrow().clone();
        if let Some(watcher) = watcher {
            watcher(seen);
        }
    }

    /// What each source gave so far, of those that gave something.
    pub(crate) fn served(&self) -> Vec<Served> {
        let (blocks, bytes) = self.shelved.get();
        let store = Served { source: STORE.to_owned(), blocks, bytes };
        let all = [store].into_iter().chain(self.sources.iter().map(Source::served));
        all.filter(|served| served.blocks > 0).collect()
    }

    /// A whole block, verified.
    pub(crate) async fn block(&self, cid: &Cid) -> Result<Vec<u8>, ContentError> {
        self.block_when(cid, async || ()).await
    }

    /// The same, taken into memory when `free` says that there is room.
    pub(crate) async fn block_when(&self, cid: &Cid, free: impl AsyncFnOnce()) -> Result<Vec<u8>, ContentError> {
        match self.block_within(cid, BLOCK_LIMIT, free).await? {
            Got::Block(block) => Ok(block),
            // No source gives one that is.
            Got::Larger(_) => Err(ContentError::LongBody { what: format!("block {cid}"), limit: BLOCK_LIMIT }),
        }
    }

    /// A block of at most `most` bytes, verified, taken into memory when `free` says that there is room; of a larger one,
    /// which is verified and not kept, its size.
    pub(crate) async fn block_within(
        &self,
        cid: &Cid,
        most: u64,
        free: impl AsyncFnOnce(),
    ) -> Result<Got, ContentError> {
        self.block_in(cid, most, free, [&self.large, &self.again]).await
    }

    /// The same for a read in order, which has a turn by `free`: its memory is that turn's. It waits for no other room, as
    /// whoever has that may be a read that nobody takes from, and that goes on only when another wants its turn.
    pub(crate) async fn block_in_turn(
        &self,
        cid: &Cid,
        most: u64,
        free: impl AsyncFnOnce(),
    ) -> Result<Got, ContentError> {
        self.block_in(cid, most, free, [self.turned(), self.turned()]).await
    }

    async fn block_in(
        &self,
        cid: &Cid,
        most: u64,
        free: impl AsyncFnOnce(),
        rooms: [&Semaphore; 2],
    ) -> Result<Got, ContentError> {
        let free = Once::new(free);
        if cid.hash().code() == IDENTITY {
            free.call().await;
            return Ok(Got::of(cid.hash().digest().to_vec(), most));
        }
        // A digest that can't be checked is nobody's fault.
        Verifier::new(cid)?;
        if let Some(shelf) = &self.shelf
            && shelf.has(cid)
        {
            free.call().await;
            if let Some(block) = shelf.get(cid) {
                self.shelved(1, block.len() as u64);
                return Ok(Got::of(block, most));
            }
        }
        let (source, got) = self.race(cid, most, &free, rooms).await?;
        match &got {
            Got::Block(block) => self.arrived(source, cid, block),
            Got::Larger(size) => self.gave(source, *size),
        }
        Ok(got)
    }

    /// A block that came, and was verified, by a way of its own.
    pub(crate) fn came(&self, cid: &Cid, block: &[u8]) {
        if let Some(source) = self.sources.first() {
            self.arrived(source, cid, block);
        }
    }

    /// A block that this source gave, and that was verified.
    pub(crate) fn arrived(&self, source: &Source, cid: &Cid, block: &[u8]) {
        if let Some(shelf) = &self.shelf {
            shelf.cache(cid, block);
        }
        self.gave(source, block.len() as u64);
    }

    fn gave(&self, source: &Source, bytes: u64) {
        source.gave(bytes);
        self.see(Seen::Block { bytes, source: source.name() });
    }

    /// Room for a block whose memory is a turn's.
    pub(crate) fn turned(&self) -> &Semaphore {
        &self.turned
    }

    /// Whether a block is in the store.
    pub(crate) fn has(&self, cid: &Cid) -> bool {
        self.shelf.as_ref().is_some_and(|shelf| shelf.has(cid))
    }

    /// A large file is about to be fetched.
    pub(crate) async fn expect_much(&self) {
        if let Some(source) = self.sources.first() {
            source.expect_much().await;
        }
    }

    /// The store, for several threads at once.
    pub(crate) fn store(&self) -> Option<Store> {
        self.shelf.as_ref()?.store()
    }

    /// So many blocks came out of the store.
    pub(crate) fn shelved(&self, blocks: u64, bytes: u64) {
        let (blocks, bytes) = self.besides_ahead(blocks, bytes);
        if blocks > 0 {
            let (before, sum) = self.shelved.get();
            self.shelved.set((before + blocks, sum + bytes));
            self.see(Seen::Block { bytes, source: STORE });
        }
    }

    /// Has other runs find what came so far; a retrieval is over.
    pub(crate) fn settle(&self) {
        self.publish();
        self.nothing_ahead();
    }

    /// Has other threads find what came so far, and other runs.
    pub(crate) fn publish(&self) {
        if let Some(shelf) = &self.shelf {
            shelf.settle();
        }
    }

    /// Whether there is one source alone, whose word needs no name.
    fn is_one(&self) -> bool {
        self.shelf.is_none() && self.sources.len() == 1
    }
}
