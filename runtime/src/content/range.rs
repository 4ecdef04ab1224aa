//! Reads a range of a UnixFS file in order, however slowly it is taken.
//!
//! - What it does: walks the tree to the range by the sizes that links declare, fetches the blocks of the
//!   range alone, some ahead of what is taken, and hands their bytes out in order.
//! - What must stay true: no byte is handed out before its block was verified and holds as many bytes as its
//!   parent declares. Memory is bounded: [`AHEAD`] bytes of blocks and the links of some nodes, and that for
//!   a few reads at a time (`turns`). The daemon isn't blamed for the time that the taker takes: what was
//!   asked for is received meanwhile ([`Ranged::until_wanted`]).
//! - Serves: rulings 7, 13, 20: `read` of `system.IPFS`.

mod block;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::future::pending;
use std::ops::Range;
use std::rc::Rc;
use std::time::Duration;

use futures::future::LocalBoxFuture;
use futures::stream::{FuturesUnordered, StreamExt};

use self::block::{Blocks, Fetched, Piece};
use super::sources::BLOCK_LIMIT;
use super::turns::Claim;
use super::walk::{DEPTH, IN_FLIGHT, Level, Part, WAITING, blocks_of};
use super::{Cid, ContentError, sources};

/// The most bytes of blocks that one read has in memory or has asked for.
const AHEAD: u64 = 4 << 20;
/// What a read may hand out while others wait for their turn, in bytes. To come back costs it the inner nodes.
const QUANTUM: u64 = 16 << 20;
/// How long the blocks after one that doesn't come are kept, while others wait for the memory.
const PATIENCE: Duration = Duration::from_secs(1);

/// A range of one file that is being read.
pub(crate) struct Ranged {
    sources: Rc<Blocks>,
    root: Cid,
    /// What is still to be handed out: offsets in the file. The end is known when the root is.
    range: Range<u64>,
    /// In the order of the file.
    items: VecDeque<Item>,
    fetching: FuturesUnordered<LocalBoxFuture<'static, (u64, Result<Fetched, ContentError>)>>,
    /// How many fetches were begun: each has its number.
    begun: u64,
    /// How many more blocks there may be.
    blocks: u64,
    /// Where in the file it was when it was last at rest.
    rested: u64,
}

enum Item {
    /// Links that aren't followed yet.
    Links(Level),
    /// A block to fetch next.
    Next(Part),
    /// A block that is being fetched: its number, the bytes it may have, whether it must have links.
    Coming { number: u64, bytes: u64, inner: bool },
    /// Bytes of the file.
    Here(Piece),
}

impl Ranged {
    pub(crate) fn new(from: Rc<sources::Sources>, root: Cid, offset: u64, length: u64) -> Ranged {
        Ranged {
            sources: Blocks::new(from, root),
            root,
            range: offset..offset.saturating_add(length),
            items: [Item::Next(Part::root(root))].into(),
            fetching: FuturesUnordered::new(),
            begun: 0,
            blocks: blocks_of(0),
            rested: offset,
        }
    }

    /// Waits for bytes of the range; `false` at its end.
    ///
    /// # Errors
    /// As [`Content::fetch`](super::Content::fetch). What was handed out before is right, and not all.
    pub(crate) async fn ready(&mut self) -> Result<bool, ContentError> {
        if self.range.start - self.rested >= QUANTUM && self.sources.claim.turns().is_wanted() {
            self.rest();
        }
        loop {
            // Identity blocks are there at once: a file of them must not keep the thread from its other work.
            tokio::task::coop::consume_budget().await;
            self.begin()?;
            match self.items.front() {
                Some(Item::Here(_)) => return Ok(true),
                None => return Ok(false),
                Some(_) => {
                    let claim = self.sources.claim.clone();
                    tokio::select! {
                        biased;
                        arrived = self.arrive() => arrived?,
                        () = kept_from_others(&claim) => self.rest(),
                    }
                }
            }
        }
    }

    /// What can be taken now, of `most` bytes at most: nothing, unless [`Ranged::ready`] said so.
    pub(crate) fn bytes(&self, most: usize) -> &[u8] {
        match self.items.front() {
            Some(Item::Here(piece)) => {
                let within = &piece.block[piece.within.clone()];
                &within[..within.len().min(most)]
            }
            _ => &[],
        }
    }

    /// The first so many of [`Ranged::bytes`] were taken.
    pub(crate) fn take(&mut self, length: usize) {
        if let Some(Item::Here(piece)) = self.items.front_mut() {
            let length = length.min(piece.within.len());
            piece.within.start += length;
            self.range.start += length as u64;
            if piece.within.is_empty() {
                self.items.pop_front();
            }
        }
    }

    /// The same, without an end but an error.
    async fn ahead(&mut self) -> ContentError {
        loop {
            tokio::task::coop::consume_budget().await;
            if let Err(error) = self.begin() {
                return error;
            }
            if self.fetching.is_empty() {
                return pending().await;
            }
            if let Err(error) = self.arrive().await {
                return error;
            }
        }
    }

