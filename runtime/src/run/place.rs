//! Where a cell without namespaces runs: as whom, in which directory, under which path its program is executed.
//!
//! What must stay true: a restricted cell's directory is its own, writable for nobody else, and gone with the run.
//! Clauses: JAIL-46, JAIL-47.

use std::ffi::{CStr, CString, OsStr, OsString};
use std::io;
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;

use super::RunError;
use crate::jail::view::WORKDIR;
use crate::jail::{Identity, Level};
use crate::resolve::Image;
use crate::rundir::RunDir;

/// The directory that a cell starts in.
pub(super) struct Place {
    pub(super) path: CString,
    /// Its own, if it was made for the run: goes when this does.
    kept: Option<RunDir>,
}

impl Place {
    /// The directory, where it is the cell's own: one that `--workdir` chose is as it was granted.
    pub(super) fn own(&self) -> Option<&CStr> {
        self.kept.as_ref().map(|_| self.path.as_c_str())
    }
}

/// Who the cell is. Root's cells are another user at every level but `none`.
pub(super) fn identity(level: Level) -> Result<Identity, RunError> {
    let identity = Identity::of_this_caller();
    let identity = identity.map_err(RunError::host("cannot tell which users this system knows"))?;
    Ok(identity.at(level))
}

/// The directory of a run: `workdir` where it was chosen.
pub(super) fn of(level: Level, workdir: Option<PathBuf>, identity: &Identity) -> Result<Place, RunError> {
    if let Some(chosen) = workdir {
        return Ok(Place { path: path(chosen.into_os_string()), kept: None });
    }
    let own = match level {
        Level::Full => return Ok(Place { path: path(WORKDIR.into()), kept: None }),
        // The caller's, wherever it is and whether or not it still has a name.
        Level::None => return Ok(Place { path: path(".".into()), kept: None }),
        Level::Restricted => RunDir::create().and_then(|own| own.with_work(identity).map(|work| (own, work))),
    };
    let failed = |source| RunError::Directory { source };
    let (kept, work) = own.map_err(failed)?;
    Ok(Place { path: path(work.into_os_string()), kept: Some(kept) })
}

/// The path to execute: what the view shows it under, or, without a view, where it is, as it was written: a program
/// may look beside itself.
pub(super) fn program(level: Level, image: &Image, binary: &OsStr) -> io::Result<CString> {
    if level.has_namespaces() {
        return Ok(image.program.clone());
    }
    let written = std::path::absolute(PathBuf::from(binary))?;
    let is_it = written.canonicalize().is_ok_and(|real| real == image.on_host);
    Ok(path(if is_it { written.into() } else { image.on_host.clone().into_os_string() }))
}

/// Paths come from system calls and the command line, so none has a NUL in it.
fn path(path: OsString) -> CString {
    CString::new(path.into_vec()).unwrap_or_default()
}
