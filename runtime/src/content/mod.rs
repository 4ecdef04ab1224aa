//! Content by its hash: files, directories and uploads, through an IPFS daemon that isn't trusted.
//!
//! - What it does: asks the daemon for blocks by CID, a few in flight, and puts files together itself.
//!   The rooms: `path` (what is asked for), `dial`, `payload`, `http` and `body` (one request, bounded), `kubo`,
//!   `blocks`, `pins` and `swarm` (the API's calls), `gateway` (the daemon's other server), `verify` (hashes), `node`
//!   (dag-pb and UnixFS), `ipld` (what is inside a block of any codec), `walk` (files), `range`, `reading` and `turns`
//!   (files in order), `dir`, `listing` and `shard` (directories), `upload` (files on their way to the daemon), `import` (the CID that one
//!   must have).
//! - What must stay true: nothing is dialled or built before the first use, and identity CIDs never need a
//!   daemon. No byte counts before its block's hash was checked. Whatever the daemon or the content does,
//!   memory and time are bounded and nothing panics.
//! - Serves: rulings 6, 7, 16 (the profile of `add`), 20.

use std::cell::RefCell;
use std::fs::File;
use std::rc::Rc;
use std::time::Duration;

use crate::endpoint::Endpoint;

mod blocks;
mod body;
mod dial;
mod dir;
mod error;
mod gateway;
mod http;
mod import;
pub(crate) mod ipld;
mod kubo;
mod listing;
mod node;
mod path;
mod payload;
mod pins;
mod range;
mod reading;
mod shard;
mod swarm;
mod turns;
mod upload;
mod verify;
mod walk;

pub(crate) use error::tame;
pub use error::{ContentError, NodeKind};
pub use path::{ContentPath, PathError};
use reading::Kept;
pub use reading::Reading;
pub use swarm::{Peer, Peers};
pub use upload::Upload;

/// A CID whose digest may have 128 bytes, the most that Kubo puts into an identity CID (`--inline-limit`).
pub type Cid = cid::CidGeneric<128>;

/// A CID of ours, in the size of all.
pub(crate) fn wide(cid: &cid::Cid) -> Cid {
    path::cid_from_bytes(&cid.to_bytes()).expect("a CID that was made parses")
}

/// How long the daemon may keep us waiting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// From the first packet to a connection that is ready, name lookup and TLS included.
    pub connect: Duration,
    /// Without a byte from the daemon. One answer may take four times this in all.
    pub idle: Duration,
}

impl Default for Timeouts {
    /// 10 s and 30 s.
    fn default() -> Self {
        Timeouts { connect: Duration::from_secs(10), idle: Duration::from_secs(30) }
    }
}

/// Content behind one endpoint. Clones share its connections. To be used within a tokio runtime with time
/// and I/O enabled; it survives that runtime and dials again in the next.
#[derive(Clone)]
pub struct Content {
    client: Rc<http::Client>,
    kept: Option<Rc<Kept>>,
}

/// An entry of a directory (`Entry` of `system.capnp`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its name.
    pub name: String,
    /// What it is.
    pub entry_type: EntryType,
    /// Bytes of content: a file's length, a symlink's target's, 0 for a directory.
    pub size: u64,
    /// Its CID.
    pub cid: Cid,
}

/// `EntryType` of `system.capnp`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EntryType {
    /// A file, or a block that isn't UnixFS.
    File,
    /// A directory, sharded or not.
    Directory,
    /// A symlink.
    Symlink,
}

/// What a node is (`NodeInfo` of `system.capnp`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeInfo {
    /// The CID that the path ended at.
    pub cid: Cid,
    /// Bytes of content, as for [`Entry::size`].
    pub size: u64,
    /// Bytes of all blocks below and including this one, as the links declare.
    pub cumulative_size: u64,
    /// File, directory or symlink.
    pub kind: NodeInfoKind,
}

/// The kinds of [`NodeInfo`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NodeInfoKind {
    /// A file.
    File,
    /// A directory.
    Directory {
        /// Its entries, of all shards, sorted by name.
        links: Vec<NodeLink>,
    },
    /// A symlink.
    Symlink {
        /// Where it points, as text.
        target: String,
    },
}