    /// Receives what was asked for, and asks for what there is room for, until another read wants the memory that this one has.
    ///
    /// # Errors
    /// As [`Ranged::ready`].
    pub(crate) async fn until_wanted(&mut self) -> Result<(), ContentError> {
        let claim = self.sources.claim.clone();
        tokio::select! {
            biased;
            error = self.ahead() => Err(error),
            () = claim.turns().wanted() => Ok(()),
        }
    }

    /// Lets go of every block. The next [`Ranged::ready`] begins again at the root, for the same bytes.
    pub(crate) fn rest(&mut self) {
        self.fetching.clear();
        self.sources.rest();
        self.items = [Item::Next(Part::root(self.root))].into();
        self.rested = self.range.start;
    }

    /// Begins to fetch as many blocks as may be in flight.
    fn begin(&mut self) -> Result<(), ContentError> {
        // Before anything is in memory there is no right to more of it.
        while self.fetching.len() < if self.sources.claim.is_held() { IN_FLIGHT } else { 1 } {
            // What comes after a node with links is far from what comes before it: its links are first.
            let inner = |item: &Item| matches!(item, Item::Coming { inner: true, .. });
            let index = self.items.iter().position(|item| inner(item) || !item.has_bytes());
            let Some(index) = index.filter(|index| !inner(&self.items[*index])) else { return Ok(()) };
            match &mut self.items[index] {
                Item::Links(level) => match next_in(level, &self.range) {
                    Some(part) if part.depth > DEPTH => {
                        return Err(ContentError::Bomb("the file's tree is too deep"));
                    }
                    Some(part) => self.items.insert(index, Item::Next(part)),
                    None => drop(self.items.remove(index)),
                },
                Item::Next(part) => {
                    let most = part.size.map_or(BLOCK_LIMIT, |size| size.min(BLOCK_LIMIT));
                    let inner = part.size.is_none_or(|size| size > BLOCK_LIMIT);
                    let held: u64 = self.items.iter().map(Item::bytes).sum();
                    // What comes first is fetched in any case.
                    if index > 0 && held + most > AHEAD {
                        return Ok(());
                    }
                    let number = self.begun;
                    let coming = Item::Coming { number, bytes: most, inner };
                    if let Item::Next(part) = std::mem::replace(&mut self.items[index], coming) {
                        self.fetch(part)?;
                    }
                }
                _ => return Ok(()),
            }
        }
        Ok(())
    }

    fn fetch(&mut self, part: Part) -> Result<(), ContentError> {
        let more = self.blocks.checked_sub(1);
        self.blocks = more.ok_or(ContentError::Bomb("the file has far more blocks than its size needs"))?;
        let (sources, range, number) = (self.sources.clone(), self.range.clone(), self.begun);
        self.begun += 1;
        self.fetching.push(Box::pin(async move { (number, sources.fetch(part, range).await) }));
        Ok(())
    }

    /// Waits for the next block, whichever it is.
    async fn arrive(&mut self) -> Result<(), ContentError> {
        let Some((number, fetched)) = self.fetching.next().await else { return Ok(()) };
        let Fetched { mut piece, level, size } = fetched?;
        let this = |item: &Item| matches!(item, Item::Coming { number: other, .. } if *other == number);
        let Some(index) = self.items.iter().position(this) else { return Ok(()) };
        if let Some(size) = size {
            self.range.end = self.range.end.min(size);
            self.blocks = blocks_of(size);
        }
        self.items.remove(index);
        if let Some(level) = level {
            self.items.insert(index, Item::Links(level));
        }
        piece.clip(&self.range);
        if !piece.within.is_empty() {
            self.items.insert(index, Item::Here(piece));
        }
        let links = |item: &Item| if let Item::Links(level) = item { level.memory() } else { 0 };
        match self.items.iter().map(links).sum::<usize>() > WAITING {
            true => Err(ContentError::Bomb("the file's inner blocks are larger than its size needs")),
            false => Ok(()),
        }
    }
}

/// Waits until another read has waited for [`PATIENCE`] for the memory of this one's later blocks.
async fn kept_from_others(claim: &Claim) {
    match claim.is_held() {
        true => {
            claim.turns().wanted().await;
            tokio::time::sleep(PATIENCE).await;
        }
        false => pending().await,
    }
}

impl Item {
    fn has_bytes(&self) -> bool {
        matches!(self, Item::Coming { .. } | Item::Here(_))
    }

    fn bytes(&self) -> u64 {
        match self {
            Item::Coming { bytes, .. } => *bytes,
            Item::Here(piece) => piece.block.len() as u64,
            Item::Links(_) | Item::Next(_) => 0,
        }
    }
}

/// The next link below which there are bytes of the range.
fn next_in(level: &mut Level, range: &Range<u64>) -> Option<Part> {
    let in_range = |part: &Part| {
        let size = part.size.unwrap_or(0);
        size > 0 && part.offset + size > range.start
    };
    level.find(in_range).filter(|part| part.offset < range.end)
}
