//! Many leaves of a file in one answer of the gateway's, which reads a file three times as fast as its blocks.
//!
//! - What it does: asks for the bytes of the file from a leaf on, and takes them leaf by leaf.
//! - What must stay true: what is taken for a leaf has the leaf's hash, and as many bytes as its parent declares. The
//!   daemon isn't blamed for the time between two leaves.

use std::pin::Pin;

use bytes::{Buf, Bytes};
use hyper::StatusCode;
use hyper::body::Body;
use tokio::time::timeout;

use crate::block::Verifier;
use crate::content::http::{Client, Head, SLOWEST};
use crate::content::{Cid, ContentError};

/// An answer with the bytes of a file, as far as it was taken.
pub(super) struct Run {
    head: Head,
    /// Bytes of it that belong to the next leaf.
    rest: Bytes,
    /// The offset in the file of what comes next.
    pub(super) at: u64,
}

impl Run {
    /// Asks for the bytes of a file from `start` to `end`.
    pub(super) async fn begin(client: &Client, root: &Cid, start: u64, end: u64) -> Result<Run, ContentError> {
        let range = format!("bytes={start}-{}", end.saturating_sub(1));
        let head = client.ask_for_range(&format!("/ipfs/{root}"), &range).await?;
        match head.status() {
            StatusCode::PARTIAL_CONTENT => Ok(Run { head, rest: Bytes::new(), at: start }),
            status => Err(ContentError::Answer(format!("HTTP status {status}"))),
        }
    }

    /// Waits until there is something of the next leaf.
    pub(super) async fn ready(&mut self, client: &Client, cid: &Cid) -> Result<(), ContentError> {
        if self.rest.is_empty() {
            self.rest = self.next(client, cid).await?;
        }
        Ok(())
    }

    /// The next leaf, of so many bytes.
    pub(super) async fn leaf(&mut self, client: &Client, cid: &Cid, size: usize) -> Result<Vec<u8>, ContentError> {
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
