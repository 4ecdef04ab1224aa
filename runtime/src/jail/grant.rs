//! Path grants as the user writes them: the grammar of `--ro`, `--rw` and `--workdir`.
//!
//! What must stay true: a [`PathGrant`] names a place in the cell's view that no other grant shares and that is
//! none of the jail's own; whether something is at its path is known only once it is opened.
//! Clauses: LIMIT-02, 03, 05, 21 to 25.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};

use super::view::is_system_place;

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

/// One `--ro` or `--rw`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PathGrant {
    /// The path on the host: absolute, symbolic links and all.
    pub from: PathBuf,
    /// Where the cell sees it: absolute, without `.`, `..` and doubled slashes.
    pub at: PathBuf,
    /// For reading, or for writing too.
    pub access: Access,
    /// The flag's value, for messages.
    pub value: String,
}

impl PathGrant {
    /// Parses `PATH[:AT]`. AT begins at the last `:` that a `/` follows; `directory` is what a relative PATH is
    /// relative to.
    pub fn parse(access: Access, value: &OsStr, directory: Option<&Path>) -> Result<PathGrant, PathError> {
        let bytes = value.as_bytes();
        let (path, at) = match bytes.windows(2).rposition(|pair| pair == b":/") {
            Some(colon) => (&bytes[..colon], Some(&bytes[colon + 1..])),
            None if bytes.contains(&b':') => return Err(PathError::RelativePlace),
            None => (bytes, None),
        };
        if path.is_empty() {
            return Err(PathError::Empty);
        }
        let from = match Path::new(OsStr::from_bytes(path)) {
            path if path.is_absolute() => path.to_owned(),
            path => directory.ok_or(PathError::NoDirectory)?.join(path),
        };
        let at = match at {
            Some(at) => plain(Path::new(OsStr::from_bytes(at)))?,
            None => lexical(&from),
        };
        refuse_taken_by_jail(&at)?;
        Ok(PathGrant { from, at, access, value: value.to_string_lossy().into_owned() })
    }
}

impl PathGrant {
    /// Whether the cell is to see it at another place than it has.
    pub fn moves(&self) -> bool {
        lexical(&self.from) != self.at
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
fn plain(path: &Path) -> Result<PathBuf, PathError> {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(value: &str) -> Result<(String, String), PathError> {
        let grant = PathGrant::parse(Access::Read, OsStr::new(value), Some(Path::new("/home/me")))?;
        Ok((grant.from.display().to_string(), grant.at.display().to_string()))
    }

    #[test]
    fn limit_the_place_begins_at_the_last_colon_before_a_slash() {
        for (value, from, at) in [
            ("/srv/data", "/srv/data", "/srv/data"),
            ("data", "/home/me/data", "/home/me/data"),
            ("../you/./data/", "/home/me/../you/./data/", "/home/you/data"),
            ("/srv:/data", "/srv", "/data"),
            ("/a:b:/a:b", "/a:b", "/a:b"),
            ("/a:/b:/c//d/.", "/a:/b", "/c/d"),
            (".:/work", "/home/me/.", "/work"),
            ("/etc/hosts", "/etc/hosts", "/etc/hosts"),
        ] {
            assert_eq!(parse(value), Ok((from.into(), at.into())), "{value}");
        }
    }

    #[test]
    fn limit_ill_formed_grants() {
        for (value, error) in [
            ("", PathError::Empty),
            (":/data", PathError::Empty),
            ("/srv:data", PathError::RelativePlace),
            ("/srv:", PathError::RelativePlace),
            ("/srv:/data/../x", PathError::Upwards),
            ("/srv:/proc", PathError::Own("/proc".into())),
            ("/srv:/proc/self/fd", PathError::Own("/proc".into())),
            ("/dev/null", PathError::Own("/dev".into())),
            ("/srv:/ww/bin/x", PathError::Own("/ww".into())),
            ("/", PathError::System("/".into())),
            ("../..", PathError::System("/".into())),
            ("/srv:/usr/", PathError::System("/usr".into())),
            ("/etc", PathError::System("/etc".into())),
            ("/srv:/lib64", PathError::System("/lib64".into())),
        ] {
            assert_eq!(parse(value), Err(error), "{value}");
        }
        let nowhere = PathGrant::parse(Access::Read, OsStr::new("data"), None);
        assert_eq!(nowhere, Err(PathError::NoDirectory));
    }

    #[test]
    fn limit_a_place_is_one_grants() {
        let grant = |value: &str| PathGrant::parse(Access::Write, OsStr::new(value), None).unwrap();
        for (one, other) in [("/a:/x", "/b:/x"), ("/a:/x", "/b:/x/y"), ("/a:/x/y", "/b:/x")] {
            let mut places = Places::default();
            places.claim(grant(one)).unwrap();
            assert!(matches!(places.claim(grant(other)), Err(PathError::Over { .. })), "{one} {other}");
        }
        let mut places = Places::default();
        assert!(["/a:/x", "/a:/xy", "/b:/y/x"].map(grant).into_iter().all(|grant| places.claim(grant).is_ok()));
    }

    #[test]
    fn limit_a_working_directory_is_absolute() {
        assert_eq!(workdir(OsStr::new("/data/x")), Ok("/data/x".into()));
        assert_eq!(workdir(OsStr::new("data")), Err(PathError::RelativeWorkdir));
        assert_eq!(workdir(OsStr::new("")), Err(PathError::Empty));
    }

    proptest::proptest! {
        #[test]
        fn limit_what_parses_lies_at_a_plain_place(bytes in proptest::collection::vec("[a-z.:/]", 0..12)) {
            let value = bytes.concat();
            if let Ok(grant) = PathGrant::parse(Access::Read, OsStr::new(&value), Some(Path::new("/home/me"))) {
                let names = |path: &Path| path.components().skip(1).all(|part| matches!(part, Component::Normal(_)));
                assert!(grant.at.is_absolute() && names(&grant.at) && grant.from.is_absolute(), "{value}: {grant:?}");
                assert!(refuse_taken_by_jail(&grant.at).is_ok(), "{value}: {grant:?}");
            }
        }
    }
}
