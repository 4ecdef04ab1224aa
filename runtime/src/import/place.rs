//! Where an import goes: a name in a directory.
//!
//! - What must stay true: what it means doesn't depend on what is there, so that the same command twice means the same.
//! - Serves: STORE-09, STORE-26.

use std::ffi::{CString, OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;

use crate::content::ContentPath;

/// A name in a directory, where something is to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    pub(super) folder: PathBuf,
    pub(super) name: CString,
    /// As messages have it.
    pub(super) shown: String,
}

/// Why a local path is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlaceError {
    /// The empty path.
    #[error("it is empty")]
    Empty,
    /// Nothing that comes from a command line has one.
    #[error("it has a NUL in it")]
    Nul,
}

impl Target {
    /// The last part of the IPFS path, in the working directory.
    pub fn here(path: &ContentPath) -> Target {
        Target::within(OsStr::new(""), path)
    }

    /// A local path: the name itself; or, where it ends in `/`, `.` or `..`, the directory in which the last part of the
    /// IPFS path is to be.
    ///
    /// # Errors
    /// Where it is no path.
    pub fn parse(local: &OsStr, path: &ContentPath) -> Result<Target, PlaceError> {
        let bytes = local.as_bytes();
        if bytes.is_empty() {
            return Err(PlaceError::Empty);
        }
        let (folder, name) = bytes.split_at(bytes.iter().rposition(|byte| *byte == b'/').map_or(0, |slash| slash + 1));
        if matches!(name, b"" | b"." | b"..") {
            return if bytes.contains(&0) { Err(PlaceError::Nul) } else { Ok(Target::within(local, path)) };
        }
        let name = CString::new(name).map_err(|_| PlaceError::Nul)?;
        Ok(Target { folder: folder_of(folder), name, shown: local.to_string_lossy().into_owned() })
    }

    fn within(folder: &OsStr, path: &ContentPath) -> Target {
        // A name of an IPFS path has neither NUL nor slash.
        let name = CString::new(path.name()).unwrap_or_default();
        let mut shown = PathBuf::from(folder);
        shown.push(path.name());
        Target { folder: folder_of(folder.as_bytes()), name, shown: shown.to_string_lossy().into_owned() }
    }
}

fn folder_of(bytes: &[u8]) -> PathBuf {
    let here = if bytes.is_empty() { b"." } else { bytes };
    OsString::from_vec(here.to_vec()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    const CID: &str = "bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku";

    fn path(below: &str) -> ContentPath {
        ContentPath::parse(format!("/ipfs/{CID}{below}")).unwrap().unwrap()
    }

    #[test]
    fn the_last_part_is_the_name_where_none_is_given() {
        for (below, name) in [("", CID), ("/a/b", "b"), ("/a/b/", "b")] {
            let target = Target::here(&path(below));
            assert_eq!((target.folder, target.name.to_str().unwrap()), (".".into(), name));
            assert_eq!(target.shown, name);
        }
    }

    #[test]
    fn a_local_path_is_the_name_itself_or_ends_in_a_slash() {
        for (local, folder, name) in [
            ("x", ".", "x"),
            ("d/x", "d/", "x"),
            ("/x", "/", "x"),
            ("./x", "./", "x"),
            ("d/", "d/", "b"),
            ("/", "/", "b"),
            (".", ".", "b"),
            ("..", "..", "b"),
            ("d/.", "d/.", "b"),
            ("d/..", "d/..", "b"),
            ("...", ".", "..."),
        ] {
            let target = Target::parse(OsStr::new(local), &path("/a/b")).unwrap();
            assert_eq!((target.folder, target.name.to_str().unwrap()), (folder.into(), name), "{local}");
        }
        assert_eq!(Target::parse(OsStr::new(""), &path("")), Err(PlaceError::Empty));
        assert_eq!(Target::parse(OsStr::new("a\0"), &path("")), Err(PlaceError::Nul));
        assert_eq!(Target::parse(OsStr::new("a\0/"), &path("")), Err(PlaceError::Nul));
    }
}
