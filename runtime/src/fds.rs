//! Descriptors: the grammar of `--with-fd`, and the numbers at which a cell finds its grants.
//!
//! What must stay true: a [`Grant`] names a descriptor that was open in the host when it started.
//! Clauses: FD-*.

mod moves;

use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::os::fd::RawFd;

pub use moves::Move;
use moves::moves;

/// The lowest number that `ww` hands out: 0, 1 and 2 are the standard streams.
pub const FIRST_TARGET: RawFd = 3;

/// The prefix of the variables that announce grants.
pub const VARIABLE_PREFIX: &str = "WW_FD_";

/// The variable that announces the RPC socket's number.
pub const RPC_VARIABLE: &str = "WW_RPC_FD";

/// Why a descriptor flag was refused.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum FdError {
    /// The argument isn't `name=fdnum`.
    #[error("expected <name>=<fdnum>, as in db=5")]
    NoEquals,
    /// The name is empty or has a character that a variable's name can't have.
    #[error("the name must match [A-Za-z_][A-Za-z0-9_]*")]
    Name,
    /// Two names that are announced by the same variable.
    #[error("{variable} is already taken by --with-fd '{first}'")]
    Taken {
        /// The variable both names lead to.
        variable: String,
        /// The earlier flag's value.
        first: String,
    },
    /// The number isn't `[0-9]+`.
    #[error("'{0}' is not a descriptor number")]
    Number(String),
    /// The number is larger than any descriptor can be.
    #[error("descriptor {0} is too large")]
    TooLarge(String),
    /// Nothing is open there.
    #[error("descriptor {0} is not open")]
    NotOpen(RawFd),
    /// A status descriptor must take writes.
    #[error("descriptor {0} is not open for writing")]
    NotWritable(RawFd),
    /// The status descriptor is the host's alone.
    #[error("descriptor {0} can't be both --status-fd and the cell's")]
    StatusIsTheHosts(RawFd),
}

/// One `--with-fd`: a name and the host's descriptor behind it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    name: String,
    source: RawFd,
}

impl Grant {
    /// Parses `<name>=<fdnum>`. Whether the descriptor is open is [`Claims::grant`]'s to find out.
    pub fn parse(value: &OsStr) -> Result<Grant, FdError> {
        let text = value.to_str().ok_or(FdError::Name)?;
        let (name, number) = text.split_once('=').ok_or(FdError::NoEquals)?;
        let mut letters = name.bytes();
        let starts = letters.next().is_some_and(|b| b.is_ascii_alphabetic() || b == b'_');
        if !starts || !letters.all(|b| b.is_ascii_alphanumeric() || b == b'_') {
            return Err(FdError::Name);
        }
        Ok(Grant { name: name.to_owned(), source: parse_number(number)? })
    }

    /// The variable that tells the cell this grant's number.
    pub fn variable(&self) -> String {
        format!("{VARIABLE_PREFIX}{}", self.name.to_ascii_uppercase())
    }

    /// The host's descriptor.
    pub fn source(&self) -> RawFd {
        self.source
    }
}

/// Parses `[0-9]+` to a descriptor number.
pub fn parse_number(text: &str) -> Result<RawFd, FdError> {
    if text.is_empty() || !text.bytes().all(|b| b.is_ascii_digit()) {
        return Err(FdError::Number(text.to_owned()));
    }
    text.parse().map_err(|_| FdError::TooLarge(text.to_owned()))
}

/// How a descriptor of the host was opened, as far as a claim has to know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Opened {
    /// Takes writes.
    pub writable: bool,
}

/// What the descriptor flags have claimed so far, in the order of the command line.
#[derive(Debug, Default)]
pub struct Claims {
    taken: HashMap<String, String>,
    granted: Vec<RawFd>,
    status: Option<RawFd>,
}

impl Claims {
    /// Claims the descriptor of one `--with-fd`; `opened` looks a number up in the host's table.
    pub fn grant(&mut self, value: &OsStr, opened: impl Fn(RawFd) -> Option<Opened>) -> Result<Grant, FdError> {
        let grant = Grant::parse(value)?;
        let variable = grant.variable();
        if let Some(first) = self.taken.get(&variable) {
            return Err(FdError::Taken { variable, first: first.clone() });
        }
        opened(grant.source).ok_or(FdError::NotOpen(grant.source))?;
        if self.status == Some(grant.source) {
            return Err(FdError::StatusIsTheHosts(grant.source));
        }
        self.taken.insert(variable, value.to_string_lossy().into_owned());
        self.granted.push(grant.source);
        Ok(grant)
    }

