//! One block of a file that is read in order: fetched, verified, taken apart.
//!
//! What must stay true: its bytes come into memory when the read has a turn, and it holds as many bytes of the
//! file as its parent declares.

use std::ops::Range;
use std::rc::Rc;

use crate::content::http::Client;
use crate::content::kubo::BLOCK_LIMIT;
use crate::content::node::{DAG_PB, Node, RAW};
use crate::content::turns::{Claim, Turn};
use crate::content::walk::{Level, NOT_A_FILE, Part, as_file, tree_size};
use crate::content::{ContentError, NodeKind};

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

/// Fetches one block, verified, and takes it apart.
pub(super) async fn fetch(client: &Client, claim: &Claim, part: Part) -> Result<Fetched, ContentError> {
    let Part { cid, offset, size, depth } = part;
    let mut turn = None;
    let (block, within, level, total) = match cid.codec() {
        RAW => {
            let over = |actual| ContentError::Size { cid: Box::new(cid), declared: size.unwrap_or(0), actual };
            let most = size.unwrap_or(BLOCK_LIMIT).min(BLOCK_LIMIT);
            let mut block = Vec::new();
            let taking = client.block_chunks(&cid, async |chunk| {
                if turn.is_none() {
                    turn = Some(claim.turn().await);
                    block.reserve_exact(size.map_or(chunk.len(), |_| most as usize));
                }
                if block.len() as u64 + chunk.len() as u64 > most {
                    return Err(over(block.len() as u64 + chunk.len() as u64));
                }
                block.extend_from_slice(chunk);
                Ok(())
            });
            let length = taking.await?;
            if size.is_some_and(|size| size != length) {
                return Err(over(length));
            }
            let within = 0..block.len();
            (block, within, None, length)
        }
        DAG_PB => {
            let block = client.block_when(&cid, async || turn = Some(claim.turn().await)).await?;
            let (within, level, total) = {
                let node = Node::decode(&block).map_err(|why| ContentError::malformed(&cid, why))?;
                let file = as_file(&cid, &node, depth == 0)?;
                let total = tree_size(&cid, &node, file)?;
                if let Some(declared) = size
                    && declared != total
                {
                    return Err(ContentError::Size { cid: Box::new(cid), declared, actual: total });
                }
                (part_of(&block, file.data), Level::new(&node, file, offset + file.data.len() as u64, depth + 1), total)
            };
            let (block, within) = match block.capacity() - within.len() > SLACK {
                true => (block[within.clone()].to_vec(), 0..within.len()),
                false => (block, within),
            };
            (block, within, level, total)
        }
        code if depth == 0 => return Err(NodeKind::Codec(code).into()),
        _ => return Err(ContentError::malformed(&cid, NOT_A_FILE)),
    };
    let piece = Piece { block, within, offset, _turn: turn };
    Ok(Fetched { piece, level, size: (depth == 0).then_some(total) })
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
