//! Where the store is, and how large its cache may become.
//!
//! - What must stay true: a path is absolute, so that two calls from two directories have one store.
//! - Serves: ruling 16; clause STORE-02.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

/// The largest cache where nobody said otherwise, in bytes; a tenth of the filesystem where that is less.
pub const CACHE_LIMIT: u64 = 10 << 30;

/// Why no place is known.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum PlaceError {
    /// A variable that is no place.
    #[error("cannot use the store that {variable} names: {why}")]
    Variable {
        /// `WW_STORE`.
        variable: &'static str,
        /// What is wrong with it.
        why: &'static str,
    },
    /// The limit of the cache.
    #[error("cannot use WW_STORE_LIMIT: expected a number of bytes, or one with K, M or G, as in 512M")]
    Limit,
    /// Neither variable is set.
    #[error("cannot tell where the store is: set HOME, XDG_DATA_HOME or WW_STORE")]
    Nowhere,
}

/// Where the store is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    path: PathBuf,
    limit: Option<u64>,
}

/// The variables that tell it.
#[derive(Clone, Debug, Default)]
pub struct Variables {
    /// `WW_STORE`.
    pub store: Option<OsString>,
    /// `XDG_DATA_HOME`.
    pub data: Option<OsString>,
    /// `HOME`.
    pub home: Option<OsString>,
    /// `WW_STORE_LIMIT`.
    pub limit: Option<OsString>,
}

impl Place {
    /// A store at an absolute path, with a cache of at most `limit` bytes; `None` is the default.
    pub fn new(path: impl Into<PathBuf>, limit: Option<u64>) -> Place {
        Place { path: path.into(), limit }
    }

    /// What this process's environment says.
    ///
    /// # Errors
    /// Where it says nothing, or a path that isn't absolute.
    pub fn of_environment() -> Result<Place, PlaceError> {
        Place::of(&Variables {
            store: std::env::var_os("WW_STORE"),
            data: std::env::var_os("XDG_DATA_HOME"),
            home: std::env::var_os("HOME"),
            limit: std::env::var_os("WW_STORE_LIMIT"),
        })
    }

    /// What an environment says: `WW_STORE`, else `ww` in `XDG_DATA_HOME`, else in `~/.local/share`. An `XDG_DATA_HOME` that
    /// is relative counts as unset (XDG Base Directory Specification).
    ///
    /// # Errors
    /// As [`Place::of_environment`].
    pub fn of(variables: &Variables) -> Result<Place, PlaceError> {
        let limit = variables.limit.as_deref().map(|limit| size(limit).ok_or(PlaceError::Limit)).transpose()?;
        let refuse = |why| Err(PlaceError::Variable { variable: "WW_STORE", why });
        if let Some(store) = &variables.store {
            let path = Path::new(store);
            return match (store.is_empty(), path.is_absolute()) {
                (true, _) => refuse("it is empty: unset it, or name an absolute path"),
                (_, false) => refuse("it is relative: name an absolute path"),
                _ => Ok(Place { path: path.to_owned(), limit }),
            };
        }
        let absolute = |variable: &Option<OsString>| {
            let path = PathBuf::from(variable.as_ref()?);
            path.is_absolute().then_some(path)
        };
        let data = absolute(&variables.data).or_else(|| Some(absolute(&variables.home)?.join(".local/share")));
        Ok(Place { path: data.ok_or(PlaceError::Nowhere)?.join("ww"), limit })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The largest cache, in bytes, where somebody said so.
    pub fn limit(&self) -> Option<u64> {
        self.limit
    }
}

fn size(text: &OsStr) -> Option<u64> {
    crate::units::size(text.to_str()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(store: Option<&str>, data: Option<&str>, home: Option<&str>) -> Result<PathBuf, PlaceError> {
        let own = |text: Option<&str>| text.map(OsString::from);
        Place::of(&Variables { store: own(store), data: own(data), home: own(home), limit: None })
            .map(|place| place.path().to_owned())
    }

    #[test]
    fn the_nearest_variable_counts() {
        assert_eq!(of(Some("/s"), Some("/d"), Some("/h")), Ok("/s".into()));
        assert_eq!(of(None, Some("/d"), Some("/h")), Ok("/d/ww".into()));
        assert_eq!(of(None, Some("d"), Some("/h")), Ok("/h/.local/share/ww".into()));
        assert_eq!(of(None, None, Some("/h")), Ok("/h/.local/share/ww".into()));
        assert_eq!(of(None, None, None), Err(PlaceError::Nowhere));
        assert_eq!(of(None, None, Some("")), Err(PlaceError::Nowhere));
    }

    #[test]
    fn a_store_that_moves_with_the_caller_is_refused() {
        for (bad, why) in [("", "empty"), ("s", "relative"), ("./s", "relative")] {
            let error = of(Some(bad), Some("/d"), Some("/h")).unwrap_err().to_string();
            assert!(error.contains(why) && error.contains("absolute"), "{error}");
        }
    }

    #[test]
    fn a_limit_is_a_size() {
        let of = |limit: &str| {
            let limit = Some(OsString::from(limit));
            Place::of(&Variables { store: Some("/s".into()), limit, ..Variables::default() }).map(|place| place.limit())
        };
        assert_eq!(of("0"), Ok(Some(0)));
        assert_eq!(of("2K"), Ok(Some(2048)));
        assert_eq!(of("much"), Err(PlaceError::Limit));
        assert_eq!(of(""), Err(PlaceError::Limit));
    }
}