    /// Claims the descriptor of `--status-fd`.
    pub fn status(&mut self, value: &OsStr, opened: impl Fn(RawFd) -> Option<Opened>) -> Result<RawFd, FdError> {
        let fd = parse_number(&value.to_string_lossy())?;
        let opened = opened(fd).ok_or(FdError::NotOpen(fd))?;
        if fd < FIRST_TARGET || self.granted.contains(&fd) {
            return Err(FdError::StatusIsTheHosts(fd));
        }
        if !opened.writable {
            return Err(FdError::NotWritable(fd));
        }
        self.status = Some(fd);
        Ok(fd)
    }
}

/// Which of the RPC socket and the grants comes first (`--fd-layout`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Layout {
    /// The RPC socket is fd 3, the grants are 4, 5, 6 …
    #[default]
    RpcFirst,
    /// The grants are 3, 4, 5 …, the RPC socket comes after the last.
    GrantsFirst,
}

/// Where the cell finds its RPC socket and its grants.
#[derive(Debug, PartialEq, Eq)]
pub struct FdPlan {
    /// The RPC socket's number in the cell.
    pub rpc: RawFd,
    /// The grants and their numbers in the cell, in the order of the flags.
    pub grants: Vec<(Grant, RawFd)>,
}

impl FdPlan {
    /// Numbers the grants in the order of their flags.
    pub fn new(layout: Layout, grants: Vec<Grant>) -> FdPlan {
        let count = grants.len() as RawFd;
        let (rpc, first) = match layout {
            Layout::RpcFirst => (FIRST_TARGET, FIRST_TARGET + 1),
            Layout::GrantsFirst => (FIRST_TARGET + count, FIRST_TARGET),
        };
        FdPlan { rpc, grants: grants.into_iter().zip(first..).collect() }
    }

    /// The highest descriptor that the cell has.
    pub fn last(&self) -> RawFd {
        FIRST_TARGET + self.grants.len() as RawFd
    }

    /// The variables that announce the numbers.
    pub fn variables(&self) -> Vec<(OsString, OsString)> {
        let rpc = (RPC_VARIABLE.to_owned(), self.rpc);
        let grants = self.grants.iter().map(|(grant, target)| (grant.variable(), *target));
        std::iter::once(rpc).chain(grants).map(|(name, fd)| (name.into(), fd.to_string().into())).collect()
    }

    /// The moves that bring `rpc` and every grant from the host's number to the cell's.
    pub fn moves(&self, rpc: RawFd) -> Vec<Move> {
        let grants = self.grants.iter().map(|(grant, target)| (grant.source, *target));
        moves(&std::iter::once((rpc, self.rpc)).chain(grants).collect::<Vec<_>>())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(_: RawFd) -> Option<Opened> {
        Some(Opened { writable: true })
    }

    #[test]
    fn fd_grammar() {
        for (value, error) in [
            ("db", FdError::NoEquals),
            ("=3", FdError::Name),
            ("1db=3", FdError::Name),
            ("d-b=3", FdError::Name),
            ("dé=3", FdError::Name),
            ("db=", FdError::Number("".into())),
            ("db=-1", FdError::Number("-1".into())),
            ("db=+1", FdError::Number("+1".into())),
            ("db= 1", FdError::Number(" 1".into())),
            ("db=3=4", FdError::Number("3=4".into())),
            ("db=99999999999", FdError::TooLarge("99999999999".into())),
        ] {
            assert_eq!(Grant::parse(OsStr::new(value)), Err(error), "{value}");
        }
        assert_eq!(Grant::parse(OsStr::new("_d1=007")), Ok(Grant { name: "_d1".into(), source: 7 }));
    }

    #[test]
    fn fd_same_variable_is_refused() {
        let mut claims = Claims::default();
        assert!(claims.grant(OsStr::new("db=5"), open).is_ok());
        let again = claims.grant(OsStr::new("DB=6"), open);
        assert_eq!(again, Err(FdError::Taken { variable: "WW_FD_DB".into(), first: "db=5".into() }));
    }

    #[test]
    fn status_is_never_the_cells() {
        let mut claims = Claims::default();
        assert_eq!(claims.status(OsStr::new("7"), open), Ok(7));
        assert_eq!(claims.grant(OsStr::new("db=7"), open), Err(FdError::StatusIsTheHosts(7)));
        assert_eq!(claims.status(OsStr::new("1"), open), Err(FdError::StatusIsTheHosts(1)));
    }
}
