//! Clause ids: an area's prefix and a number of two digits, `FD-04`.
//!
//! What it does: it parses, prints and orders them.
//! What must stay true: text and value are one to one, so that an id in a report, in a case and in
//! the document is the same string.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use thiserror::Error;

/// Declares [`Area`] with its prefixes, so that the list exists once.
macro_rules! areas {
    ($($(#[$doc:meta])+ $variant:ident = $prefix:literal,)+) => {
        /// A part of the specification, named by the prefix of its ids.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, Serialize)]
        pub enum Area {
            $($(#[$doc])+ #[serde(rename = $prefix)] $variant,)+
        }

        impl Area {
            /// Every area, in the order of the document.
            pub const ALL: &[Self] = &[$(Self::$variant,)+];

            /// The prefix of the area's ids.
            #[must_use]
            pub const fn prefix(self) -> &'static str {
                match self { $(Self::$variant => $prefix,)+ }
            }
        }
    };
}

areas! {
    /// The command line.
    Cli = "CLI",
    /// Descriptors and grants.
    Fd = "FD",
    /// The environment.
    Env = "ENV",
    /// The IPFS endpoint.
    Ep = "EP",
    /// Resolution of `<binary>`.
    Path = "PATH",
    /// Retrieval.
    Ipfs = "IPFS",
    /// Exit codes.
    Exit = "EXIT",
    /// Messages.
    Msg = "MSG",
    /// Standard streams and what else is inherited.
    Stdio = "STDIO",
    /// Signals and lifetimes.
    Sig = "SIG",
    /// The jail.
    Jail = "JAIL",
    /// RPC with the host.
    Rpc = "RPC",
    /// libp2p.
    P2p = "P2P",
    /// IPFS access levels.
    Acc = "ACC",
    /// The embedded store.
    Store = "STORE",
    /// Status for programs.
    Status = "STATUS",
    /// Less or more: levels, granted paths, limits.
    Limit = "LIMIT",
    /// What runs.
    Exec = "EXEC",
    /// The host protects itself.
    Self_ = "SELF",
}

impl fmt::Display for Area {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.prefix())
    }
}

/// The name of a clause. Ids order as the document does: by area, then by number.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClauseId {
    area: Area,
    number: u8,
}

impl ClauseId {
    /// The area that the clause belongs to.
    #[must_use]
    pub const fn area(self) -> Area {
        self.area
    }

    /// The clause's number in its area, 1 to 99.
    #[must_use]
    pub const fn number(self) -> u8 {
        self.number
    }
}

/// Why a text is no clause id.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum IdError {
    /// The part before the dash is no area, or there is no dash.
    #[error("{0:?} begins with no area of the specification")]
    Area(String),
    /// The part after the dash isn't 01 to 99.
    #[error("{0:?} doesn't end in a number of two digits from 01 on")]
    Number(String),
}

impl FromStr for ClauseId {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        let (prefix, digits) = text.split_once('-').ok_or_else(|| IdError::Area(text.into()))?;
        let area =
            Area::ALL.iter().copied().find(|area| area.prefix() == prefix).ok_or_else(|| IdError::Area(text.into()))?;
        let number = match digits.as_bytes() {
            [tens @ b'0'..=b'9', ones @ b'0'..=b'9'] => (tens - b'0') * 10 + (ones - b'0'),
            _ => 0,
        };
        if number == 0 {
            return Err(IdError::Number(text.into()));
        }
        Ok(Self { area, number })
    }
}

impl fmt::Display for ClauseId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{}-{:02}", self.area, self.number))
    }
}

impl fmt::Debug for ClauseId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl<'de> Deserialize<'de> for ClauseId {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        String::deserialize(from)?.parse().map_err(serde::de::Error::custom)
    }
}

impl Serialize for ClauseId {
    fn serialize<S: Serializer>(&self, into: S) -> Result<S::Ok, S::Error> {
        into.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_prints_as_it_was_read() {
        for text in ["FD-04", "CLI-01", "P2P-99", "SELF-10"] {
            assert_eq!(text.parse::<ClauseId>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn an_id_outside_of_the_areas_is_refused() {
        for text in ["FOO-01", "fd-01", "FD", "", "-01", "F-01", " FD-01"] {
            assert_eq!(text.parse::<ClauseId>(), Err(IdError::Area(text.into())));
        }
    }

    #[test]
    fn an_id_without_two_digits_is_refused() {
        for text in ["FD-", "FD-1", "FD-00", "FD-001", "FD-+1", "FD-0x", "FD-١١", "FD-01 "] {
            assert_eq!(text.parse::<ClauseId>(), Err(IdError::Number(text.into())));
        }
    }

    #[test]
    fn ids_order_as_the_document_does() {
        let mut ids: Vec<ClauseId> = ["SELF-01", "FD-10", "CLI-02", "FD-09"].map(|text| text.parse().unwrap()).to_vec();
        ids.sort();
        assert_eq!(format!("{ids:?}"), "[CLI-02, FD-09, FD-10, SELF-01]");
    }
}
