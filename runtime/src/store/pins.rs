//! What is pinned: kept as what was put is, and beside it, until it is unpinned.
//!
//! - What must stay true: to unpin removes nothing that was put. A pin counts when all that is below it is there.
//! - Serves: rulings 15, 16; clauses STORE-04, STORE-47.

use std::io;

use super::folder::Folder;
use super::root::{self, Kept, PIN, Root, Why, file_name};
use super::{Store, StoreError, Writer, lock};
use crate::block::Cid;

impl Store {
    /// [`Store::writer`] for what takes as long as somebody else likes: things are removed meanwhile as if it weren't open,
    /// and a commit that lacks what was is refused.
    ///
    /// # Errors
    /// As [`Store::writer`].
    pub fn slow_writer(&self) -> Result<Writer, StoreError> {
        Writer::begin(self.clone(), false)
    }

    /// Pins what is known to be whole, as it was put or pinned before, without looking at its blocks but for whether they are
    /// there; `false`: it isn't known to be.
    ///
    /// # Errors
    /// Where the store can't be written to.
    pub fn pin_known(&self, cid: &Cid) -> Result<bool, StoreError> {
        let failed = StoreError::io("pin it", self.home().path());
        let _held = lock::shared(self.home())?;
        self.0.kept.refresh()?;
        let Some(kept) = self.known(cid)? else { return Ok(false) };
        let mut whole = Ok(true);
        root::blocks(self.home(), &kept, &mut |hash| {
            whole = match std::mem::replace(&mut whole, Ok(true)) {
                Ok(true) => self.0.kept.find(&hash, &[]).map(|place| place.is_some()),
                decided => decided,
            };
        })?;
        if whole? {
            let roots = self.lists()?;
            return match roots.link(&kept.file, &of(cid)).and_then(|()| roots.sync()) {
                Ok(()) => Ok(true),
                // Removed by name meanwhile.
                Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
                Err(error) => Err(failed(error)),
            };
        }
        Ok(false)
    }

    /// Whether a CID is pinned.
    ///
    /// # Errors
    /// Where the list of its blocks can't be read.
    pub fn is_pinned(&self, cid: &Cid) -> Result<bool, StoreError> {
        self.pin(cid).map(|pin| pin.is_some())
    }

    /// Ends a pin; `false`: there is none. What was put stays.
    ///
    /// # Errors
    /// As [`Store::is_pinned`], and where it can't be removed.
    pub fn unpin(&self, cid: &Cid) -> Result<bool, StoreError> {
        let pin = self.pin(cid)?;
        pin.as_ref().map_or(Ok(()), |pin| root::remove(self.home(), pin)).map(|()| pin.is_some())
    }

    /// Calls `take` with what is pinned, in no order, until it says `false`.
    ///
    /// # Errors
    /// As [`Store::is_pinned`].
    pub fn pins(&self, take: &mut dyn FnMut(&Cid) -> bool) -> Result<(), StoreError> {
        let roots = self.lists()?;
        for name in self.names(&roots, |name| name.ends_with(PIN))? {
            if let Some(kept) = root::one(&roots, &name)?
                && !take(&kept.cid)
            {
                break;
            }
        }
        Ok(())
    }

    fn pin(&self, cid: &Cid) -> Result<Option<Kept>, StoreError> {
        root::one(&self.lists()?, &of(cid))
    }

    /// A list that keeps what is below a CID, whoever made it.
    fn known(&self, cid: &Cid) -> Result<Option<Kept>, StoreError> {
        let roots = self.lists()?;
        let put = file_name(&Root { cid: *cid, name: None }, Why::Put);
        let names = self.names(&roots, |name| name.starts_with(&put))?;
        names.first().map_or(Ok(None), |name| root::one(&roots, name))
    }

    fn lists(&self) -> Result<Folder, StoreError> {
        self.home().made("roots").map_err(StoreError::io("list what is kept", self.home().path()))
    }

    fn names(&self, roots: &Folder, wanted: impl Fn(&str) -> bool) -> Result<Vec<String>, StoreError> {
        roots.names_that(wanted).map_err(StoreError::io("list what is kept", self.home().path()))
    }
}

/// The name of the list of a pin.
fn of(cid: &Cid) -> String {
    file_name(&Root { cid: *cid, name: None }, Why::Pin)
}
