//! A whole tree in one answer of a gateway's, ahead of whoever walks it: into the store's cache.
//!
//! - What it does: asks the gateway that would be asked for each block for all of them at once, as a CAR, and keeps those
//!   that belong to the tree.
//! - What must stay true: a block is kept where another that was verified links to it, and its hash is its CID's. Nothing that
//!   comes, or doesn't, fails a walk: what isn't in the store afterwards is asked for block by block. Bytes, blocks and what
//!   is waited for have their limits, however the tree is made.
//! - Serves: rulings 16, 20; clauses STORE-35, STORE-60, STORE-61 (docs/decisions/sources.md).

#[cfg(test)]
mod tests;

use std::collections::HashSet;

use tokio::task::coop::consume_budget;

use super::ipld::{Block, Link};
use super::node::{DAG_PB, Node, RAW};
use super::sources::{Next, Seen, Source, Sources};
use super::walk::IN_FLIGHT;
use super::{Cid, ContentError, NodeKind};
use crate::block::{Verifier, cid_from_bytes};

/// The most blocks that may be waited for at once, some 100 bytes of memory each.
const DUE: usize = 1 << 16;
/// The most blocks of one answer.
const BLOCKS: u32 = 1 << 20;
/// The most bytes of blocks in a row that are here already.
const HERE: u64 = 8 << 20;

impl Sources {
    /// Has what is below a CID come into the store in one answer, where a gateway would be asked for it, and where that takes
    /// less time than block by block. Of a tree that may have `most` bytes of content.
    ///
    /// # Errors
    /// Where its first block can't be had.
    pub(super) async fn ahead(&self, root: &Cid, most: u64) -> Result<(), ContentError> {
        if root.codec() != DAG_PB || !self.has_gateways() || self.room_to_keep() == 0 || self.has(root) {
            return Ok(());
        }
        let block = self.block(root).await?;
        if !self.has(root) {
            return Ok(());
        }
        self.came_ahead(block.len() as u64);
        let Some(gateway) = self.first_gateway() else { return Ok(()) };
        let Some(below) = worth(&block, gateway.is_far()) else { return Ok(()) };
        // A tree's own blocks are a small part of it. What the cache would let go of again isn't fetched.
        let most = most.saturating_add(most / 16 + (1 << 20)).min(self.room_to_keep() / 2);
        if below > most {
            return Ok(());
        }
        self.see(Seen::Whole(below.saturating_add(block.len() as u64)));
        let (due, met) = Default::default();
        let mut tree = Tree { sources: self, gateway, due, met, left: most, blocks: BLOCKS, here: 0 };
        let come = async {
            tree.links(root, &block).await?;
            if tree.due.is_empty() {
                return Ok(());
            }
            gateway.tree(root, self.others_than(gateway), async |cid, block| tree.take(cid, block).await).await
        };
        // Whatever it was, the walk has the words for it.
        if let Err(error) = come.await {
            gateway.broke_off(&error);
        }
        self.publish();
        Ok(())
    }
}

/// How many bytes are below a tree's first block, where it is worth to ask for all at once.
fn worth(block: &[u8], is_far: bool) -> Option<u64> {
    let node = Node::decode(block).ok()?;
    let is_worth = match NodeKind::of(&node).0 {
        NodeKind::Directory | NodeKind::ShardedDirectory => node.links().next().is_some(),
        // One that is near gives a file's blocks as fast by themselves. Below dag-pb there may be many more.
        NodeKind::File => {
            is_far && (node.links().count() > IN_FLIGHT || node.links().any(|it| it.cid.codec() == DAG_PB))
        }
        _ => false,
    };
    is_worth.then(|| node.links().fold(0, |sum: u64, link| sum.saturating_add(link.tsize.unwrap_or(0))))
}

/// A tree on its way into the store.
struct Tree<'a> {
    sources: &'a Sources,
    gateway: &'a Source,
    /// The CIDs of blocks that were linked to and didn't come yet.
    due: HashSet<Box<[u8]>>,
    /// Those of nodes whose links are known.
    met: HashSet<Box<[u8]>>,
    /// How many bytes and blocks may still come, and how many came in a row that were here.
    left: u64,
    blocks: u32,
    here: u64,
}

impl Tree<'_> {
    /// Keeps a block that is said to have a CID, if it is of this tree; says whether another is wanted.
    ///
    /// # Errors
    /// Where it isn't, where its hash is another, and where too much came.
    async fn take(&mut self, cid: &Cid, block: &[u8]) -> Result<Next, ContentError> {
        let stop = |why: &str| ContentError::Gateway(why.to_owned());
        let bytes = block.len() as u64;
        self.left = self.left.checked_sub(bytes).ok_or_else(|| stop("the CAR is larger than the tree may be"))?;
        self.blocks = self.blocks.checked_sub(1).ok_or_else(|| stop("the CAR has too many blocks"))?;
        if !self.due.remove(&*cid.to_bytes()) {
            if !self.sources.has(cid) {
                return Err(stop("the CAR has a block that isn't of the tree"));
            }
            self.here += bytes;
            return if self.here > HERE { Err(stop("most of the CAR is here already")) } else { Ok(Next::Still) };
        }
        let mut verifier = Verifier::new(cid)?;
        verifier.update(block);
        verifier.finish()?;
        self.here = 0;
        self.sources.arrived(self.gateway, cid, block);
        if !self.sources.has(cid) {
            return Err(stop("the store keeps no more"));
        }
        self.sources.came_ahead(bytes);
        self.links(cid, block).await?;
        Ok(if self.due.is_empty() { Next::Enough } else { Next::More })
    }

    /// Waits for what a block links to, and for what is below that where it is here.
    async fn links(&mut self, cid: &Cid, block: &[u8]) -> Result<(), ContentError> {
        let mut here = Vec::new();
        self.of(cid, block, &mut here).await?;
        while let Some(cid) = here.pop().and_then(|bytes| cid_from_bytes(&bytes)) {
            // What is in the store is there at once: signals have their turn all the same.
            consume_budget().await;
            if !self.met.contains(&*cid.to_bytes())
                && let Some(block) = self.sources.shelved_block(&cid)
            {
                self.of(&cid, &block, &mut here).await?;
            }
        }
        Ok(())
    }

    /// Waits for what a node links to and isn't here; adds to `here` the nodes that are, and whose links aren't known.
    async fn of(&mut self, cid: &Cid, block: &[u8], here: &mut Vec<Box<[u8]>>) -> Result<(), ContentError> {
        let block = Block::new(cid, block).await?;
        if cid.codec() != RAW {
            self.met.insert(cid.to_bytes().into());
        }
        let link = |link: &Link<'_>| {
            let bytes = link.cid.to_bytes().into_boxed_slice();
            if !self.sources.has(&link.cid) {
                self.due.insert(bytes);
            } else if link.cid.codec() != RAW && !self.met.contains(&bytes) {
                here.push(bytes);
            }
            match self.due.len() + self.met.len() + here.len() > DUE {
                true => Err(ContentError::Bomb("a tree that links to too much at once")),
                false => Ok(()),
            }
        };
        block.links(link).await
    }
}
