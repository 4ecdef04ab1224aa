//! Why an export failed. Exit code 1.

use std::io;
use std::path::Path;

use crate::content::{Collision, ContentError};
use crate::store::StoreError;

/// Why an export failed.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// Something can't be read.
    #[error("failed to export {path}")]
    Read {
        /// What.
        path: String,
        /// Why not.
        source: io::Error,
    },
    /// It isn't what UnixFS has.
    #[error("failed to export {path}: it is {kind}, and only files, directories and symlinks can be exported")]
    Kind {
        /// What.
        path: String,
        /// What it is.
        kind: &'static str,
    },
    /// A file was written to while it was read.
    #[error("failed to export {path}: it changed while it was read")]
    Changed {
        /// Which.
        path: String,
    },
    /// A directory is below itself.
    #[error("failed to export {path}: it is a directory that is above itself")]
    Cycle {
        /// Which.
        path: String,
    },
    /// A directory can't be sharded.
    #[error("failed to export {path}")]
    Collision {
        /// Which.
        path: String,
        /// The names.
        source: Collision,
    },
    /// Two PATHs have the same name in the directory that `--wrap` puts them in.
    #[error("failed to export {path}: --wrap has another {name:?} already")]
    Twice {
        /// The second.
        path: String,
        /// The name.
        name: String,
    },
    /// A PATH has no name that `--wrap` could give it.
    #[error("failed to export {path}: it has no name that it could have under --wrap")]
    Nameless {
        /// Which.
        path: String,
    },
    /// The CAR can't be written.
    #[error("failed to write CAR file {path}")]
    Car {
        /// Where.
        path: String,
        /// Why not.
        source: io::Error,
    },
    /// There is no store, or it takes nothing.
    #[error("failed to export to the store")]
    Store(#[source] StoreError),
    /// The store no longer has what it was given.
    #[error("failed to export to the store: block {0} isn't there any more")]
    Gone(String),
    /// The daemon that was named, or that answered, doesn't take it.
    #[error("failed to export to the IPFS daemon {endpoint}{kept}")]
    Daemon {
        /// Where.
        endpoint: String,
        /// What is kept all the same.
        kept: &'static str,
        /// Why not.
        source: Box<ContentError>,
    },
    /// A thread can't be had.
    #[error("failed to export: cannot start a thread")]
    Thread(#[source] io::Error),
}

impl ExportError {
    pub(super) fn read(path: &Path, source: io::Error) -> ExportError {
        ExportError::Read { path: shown(path), source }
    }
}

pub(super) fn shown(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

/// Why blocks don't get where they should.
#[derive(Debug)]
pub(super) enum Fault {
    Collision(Collision),
    Spool(io::Error),
    Store(StoreError),
    Gone(String),
}

impl From<Collision> for Fault {
    fn from(collision: Collision) -> Fault {
        Fault::Collision(collision)
    }
}

impl Fault {
    /// The error that it is, in a directory or a file.
    pub(super) fn at(self, path: &Path, car: Option<&Path>) -> ExportError {
        match self {
            Fault::Collision(source) => ExportError::Collision { path: shown(path), source },
            Fault::Spool(source) => ExportError::Car { path: car.map_or_else(|| "-".to_owned(), shown), source },
            Fault::Gone(cid) => ExportError::Gone(cid),
            Fault::Store(source) => ExportError::Store(source),
        }
    }
}
