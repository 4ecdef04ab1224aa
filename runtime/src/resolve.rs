//! `<binary>` to a program that can be executed: a local file as it stands, or one fetched for this run.
//!
//! What must stay true: IPFS paths are tried first; what isn't one is a local path; there is no search of PATH.
//! Clauses: PATH-*, IPFS-*, EXEC-*.

mod interpreter;
mod local;

use std::ffi::{CString, OsStr};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::content::{Content, ContentError, ContentPath};
use crate::jail::Identity;
use crate::jail::view::{PROGRAMS, Shown};
use crate::phrase;
use crate::rundir::{RunDir, RunDirError};

pub use interpreter::interpreter;

/// Why there is no program to run.
#[derive(Debug, thiserror::Error)]
pub enum ResolveError {
    /// A local path that leads nowhere: the source's third phrase.
    #[error("{}: {path}", phrase::PATH)]
    Path {
        /// As the user wrote it.
        path: String,
        /// Why.
        source: io::Error,
    },
    /// An IPFS path that can't be retrieved: the source's first phrase.
    #[error("{}: {path}", phrase::FETCH)]
    Fetch {
        /// The path.
        path: String,
        /// Why.
        source: FetchError,
    },
    /// An IPFS path that names no file: the source's second phrase.
    #[error("{}: {path}: {kind}", phrase::NODE_TYPE)]
    NodeType {
        /// The path.
        path: String,
        /// What it names.
        kind: String,
    },
    /// Found, and not to be executed.
    #[error("cannot execute {path}")]
    NotExecutable {
        /// As the user wrote it.
        path: String,
        /// Why not.
        source: NotExecutable,
    },
    /// The cell's user can't read it, and no copy could be made.
    #[error("cannot copy {path} for the cell")]
    Copy {
        /// As the user wrote it.
        path: String,
        /// Why not.
        source: RunDirError,
    },
}

/// Why a retrieval failed.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// The daemon, or what it sent.
    #[error(transparent)]
    Content(#[from] ContentError),
    /// There is no place to put it.
    #[error(transparent)]
    Place(#[from] RunDirError),
}

/// Why a file that was found can't be executed.
#[derive(Debug, thiserror::Error)]
pub enum NotExecutable {
    /// A directory.
    #[error("it is a directory")]
    Directory,
    /// A device, a socket, a fifo.
    #[error("it is not a regular file")]
    Special,
    /// No x bit for the caller.
    #[error("you may not execute it (is its x bit missing?)")]
    Permission,
    /// A file system where nothing can be executed.
    #[error("its file system is mounted noexec")]
    NoExec,
}

/// A program, ready to be shown to the cell and executed.
#[derive(Debug)]
pub struct Image {
    /// Its path in the cell's view.
    pub program: CString,
    /// Its path on the host, without links.
    pub on_host: PathBuf,
    /// How the view has to show it, where it isn't a part of the system.
    pub shown: Option<Shown>,
    /// Its own directory, if it was fetched or copied: goes when this does.
    kept: Option<RunDir>,
}

/// A `<binary>`, told apart.
#[derive(Debug)]
pub enum Binary {
    /// Somewhere in IPFS.
    Ipfs(Result<ContentPath, ContentError>),
    /// On this machine.
    Local(PathBuf),
}

impl Binary {
    /// IPFS paths first, then local ones.
    pub fn of(binary: &OsStr) -> Binary {
        match ContentPath::parse(binary) {
            Some(path) => Binary::Ipfs(path),
            None => Binary::Local(binary.into()),
        }
    }
}

/// Finds a local program; `caller` is the user who runs `ww`.
pub fn local(path: &Path, identity: &Identity, caller: u32) -> Result<Image, ResolveError> {
    local::image(path, identity, caller)
}

/// Fetches a program; nothing is left of one that doesn't come whole.
pub async fn fetch(path: &ContentPath, content: &Content, max_size: u64) -> Result<Image, ResolveError> {
    let named = path.to_string();
    let failed = |source: FetchError| match source {
        FetchError::Content(ContentError::NodeType { kind, .. }) => {
            ResolveError::NodeType { path: named.clone(), kind: kind.to_string() }
        }
        source => ResolveError::Fetch { path: named.clone(), source },
    };
    let directory = RunDir::create().map_err(|source| failed(source.into()))?;
    let program = directory.program().map_err(|source| failed(source.into()))?;
    content.fetch(path, &program, max_size).await.map_err(|source| failed(source.into()))?;
    directory.finish(program).map_err(|source| failed(source.into()))?;
    Image::kept(directory, path.name().as_bytes()).map_err(|source| failed(source.into()))
}

impl Image {
    /// A program that the view shows for another reason, as `program`.
    pub fn in_place(program: &Path, on_host: PathBuf) -> io::Result<Image> {
        Ok(Image { program: in_view(program)?, on_host, shown: None, kept: None })
    }

    /// The program of a run's own directory.
    fn kept(directory: RunDir, name: &[u8]) -> Result<Image, RunDirError> {
        let path = directory.path();
        match Image::shown(path.clone(), name) {
            Ok(image) => Ok(Image { kept: Some(directory), ..image }),
            Err(source) => Err(RunDirError::Unusable { path, source }),
        }
    }

    /// Lets the cell's user walk to the program, where it lies in a directory of the run's own.
    pub fn let_in(&self, identity: &Identity) -> Result<(), RunDirError> {
        self.kept.as_ref().map_or(Ok(()), |directory| directory.let_in(identity))
    }

    /// A program that the view has to show.
    fn shown(from: PathBuf, name: &[u8]) -> io::Result<Image> {
        let found = from.symlink_metadata()?;
        let shown = Shown { from: from.clone(), identity: (found.dev(), found.ino()), name: name.to_vec() };
        let program = in_view(&Path::new(PROGRAMS).join(OsStr::from_bytes(name)))?;
        Ok(Image { program, on_host: from, shown: Some(shown), kept: None })
    }
}

fn in_view(path: &Path) -> io::Result<CString> {
    CString::new(path.as_os_str().as_bytes()).map_err(io::Error::from)
}
