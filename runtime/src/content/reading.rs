//! A range of a file that is taken in order: out of blocks, or out of a file that is here.
//!
//! - What must stay true: what is given was verified, now or when it was put here.
//! - Serves: `read` of `system.IPFS`.

use std::fs::File;
use std::future::pending;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::rc::Rc;

use super::range::Ranged;
use super::{Cid, ContentError};

/// A range of one file that is being read.
pub struct Reading(Of);

enum Of {
    Blocks(Box<Ranged>),
    Kept(Rc<Kept>, Range<u64>),
}

/// A file that is here, whole.
pub(crate) struct Kept {
    pub(crate) cid: Cid,
    pub(crate) file: File,
    pub(crate) size: u64,
}

impl Kept {
    pub(crate) fn read(self: &Rc<Self>, offset: u64, length: u64) -> Reading {
        let range = offset.min(self.size)..offset.saturating_add(length).min(self.size);
        Reading(Of::Kept(self.clone(), range))
    }
}

impl From<Ranged> for Reading {
    fn from(ranged: Ranged) -> Reading {
        Reading(Of::Blocks(Box::new(ranged)))
    }
}

impl Reading {
    /// Waits for bytes of the range; `false` at its end.
    ///
    /// # Errors
    /// As [`Content::fetch`](super::Content::fetch). What was handed out before is right, and not all.
    pub async fn ready(&mut self) -> Result<bool, ContentError> {
        match &mut self.0 {
            Of::Blocks(ranged) => ranged.ready().await,
            Of::Kept(_, range) => Ok(!range.is_empty()),
        }
    }

    /// How many bytes can be taken now, of `most` at most: none, unless [`Reading::ready`] said so.
    pub fn length(&self, most: usize) -> usize {
        match &self.0 {
            Of::Blocks(ranged) => ranged.bytes(most).len(),
            Of::Kept(_, range) => usize::try_from(range.end - range.start).unwrap_or(most).min(most),
        }
    }

    /// Takes as many bytes as there is room for; there have to be as many.
    ///
    /// # Errors
    /// [`ContentError::Kept`] where a file that is here can't be read.
    pub fn take(&mut self, into: &mut [u8]) -> Result<(), ContentError> {
        match &mut self.0 {
            Of::Blocks(ranged) => {
                into.copy_from_slice(ranged.bytes(into.len()));
                ranged.take(into.len());
            }
            Of::Kept(kept, range) => {
                kept.file.read_exact_at(into, range.start).map_err(ContentError::Kept)?;
                range.start += into.len() as u64;
            }
        }
        Ok(())
    }

    /// Receives what was asked for, and asks for what there is room for, until another read wants the memory that this
    /// one has.
    ///
    /// # Errors
    /// As [`Reading::ready`].
    pub async fn until_wanted(&mut self) -> Result<(), ContentError> {
        match &mut self.0 {
            Of::Blocks(ranged) => ranged.until_wanted().await,
            Of::Kept(..) => pending().await,
        }
    }

    /// Lets go of what is in memory. The next [`Reading::ready`] waits for the same bytes again.
    pub fn rest(&mut self) {
        if let Of::Blocks(ranged) = &mut self.0 {
            ranged.rest();
        }
    }
}
