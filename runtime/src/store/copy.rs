//! Blocks on their way from a pack into a file: hashed and written while they are in the processor's cache.
//!
//! - What must stay true: what was written counts only where the hash was right at the end. Whatever is wrong is left to
//!   [`Store::get`], which sets a rotten block aside and says so.
//! - Serves: rulings 7, 16; clauses STORE-03, STORE-44.

use std::fs::File;
use std::os::unix::fs::FileExt;

use super::Store;
use super::pack::Location;
use super::shelf::Shelf;
use crate::block::Cid;
use crate::block::Verifier;

/// How much of a block is in memory, in bytes: what a processor's second cache holds.
const PIECE: usize = 128 << 10;

impl Store {
    /// Writes a block of at most `most` bytes into a file at an offset, and gives its size. `None` where it isn't there, or
    /// not as it must be, or can't be written: then what was written means nothing.
    pub fn copy(&self, cid: &Cid, most: u64, into: &File, at: u64) -> Option<u64> {
        let (shelf, place, start, size) = self.whereabouts(cid).filter(|(_, _, _, size)| *size <= most)?;
        let mut check = Verifier::new(cid).ok()?;
        let mut piece = vec![0; PIECE.min(size as usize)];
        let mut done = 0;
        while done < size {
            let piece = &mut piece[..PIECE.min((size - done) as usize)];
            place.pack.file().read_exact_at(piece, start + done).ok()?;
            check.update(piece);
            into.write_all_at(piece, at + done).ok()?;
            done += piece.len() as u64;
        }
        check.finish().ok()?;
        shelf.used(&place);
        Some(size)
    }

    /// How long a block is by what its pack says, if one has it.
    pub(crate) fn size(&self, cid: &Cid) -> Option<u64> {
        self.whereabouts(cid).map(|(_, _, _, size)| size)
    }

    fn whereabouts(&self, cid: &Cid) -> Option<(&Shelf, Location, u64, u64)> {
        let mut shelves = [&self.0.kept, &self.0.cached].into_iter();
        let (shelf, place) = shelves.find_map(|shelf| Some((shelf, shelf.find(cid.hash(), &[]).ok()??)))?;
        let (named, start, size) = place.pack.whereabouts(place.offset).ok()?;
        (named.hash() == cid.hash()).then_some((shelf, place, start, size))
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::super::tests::{Home, cid_of, keep, rot};
    use super::*;

    #[test]
    fn a_copy_is_the_block_or_nothing() {
        let home = Home::new();
        // Of less than a piece, of pieces exactly, and of some bytes more.
        let blocks = [1, PIECE, 3 * PIECE, 2 * PIECE + 1].map(|size| vec![size as u8 ^ 7; size]);
        let all: Vec<&[u8]> = blocks.iter().map(Vec::as_slice).collect();
        keep(&home.open(), "n", &all);
        let store = home.open();
        for block in &blocks {
            let (cid, size) = (cid_of(block), block.len() as u64);
            let into = tempfile::NamedTempFile::new().unwrap();
            assert_eq!((store.size(&cid), store.copy(&cid, size - 1, into.as_file(), 0)), (Some(size), None));
            assert_eq!(store.copy(&cid, size, into.as_file(), 5), Some(size));
            let written = fs::read(into.path()).unwrap();
            assert!(written[..5] == [0; 5] && written[5..] == block[..]);
        }
        let into = tempfile::tempfile().unwrap();
        let other = cid_of(b"not there");
        assert_eq!((store.size(&other), store.copy(&other, 100, &into, 0)), (None, None));
    }

    #[test]
    fn a_rotten_block_is_no_copy() {
        let home = Home::new();
        let block = vec![b'x'; 2 * PIECE];
        let cid = keep(&home.open(), "n", &[&block]);
        assert!(rot(&home.path(), &block[..PIECE]));
        let into = tempfile::tempfile().unwrap();
        assert_eq!(home.open().copy(&cid, block.len() as u64, &into, 0), None);
    }
}
