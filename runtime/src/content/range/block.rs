//! One block of a file that is read in order: fetched, verified, taken apart.
//!
//! What it does: asks the daemon's own gateway where it has one and much is wanted, and all sources otherwise.
//! What must stay true: its bytes come into memory when the read has a turn, and it holds as many bytes of the
//! file as its parent declares.

use std::cell::{Cell, RefCell};
use std::ops::Range;
use std::rc::Rc;

use crate::content::gateway::WORTH;
use crate::content::http::Client;
use crate::content::leaves::Leaves;
use crate::content::node::{DAG_PB, Node, RAW};
use crate::content::sources::{BLOCK_LIMIT, Got, Once, Pace, Sources};
use crate::content::turns::{Claim, Turn};
use crate::content::walk::{Level, NOT_A_FILE, Part, as_file, tree_size};
use crate::content::{Cid, ContentError, NodeKind};

/// How much more than its bytes of the file a block may keep in memory.
const SLACK: usize = 64 << 10;

/// What one verified block holds of the file.
pub(super) struct Piece {
    pub(super) block: Vec<u8>,
    pub(super) within: Range<usize>,
    /// The offset in the file of what is at `within.start`.
    pub(super) offset: u64,
    _turn: Option<Rc<Turn>>,
}

/// A block that arrived: its bytes of the file, and the links after them.
pub(super) struct Fetched {
    pub(super) piece: Piece,
    pub(super) level: Option<Level>,
    /// Of the root: the file's.
    pub(super) size: Option<u64>,
}

impl Piece {
    /// Leaves the part that is in a range of the file.
    pub(super) fn clip(&mut self, range: &Range<u64>) {
        let end = self.offset + self.within.len() as u64;
        let start = range.start.clamp(self.offset, end);
        // Both fit: they are not after the end of what is in memory.
        self.within.end -= (end - range.end.clamp(start, end)) as usize;
        self.within.start += (start - self.offset) as usize;
        self.offset = start;
    }
}

/// Where the blocks of one read come from.
pub(super) struct Blocks {
    from: Rc<Sources>,
    /// Whether the daemon was asked for its gateway, and what it has, as long as it serves.
    asked: Cell<bool>,
    gateway: RefCell<Option<Rc<Client>>>,
    leaves: Leaves,
    pub(super) claim: Rc<Claim>,
}

impl Blocks {
    pub(super) fn new(from: Rc<Sources>, root: Cid) -> Rc<Blocks> {
        let claim = Claim::new(from.turns.clone());
        let (asked, leaves) = (Cell::new(false), Leaves::of(root));
        Rc::new(Blocks { from, asked, gateway: RefCell::default(), leaves, claim })
    }

    /// Lets go of what is kept for the next block.
    pub(super) fn rest(&self) {
        self.leaves.rest();
    }

    /// Fetches one block, verified, and takes it apart. `range` is what is wanted of the file.
    pub(super) async fn fetch(&self, part: Part, range: Range<u64>) -> Result<Fetched, ContentError> {
        let Part { cid, offset, size, depth } = part;
        let root = depth == 0;
        let (block, turn) = match cid.codec() {
            RAW | DAG_PB => self.block(&part, range.end).await?,
            code if root => return Err(NodeKind::Codec(code).into()),
            _ => return Err(ContentError::malformed(&cid, NOT_A_FILE)),
        };
        let (within, level, total) = match cid.codec() {
            RAW => (0..block.len(), None, block.len() as u64),
            _ => {
                let node = Node::decode(&block).map_err(|why| ContentError::malformed(&cid, why))?;
                let file = as_file(&cid, &node, root)?;
                let level = Level::new(&node, file, offset + file.data.len() as u64, depth + 1);
                (part_of(&block, file.data), level, tree_size(&cid, &node, file)?)
            }
        };
        if let Some(declared) = size
            && declared != total
        {
            return Err(ContentError::Size { cid: Box::new(cid), declared, actual: total });
        }
        let (block, within) = match block.capacity() - within.len() > SLACK {
            true => (block[within.clone()].to_vec(), 0..within.len()),
            false => (block, within),
        };
        if root && range.end.min(total).saturating_sub(range.start) >= WORTH && !self.asked.replace(true) {
            let gateway = self.from.own_gateway().await;
            self.gateway.replace(gateway);
        }
        let piece = Piece { block, within, offset, _turn: turn };
        Ok(Fetched { piece, level, size: root.then_some(total) })
    }

    /// A block from whichever has it, and the turn that its memory is of.
    async fn block(&self, part: &Part, end: u64) -> Result<(Vec<u8>, Option<Rc<Turn>>), ContentError> {
        // What is in the store is asked of nobody.
        let gateway = self.gateway.borrow().clone().filter(|_| !self.from.has(&part.cid));
        if let Some(gateway) = gateway {
            if let Some((leaf, turn)) = self.leaves.leaf(&gateway, part, end, async || self.claim.turn().await).await {
                self.from.came(&part.cid, &leaf);
                return Ok((leaf, Some(turn)));
            }
            match self.block_of(&gateway, part).await {
                Ok(block) => return Ok(block),
                // Whatever it was: the word of the sources counts.
                Err(_) => drop(self.gateway.take()),
            }
        }
        self.block_of_any(part).await
    }

    /// A block from the daemon's own gateway.
    async fn block_of(&self, gateway: &Client, part: &Part) -> Result<(Vec<u8>, Option<Rc<Turn>>), ContentError> {
        let (mut turn, cid) = (None, &part.cid);
        let (free, path) =
            (Once::new(async || turn = Some(self.claim.turn().await)), format!("/ipfs/{cid}?format=raw"));
        let got = gateway.block_at(&path, cid, self.most(part), &Pace::default(), &free, self.from.turned()).await?;
        let block = whole(part, got)?;
        self.from.came(cid, &block);
        Ok((block, turn))
    }

    /// A block from wherever it is.
    async fn block_of_any(&self, part: &Part) -> Result<(Vec<u8>, Option<Rc<Turn>>), ContentError> {
        let mut turn = None;
        let free = async || turn = Some(self.claim.turn().await);
        let got = self.from.block_in_turn(&part.cid, self.most(part), free).await?;
        Ok((whole(part, got)?, turn))
    }

    /// What a block may have: a raw one is the file's bytes and nothing else.
    fn most(&self, part: &Part) -> u64 {
        part.size.filter(|_| part.cid.codec() == RAW).unwrap_or(BLOCK_LIMIT).min(BLOCK_LIMIT)
    }
}

fn whole(part: &Part, got: Got) -> Result<Vec<u8>, ContentError> {
    match got {
        Got::Block(block) => Ok(block),
        Got::Larger(actual) => {
            Err(ContentError::Size { cid: Box::new(part.cid), declared: part.size.unwrap_or(0), actual })
        }
    }
}

/// Where in a block a part of it is.
fn part_of(block: &[u8], part: &[u8]) -> Range<usize> {
    match part.is_empty() {
        true => 0..0,
        false => {
            let start = part.as_ptr().addr() - block.as_ptr().addr();
            start..start + part.len()
        }
    }
}
