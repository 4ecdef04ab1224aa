//! The directories that were met: what repeats is neither fetched again nor counted late.
//!
//! - What must stay true: the count is of entries that are there or will be: no content has fewer. One directory in a thousand
//!   places counts a thousand times as soon as somebody has looked into it.
//! - Serves: STORE-31.

use std::collections::HashMap;

use crate::content::Cid;
use crate::content::node::Attributes;

/// What one takes in memory, some bytes more or less.
pub(super) const EACH: usize = 2 * (size_of::<Cid>() + size_of::<Directory>());

/// The directories that were met.
#[derive(Default)]
pub(super) struct Known {
    directories: HashMap<Cid, Directory>,
    entries: usize,
}

struct Directory {
    attributes: Attributes,
    /// How often it was met.
    places: usize,
    /// How many entries it has, where somebody looked.
    entries: Option<usize>,
}

impl Known {
    /// What a directory's node says of it, if it was met.
    pub(super) fn attributes(&self, cid: &Cid) -> Option<Attributes> {
        self.directories.get(cid).map(|directory| directory.attributes)
    }

    /// A directory, in one more place; whether it is new.
    pub(super) fn met(&mut self, cid: &Cid, attributes: Attributes) -> bool {
        let new = Directory { attributes, places: 0, entries: None };
        let directory = self.directories.entry(*cid).or_insert(new);
        directory.places += 1;
        self.entries = self.entries.saturating_add(directory.entries.unwrap_or(0));
        directory.places == 1
    }

    /// It has so many entries.
    pub(super) fn listed(&mut self, cid: &Cid, entries: usize) {
        if let Some(directory) = self.directories.get_mut(cid)
            && directory.entries.is_none()
        {
            directory.entries = Some(entries);
            self.entries = self.entries.saturating_add(entries.saturating_mul(directory.places));
        }
    }

    /// How many entries there are or will be, at least.
    pub(super) fn entries(&self) -> usize {
        self.entries
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::block::parse_cid;

    #[test]
    fn each_place_counts_once_whenever_it_is_met() {
        let [one, other] = ["bafkqaaa", "bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku"]
            .map(|cid| parse_cid(cid).unwrap());
        let mut known = Known::default();
        assert_eq!(known.attributes(&one), None);
        assert!(known.met(&one, Attributes::default()) && !known.met(&one, Attributes::default()));
        assert!(known.met(&other, Attributes { mode: Some(1), mtime: None }));
        assert_eq!((known.entries(), known.attributes(&other).unwrap().mode), (0, Some(1)));
        known.listed(&one, 10);
        known.listed(&one, 10);
        assert_eq!(known.entries(), 20);
        known.met(&one, Attributes::default());
        known.listed(&other, 1);
        assert_eq!(known.entries(), 31);
    }
}
