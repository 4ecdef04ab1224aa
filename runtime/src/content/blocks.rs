//! Single blocks: where a path ends, a block by its CID, a block into a daemon.
//!
//! - What must stay true: a block that is given was verified; one that was stored is known to be stored under the CID
//!   that its bytes have. A limit holds before the memory is spent.
//! - Serves: rulings 7, 20; clauses RPC-25, RPC-28.

use bytes::Bytes;
use serde::Deserialize;

use super::http::Client;
use super::payload::Payload;
use super::sources::Got;
use super::{Cid, Content, ContentError, ContentPath, dir};
use crate::block::parse_cid;
use crate::tame::tame;

impl Content {
    /// The CID that a path ends at: where it ends inside a block of dag-cbor or dag-json, that block's.
    ///
    /// # Errors
    /// As [`Content::fetch`].
    pub async fn resolve(&self, path: &ContentPath) -> Result<Cid, ContentError> {
        dir::resolve(&self.sources, path).await
    }

    /// A block of at most `max` bytes, verified.
    ///
    /// # Errors
    /// [`ContentError::TooLarge`] where it has more; every other error is a failed retrieval.
    pub async fn block(&self, cid: &Cid, max: u64) -> Result<Vec<u8>, ContentError> {
        match self.sources.block_within(cid, max, async || ()).await? {
            Got::Block(block) => Ok(block),
            Got::Larger(_) => Err(ContentError::TooLarge { limit: max }),
        }
    }

    /// Whether a block can be had: it is fetched and verified, and not kept.
    ///
    /// # Errors
    /// As [`Content::block`].
    pub async fn check(&self, cid: &Cid) -> Result<(), ContentError> {
        self.sources.block_within(cid, 0, async || ()).await.map(drop)
    }
}

impl Client {
    /// Stores a block, unpinned, under the CID that it has with its codec.
    pub(super) async fn put_block(&self, data: Bytes, expected: &cid::Cid) -> Result<(), ContentError> {
        #[derive(Deserialize)]
        struct Stored {
            #[serde(rename = "Key")]
            key: String,
        }
        let codec = expected.codec();
        let (content_type, payload) = Payload::multipart(data, &expected.to_string());
        let request = format!("/api/v0/block/put?cid-codec={codec}&mhtype=sha2-256&pin=false&allow-big-block=true");
        let body = self.post(&request, Some(&content_type), payload, "an upload").await?.small().await?;
        let answer = || ContentError::Answer(format!("a block became {}", tame(&String::from_utf8_lossy(&body))));
        let stored: Stored = serde_json::from_slice(&body).map_err(|_| answer())?;
        match parse_cid(&stored.key) {
            Some(cid) if cid.to_bytes() == expected.to_bytes() => Ok(()),
            _ => Err(answer()),
        }
    }
}
