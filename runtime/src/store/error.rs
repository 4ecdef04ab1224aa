//! Why the store can't be had, or can't do what is asked.
//!
//! - What must stay true: each says which file and why; a full disk is told from everything else, as only some
//!   callers may go on without.
//! - Serves: ruling 16.

use std::io;
use std::path::{Path, PathBuf};

use super::place::PlaceError;

/// Why the store didn't do it.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Where it is can't be told.
    #[error(transparent)]
    Place(#[from] PlaceError),
    /// It isn't there and can't be made, or can't be opened.
    #[error("cannot use the store {}", path.display())]
    Unusable {
        /// Where it is.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// What is there isn't a store, or not this user's.
    #[error("cannot use the store {}: {why}", path.display())]
    Refused {
        /// Where it is.
        path: PathBuf,
        /// Why not.
        why: String,
    },
    /// Nothing can be written to it.
    #[error("cannot write to the store {}: it is read-only", .0.display())]
    ReadOnly(PathBuf),
    /// There is no room.
    #[error("cannot write to the store {}: no space left", path.display())]
    Full {
        /// Where it is.
        path: PathBuf,
        /// As the system says it.
        source: io::Error,
    },
    /// Another process has it.
    #[error("cannot change the store {}: another ww {doing}: try again", path.display())]
    Busy {
        /// Where it is.
        path: PathBuf,
        /// What that one does.
        doing: &'static str,
    },
    /// Another process removed what was to be kept, while it was being put together.
    #[error("cannot keep it in the store {}: another ww removed a part of it meanwhile: try again", .0.display())]
    Removed(PathBuf),
    /// A block that is larger than any that is taken.
    #[error("a block of {size} bytes is larger than the {limit} that are taken")]
    TooLarge {
        /// Its size.
        size: usize,
        /// The limit.
        limit: usize,
    },
    /// A list of what is kept can't be read: nothing is removed as long as that is so.
    #[error("cannot read what keeps blocks, {}: {why}: remove that file if it is of no use", path.display())]
    Root {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// Nothing is kept under that name.
    #[error("nothing is kept as '{0}': see `ww store ls`")]
    Unknown(String),
    /// Anything else of the system's.
    #[error("cannot {what} in the store {}", path.display())]
    Io {
        /// What was to be done.
        what: &'static str,
        /// Where.
        path: PathBuf,
        /// Why it wasn't.
        source: io::Error,
    },
}

impl StoreError {
    /// What a call of the system's failed with, as an error of the store at `path`.
    pub(super) fn io(what: &'static str, path: &Path) -> impl Fn(io::Error) -> StoreError + use<> {
        let path = path.to_owned();
        move |source| {
            let path = path.clone();
            match source.kind() {
                io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => StoreError::Full { path, source },
                io::ErrorKind::ReadOnlyFilesystem => StoreError::ReadOnly(path),
                _ => StoreError::Io { what, path, source },
            }
        }
    }
}
