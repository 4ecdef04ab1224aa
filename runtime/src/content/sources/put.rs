//! Who gets what is put: the store, and the daemon where one answers.
//!
//! - What it does: tells a daemon that was named, which must answer, from the one that may be where one is by default. Does
//!   the store's slow work on other threads, a few at a time.
//! - What must stay true: a store that can't be written to is an error where it alone would have it, and told once where a
//!   daemon has it. That nobody but the store has it is told once, where nobody named a daemon.
//! - Serves: rulings 15, 16; clauses STORE-02, STORE-05, STORE-46 to STORE-49.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Mutex, MutexGuard, Semaphore};
use tokio::time::{Instant, timeout};

use super::Sources;
use crate::content::ContentError;
use crate::content::http::Client;
use crate::notice::note;
use crate::store::{Store, StoreError};
use crate::tame::tame;

/// How long a daemon that nobody named may keep us waiting for its first word, and for how long it isn't asked again
/// after that.
const PATIENCE: Duration = Duration::from_secs(5);
const AGAIN: Duration = Duration::from_secs(60);
/// How many do something slow with the store at once. Each has a file of 8 MiB in memory, or a leaf.
const AT_WORK: usize = 4;

/// What is known of those who get it.
pub(super) struct Putting {
    /// Somebody named the daemon: then it must answer.
    named: bool,
    /// Until when it isn't asked whether it answers, as it didn't and took its time.
    silent: Cell<Option<Instant>>,
    told: Cell<bool>,
    at_work: Arc<Semaphore>,
    /// Whole trees are kept one at a time.
    keeping: Mutex<()>,
}

impl Default for Putting {
    fn default() -> Putting {
        Putting {
            named: false,
            silent: Cell::new(None),
            told: Cell::new(false),
            at_work: Arc::new(Semaphore::new(AT_WORK)),
            keeping: Mutex::new(()),
        }
    }
}

/// Who gets it: one of them at least.
pub(crate) struct Receivers {
    pub(crate) daemon: Option<Rc<Client>>,
    pub(crate) store: Option<Store>,
}

impl Sources {
    /// The same, with a daemon that was named or wasn't.
    pub(crate) fn named(mut self, named: bool) -> Sources {
        self.putting.named = named;
        self
    }

    /// The daemon, where there is one: one that was named, whether it answers or not.
    pub(crate) async fn receiver(&self) -> Option<&Rc<Client>> {
        let daemon = self.daemon.as_ref()?;
        // Without a store there is nobody else.
        if self.putting.named || self.shelf.is_none() {
            return Some(daemon);
        }
        if self.putting.silent.get().is_some_and(|until| Instant::now() < until) {
            return None;
        }
        match timeout(PATIENCE.min(self.timeouts.idle), daemon.answers()).await {
            Ok(Ok(())) => Some(daemon),
            Ok(Err(_)) => None,
            Err(_) => {
                self.putting.silent.set(Some(Instant::now() + AGAIN));
                None
            }
        }
    }

    /// Who gets what is put now.
    ///
    /// # Errors
    /// Where it would be nobody.
    pub(crate) async fn receivers(&self) -> Result<Receivers, ContentError> {
        let daemon = self.receiver().await.cloned();
        let store = match (self.opened(), &daemon) {
            (Ok(store), _) => Some(store),
            (Err(ContentError::Store(error)), Some(_)) => {
                self.lacks_store(&error);
                None
            }
            (Err(_), Some(_)) => None,
            (Err(error), None) => return Err(error),
        };
        Ok(Receivers { daemon, store })
    }

    /// The store, for what it alone can do.
    ///
    /// # Errors
    /// Where it can't be had.
    pub(crate) fn opened(&self) -> Result<Store, ContentError> {
        let shelf = self.shelf.as_ref().ok_or(ContentError::Offline)?;
        shelf.opened().map_err(ContentError::Store)
    }

    /// The turn to have the store keep a whole tree.
    pub(crate) async fn keeping(&self) -> MutexGuard<'_, ()> {
        self.putting.keeping.lock().await
    }

    /// A store that can't be had, or written to, where there is a daemon.
    pub(crate) fn lacks_store(&self, error: &StoreError) {
        if let Some(shelf) = &self.shelf {
            shelf.say(error);
        }
    }

    /// It is in the store, and nowhere else.
    pub(crate) fn alone(&self) {
        if let Some(daemon) = &self.daemon
            && !self.putting.named
            && !self.putting.told.replace(true)
        {
            let endpoint = tame(&daemon.endpoint().to_string());
            note(format_args!("the content is in the local store alone: no IPFS daemon answers at {endpoint}"));
        }
    }

    /// Does something with the store that takes a while, on another thread, when it is its turn. Given up, it goes on to its
    /// end.
    ///
    /// # Errors
    /// What `work` says.
    pub(crate) async fn at_work<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, ContentError> {
        let turn = self.putting.at_work.clone().acquire_owned().await;
        let done = tokio::task::spawn_blocking(move || {
            let done = work();
            drop(turn);
            done
        });
        match done.await {
            Ok(done) => done.map_err(|error| ContentError::Store(Arc::new(error))),
            Err(ended) => std::panic::resume_unwind(ended.into_panic()),
        }
    }
}
