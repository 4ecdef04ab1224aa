//! A tree that the store pins: all of its blocks, from wherever they are.
//!
//! - What it does: walks from a root by the links of every block, fetches what isn't here, and has the store keep all of it.
//! - What must stay true: it counts when all is there. However the tree is made, memory is bounded: by [`MOST`] blocks,
//!   and by those that are on their way. One tree is kept at a time.
//! - Serves: rulings 15, 16, 20; clauses STORE-02, STORE-47.

use std::collections::HashSet;
use std::rc::Rc;

use futures::stream::{FuturesUnordered, StreamExt};

use super::ipld::Block;
use super::sources::Sources;
use super::{Cid, ContentError};
use crate::block::cid_from_bytes;

/// The most blocks of one pin: 32 GiB of a file's; some 300 bytes of memory each.
const MOST: usize = 1 << 15;
/// How many blocks are asked for at once.
const AHEAD: usize = 4;

/// The CIDs of a tree: those that were met, and those of them that weren't fetched.
#[derive(Default)]
struct Tree {
    met: HashSet<Rc<[u8]>>,
    waiting: Vec<Rc<[u8]>>,
}

impl Tree {
    fn meet(&mut self, cid: &Cid) -> Result<(), ContentError> {
        let bytes: Rc<[u8]> = cid.to_bytes().into();
        if self.met.insert(bytes.clone()) {
            self.waiting.push(bytes);
        }
        if self.met.len() > MOST { Err(ContentError::LargePin { most: MOST }) } else { Ok(()) }
    }

    fn next(&mut self) -> Option<Cid> {
        self.waiting.pop().and_then(|bytes| cid_from_bytes(&bytes))
    }
}

impl Sources {
    /// Pins what is below a CID, and that itself, in the store.
    ///
    /// # Errors
    /// Where a block can't be had, and where the store can't be written to: then nothing is pinned.
    pub(super) async fn keep_tree(&self, root: &Cid) -> Result<(), ContentError> {
        let (store, root) = (self.opened()?, *root);
        let _alone = self.keeping().await;
        let known = store.clone();
        if self.at_work(move || known.pin_known(&root)).await? {
            return Ok(());
        }
        let mut writer = self.at_work(move || store.slow_writer()).await?;
        let (mut tree, mut coming) = (Tree::default(), FuturesUnordered::new());
        tree.meet(&root)?;
        loop {
            while coming.len() < AHEAD
                && let Some(cid) = tree.next()
            {
                coming.push(async move { (cid, self.block(&cid).await) });
            }
            let Some((cid, block)) = coming.next().await else { break };
            let block = block?;
            Block::new(&cid, &block).await?.links(|link| tree.meet(&link.cid)).await?;
            let put = move || writer.put(&cid, &block).map(|()| writer);
            writer = self.at_work(put).await?;
        }
        self.at_work(move || writer.commit_pin(root)).await
    }
}

#[cfg(test)]
mod tests {
    use super::super::wide;
    use super::*;
    use crate::content::import::of_block;

    #[test]
    fn each_block_is_met_once_and_there_are_so_many() {
        let cid = |number: usize| wide(&of_block(0x55, &number.to_le_bytes()));
        let mut tree = Tree::default();
        for _ in 0..2 {
            for number in 0..MOST {
                tree.meet(&cid(number)).unwrap();
            }
        }
        assert_eq!(tree.waiting.len(), MOST);
        assert!(matches!(tree.meet(&cid(MOST)), Err(ContentError::LargePin { .. })));
        assert_eq!(tree.next(), Some(cid(MOST)));
    }
}