/// A link of a directory (`Link` of `system.capnp`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeLink {
    /// The entry's name.
    pub name: String,
    /// Bytes of all its blocks, as the link declares.
    pub size: u64,
    /// The entry's CID.
    pub cid: Cid,
}

impl Content {
    /// Names where content comes from; dials nothing.
    pub fn new(endpoint: Endpoint, timeouts: Timeouts) -> Content {
        Content { client: Rc::new(http::Client::new(endpoint, timeouts)), kept: None }
    }

    /// How long one call of a cell's may take, whatever the daemon does: time for several answers.
    pub fn call_limit(&self) -> Duration {
        self.client.call_limit()
    }

    /// The same, with one file that is here and needn't be fetched: what a store of verified files comes to. [`Content::read`]
    /// gives it as it is.
    ///
    /// # Errors
    /// Where its size can't be had.
    pub fn keeping(self, cid: Cid, file: File) -> std::io::Result<Content> {
        let size = file.metadata()?.len();
        Ok(Content { kept: Some(Rc::new(Kept { cid, file, size })), ..self })
    }

    /// Fetches a file of at most `max_size` bytes into `into`, which must be empty, and returns its size.
    /// Every block is verified; bytes may be written before their block is, so that after an error the
    /// file's content means nothing. Takes some 10 MB of memory at most, whatever the size.
    ///
    /// # Errors
    /// [`ContentError::NodeType`] where the path ends at something that isn't a file (ruling 7); every other
    /// error is a failed retrieval.
    pub async fn fetch(&self, path: &ContentPath, into: &File, max_size: u64) -> Result<u64, ContentError> {
        let cid = dir::resolve(&self.client, path).await?;
        walk::fetch(&self.client, cid, &into, max_size).await
    }

    /// A whole file of at most `max` bytes.
    ///
    /// # Errors
    /// As [`Content::fetch`].
    pub async fn cat(&self, path: &ContentPath, max: u64) -> Result<Vec<u8>, ContentError> {
        let cid = dir::resolve(&self.client, path).await?;
        let data = RefCell::default();
        walk::fetch(&self.client, cid, &data, max).await?;
        Ok(data.into_inner())
    }

    /// A range of a file, to be taken in order; a range past its end is empty. Fetches what leads to the file
    /// and nothing of it.
    ///
    /// # Errors
    /// As [`Content::fetch`].
    pub async fn read(&self, path: &ContentPath, offset: u64, length: u64) -> Result<Reading, ContentError> {
        let cid = dir::resolve(&self.client, path).await?;
        Ok(match self.kept.as_ref().filter(|kept| kept.cid == cid) {
            Some(kept) => kept.read(offset, length),
            None => range::Ranged::new(self.client.clone(), cid, offset, length).into(),
        })
    }

    /// The entries of a directory, sharded or not, sorted by name. A file and a symlink have none.
    ///
    /// # Errors
    /// As [`Content::fetch`]; [`ContentError::TooLarge`] where the list wouldn't fit into 8 MiB.
    pub async fn ls(&self, path: &ContentPath) -> Result<Vec<Entry>, ContentError> {
        let cid = dir::resolve(&self.client, path).await?;
        dir::ls(&self.client, cid).await
    }

    /// What is at a path.
    ///
    /// # Errors
    /// As [`Content::ls`].
    pub async fn stat(&self, path: &ContentPath) -> Result<NodeInfo, ContentError> {
        let cid = dir::resolve(&self.client, path).await?;
        dir::stat(&self.client, cid).await
    }

    /// Stores a file with the daemon, unpinned, with the import profile `unixfs-v1-2025` (ruling 16).
    ///
    /// # Errors
    /// Where the daemon can't be reached, refuses, or stored it under another CID than the profile's.
    pub async fn add(&self, data: Vec<u8>) -> Result<cid::Cid, ContentError> {
        self.client.add(data.into()).await
    }

    /// A file to be stored with the daemon as [`Content::add`] does, however large. Dials nothing yet. One that is
    /// dropped before its end was never there.
    pub fn upload(&self) -> Upload {
        Upload::new(self.client.clone())
    }
}
