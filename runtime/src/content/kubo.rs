//! The calls of the Kubo HTTP API that are needed beside a block: whether it is there, a name, an upload.
//!
//! - What it does: turns an IPNS name into a path, and a file into its CID.
//! - What must stay true: a name's answer can't be verified: the daemon is trusted to have checked the record's signature.
//! - Serves: rulings 7, 20. Reference: Kubo RPC API v0.

use bytes::Bytes;
use serde::Deserialize;

use super::http::Client;
use super::path::ContentPath;
use super::payload::Payload;
use super::{ContentError, import};
use crate::block::parse_cid;
use crate::tame::tame;

impl Client {
    /// Whether a daemon is there, and is one.
    pub(crate) async fn answers(&self) -> Result<(), ContentError> {
        #[derive(Deserialize)]
        struct Version {
            #[serde(rename = "Version")]
            _version: String,
        }
        let answer = self.post("/api/v0/version", None, Payload::default(), "its version").await?;
        let body = answer.small().await?;
        let not = |_| ContentError::Answer(format!("its version is {}", tame(&String::from_utf8_lossy(&body))));
        serde_json::from_slice::<Version>(&body).map(|_| ()).map_err(not)
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
