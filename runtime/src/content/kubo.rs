//! The calls of the Kubo HTTP API that are needed: a block, a name, an upload.
//!
//! - What it does: turns a CID into a verified block and an IPNS name into a path.
//! - What must stay true: a block that is handed out whole has the wanted hash; identity CIDs ask nobody.
//!   A name's answer can't be verified: the daemon is trusted to have checked the record's signature.
//! - Serves: rulings 7, 20. Reference: Kubo RPC API v0.

use bytes::Bytes;
use serde::Deserialize;
use tokio::time::Instant;

use super::error::tame;
use super::http::{Client, Way};
use super::path::{ContentPath, parse_cid};
use super::payload::Payload;
use super::verify::{IDENTITY, Verifier};
use super::{Cid, ContentError, import};

/// The largest block: Kubo's Bitswap neither sends nor takes a larger one (2 MiB), in bytes.
pub(crate) const BLOCK_LIMIT: u64 = 2 * 1024 * 1024;
/// Blocks up to this size are held several at once, larger ones one at a time, in bytes.
const LARGE: usize = 384 * 1024;

impl Client {
    /// A whole block, verified. Of several at once, all but one wait before they grow large.
    pub(crate) async fn block(&self, cid: &Cid) -> Result<Vec<u8>, ContentError> {
        self.block_when(cid, async || ()).await
    }

    /// The same, taken into memory when `free` says that there is room.
    pub(crate) async fn block_when(&self, cid: &Cid, mut free: impl AsyncFnMut()) -> Result<Vec<u8>, ContentError> {
        let mut block = Vec::new();
        let mut large = None;
        self.block_chunks(cid, async |chunk| {
            if block.is_empty() {
                free().await;
            }
            if large.is_none() && block.len() + chunk.len() > LARGE {
                // It is never closed. Whoever has the permit waits for nothing but the daemon.
                large = self.large.acquire().await.ok();
                block.reserve_exact(BLOCK_LIMIT as usize - block.len());
            }
            block.extend_from_slice(chunk);
            Ok(())
        })
        .await?;
        Ok(block)
    }

    /// A block chunk by chunk, *before* it is verified; only where this returns `Ok` were the bytes right.
    /// Returns their number.
    pub(crate) async fn block_chunks(
        &self,
        cid: &Cid,
        mut take: impl AsyncFnMut(&[u8]) -> Result<(), ContentError>,
    ) -> Result<u64, ContentError> {
        if cid.hash().code() == IDENTITY {
            let digest = cid.hash().digest();
            take(digest).await?;
            return Ok(digest.len() as u64);
        }
        let mut verifier = Verifier::new(cid)?;
        let what = format!("block {cid}");
        let request = match self.way {
            Way::Api => format!("/api/v0/block/get?arg={cid}"),
            Way::Gateway => format!("/ipfs/{cid}?format=raw"),
        };
        let mut answer = self.post(&request, None, Payload::default(), &what).await?;
        let mut length = 0;
        while let Some(chunk) = answer.chunk().await? {
            length += chunk.len() as u64;
            if length > BLOCK_LIMIT {
                return Err(ContentError::LongBody { what, limit: BLOCK_LIMIT });
            }
            verifier.update(&chunk);
            let received = Instant::now();
            take(&chunk).await?;
            answer.extend(received.elapsed());
        }
        verifier.finish()?;
        Ok(length)
    }

    /// What an IPNS name stands for now; the names below it in `path` follow.
    pub(crate) async fn resolve_name(&self, path: &ContentPath) -> Result<ContentPath, ContentError> {
        #[derive(Deserialize)]
        struct Resolved {
            #[serde(rename = "Path")]
            path: String,
        }
        let what = format!("name /ipns/{}", path.root_text());
        // The name's grammar (DNS name, base 58 or a CID) needs no escape in a query.
        let request = format!("/api/v0/name/resolve?arg={}&recursive=true", path.root_text());
        let body = self.post(&request, None, Payload::default(), &what).await?.small().await?;
        let answer = |text: &[u8]| ContentError::Answer(format!("{what} is {}", tame(&String::from_utf8_lossy(text))));
        let resolved: Resolved = serde_json::from_slice(&body).map_err(|_| answer(&body))?;
        let target = ContentPath::parse(&resolved.path).ok_or_else(|| answer(resolved.path.as_bytes()))??;
        Ok(target.join(path.names()))
    }

    /// Stores a file, unpinned, with the import profile `unixfs-v1-2025` (ruling 16).
    pub(crate) async fn add(&self, data: Bytes) -> Result<cid::Cid, ContentError> {
        let expected = import::cid_of(&data);
        let (content_type, payload) = Payload::multipart(data, &expected.to_string());
        let answer = self.post(ADD, Some(&content_type), payload, "an upload").await?;
        added(&answer.small().await?, expected)
    }
}

/// Where a file is sent to be stored, unpinned. Every parameter that counts is named: the user's `Import.*` must not
/// change a cell's CIDs.
pub(crate) const ADD: &str = "/api/v0/add?pin=false&progress=false&wrap-with-directory=false&trickle=false\
                              &inline=false&hash=sha2-256&cid-version=1&raw-leaves=true&chunker=size-1048576\
                              &max-file-links=1024";

/// Reads what the daemon says of a file that it has stored.
pub(crate) fn added(body: &[u8], expected: cid::Cid) -> Result<cid::Cid, ContentError> {
    #[derive(Deserialize)]
    struct Added {
        #[serde(rename = "Hash")]
        hash: String,
    }
    let answer = || ContentError::Answer(format!("an upload became {}", tame(&String::from_utf8_lossy(body))));
    let added: Added = serde_json::from_slice(body).map_err(|_| answer())?;
    if parse_cid(&added.hash).is_none_or(|cid| cid.to_bytes() != expected.to_bytes()) {
        return Err(answer());
    }
    Ok(expected)
}
