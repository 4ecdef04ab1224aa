//! The entries of one directory, as its links have them.
//!
//! - What must stay true: a listing stays within [`LISTING`] bytes.
//! - Serves: rulings 13, 20.

use super::node::Link;
use super::{Cid, ContentError};

/// The most memory that a listing takes, in bytes: more doesn't fit into a message to a cell (ruling 13).
const LISTING: u64 = 8 * 1024 * 1024;

/// An entry of a directory as its link has it.
pub(crate) struct Child {
    pub(crate) name: String,
    pub(crate) cid: Cid,
    pub(crate) tsize: Option<u64>,
}

/// The entries of one directory.
#[derive(Default)]
pub(crate) struct Listing {
    children: Vec<Child>,
    bytes: u64,
}

impl Child {
    /// Names that aren't text are shown with replacement characters.
    pub(crate) fn new(name: &[u8], link: &Link<'_>) -> Child {
        Child { name: String::from_utf8_lossy(name).into_owned(), cid: link.cid, tsize: link.tsize }
    }
}

impl Listing {
    /// Adds an entry.
    ///
    /// # Errors
    /// [`ContentError::TooLarge`] where it is one too many.
    pub(crate) fn push(&mut self, child: Child) -> Result<(), ContentError> {
        // The text of a CID, and the struct in a message.
        self.bytes += child.name.len() as u64 + 128;
        if self.bytes > LISTING {
            return Err(ContentError::TooLarge { limit: LISTING });
        }
        self.children.push(child);
        Ok(())
    }

    /// The entries, by name.
    pub(crate) fn sorted(mut self) -> Vec<Child> {
        self.children.sort_by(|a, b| a.name.cmp(&b.name));
        self.children
    }
}
