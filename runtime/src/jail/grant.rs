//! Path grants as the user writes them: the grammar of `--ro`, `--rw` and `--workdir`.
//!
//! What must stay true: a [`PathGrant`] names a place in the cell's view that no other grant shares and that is
//! none of the jail's own; whether something is at its path is known only once it is opened.
//! Clauses: LIMIT-02, 03, 05, 21 to 25; STORE-50, STORE-52.

#[cfg(test)]
mod tests;

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};

use super::view::is_system_place;
use crate::content::{self, ContentPath};

/// Places that the jail makes itself: what is shown there decides what the cell can do.
const OWN: [&str; 3] = ["/proc", "/dev", "/ww"];

/// Why a path flag was refused.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum PathError {
    /// No path at all.
    #[error("the path is empty")]
    Empty,
    /// A place in the cell that doesn't begin at its root.
    #[error("the place in the cell must be absolute, as in /home/me/data:/data (a path with a ':' needs one)")]
    RelativePlace,
    /// `..` in a place of the cell.
    #[error("the place in the cell must not have '..' in it")]
    Upwards,
    /// A working directory that doesn't begin at the cell's root.
    #[error("it is a path in the cell, so it must be absolute, as in /work")]
    RelativeWorkdir,
    /// A place that is the jail's.
    #[error("{0} is the jail's own: choose another place, as in PATH:/data")]
    Own(String),
    /// A place that is the system's, which programs need.
    #[error("it would hide the system's {0}: choose another place, as in PATH:/data")]
    System(String),
    /// A place that another grant has, holds or lies in.
    #[error(
        "{at} overlaps with {}, which {} '{}' takes: choose another place for one of them",
        .other.at.display(), .other.access.flag(), .other.value
    )]
    Over {
        /// The place.
        at: String,
        /// The grant that has it.
        other: Box<PathGrant>,
    },
    /// A path of IPFS's, for writing.
    #[error(
        "what an IPFS path names never changes, so nothing is written there: grant it with --ro, or import it (ww \
         import) and grant that"
    )]
    Unchanging,
    /// A relative path where the directory that it is relative to is gone.
    #[error("it is relative, and your working directory can't be told")]
    NoDirectory,
}

/// What the cell may do beneath a grant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Read and execute (`--ro`).
    Read,
    /// And write, make and remove (`--rw`).
    Write,
}

impl Access {
    /// The flag that grants it, with its dashes.
    pub fn flag(self) -> &'static str {
        match self {
            Access::Read => "--ro",
            Access::Write => "--rw",
        }
    }
}

/// What a grant shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// A path on the host: absolute, symbolic links and all.
    Host(PathBuf),
    /// A path of IPFS's; one that can't be followed is a failed retrieval, as everywhere (ruling 7).
    Content(Result<ContentPath, content::PathError>),
}

/// One `--ro` or `--rw`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PathGrant {
    /// What is shown.
    pub source: Source,
    /// Where the cell sees it: absolute, without `.`, `..` and doubled slashes.
    pub at: PathBuf,
    /// For reading, or for writing too.
    pub access: Access,
    /// The flag's value, for messages.
    pub value: String,
}

impl PathGrant {
    /// Parses `PATH[:AT]`. AT begins at the last `:` that a `/` follows; `directory` is what a relative PATH is
    /// relative to. What is an IPFS path is none of the host's (ruling 7).
    pub fn parse(access: Access, value: &OsStr, directory: Option<&Path>) -> Result<PathGrant, PathError> {
        let (source, at) = match content_of(value)? {
            Some((from, at)) => (Source::Content(from), at),
            None => {
                let (from, at) = host_of(value, directory)?;
                (Source::Host(from), at)
            }
        };
        refuse_taken_by_jail(&at)?;
        match (&source, access) {
            (Source::Content(_), Access::Write) => Err(PathError::Unchanging),
            _ => Ok(PathGrant { source, at, access, value: value.to_string_lossy().into_owned() }),
        }
    }

    /// Whether the cell is to see it at another place than it has on the host.
    pub fn moves(&self) -> bool {
        !matches!(&self.source, Source::Host(from) if lexical(from) == self.at)
    }
}

