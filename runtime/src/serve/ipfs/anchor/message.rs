//! The messages of `Node`: what is read of them and written into them, and what fits.
//!
//! - What must stay true: a path is bounded before it is kept; an answer is measured before it is built.
//! - Serves: ruling 13; clauses RPC-30 to RPC-36.

use capnp::{Error, text_list};
use ww_schema::anchor_capnp as anchor;

use crate::content::ContentError;
use crate::content::ipld::Link;
use crate::serve::ipfs::LIMIT;
use crate::serve::refusal::Refusal;

/// The longest path, in bytes, each name with one more: as long as one in text may be.
pub(super) const PATH: usize = 4096;

/// What a message of the cell's can't be read for.
pub(super) fn unread(method: &'static str) -> impl Fn(Error) -> Refusal {
    move |error| Refusal::Unread { method, why: error.to_string() }
}

/// The names of a path, bounded.
pub(super) fn names(method: &'static str, path: text_list::Reader<'_>) -> Result<Vec<String>, Refusal> {
    let mut names = Vec::new();
    let mut bytes = 0;
    for name in path {
        let name = name.map_err(unread(method))?;
        bytes += name.len() + 1;
        if bytes > PATH {
            return Err(Refusal::LongPath { method, limit: PATH });
        }
        names.push(name.to_str().map_err(|_| Refusal::NotText { method })?.to_owned());
    }
    Ok(names)
}

/// Writes names into a list that is as long.
pub(super) fn fill(mut list: text_list::Builder<'_>, names: &[String]) {
    for (index, name) in (0..).zip(names) {
        list.set(index, name);
    }
}

/// Writes a link.
pub(super) fn describe(link: &Link<'_>, mut to: anchor::link::Builder<'_>) {
    // The default takes no room.
    if !link.name.is_empty() {
        to.set_name(&link.name);
    }
    to.set_size(link.size);
    to.set_cid(&link.cid.to_bytes());
}

/// What a list may still take, in bytes of a message.
pub(super) struct Room(u64);

impl Room {
    /// Of one message.
    pub(super) fn of_message() -> Room {
        Room(LIMIT)
    }

    /// # Errors
    /// [`ContentError::TooLarge`] where there isn't so much left.
    pub(super) fn take(&mut self, bytes: usize) -> Result<(), ContentError> {
        self.0 = self.0.checked_sub(bytes as u64).ok_or(ContentError::TooLarge { limit: LIMIT })?;
        Ok(())
    }

    /// A text behind a pointer of its own: with its NUL, in whole words.
    pub(super) fn text(length: usize) -> usize {
        8 + (length + 8) / 8 * 8
    }

    /// A [`Link`] in a list: a number and two pointers, and what they point to.
    pub(super) fn link(link: &Link<'_>) -> usize {
        let name = if link.name.is_empty() { 0 } else { (link.name.len() + 8) / 8 * 8 };
        24 + name + link.cid.encoded_len().div_ceil(8) * 8
    }
}
