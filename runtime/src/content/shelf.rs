//! Where verified blocks lie between runs, as far as reading needs it: there or not there, and never a reason to fail.
//!
//! - What must stay true: a block that is given was verified now. What can't be read or kept is as if it weren't there: the
//!   next source is asked.
//! - Serves: ruling 16; clauses STORE-02, STORE-03.

use super::Cid;

/// A store, as reading sees it.
pub(crate) trait Shelf {
    /// Whether a block seems to be there; nothing is read.
    fn has(&self, cid: &Cid) -> bool;

    /// A block, verified; `None` where it isn't there or isn't itself any more.
    fn get(&self, cid: &Cid) -> Option<Vec<u8>>;

    /// Keeps a block that was verified, as long as there is room.
    fn cache(&self, cid: &Cid, block: &[u8]);
}
