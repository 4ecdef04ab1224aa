//! Why an import failed. Exit code 1, but for a signal.

use std::io;

use crate::content::ContentError;
use crate::phrase;

/// Why an import failed.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// It can't be retrieved: the source's first phrase.
    #[error("{}: {path}", phrase::FETCH)]
    Fetch {
        /// The path, and of a part of it the names that lead there.
        path: String,
        /// Why.
        source: ContentError,
    },
    /// It is neither a file nor a directory nor a symlink: the source's second phrase.
    #[error("{}: {path}: {kind}", phrase::NODE_TYPE)]
    NodeType {
        /// The path, and of a part of it the names that lead there.
        path: String,
        /// What it is.
        kind: String,
    },
    /// An entry of a directory that no file can be.
    #[error("{}: {path}: refused: {why}", phrase::FETCH)]
    Entry {
        /// The path, and the names that lead there.
        path: String,
        /// What about its name, or about where it points.
        why: &'static str,
    },
    /// More than is taken.
    #[error("{}: {path}: larger than the limit of {limit} bytes (--max-size sets another)", phrase::FETCH)]
    TooLarge {
        /// The path, and of a part of it the names that lead there.
        path: String,
        /// All files together, in bytes.
        limit: u64,
    },
    /// Something is at the target.
    #[error("cannot write {target}: it is there already (--force replaces it)")]
    There {
        /// The target.
        target: String,
    },
    /// A directory is at the target, where none is to be.
    #[error("cannot write {target}: it is there already (--force replaces it, {target}/ is a place in it)")]
    DirectoryThere {
        /// The target.
        target: String,
    },
    /// What is at the target isn't replaced by something of another kind.
    #[error("cannot replace {target}: it is {there}, and what comes is {comes}")]
    Kind {
        /// The target.
        target: String,
        /// What is there.
        there: &'static str,
        /// What was to be.
        comes: &'static str,
    },
    /// It can't be written.
    #[error("cannot write {path}")]
    Write {
        /// The target, and of a part of it the names that lead there.
        path: String,
        /// Why not.
        source: io::Error,
    },
    /// A signal ended it.
    #[error("interrupted by signal {signal}")]
    Interrupted {
        /// Its number.
        signal: u8,
    },
    /// Something `ww` needs for itself.
    #[error("{what}")]
    Host {
        /// What was being done.
        what: &'static str,
        /// Why it failed.
        source: io::Error,
    },
}

impl ImportError {
    /// Content that can't be had, at `path`.
    pub(super) fn of_content(path: &str, source: ContentError) -> ImportError {
        let path = path.to_owned();
        match source {
            ContentError::NodeType { kind } => ImportError::NodeType { path, kind: kind.to_string() },
            source => ImportError::Fetch { path, source },
        }
    }
}
