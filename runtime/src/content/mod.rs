//! Content by its hash: files, directories and uploads, from a store, an IPFS daemon and gateways, none of them trusted.
//!
//! - What it does: asks its sources for blocks by CID, a few in flight, and puts files together itself.
//!   The rooms: `path` (what is asked for), `sources` (who has it), `ipns` (signed names), `dial`, `payload`, `http` and
//!   `body` (one request, bounded), `kubo`, `blocks`, `pins` and `swarm` (the API's calls), `gateway` (the daemon's other
//!   server), `leaves` (many in one answer), `node` (dag-pb and UnixFS), `ipld` (what is inside a block of any codec), `walk`
//!   (files), `range`, `reading` and `turns` (files in order), `dir`, `listing` and `shard` (directories), `tree` (all of them, to be
//!   written down), `put` and `upload` (files and blocks on their way to the store and the daemon), `keep` (trees that
//!   the store pins), `deposit` (trees on their way to a daemon), `import` (what files and directories become, and the CID that
//!   one must have).
//! - What must stay true: nothing is dialled or built before the first use, and identity CIDs never need a
//!   daemon. No byte counts before its block's hash was checked. Whatever the daemon or the content does,
//!   memory and time are bounded and nothing panics.
//! - Serves: rulings 6, 7, 16 (the profile of `add`), 20.

use std::cell::RefCell;
use std::fs::File;
use std::rc::Rc;
use std::time::Duration;

use crate::endpoint::{Endpoint, Gateway};

mod ahead;
mod blocks;
mod body;
mod car;
pub(crate) mod deposit;
mod dial;
mod dir;
mod error;
mod gateway;
mod http;
pub(crate) mod import;
pub(crate) mod ipld;
mod ipns;
mod keep;
mod kubo;
mod leaves;
mod listing;
pub(crate) mod node;
mod path;
mod payload;
mod pins;
mod put;
mod range;
mod reading;
mod shard;
mod shelf;
mod sources;
mod swarm;
pub(crate) mod tree;
mod turns;
mod upload;
mod walk;

pub use crate::block::Cid;
pub(crate) use crate::block::wide;
pub use error::{ContentError, NodeKind};
pub use import::{Collision, Profile};
pub use path::{ContentPath, PathError};
pub use pins::Keeper;
use reading::Kept;
pub use reading::Reading;
pub(crate) use sources::STORE;
use sources::Sources;
pub use sources::{Failures, Seen, Served};
pub use swarm::{Peer, Peers};
pub use upload::Upload;

/// A call of a cell's, which may need many answers, may take this many times the idle timeout.
const CALL: u32 = 10;

/// How long a source may keep us waiting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// From the first packet to a connection that is ready, name lookup and TLS included.
    pub connect: Duration,
    /// Without a byte from it. One answer may take four times this in all.
    pub idle: Duration,
}

impl Default for Timeouts {
    /// 10 s and 30 s.
    fn default() -> Self {
        Timeouts { connect: Duration::from_secs(10), idle: Duration::from_secs(30) }
    }
}

/// Content, from all sources of a run. Clones share their connections. To be used within a tokio runtime with time
/// and I/O enabled; it survives that runtime and dials again in the next.
#[derive(Clone)]
pub struct Content {
    sources: Rc<Sources>,
    kept: Option<Rc<Kept>>,
}

/// Who is asked for content that the store doesn't have, in this order.
#[derive(Clone, Debug, Default)]
pub struct Origins {
    /// A daemon; without one, names of DNS aren't resolved, and what is put is in the store alone.
    pub daemon: Option<Endpoint>,
    /// Somebody named it: what is put must get there. Otherwise it gets what is put where it answers.
    pub named: bool,
    /// Trustless gateways.
    pub gateways: Vec<Gateway>,
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
    /// Content from everywhere that is named, and from the store of this machine before; opens and dials nothing.
    pub fn from(origins: Origins, timeouts: Timeouts) -> Content {
        let Origins { daemon, named, gateways } = origins;
        let store = Rc::new(shelf::OnDisk::default());
        let sources = Sources::new(Some(store), daemon, &gateways, timeouts).named(named);
        Content { sources: Rc::new(sources), kept: None }
    }

    /// Calls this with all that is seen of retrievals from now on: what a progress bar needs.
    pub fn watch(&self, watcher: impl Fn(Seen<'_>) + 'static) {
        self.sources.watch(Rc::new(watcher));
    }

    /// Calls nobody any more.
    pub fn unwatch(&self) {
        self.sources.unwatch();
    }

    /// What each source gave so far, of those that gave something.
    pub fn served(&self) -> Vec<Served> {
        self.sources.served()
    }

    /// Content of one daemon's; dials nothing.
    pub fn new(endpoint: Endpoint, timeouts: Timeouts) -> Content {
        Content { sources: Rc::new(Sources::new(None, Some(endpoint), &[], timeouts)), kept: None }
    }

    /// How long one call of a cell's may take, whatever the daemon does: time for several answers.
    pub fn call_limit(&self) -> Duration {
        self.sources.timeouts().idle * CALL
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
        let cid = dir::resolve(&self.sources, path).await?;
        self.sources.ahead(&cid, max_size).await?;
        if let Some(size) = walk::stored::fetch(&self.sources, cid, into, max_size).await {
            self.sources.nothing_ahead();
            return Ok(size);
        }
        let _wide = self.sources.wide();
        let fetched = walk::fetch(&self.sources, cid, &into, max_size).await;
        // What came of one that broke off needn't come again.
        self.sources.settle();
        fetched
    }

    /// A whole file of at most `max` bytes.
    ///
    /// # Errors
    /// As [`Content::fetch`].
    pub async fn cat(&self, path: &ContentPath, max: u64) -> Result<Vec<u8>, ContentError> {
        let cid = dir::resolve(&self.sources, path).await?;
        let data = RefCell::default();
        walk::fetch(&self.sources, cid, &data, max).await?;
        Ok(data.into_inner())
    }

    /// A range of a file, to be taken in order; a range past its end is empty. Fetches what leads to the file
    /// and nothing of it.
    ///
    /// # Errors
    /// As [`Content::fetch`].
    pub async fn read(&self, path: &ContentPath, offset: u64, length: u64) -> Result<Reading, ContentError> {
        let cid = dir::resolve(&self.sources, path).await?;
        Ok(match self.kept.as_ref().filter(|kept| kept.cid == cid) {
            Some(kept) => kept.read(offset, length),
            None => range::Ranged::new(self.sources.clone(), cid, offset, length).into(),
        })
    }

    /// The entries of a directory, sharded or not, sorted by name. A file and a symlink have none.
    ///
    /// # Errors
    /// As [`Content::fetch`]; [`ContentError::TooLarge`] where the list wouldn't fit into 8 MiB.
    pub async fn ls(&self, path: &ContentPath) -> Result<Vec<Entry>, ContentError> {
        let cid = dir::resolve(&self.sources, path).await?;
        dir::ls(&self.sources, cid).await
    }

    /// What is at a path.
    ///
    /// # Errors
    /// As [`Content::ls`].
    pub async fn stat(&self, path: &ContentPath) -> Result<NodeInfo, ContentError> {
        let cid = dir::resolve(&self.sources, path).await?;
        dir::stat(&self.sources, cid).await
    }
}
