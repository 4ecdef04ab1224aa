//! What comes out of one answer: a block, or the blocks of a tree.
//!
//! - What it does: asks a server, takes the answer piece by piece, and hashes a block meanwhile.
//! - What must stay true: a block is whole and has its hash, or it is an error; those of a tree, nobody has hashed yet. No more
//!   than [`BLOCK_LIMIT`] bytes are held of any, and of one that is larger than wanted nothing. Every wait ends.
//! - Serves: rulings 7, 20 (trustless gateway specification, "Response Types").

use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout};

use super::LARGE;
use super::pace::{Once, Pace, WHOLE};
use crate::block::Verifier;
use crate::content::car::Reader;
use crate::content::http::{Client, Way};
use crate::content::payload::Payload;
use crate::content::{Cid, ContentError};

/// The largest block: Kubo's Bitswap neither sends nor takes a larger one (2 MiB), in bytes.
pub(crate) const BLOCK_LIMIT: u64 = 2 * 1024 * 1024;
/// A raw block (IANA).
const RAW: &str = "application/vnd.ipld.raw";
/// A CAR of version 1, its blocks in the order of a walk, each once: what was linked to before is here.
const CAR: &str = "application/vnd.ipld.car; version=1; order=dfs; dups=n";

/// A block that was verified.
pub(crate) enum Got {
    Block(Vec<u8>),
    /// One that is larger than wanted: its size.
    Larger(u64),
}

impl Got {
    pub(super) fn of(block: Vec<u8>, most: u64) -> Got {
        if block.len() as u64 > most { Got::Larger(block.len() as u64) } else { Got::Block(block) }
    }
}

/// What is wanted after a block of a tree.
pub(crate) enum Next {
    /// Nothing: all is here.
    Enough,
    /// Another one.
    More,
    /// Another one still: this one was of no use, and its server has no more time for it.
    Still,
}

impl Client {
    /// The block at a path, verified.
    pub(crate) async fn block_at(
        &self,
        path: &str,
        cid: &Cid,
        most: u64,
        pace: &Pace,
        free: &Once<impl AsyncFnOnce()>,
        room: &Semaphore,
    ) -> Result<Got, ContentError> {
        let mut verifier = Verifier::new(cid)?;
        let what = format!("block {cid}");
        let media = (self.way == Way::Gateway).then_some(RAW);
        pace.waits();
        let mut answer = self.post(path, media, Payload::default(), &what).await?;
        let (mut block, mut length, mut large) = (Vec::new(), 0, None);
        while let Some(chunk) = answer.chunk().await? {
            pace.rests();
            length += chunk.len() as u64;
            if length > BLOCK_LIMIT {
                return Err(ContentError::LongBody { what, limit: BLOCK_LIMIT });
            }
            verifier.update(&chunk);
            let received = Instant::now();
            if length > most {
                (block, large) = (Vec::new(), None);
            } else {
                free.call().await;
                if large.is_none() && block.len() + chunk.len() > LARGE {
                    // It is never closed. Whoever has the permit waits for nothing but its source.
                    large = room.acquire().await.ok();
                    block.reserve_exact(most.min(BLOCK_LIMIT) as usize - block.len());
                }
                block.extend_from_slice(&chunk);
            }
            answer.extend(received.elapsed());
            pace.waits();
        }
        pace.rests();
        verifier.finish()?;
        Ok(if length > most { Got::Larger(length) } else { Got::Block(block) })
    }

    /// The blocks of the CAR at a path, as long as another is wanted. `patience` is for each of its parts, if not that of the
    /// timeouts.
    pub(super) async fn tree_at(
        &self,
        path: &str,
        what: &str,
        patience: Option<Duration>,
        take: &mut impl AsyncFnMut(&Cid, &[u8]) -> Result<Next, ContentError>,
    ) -> Result<(), ContentError> {
        let limit = patience.unwrap_or(self.timeouts().idle);
        let idle = |_| ContentError::Idle { what: what.to_owned(), after: limit };
        let asked = timeout(limit, self.post(path, Some(CAR), Payload::default(), what)).await;
        let mut answer = asked.map_err(idle)??;
        let (mut reader, mut since) = (Reader::new(BLOCK_LIMIT), Instant::now());
        loop {
            while let Some((cid, block)) = reader.block().map_err(|why| ContentError::Gateway(why.to_owned()))? {
                match take(&cid, &block).await? {
                    Next::Enough => return Ok(()),
                    Next::Still => continue,
                    Next::More => {}
                }
                // Each block has the time that an answer has.
                answer.extend(since.elapsed());
                since = Instant::now();
            }
            if patience.is_some() && since.elapsed() > WHOLE {
                return Err(ContentError::Slow { what: what.to_owned(), after: WHOLE });
            }
            let chunk = timeout(limit, answer.chunk()).await.map_err(idle)??;
            reader.push(&chunk.ok_or_else(|| ContentError::Gateway("the CAR ends too early".to_owned()))?);
        }
    }
}
