//! Why content can't be had: one enum for paths, the sources and the content itself.
//!
//! - What it does: names each way that a retrieval fails, in words that fit after `ww: <phrase>: <what>: `.
//! - What must stay true: no variant holds one of the phrases of ruling 9 (they belong to the caller); text that
//!   comes from the daemon or the content is cut and has no control characters, for it reaches a terminal.
//! - Serves: rulings 7, 9, 20.

use std::fmt;
use std::time::Duration;

use super::path::{PathError, Printable};
use super::sources::Failures;
use super::{Cid, Endpoint};
use crate::block::VerifyError;
use crate::store::StoreError;

/// Why content couldn't be had.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ContentError {
    /// The path ends at, or passes through, something else than is wanted: `unexpected node type` (ruling 7).
    /// Everything else is a failed retrieval.
    #[error("{kind}")]
    NodeType {
        /// What it is.
        kind: NodeKind,
    },
    /// The path can't be followed.
    #[error(transparent)]
    Path(#[from] PathError),
    /// No such entry in a directory, or a name below something that isn't one.
    #[error("no `{}` in {within}", Printable(.name))]
    NotFound {
        /// The name that isn't there.
        name: String,
        /// Where it was looked for.
        within: String,
    },
    /// Larger than the caller takes, by what it declares or by what came.
    #[error("larger than the limit of {limit} bytes")]
    TooLarge {
        /// What the caller takes, in bytes.
        limit: u64,
    },
    /// More entries, blocks or levels than content of its size can need.
    #[error("refused: {0}")]
    Bomb(&'static str),
    /// The bytes that came don't hash to the CID (ruling 7).
    #[error("the block that came isn't the content of {cid} (its hash differs)")]
    Mismatch {
        /// The wanted CID.
        cid: Box<Cid>,
    },
    /// The digest of a CID is of a kind that can't be checked here.
    #[error("{cid} has a digest that can't be verified ({why})")]
    Hash {
        /// The CID.
        cid: Box<Cid>,
        /// What about its multihash.
        why: &'static str,
    },
    /// A block that is what its CID says and isn't well-formed.
    #[error("block {cid} is malformed: {why}")]
    Malformed {
        /// The block.
        cid: Box<Cid>,
        /// What is wrong with it.
        why: &'static str,
    },
    /// A size that isn't the one declared (ruling 7).
    #[error("block {cid} is declared to hold {declared} bytes of the file and holds {actual}")]
    Size {
        /// The block.
        cid: Box<Cid>,
        /// By its parent or by itself, in bytes.
        declared: u64,
        /// In bytes; of a block that was cut off, as much as came.
        actual: u64,
    },
    /// A body of more than 2 MiB, which no block has (Kubo's Bitswap takes none larger).
    #[error("more than {limit} bytes came for {what}")]
    LongBody {
        /// What was asked for.
        what: String,
        /// In bytes.
        limit: u64,
    },
    /// Nobody listens.
    #[error(
        "connection refused: is an IPFS daemon running at {endpoint}? start one with `ipfs daemon`, or name another with --ipfs"
    )]
    Refused {
        /// Where.
        endpoint: Endpoint,
    },
    /// It can't be reached.
    #[error("can't connect to {endpoint}")]
    Connect {
        /// Where.
        endpoint: Endpoint,
        /// The system's reason.
        #[source]
        cause: std::io::Error,
    },
    /// No connection in time.
    #[error("timed out: no connection to {endpoint} within {}", Seconds(.after))]
    ConnectTimeout {
        /// Where.
        endpoint: Endpoint,
        /// The limit.
        after: Duration,
    },
    /// Connected, and then silence.
    #[error("timed out: nothing came for {} (asked for {what})", Seconds(.after))]
    Idle {
        /// What was asked for.
        what: String,
        /// The limit.
        after: Duration,
    },
    /// One answer that takes too long, though something comes.
    #[error("timed out: longer than {} for {what}", Seconds(.after))]
    Slow {
        /// What was asked for.
        what: String,
        /// The limit.
        after: Duration,
    },
    /// Connected, and an upload isn't taken.
    #[error("timed out: the daemon took nothing of an upload for {}", Seconds(.after))]
    Untaken {
        /// The limit.
        after: Duration,
    },
    /// The daemon's own word: HTTP 500 with a `Message`.
    #[error("the daemon says: {message}")]
    Daemon {
        /// Its text.
        message: String,
    },
    /// The word at the end of a stream that failed: the trailer `X-Stream-Error`.
    #[error("it broke off: {message}")]
    Stream {
        /// Its text.
        message: String,
    },
    /// An answer that the Kubo API doesn't give.
    #[error("not an answer of the Kubo API: {0}")]
    Answer(String),
    /// An answer of a gateway's that isn't what was asked for.
    #[error("{0}")]
    Gateway(String),
    /// An answer that leads elsewhere, where that isn't to be followed.
    #[error("a redirect (HTTP status {status}), which isn't followed")]
    Redirect {
        /// 301, or another of 300 to 399.
        status: u16,
        /// Where it leads, as it came.
        location: Option<Box<str>>,
    },
    /// A daemon is needed, and the run asks nobody.
    #[error("the run is offline (--offline)")]
    Offline,
    /// What a daemon alone can do, where there is none.
    #[error("it needs an IPFS daemon (--ipfs or WW_IPFS names one)")]
    NeedsDaemon(#[source] Box<ContentError>),
    /// The store doesn't take it, and nobody else is there.
    #[error(transparent)]
    Store(std::sync::Arc<StoreError>),
    /// There is no such pin in the store.
    #[error("not pinned in the store")]
    NotPinned,
    /// A tree that is more than a run may keep in the store by pinning it.
    #[error("more than the {most} blocks that a pin in the store may have")]
    LargePin {
        /// The limit.
        most: usize,
    },
    /// A source that gave a wrong block before.
    #[error("it gave a block that isn't the content, and isn't asked again")]
    Lied,
    /// A signed record that names nothing.
    #[error(transparent)]
    Record(#[from] super::ipns::RecordError),
    /// What each source that was asked said.
    #[error("{0}")]
    Sources(Box<Failures>),
    /// The connection broke, or what came isn't HTTP.
    #[error("the connection broke")]
    Http(#[source] hyper::Error),
    /// A file that is here can't be read.
    #[error("the file is here, and can't be read")]
    Kept(#[source] std::io::Error),
    /// The file that the content goes to can't be written.
    #[error("can't write the fetched file")]
    Write(#[source] std::io::Error),
}

/// What a block is, where a file was wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NodeKind {
    /// A UnixFS directory in one block.
    Directory,
    /// A UnixFS directory that is spread over a trie of blocks.
    ShardedDirectory,
    /// A UnixFS symlink; one in the middle of a path isn't followed.
    Symlink,
    /// A UnixFS file or raw block, where a directory was wanted.
    File,
    /// UnixFS's type 3, which nothing writes.
    Metadata,
    /// dag-pb whose data isn't UnixFS.
    PlainDagPb,
    /// Any codec but dag-pb and raw, by its number in the multicodec table.
    Codec(u64),
}

impl fmt::Display for NodeKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            NodeKind::Directory => "a directory",
            NodeKind::ShardedDirectory => "a sharded directory",
            NodeKind::Symlink => "a symlink",
            NodeKind::File => "a file",
            NodeKind::Metadata => "UnixFS metadata",
            NodeKind::PlainDagPb => "a dag-pb node that isn't UnixFS",
            NodeKind::Codec(0x51) => "cbor",
            NodeKind::Codec(0x71) => "dag-cbor",
            NodeKind::Codec(0x72) => "a libp2p key",
            NodeKind::Codec(0x78) => "a git object",
            NodeKind::Codec(0x85) => "dag-jose",
            NodeKind::Codec(0x0129) => "dag-json",
            NodeKind::Codec(0x0200) => "json",
            NodeKind::Codec(code) => return write!(f, "a block of codec {code:#x}"),
        })
    }
}

impl ContentError {
    pub(crate) fn malformed(cid: &Cid, why: &'static str) -> Self {
        ContentError::Malformed { cid: Box::new(*cid), why }
    }
}

impl From<VerifyError> for ContentError {
    fn from(error: VerifyError) -> Self {
        match error {
            VerifyError::Hash { cid, why } => ContentError::Hash { cid, why },
            VerifyError::Mismatch { cid } => ContentError::Mismatch { cid },
        }
    }
}

impl From<NodeKind> for ContentError {
    fn from(kind: NodeKind) -> Self {
        ContentError::NodeType { kind }
    }
}

struct Seconds<'a>(&'a Duration);

impl fmt::Display for Seconds<'_> {
    /// `30 s`, `0.25 s`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} s", self.0.as_secs_f64())
    }
}