/// A path of the host's, and its place in the cell.
fn host_of(value: &OsStr, directory: Option<&Path>) -> Result<(PathBuf, PathBuf), PathError> {
    let (path, at) = split(value.as_bytes(), 0)?;
    if path.is_empty() {
        return Err(PathError::Empty);
    }
    let from = match Path::new(OsStr::from_bytes(path)) {
        path if path.is_absolute() => path.to_owned(),
        path => directory.ok_or(PathError::NoDirectory)?.join(path),
    };
    let at = at.map_or_else(|| Ok(lexical(&from)), plain)?;
    Ok((from, at))
}

/// A path of IPFS's, if it is one, and its place in the cell: without AT it lies where its text says.
#[expect(clippy::type_complexity, reason = "it is taken apart at once")]
fn content_of(value: &OsStr) -> Result<Option<(Result<ContentPath, content::PathError>, PathBuf)>, PathError> {
    let bytes = value.as_bytes();
    // The colon of a URL isn't AT's.
    let scheme = [&b"ipfs://"[..], b"ipns://"].into_iter().find(|scheme| bytes.starts_with(scheme));
    if scheme.is_none() && !bytes.starts_with(b"/ip") {
        return Ok(None);
    }
    let Ok((path, at)) = split(bytes, scheme.map_or(0, <[u8]>::len)) else {
        let parses = ContentPath::told(value).is_some();
        return if parses { Err(PathError::RelativePlace) } else { Ok(None) };
    };
    let path = OsStr::from_bytes(path);
    let Some(parsed) = ContentPath::told(path) else { return Ok(None) };
    let at = match (at, &parsed) {
        (Some(at), _) => plain(at)?,
        (None, Ok(parsed)) => parsed.as_file_path(),
        (None, Err(_)) => lexical(&Path::new("/").join(path)),
    };
    Ok(Some((parsed, at)))
}

/// PATH and AT, which begins at the last `:` from `start` on that a `/` follows.
fn split(bytes: &[u8], start: usize) -> Result<(&[u8], Option<&[u8]>), PathError> {
    match bytes[start..].windows(2).rposition(|pair| pair == b":/") {
        Some(colon) => Ok((&bytes[..start + colon], Some(&bytes[start + colon + 1..]))),
        None if bytes[start..].contains(&b':') => Err(PathError::RelativePlace),
        None => Ok((bytes, None)),
    }
}

/// Parses the value of `--workdir`, a path in the cell's view.
pub fn workdir(value: &OsStr) -> Result<PathBuf, PathError> {
    let path = Path::new(value);
    match (value.is_empty(), path.is_absolute()) {
        (true, _) => Err(PathError::Empty),
        (_, false) => Err(PathError::RelativeWorkdir),
        _ => Ok(path.to_owned()),
    }
}

/// The places that grants have taken so far, in the order of the command line.
#[derive(Debug, Default)]
pub struct Places(Vec<PathGrant>);

impl Places {
    /// Claims a grant's place. A grant in another's would be in a tree that somebody else may change.
    pub fn claim(&mut self, grant: PathGrant) -> Result<PathGrant, PathError> {
        let over = self.0.iter().find(|other| grant.at.starts_with(&other.at) || other.at.starts_with(&grant.at));
        if let Some(other) = over {
            return Err(PathError::Over { at: grant.at.display().to_string(), other: Box::new(other.clone()) });
        }
        self.0.push(grant.clone());
        Ok(grant)
    }
}

fn refuse_taken_by_jail(at: &Path) -> Result<(), PathError> {
    if let Some(own) = OWN.iter().find(|own| at.starts_with(own)) {
        return Err(PathError::Own((*own).to_owned()));
    }
    if at == Path::new("/") || at == Path::new("/etc") || is_system_place(at) {
        return Err(PathError::System(at.display().to_string()));
    }
    Ok(())
}

/// An absolute path as its names alone.
fn plain(path: &[u8]) -> Result<PathBuf, PathError> {
    let path = Path::new(OsStr::from_bytes(path));
    if path.components().any(|part| part == Component::ParentDir) {
        return Err(PathError::Upwards);
    }
    Ok(path.components().collect())
}

/// The place that a path names where no link is followed: what its user reads in it.
fn lexical(path: &Path) -> PathBuf {
    path.components().fold(PathBuf::new(), |mut so_far, part| {
        match part {
            Component::ParentDir => _ = so_far.pop(),
            Component::CurDir => {}
            part => so_far.push(part),
        }
        so_far
    })
}
