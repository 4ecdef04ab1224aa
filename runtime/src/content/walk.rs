//! Fetches a UnixFS file: walks its tree, a few blocks in flight, each verified, each byte at its offset.
//!
//! - What it does: balanced, trickle and single-block files, from dag-pb, raw and identity blocks alike.
//! - What must stay true: every block holds as many bytes of the file as its parent declares, so that the
//!   parts cover the file exactly. Memory is bounded whatever the tree's shape: of large leaves a few are in
//!   memory, what waits is kept small, levels and blocks are counted. No cycle can be: a block can't
//!   hold its own hash (an identity CID is shorter than itself encoded).
//! - Serves: rulings 7, 20.

pub(crate) mod stored;

use std::cell::RefCell;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use futures::stream::{FuturesUnordered, StreamExt};

use super::gateway::WORTH;
use super::leaves::Many;
use super::node::{DAG_PB, Node, RAW, UnixFs};
use super::sources::{BLOCK_LIMIT, Got, Seen, Sources};
use super::{Cid, ContentError, NodeKind};
use crate::block::cid_from_bytes;

/// Blocks asked for at once. More gain nothing on loopback (measured: 1, 2, 4, 8 give 200, 280, 305, 300 MB/s).
pub(crate) const IN_FLIGHT: usize = 4;
/// The deepest tree. Two links a node and 1 byte a leaf make 2^64 bytes at this depth.
pub(super) const DEPTH: u32 = 64;
/// The most links that wait at once, in bytes of memory: one block full of links, twice over.
pub(super) const WAITING: usize = 4 * 1024 * 1024;
/// The most blocks of a file of `size` bytes, so that its time has a bound. A tree in which each leaf holds
/// a byte has at most two blocks a byte; only a small file (1 MiB of chunks of 2 bytes) may be cut so fine.
pub(super) fn blocks_of(size: u64) -> u64 {
    (1 << 16) + size.saturating_mul(2).min((1 << 20) + size / 64)
}

/// Where a file's bytes go, in any order.
pub(crate) trait Sink {
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()>;
}

impl Sink for &File {
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.write_all_at(bytes, offset)
    }
}

impl Sink for RefCell<Vec<u8>> {
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        let mut data = self.borrow_mut();
        let start = usize::try_from(offset).map_err(io::Error::other)?;
        let end = start + bytes.len();
        if data.len() < end {
            data.resize(end, 0);
        }
        data[start..end].copy_from_slice(bytes);
        Ok(())
    }
}

/// A block to fetch, and where its bytes of the file go.
pub(super) struct Part {
    pub(super) cid: Cid,
    pub(super) offset: u64,
    /// What the parent declares; the root has no parent.
    pub(super) size: Option<u64>,
    pub(super) depth: u32,
}

impl Part {
    pub(super) fn root(cid: Cid) -> Part {
        Part { cid, offset: 0, size: None, depth: 0 }
    }
}

/// The links of an inner node that are still to be followed, 44 bytes each instead of a [`Cid`]'s 150.
pub(super) struct Level {
    cids: Vec<u8>,
    /// The end of each CID in `cids`, and the declared size of what is below it.
    links: std::vec::IntoIter<(u32, u64)>,
    cid_start: usize,
    offset: u64,
    depth: u32,
}

/// Fetches the file `root` of at most `max_size` bytes into an empty sink; returns its size. After an
/// error the sink holds bytes that mean nothing.
pub(crate) async fn fetch(sources: &Sources, root: Cid, sink: &impl Sink, max_size: u64) -> Result<u64, ContentError> {
    let first = fetch_part(sources, None, Part::root(root), sink, max_size).await?;
    fetch_rest(sources, root, first, sink, max_size).await
}

/// The same, of a file whose first block is here, and dag-pb.
pub(crate) async fn fetch_from(
    sources: &Sources,
    root: Cid,
    block: &[u8],
    sink: &impl Sink,
    max_size: u64,
) -> Result<u64, ContentError> {
    let first = write_node(&Part::root(root), block, sink, max_size)?;
    fetch_rest(sources, root, first, sink, max_size).await
}

/// What the first block has no bytes of.
async fn fetch_rest(
    sources: &Sources,
    root: Cid,
    (size, level): (u64, Option<Level>),
    sink: &impl Sink,
    max_size: u64,
) -> Result<u64, ContentError> {
    sources.see(Seen::Whole(size));
    let mut many = None;
    if size >= WORTH {
        sources.expect_much().await;
        many = sources.sole_gateway().map(|gateway| Many::of(root, size, gateway));
    }
    let mut waiting: Vec<Level> = level.into_iter().collect();
    let mut in_flight = FuturesUnordered::new();
    let mut blocks = blocks_of(size);
    loop {
        while in_flight.len() < IN_FLIGHT
            && let Some(part) = next_part(&mut waiting)?
        {
            blocks =
                blocks.checked_sub(1).ok_or(ContentError::Bomb("the file has far more blocks than its size needs"))?;
            in_flight.push(fetch_part(sources, many.as_ref(), part, sink, max_size));
        }
        // Identity blocks are there at once: a file of them must not keep the thread from its other work.
        tokio::task::coop::consume_budget().await;
        match in_flight.next().await {
            None => return Ok(size),
            Some(fetched) => waiting.extend(fetched?.1),
        }
        if waiting.iter().map(Level::memory).sum::<usize>() > WAITING {
            return Err(ContentError::Bomb("the file's inner blocks are larger than its size needs"));
        }
    }
}

