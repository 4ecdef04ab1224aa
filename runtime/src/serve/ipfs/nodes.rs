//! The nodes of a session: how many there are, and their blocks.
//!
//! - What must stay true: a node is a CID and nothing else; its block is fetched, and verified, when it is asked
//!   something, so that however many nodes a cell holds, one block is in memory. A session has [`MOST`] nodes.
//! - Serves: rulings 13, 20; clauses RPC-25, RPC-30 to RPC-36.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use tokio::time::timeout;

use super::super::gate::{Gate, SMALL};
use super::super::refusal::Refusal;
use crate::content::ipld::Block;
use crate::content::{Cid, Content, ContentError};

/// How many nodes a cell may hold: each takes some 500 bytes here and in capnp-rpc's tables.
const MOST: usize = 4096;
/// The largest block, in bytes.
const BLOCK: u64 = 2 << 20;

/// What the nodes of one session share.
pub(super) struct Nodes {
    content: Content,
    gate: Rc<Gate>,
    held: Cell<usize>,
    limit: Duration,
}

/// A node's place among those that are held.
pub(super) struct Slot(Rc<Nodes>);

impl Drop for Slot {
    fn drop(&mut self) {
        self.0.held.set(self.0.held.get() - 1);
    }
}

/// How much memory an answer may take.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    /// The block's size at most.
    Small,
    /// As much as a message holds.
    Large,
}

impl Nodes {
    pub(super) fn new(content: Content, gate: Rc<Gate>) -> Rc<Nodes> {
        let limit = content.call_limit();
        Rc::new(Nodes { content, gate, held: Cell::new(0), limit })
    }

    /// A place for one more node.
    pub(super) fn slot(self: &Rc<Self>, method: &'static str) -> Result<Slot, Refusal> {
        if self.held.get() >= MOST {
            return Err(Refusal::Nodes { method, most: MOST });
        }
        self.held.set(self.held.get() + 1);
        Ok(Slot(self.clone()))
    }

    /// Does `work` on a block, while there is a turn for it.
    pub(super) async fn with_block<T>(
        &self,
        method: &'static str,
        cid: &Cid,
        answer: Answer,
        work: impl AsyncFnOnce(Block<'_>) -> Result<T, ContentError>,
    ) -> Result<T, Refusal> {
        let limit = self.limit;
        let done = timeout(limit, self.block_and(cid, answer, work)).await;
        let done = done.map_err(|_| Refusal::Slow { method, limit })?;
        done.map_err(|source| Refusal::retrieval(method, &format!("/ipfs/{cid}"), source, "use `rawData`"))
    }

    /// The same without a time of its own.
    pub(super) async fn block_and<T>(
        &self,
        cid: &Cid,
        answer: Answer,
        work: impl AsyncFnOnce(Block<'_>) -> Result<T, ContentError>,
    ) -> Result<T, ContentError> {
        if answer == Answer::Small {
            let _turn = self.gate.small_call().await;
            match self.content.block(cid, SMALL).await {
                Ok(block) => return work(Block::new(cid, &block).await?).await,
                Err(ContentError::TooLarge { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        let _turn = self.gate.large_call().await;
        let block = self.content.block(cid, BLOCK).await?;
        work(Block::new(cid, &block).await?).await
    }
}

impl Slot {
    pub(super) fn nodes(&self) -> &Rc<Nodes> {
        &self.0
    }
}
