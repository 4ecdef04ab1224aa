//! `ww import`: a file, a directory or a symlink of IPFS's is written to the disk, whole or not at all.
//!
//! - What it does: `staging` makes a directory beside the target, `write` writes everything into it, `staging` moves it to
//!   where it belongs; `place` says where that is.
//! - What must stay true: until all is there, nothing is at the target, and nothing outside of it is touched. Names come
//!   from whoever made the content: none leads anywhere. What a killed import left, the next one beside it removes.
//!   `for_cell` writes for `ww run --ro`, to where the caller says.
//! - Serves: ruling 16; STORE-09 to -12, -26 to -32, -50 to -53.

mod error;
mod place;
mod staging;
mod write;

use std::io;
use std::time::Duration;

use crate::content::{Content, ContentError, ContentPath, Origins, Timeouts};
use crate::endpoint::{Endpoint, Gateway};
use crate::interrupted::{Waited, until_interrupted};
use crate::progress::{Telling, during, say_served};
use crate::sys::signals::Signals;

pub use error::ImportError;
pub use place::{PlaceError, Target};
use staging::Staging;

pub(crate) use write::Spot;
use write::{Dress, Writing};

/// `ww import`, parsed.
#[derive(Debug)]
pub struct Import {
    /// What is imported, as the user wrote it.
    pub text: String,
    /// The same; an IPFS path that can't be followed is a failed retrieval, as everywhere.
    pub path: Result<ContentPath, ContentError>,
    /// Where to.
    pub target: Option<Target>,
    /// Whether files become executable.
    pub executable: bool,
    /// Whether what is there is replaced.
    pub force: bool,
    /// The most bytes of all files together.
    pub max_size: u64,
    /// The daemon that is asked; `None` asks nobody, no gateway either.
    pub daemon: Option<Endpoint>,
    /// The gateways that are asked after it.
    pub gateways: Vec<Gateway>,
    /// What is told meanwhile.
    pub telling: Telling,
    /// How long each may be silent.
    pub timeout: Duration,
}

/// Imports.
///
/// # Errors
/// Where it can't be had whole, or not be written. Then nothing is at the target but what was there before.
pub fn import(wanted: Import) -> Result<(), ImportError> {
    let Import { text, path, target, executable, force, max_size, daemon, gateways, telling, timeout } = wanted;
    let path = path.map_err(|source| ImportError::of_content(&text, source))?;
    let target = target.unwrap_or_else(|| Target::here(&path));
    let signals = Signals::block().map_err(ImportError::host("cannot watch for signals"))?;
    let umask = write::umask();
    let staging = Staging::beside(&target)?;
    staging.expects(force)?;

    let timeouts = Timeouts { idle: timeout, ..Timeouts::default() };
    let content = Content::from(Origins { daemon, gateways, ..Origins::default() }, timeouts);
    let writing = Writing::new(&content, &path, staging.spot(), Dress::Content { executable, umask }, max_size);
    let work = during(telling.progress, &content, writing.all());
    let waited = until_interrupted(&signals, work).map_err(ImportError::host("cannot wait for the content"))?;
    if telling.verbose {
        say_served(&content, &[], "");
    }
    let root = match waited {
        Waited::Done(written) => written?,
        Waited::Signal(signal) => return Err(ImportError::Interrupted { signal }),
    };
    staging.put(force)?;
    root.finish().map_err(|source| staging.failed(source))
}

/// Writes what is at a path to a spot, for a cell to see: a file or a directory of at most `max_size` bytes, which every user
/// can read. Only when this returns without an error is it whole.
///
/// # Errors
/// As [`import`]; where a symlink is at the path. What was written then stays for the caller to remove.
pub(crate) async fn for_cell(
    content: &Content,
    path: &ContentPath,
    spot: Spot<'_>,
    max_size: u64,
) -> Result<(), ImportError> {
    let root = Writing::new(content, path, spot, Dress::Cell, max_size).all().await?;
    root.finish().map_err(|source| spot.failed(b"", source))
}

impl ImportError {
    fn host(what: &'static str) -> impl Fn(io::Error) -> ImportError {
        move |source| ImportError::Host { what, source }
    }
}
