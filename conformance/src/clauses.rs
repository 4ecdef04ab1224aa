//! The specification as data: every clause of `clauses.toml`, typed, checked and found by its id.
//!
//! What it does: it reads the clauses that are built into the suite ([`Specification::embedded`])
//! or any text in their format ([`Specification::parse`]); [`prose::document`] makes a readable
//! document of them.
//!
//! What must stay true: a specification that loads has no unknown field, no id twice, no clause
//! outside of the areas, no pending clause without its reason, and no reference to a section,
//! ruling or clause that doesn't exist. Whoever holds a [`Specification`] checks none of that again.
//!
//! Clauses it serves: all of them; it says what they are, not whether they hold.

mod check;
mod id;
pub mod prose;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

pub use check::ClauseError;
pub use id::{Area, ClauseId, IdError};

/// The text of `clauses.toml`, as it was when the suite was built. A report that names the
/// specification it judged by takes its digest of this.
pub const CLAUSES_TOML: &str = include_str!("../clauses.toml");

/// How binding a clause is, in the words of RFC 2119.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Level {
    /// An implementation that does otherwise doesn't conform.
    Must,
    /// There may be reasons to do otherwise; they are to be known and weighed.
    Should,
    /// Allowed; its absence is no fault.
    May,
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Must => "MUST",
            Self::Should => "SHOULD",
            Self::May => "MAY",
        })
    }
}

/// Who said it first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Origin {
    /// The source document says it.
    Source,
    /// The source left it open or said it twice; a ruling decided.
    Ruling,
}

/// The part of the specification that an implementation claims, or doesn't, as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Profile {
    /// What every implementation has: local programs, environment, streams, signals, exit codes.
    Core,
    /// Grants by `--with-fd`.
    Fds,
    /// Programs out of IPFS.
    Ipfs,
    /// The capabilities that come over the RPC socket.
    Rpc,
    /// Peers that reach the cell.
    P2p,
    /// Isolation.
    Jail,
    /// `--status-fd`.
    Status,
    /// The embedded store, `ww export`, `ww import`, `ww idgen`.
    Store,
}

impl Profile {
    /// Every profile.
    pub const ALL: [Self; 8] =
        [Self::Core, Self::Fds, Self::Ipfs, Self::Rpc, Self::P2p, Self::Jail, Self::Status, Self::Store];
}

impl std::str::FromStr for Profile {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let names = || Self::ALL.map(|profile| profile.to_string()).join(", ");
        let found = Self::ALL.into_iter().find(|profile| profile.to_string() == text);
        found.ok_or_else(|| format!("{text:?} is no profile: {}", names()))
    }
}

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Core => "core",
            Self::Fds => "fds",
            Self::Ipfs => "ipfs",
            Self::Rpc => "rpc",
            Self::P2p => "p2p",
            Self::Jail => "jail",
            Self::Status => "status",
            Self::Store => "store",
        })
    }
}

/// How it can be found out whether a clause holds.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Testability {
    /// A case of the suite decides it.
    Automatic,
    /// A person decides it.
    Manual,
    /// Nobody can from outside, for the reason given.
    NotTestable(String),
}

/// Whether the suite judges by a clause now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Status {
    /// It does.
    Active,
    /// It will; the reason says what is missing.
    Pending(String),
}

/// One testable statement about `ww run`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Clause {
    /// Its name for ever.
    pub id: ClauseId,
    /// How binding it is.
    pub level: Level,
    /// The statement: one sentence, black box.
    pub text: String,
    /// Where it comes from: a heading of the source document, or `ruling N`.
    pub source: String,
    /// Whether the source says it or a ruling decided it.
    pub origin: Origin,
    /// The profile it belongs to.
    pub profile: Profile,
    /// How it can be tested.
    pub testability: Testability,
    /// Both readings and the layout that decides, where the source contradicts itself (ruling 1).
    pub disputed: Option<String>,
    /// Whether the suite judges by it now.
    pub status: Status,
}

impl Clause {
    /// Whether a case of the suite has to exist for it: it is active, and a case can decide it.
    #[must_use]
    pub fn needs_case(&self) -> bool {
        self.status == Status::Active && self.testability == Testability::Automatic
    }

    /// Whether it waits for a part that isn't there yet.
    #[must_use]
    pub fn is_pending(&self) -> bool {
        matches!(self.status, Status::Pending(_))
    }
}

/// What the document says about one area before its clauses.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AreaIntro {
    /// The area, by the prefix of its ids.
    pub prefix: Area,
    /// Its title.
    pub title: String,
    /// What its clauses are about, in a sentence or two.
    pub intro: String,
}

/// A decision on what the source document leaves open or says twice.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ruling {
    /// Its number, from 1 on.
    pub number: u8,
    /// What it is about.
    pub title: String,
    /// What it decides, in short; its clauses say it in full.
    pub text: String,
}

/// A number that the specification fixes.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Number {
    /// What is counted or measured.
    pub what: String,
    /// The value with its unit, in Markdown.
    pub value: String,
    /// The clause that fixes it.
    pub clause: ClauseId,
}

/// A specification that passed every check.
#[derive(Clone, Debug)]
pub struct Specification {
    sections: Vec<String>,
    areas: Vec<AreaIntro>,
    rulings: Vec<Ruling>,
    numbers: Vec<Number>,
    clauses: Vec<Clause>,
    index: BTreeMap<ClauseId, usize>,
}

impl Specification {
    /// Reads a specification in the format of `clauses.toml`.
    ///
    /// # Errors
    /// The first fault that is found: the format, or one of the checks of [`ClauseError`].
    pub fn parse(text: &str) -> Result<Self, ClauseError> {
        check::read(text)
    }

    /// The specification that is built into the suite.
    ///
    /// # Panics
    /// If the built-in text doesn't load, which the tests of this crate rule out.
    #[must_use]
    pub fn embedded() -> &'static Self {
        static EMBEDDED: LazyLock<Specification> = LazyLock::new(|| {
            Specification::parse(CLAUSES_TOML)
                .unwrap_or_else(|fault| panic!("the built-in clauses don't load: {fault:?}"))
        });
        &EMBEDDED
    }

    /// All clauses, in the order of the document: by area, then by number.
    #[must_use]
    pub fn clauses(&self) -> &[Clause] {
        &self.clauses
    }

    /// The clause with this id.
    #[must_use]
    pub fn clause(&self, id: ClauseId) -> Option<&Clause> {
        self.index.get(&id).map(|&at| &self.clauses[at])
    }

    /// The clauses of one area, by number.
    pub fn in_area(&self, area: Area) -> impl Iterator<Item = &Clause> {
        self.clauses.iter().filter(move |clause| clause.id.area() == area)
    }

    /// The headings of the source document that clauses refer to.
    #[must_use]
    pub fn sections(&self) -> &[String] {
        &self.sections
    }

    /// The areas with what is said about each, in the order of the document.
    #[must_use]
    pub fn areas(&self) -> &[AreaIntro] {
        &self.areas
    }

    /// The rulings, from 1 on without a gap.
    #[must_use]
    pub fn rulings(&self) -> &[Ruling] {
        &self.rulings
    }

    /// The numbers that the specification fixes.
    #[must_use]
    pub fn numbers(&self) -> &[Number] {
        &self.numbers
    }
}
