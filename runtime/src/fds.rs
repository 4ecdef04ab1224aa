//! Descriptors: the grammar of `--with-fd`, the numbers a cell finds its grants at, and the moves that put them there.
//!
//! What must stay true: a [`Grant`] names a descriptor that was open in the host when it started, and
//! [`moves`] carries every source to its target whatever the two sets have in common.
//! Clauses: FD-*.

use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::os::fd::RawFd;

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

/// One step of [`moves`]: `dup2(from, to)`; where both are the same, only close-on-exec is cleared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Move {
    /// The number to copy.
    pub from: RawFd,
    /// The number it becomes.
    pub to: RawFd,
}

/// Orders `(source, target)` pairs so that no source is overwritten before it was copied. Targets are distinct,
/// sources needn't be. A cycle takes a detour by one number that is neither source nor target.
fn moves(pairs: &[(RawFd, RawFd)]) -> Vec<Move> {
    let mut source_of: HashMap<RawFd, RawFd> = pairs.iter().map(|&(from, to)| (to, from)).collect();
    let mut readers: HashMap<RawFd, usize> = HashMap::new();
    for (from, to) in pairs.iter().filter(|(from, to)| from != to) {
        *readers.entry(*from).or_default() += 1;
        readers.entry(*to).or_default();
    }
    let highest_target = pairs.iter().map(|pair| pair.1).max().unwrap_or(FIRST_TARGET);
    let spare = (highest_target + 1..).find(|fd| !readers.contains_key(fd)).unwrap_or(RawFd::MAX);

    let mut steps = Vec::with_capacity(pairs.len() + 1);
    let mut ready: Vec<RawFd> = Vec::new();
    let mut waiting: Vec<RawFd> = Vec::new();
    for &(from, to) in pairs {
        match (from == to, readers.get(&to)) {
            (true, _) => steps.push(Move { from, to }),
            (false, Some(0)) => ready.push(to),
            (false, _) => waiting.push(to),
        }
    }
    loop {
        while let Some(to) = ready.pop() {
            let Some(from) = source_of.remove(&to) else { continue };
            steps.push(Move { from, to });
            if let Some(left) = readers.get_mut(&from) {
                *left -= 1;
                if *left == 0 && source_of.get(&from).is_some_and(|source| *source != from) {
                    ready.push(from);
                }
            }
        }
        // What is left waits in a circle: park one of them on the spare, and let its readers read that.
        let Some(to) = waiting.pop() else { return steps };
        if !source_of.contains_key(&to) {
            continue;
        }
        steps.push(Move { from: to, to: spare });
        for source in source_of.values_mut().filter(|source| **source == to) {
            *source = spare;
        }
        let parked = readers.insert(to, 0).unwrap_or(0);
        readers.insert(spare, parked);
        ready.push(to);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

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

    proptest! {
        /// Runs the steps on a table of descriptors and looks at what each target holds.
        #[test]
        fn moves_carry_every_source(sources in prop::collection::vec(0..24, 1..16)) {
            let pairs: Vec<(RawFd, RawFd)> = sources.iter().copied().zip(3..).collect();
            let mut table: HashMap<RawFd, RawFd> = (0..64).map(|fd| (fd, fd)).collect();
            let steps = moves(&pairs);
            for step in &steps {
                let value = table[&step.from];
                table.insert(step.to, value);
            }
            for (from, to) in &pairs {
                prop_assert_eq!(table[to], *from, "{:?} by {:?}", pairs, steps);
            }
            for fd in 0..3 {
                prop_assert_eq!(table[&fd], fd);
            }
        }
    }
}