/// Depth first, so that few levels wait.
fn next_part(waiting: &mut Vec<Level>) -> Result<Option<Part>, ContentError> {
    while let Some(level) = waiting.last_mut() {
        match level.next() {
            Some(part) if part.depth > DEPTH => {
                return Err(ContentError::Bomb("the file's tree is too deep"));
            }
            Some(part) => return Ok(Some(part)),
            None => drop(waiting.pop()),
        }
    }
    Ok(None)
}

/// Fetches one block and writes what it holds of the file. Returns the size of the tree below it, as
/// declared (and checked for this block), and the links to follow.
async fn fetch_part(
    sources: &Sources,
    many: Option<&Many>,
    part: Part,
    sink: &impl Sink,
    max_size: u64,
) -> Result<(u64, Option<Level>), ContentError> {
    let Part { cid, offset, size, .. } = part;
    if let Some(many) = many
        && let Some(leaf) = many.leaf(sources, &part).await
    {
        sink.write_at(&leaf, offset).map_err(ContentError::Write)?;
        return Ok((leaf.len() as u64, None));
    }
    match cid.codec() {
        RAW => {
            let limit = size.unwrap_or(max_size).min(BLOCK_LIMIT);
            let over = |length| match size {
                Some(declared) => ContentError::Size { cid: Box::new(cid), declared, actual: length },
                None => ContentError::TooLarge { limit: max_size },
            };
            let block = match sources.block_within(&cid, limit, async || ()).await? {
                Got::Block(block) => block,
                Got::Larger(length) => return Err(over(length)),
            };
            let length = block.len() as u64;
            if size.is_some_and(|size| size != length) {
                return Err(over(length));
            }
            sink.write_at(&block, offset).map_err(ContentError::Write)?;
            Ok((length, None))
        }
        DAG_PB => {
            let block = sources.block(&cid).await?;
            write_node(&part, &block, sink, max_size)
        }
        code if part.depth == 0 => Err(NodeKind::Codec(code).into()),
        _ => Err(ContentError::malformed(&cid, NOT_A_FILE)),
    }
}

/// Writes what a dag-pb block holds of the file; returns as [`fetch_part`].
fn write_node(
    part: &Part,
    block: &[u8],
    sink: &impl Sink,
    max_size: u64,
) -> Result<(u64, Option<Level>), ContentError> {
    let cid = &part.cid;
    let node = Node::decode(block).map_err(|why| ContentError::malformed(cid, why))?;
    let file = as_file(cid, &node, part.depth == 0)?;
    let total = tree_size(cid, &node, file)?;
    if let Some(declared) = part.size
        && declared != total
    {
        return Err(ContentError::Size { cid: Box::new(*cid), declared, actual: total });
    }
    if total > max_size {
        return Err(ContentError::TooLarge { limit: max_size });
    }
    sink.write_at(file.data, part.offset).map_err(ContentError::Write)?;
    let level = Level::new(&node, file, part.offset + file.data.len() as u64, part.depth + 1);
    Ok((total, level))
}

pub(super) const NOT_A_FILE: &str = "a part of a file is not a file";

/// The UnixFS file in a node; at the root, anything else is an unexpected type, below it nonsense.
pub(super) fn as_file<'a, 'b>(cid: &Cid, node: &'a Node<'b>, root: bool) -> Result<&'a UnixFs<'b>, ContentError> {
    match NodeKind::of(node) {
        (NodeKind::File, Some(file)) => Ok(file),
        (kind, _) if root => Err(kind.into()),
        _ => Err(ContentError::malformed(cid, NOT_A_FILE)),
    }
}

/// The size of a file or part of one by its own declarations, which must agree (ruling 7).
pub(crate) fn tree_size(cid: &Cid, node: &Node<'_>, file: &UnixFs<'_>) -> Result<u64, ContentError> {
    let malformed = |why| ContentError::malformed(cid, why);
    if node.links().count() != file.block_sizes.len() {
        return Err(malformed("it has not one size for each link"));
    }
    let mut total = file.data.len() as u64;
    for size in &file.block_sizes {
        total = total.checked_add(*size).ok_or_else(|| malformed("its sizes overflow"))?;
    }
    match file.file_size {
        Some(declared) if declared != total => Err(ContentError::Size { cid: Box::new(*cid), declared, actual: total }),
        _ => Ok(total),
    }
}

impl Level {
    pub(super) fn new(node: &Node<'_>, file: &UnixFs<'_>, offset: u64, depth: u32) -> Option<Level> {
        let mut cids = Vec::new();
        let mut links = Vec::with_capacity(file.block_sizes.len());
        for (link, size) in node.links().zip(&file.block_sizes) {
            cids.extend_from_slice(&link.cid.to_bytes());
            // A block has at most 2 MiB, so its CIDs do.
            links.push((cids.len() as u32, *size));
        }
        let level = Level { cids, links: links.into_iter(), cid_start: 0, offset, depth };
        (!level.cids.is_empty()).then_some(level)
    }

    pub(super) fn memory(&self) -> usize {
        self.cids.capacity() + self.links.len() * size_of::<(u32, u64)>()
    }
}

impl Iterator for Level {
    type Item = Part;

    fn next(&mut self) -> Option<Part> {
        let (end, size) = self.links.next()?;
        let cid = cid_from_bytes(&self.cids[self.cid_start..end as usize])?;
        let part = Part { cid, offset: self.offset, size: Some(size), depth: self.depth };
        self.cid_start = end as usize;
        self.offset += size;
        Some(part)
    }
}
