//! Many leaves of a file in one answer of the gateway's, which reads a file three times as fast as its blocks.
//!
//! - What it does: asks for the bytes of the file from a leaf on, and takes them leaf by leaf, in the order in which leaves are
//!   asked for.
//! - What must stay true: what is taken for a leaf has the leaf's hash, and as many bytes as its parent declares. The
//!   daemon isn't blamed for the time between two leaves.

use std::cell::Cell;
use std::pin::Pin;
use std::rc::Rc;

use bytes::{Buf, Bytes};
use hyper::StatusCode;
use hyper::body::Body;
use tokio::sync::Mutex;
use tokio::time::timeout;

use super::http::{BUFFER, Client, Head, SLOWEST, WIDE};
use super::node::RAW;
use super::sources::{BLOCK_LIMIT, Sources};
use super::walk::Part;
use super::{Cid, ContentError};
use crate::block::Verifier;

/// The leaves of one file, as long as a gateway gives them so.
pub(super) struct Leaves {
    root: Cid,
    /// How many bytes of an answer are read ahead.
    ahead: usize,
    run: Mutex<Option<Run>>,
    gives: Cell<bool>,
}

impl Leaves {
    pub(super) fn of(root: Cid) -> Leaves {
        Leaves::reading(root, BUFFER)
    }

    fn reading(root: Cid, ahead: usize) -> Leaves {
        Leaves { root, ahead, run: Mutex::new(None), gives: Cell::new(true) }
    }

    /// Lets go of what is kept for the next leaf.
    pub(super) fn rest(&self) {
        // Nobody has it who wasn't dropped.
        if let Ok(mut run) = self.run.try_lock() {
            *run = None;
        }
    }

    /// Asks for the bytes of the file from `start` to `end`.
    async fn begin(&self, client: &Client, start: u64, end: u64) -> Result<Run, ContentError> {
        let range = format!("bytes={start}-{}", end.saturating_sub(1));
        let head = client.ask_for_range(&format!("/ipfs/{}", self.root), &range, self.ahead).await?;
        match head.status() {
            StatusCode::PARTIAL_CONTENT => Ok(Run { head, rest: Bytes::new(), at: start }),
            status => Err(ContentError::Answer(format!("HTTP status {status}"))),
        }
    }

    /// A leaf, verified, of a file of which nothing is wanted from `end` on; it is taken into memory when `free` gives the right
    /// to. `None` where it doesn't come so.
    pub(super) async fn leaf<T>(
        &self,
        gateway: &Client,
        part: &Part,
        end: u64,
        free: impl AsyncFnOnce() -> T,
    ) -> Option<(Vec<u8>, T)> {
        let size = part.size.filter(|size| part.cid.codec() == RAW && *size <= BLOCK_LIMIT)?;
        // In the order in which they were asked for, which is that of the file.
        let mut kept = self.run.lock().await;
        if !self.gives.get() {
            return None;
        }
        let taken = async {
            let mut run = match kept.take().filter(|run| run.at == part.offset) {
                Some(run) => run,
                None => self.begin(gateway, part.offset, end).await?,
            };
            run.ready(gateway, &part.cid).await?;
            let right = free().await;
            let leaf = run.leaf(gateway, &part.cid, size as usize).await?;
            *kept = Some(run);
            Ok::<_, ContentError>((leaf, right))
        };
        // Whatever it was: others are asked for the same.
        let taken = taken.await.ok();
        self.gives.set(taken.is_some());
        taken
    }
}

/// A whole file that a gateway gives so.
pub(super) struct Many {
    gateway: Rc<Client>,
    leaves: Leaves,
    /// Bytes of the file.
    size: u64,
}

impl Many {
    pub(super) fn of(root: Cid, size: u64, gateway: Rc<Client>) -> Many {
        Many { gateway, leaves: Leaves::reading(root, WIDE), size }
    }

    /// A leaf that isn't in the store, taken into memory when there is room; `None` where it must be asked for by itself.
    pub(super) async fn leaf(&self, sources: &Sources, part: &Part) -> Option<Vec<u8>> {
        if sources.has(&part.cid) {
            return None;
        }
        let (leaf, _room) = self.leaves.leaf(&self.gateway, part, self.size, async || sources.room().await).await?;
        sources.came(&part.cid, &leaf);
        Some(leaf)
    }
}

/// An answer with the bytes of a file, as far as it was taken.
struct Run {
    head: Head,
    /// Bytes of it that belong to the next leaf.
    rest: Bytes,
    /// The offset in the file of what comes next.
    at: u64,
}

impl Run {
    /// Waits until there is something of the next leaf.
    async fn ready(&mut self, client: &Client, cid: &Cid) -> Result<(), ContentError> {
        if self.rest.is_empty() {
            self.rest = self.next(client, cid).await?;
        }
        Ok(())
    }

    /// The next leaf, of so many bytes.
    async fn leaf(&mut self, client: &Client, cid: &Cid, size: usize) -> Result<Vec<u8>, ContentError> {
        let slow = || ContentError::Slow { what: format!("block {cid}"), after: client.timeouts().idle * SLOWEST };
        let taking = timeout(client.timeouts().idle * SLOWEST, self.take(client, cid, size));
        taking.await.map_err(|_| slow())?
    }

    async fn take(&mut self, client: &Client, cid: &Cid, size: usize) -> Result<Vec<u8>, ContentError> {
        let mut verifier = Verifier::new(cid)?;
        let mut leaf = Vec::with_capacity(size);
        while leaf.len() < size {
            self.ready(client, cid).await?;
            let taken = self.rest.split_to(self.rest.remaining().min(size - leaf.len()));
            verifier.update(&taken);
            leaf.extend_from_slice(&taken);
        }
        verifier.finish()?;
        self.at += size as u64;
        Ok(leaf)
    }

    async fn next(&mut self, client: &Client, cid: &Cid) -> Result<Bytes, ContentError> {
        let idle = client.timeouts().idle;
        loop {
            let frame = std::future::poll_fn(|cx| Pin::new(self.head.body()).poll_frame(cx));
            let frame = timeout(idle, frame).await;
            let frame = frame.map_err(|_| ContentError::Idle { what: format!("block {cid}"), after: idle })?;
            let frame = frame.ok_or_else(|| ContentError::Answer("the file's bytes end too early".to_owned()))?;
            if let Ok(data) = frame.map_err(ContentError::Http)?.into_data()
                && !data.is_empty()
            {
                return Ok(data);
            }
        }
    }
}
