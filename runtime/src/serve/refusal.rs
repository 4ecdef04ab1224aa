//! Why a call on `IPFS` can't be done, as the text of the exception that the cell gets.
//!
//! - What it does: puts the phrase or the method in front, the path after it, the cause at the end.
//! - What must stay true: a retrieval that failed begins with the phrase, everything else with
//!   `system.IPFS.<method>: `. A text is one line, and short whatever the cell sent.
//! - Serves: rulings 7, 13, 15.

use std::time::Duration;

use crate::access::Access;
use crate::content::{ContentError, PathError};
use crate::phrase;

/// How much of a path of the cell's is repeated to it, in characters.
const SHOWN: usize = 200;

/// Why a method did nothing.
#[derive(Debug, thiserror::Error)]
pub(super) enum Refusal {
    #[error("{}: {path}", phrase::FETCH)]
    Fetch { path: String, source: ContentError },
    #[error("{}: {path}", phrase::NODE_TYPE)]
    NodeType { path: String, source: ContentError },
    #[error("system.IPFS.{method}: {path}: larger than the {limit} bytes of one answer; {instead}")]
    LargeAnswer { method: &'static str, path: String, limit: u64, instead: &'static str },
    #[error("system.IPFS.{method}: {size} bytes are more than the {limit} of one call; use `write`")]
    LargeData { method: &'static str, size: usize, limit: u64 },
    #[error("system.IPFS.{method}: {size} bytes are more than the {limit} of one block; use `add` or `write`")]
    LargeBlock { method: &'static str, size: usize, limit: u64 },
    #[error("system.IPFS.{method}: more than the {limit} bytes of one answer; see {instead}")]
    LargeList { method: &'static str, limit: u64, instead: &'static str },
    #[error("system.IPFS.{method}: {codec:#x} is no codec")]
    NotACodec { method: &'static str, codec: u64 },
    #[error("system.IPFS.{method}: no multiaddr: {address}")]
    NotAnAddress { method: &'static str, address: String },
    #[error("system.IPFS.{method}: {path}")]
    Pin { method: &'static str, path: String, source: Box<ContentError> },
    #[error("system.IPFS.{method}: refused: {path}: this run didn't pin it, and others' pins need --ipfs-access full")]
    OthersPin { method: &'static str, path: String },
    #[error(
        "system.IPFS.{method}: refused: this run has {most} pins, and a run may have no more; it needs --ipfs-access full"
    )]
    Pins { method: &'static str, most: usize },
    #[error("system.IPFS.{method}: refused: {most} nodes are held, and no more may be: release some")]
    Nodes { method: &'static str, most: usize },
    #[error("system.IPFS.{method}: {why}")]
    Unread { method: &'static str, why: String },
    #[error("system.IPFS.{method}: the path is longer than {limit} bytes")]
    LongPath { method: &'static str, limit: usize },
    #[error("system.IPFS.{method}: no link on the path {path}")]
    NoLink { method: &'static str, path: String },
    #[error("system.IPFS.{method}: neither a CID nor an IPFS path: {path}")]
    NotAPath { method: &'static str, path: String },
    #[error("system.IPFS.{method}: the path isn't UTF-8")]
    NotText { method: &'static str },
    #[error("system.IPFS.{method}")]
    Daemon { method: &'static str, source: ContentError },
    #[error("system.IPFS.{method}: refused: this run doesn't grant it; it needs --ipfs-access {least}")]
    Access { method: &'static str, least: Access },
    #[error("system.Host.ipfs: refused: this run grants nothing of IPFS; it needs --ipfs-access read, write or full")]
    NoAccess,
    #[error("system.IPFS.{method}: timed out: not done within {} s", limit.as_secs_f64())]
    Slow { method: &'static str, limit: Duration },
}

impl Refusal {
    /// A retrieval failed; `instead` says what to do about an answer that is too large.
    pub(super) fn retrieval(method: &'static str, path: &str, source: ContentError, instead: &'static str) -> Refusal {
        let path = shown(path);
        match source {
            ContentError::TooLarge { limit } => Refusal::LargeAnswer { method, path, limit, instead },
            ContentError::NodeType { .. } => Refusal::NodeType { path, source },
            source => Refusal::Fetch { path, source },
        }
    }

    pub(super) fn path(path: &str, source: PathError) -> Refusal {
        Refusal::Fetch { path: shown(path), source: source.into() }
    }

    pub(super) fn pin(method: &'static str, path: &str, source: ContentError) -> Refusal {
        Refusal::Pin { method, path: shown(path), source: source.into() }
    }

    pub(super) fn not_an_address(method: &'static str, address: &str) -> Refusal {
        Refusal::NotAnAddress { method, address: shown(address) }
    }

    pub(super) fn not_a_path(method: &'static str, path: &str) -> Refusal {
        Refusal::NotAPath { method, path: shown(path) }
    }
}

impl From<Refusal> for capnp::Error {
    fn from(refusal: Refusal) -> Self {
        capnp::Error::failed(phrase::told(&refusal))
    }
}

/// An exception as a method raised it, with a beginning that says whose it is: what isn't a [`Refusal`] comes from
/// capnp (an argument that can't be read), which knows nothing of methods.
pub(super) fn begun(method: &'static str, mut error: capnp::Error) -> capnp::Error {
    let beginnings = [phrase::FETCH, phrase::NODE_TYPE, "system."];
    if !beginnings.iter().any(|beginning| error.extra.starts_with(beginning)) {
        error.extra = format!("system.IPFS.{method}: {error}");
    }
    error
}

/// A path as one short line.
pub(super) fn shown(path: &str) -> String {
    let mut shown: String = path.chars().take(SHOWN).map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect();
    if path.chars().nth(SHOWN).is_some() {
        shown.push('…');
    }
    shown
}
