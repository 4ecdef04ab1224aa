//! Trees of IPFS's that a cell is shown: fetched and verified whole into directories of the run's own.
//!
//! What must stay true: nothing of a tree is shown before all of it was verified; it is gone when the run ends. Why it is
//! written down and not served block by block: docs/decisions/trees.md.
//! Clauses: STORE-50 to -54.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::content::{Content, ContentPath, PathError};
use crate::import::{self, ImportError, Spot};
use crate::phrase;
use crate::resolve::Image;
use crate::rundir::{RunDir, RunDirError};

/// Why a tree can't be shown. Exit code 1.
#[derive(Debug, thiserror::Error)]
pub enum TreeError {
    /// It can't be had.
    #[error(transparent)]
    Content(ImportError),
    /// Its path can't be followed.
    #[error("{}: {path}", phrase::FETCH)]
    Path {
        /// As the user wrote it.
        path: String,
        /// Why not.
        source: PathError,
    },
    /// There is no place to write it to.
    #[error("{}: {path}", phrase::FETCH)]
    Place {
        /// The path.
        path: String,
        /// Why not.
        source: RunDirError,
    },
    /// It can't be written: a full disk.
    #[error("{}: {path}", phrase::FETCH)]
    Write {
        /// The path.
        path: String,
        /// What, and why not.
        source: ImportError,
    },
}

/// Fetches a tree of at most `max_size` bytes. Nothing is left of one that doesn't come whole.
pub(super) async fn fetch(path: &ContentPath, content: &Content, max_size: u64) -> Result<RunDir, TreeError> {
    let failed = |source| TreeError::Place { path: path.to_string(), source };
    let run = RunDir::create().map_err(failed)?;
    let ((directory, name), at) = (run.tree(), run.tree_path().display().to_string());
    let spot = Spot { directory, name, shown: &at };
    import::for_cell(content, path, spot, max_size).await.map_err(|error| match error {
        source @ ImportError::Write { .. } => TreeError::Write { path: path.to_string(), source },
        other => TreeError::Content(other),
    })?;
    Ok(run)
}

/// A program that lies in a tree that the cell is shown at `at`: it runs there, beside its libraries. `None` where it isn't
/// what can be executed in its place; then it is fetched, as any other, and that says why it can't.
pub(super) fn program(path: &ContentPath, tree: (&ContentPath, &RunDir), at: &Path) -> Option<Image> {
    let names = path.below(tree.0)?;
    let mut on_host = tree.1.tree_path();
    let mut kind = on_host.symlink_metadata().ok()?;
    for name in names {
        on_host.push(name);
        // A link leads elsewhere, and an IPFS path through one nowhere.
        kind = on_host.symlink_metadata().ok().filter(|found| !found.is_symlink())?;
    }
    let executable = kind.is_file() && kind.permissions().mode() & 0o111 != 0;
    let program = names.iter().fold(at.to_owned(), |path, name| path.join(name));
    if executable { Image::in_place(&program, on_host).ok() } else { None }
}
