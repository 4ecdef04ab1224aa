//! The environment that the cell sees: what was asked for, and the variables that announce descriptors.
//!
//! What must stay true: nothing of the host's environment comes along unasked, and `WW_RPC_FD` and
//! `WW_FD_*` are always the host's own word.
//! Clauses: ENV-*.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};

use crate::fds::{RPC_VARIABLE, VARIABLE_PREFIX};

/// Why an entry was refused.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum EnvError {
    /// `=value`, or nothing at all.
    #[error("it has no key")]
    NoKey,
    /// A key that only the host sets.
    #[error("{0} is set by ww alone")]
    Reserved(String),
}

/// One `KEY=VALUE` (sets) or `KEY` (passes the host's value on).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnvEntry {
    key: OsString,
    value: Option<OsString>,
}

impl EnvEntry {
    /// Parses an entry of `--env` or a piece of `WW_ENV`.
    pub fn parse(entry: &OsStr) -> Result<EnvEntry, EnvError> {
        let bytes = entry.as_bytes();
        let equals = bytes.iter().position(|b| *b == b'=');
        let key = &bytes[..equals.unwrap_or(bytes.len())];
        if key.is_empty() {
            return Err(EnvError::NoKey);
        }
        if key == RPC_VARIABLE.as_bytes() || key.starts_with(VARIABLE_PREFIX.as_bytes()) {
            return Err(EnvError::Reserved(String::from_utf8_lossy(key).into_owned()));
        }
        Ok(EnvEntry {
            key: OsStr::from_bytes(key).to_owned(),
            value: equals.map(|at| OsStr::from_bytes(&bytes[at + 1..]).to_owned()),
        })
    }
}

/// Parses `WW_ENV`: entries between commas, empty pieces ignored. An error names the piece.
pub fn parse_list(list: &OsStr) -> Result<Vec<EnvEntry>, (OsString, EnvError)> {
    let pieces = list.as_bytes().split(|b| *b == b',').filter(|piece| !piece.is_empty());
    pieces
        .map(OsStr::from_bytes)
        .map(|piece| EnvEntry::parse(piece).map_err(|error| (piece.to_owned(), error)))
        .collect()
}

/// The cell's environment as `KEY=VALUE` strings: later entries beat earlier ones, `announced` comes last.
pub fn environment(
    entries: impl IntoIterator<Item = EnvEntry>,
    announced: Vec<(OsString, OsString)>,
    host: impl Fn(&OsStr) -> Option<OsString>,
) -> Vec<OsString> {
    let mut variables: Vec<(OsString, OsString)> = Vec::new();
    for EnvEntry { key, value } in entries {
        let Some(value) = value.or_else(|| host(&key)) else { continue };
        match variables.iter_mut().find(|(known, _)| *known == key) {
            Some(variable) => variable.1 = value,
            None => variables.push((key, value)),
        }
    }
    variables.into_iter().chain(announced).map(|(key, value)| join(key, &value)).collect()
}

fn join(key: OsString, value: &OsStr) -> OsString {
    let mut bytes = key.into_vec();
    bytes.push(b'=');
    bytes.extend_from_slice(value.as_bytes());
    OsString::from_vec(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entries(list: &str) -> Vec<EnvEntry> {
        parse_list(OsStr::new(list)).unwrap()
    }

    #[test]
    fn env_refuses_what_a_cell_must_be_able_to_trust() {
        for (entry, error) in [
            ("", EnvError::NoKey),
            ("=x", EnvError::NoKey),
            ("WW_RPC_FD", EnvError::Reserved("WW_RPC_FD".into())),
            ("WW_FD_DB=3", EnvError::Reserved("WW_FD_DB".into())),
        ] {
            assert_eq!(EnvEntry::parse(OsStr::new(entry)), Err(error));
        }
    }

    #[test]
    fn env_later_entries_win_and_absent_ones_are_left_out() {
        let all = entries("A=1,,B=x=y,HOME,GONE").into_iter().chain(entries("A=2"));
        let host = |key: &OsStr| (key == "HOME").then(|| OsString::from("/h"));
        let announced = vec![("WW_RPC_FD".into(), "3".into())];
        assert_eq!(environment(all, announced, host), ["A=2", "B=x=y", "HOME=/h", "WW_RPC_FD=3"]);
    }

    #[test]
    fn env_list_names_the_bad_piece() {
        let (piece, error) = parse_list(OsStr::new("A=1,=x")).unwrap_err();
        assert_eq!((piece.to_str(), error), (Some("=x"), EnvError::NoKey));
    }
}
