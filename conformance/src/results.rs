//! What a run of the suite found, as a stream of JSON lines: the one truth that every report is made of.
//!
//! What it does: each line of the stream is a [`Line`]; [`Results`] is a whole stream, read and checked.
//! `docs/conformance.md` documents the format, whose version is [`SCHEMA`].
//! What must stay true: a stream stands alone (it has the clauses that it speaks of); a reader ignores
//! keys that it doesn't know, and refuses another major version; a stream that was cut is one that has
//! no `end`, and is never taken for a whole one.

mod limit;
mod merge;
mod read;
mod score;
mod verdict;
mod write;

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::adapter::{Layout, Origins};
use crate::clauses::{ClauseId, Level, Origin, Profile};
use crate::outcome::Outcome;

pub use limit::Limit;
pub use merge::{MergeError, merge};
pub use read::{Results, ResultsError};
pub use score::{ProfileScore, Score, Scored, State, Tally};
pub use verdict::{Verdict, exit_code};
pub use write::write;

/// The version of the stream's format. It grows when a key changes its meaning or goes away.
pub const SCHEMA: u32 = 1;

/// One line of the stream. `run` is the first, then a `clause` each, a `case` each as they end,
/// a `stale` for each entry of the expected failures that isn't true any more, and `end`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum Line {
    /// What is judged, by what, how.
    Run(Box<Run>),
    /// A clause of the specification that was judged by.
    Clause(ClauseLine),
    /// A case that has ended.
    Case(Box<CaseLine>),
    /// An expected failure that isn't one.
    Stale(Stale),
    /// The end.
    End(End),
}

/// Name and version of a program.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Program {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
}

/// The specification that was judged by.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Judge {
    /// SHA-256 of `clauses.toml`, in hex.
    pub sha256: String,
    /// How many clauses it has.
    pub clauses: usize,
}

/// The implementation that was judged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Implementation {
    /// Its name, as its adapter gives it.
    pub name: String,
    /// How `ww run` is called.
    pub command: Vec<String>,
    /// SHA-256 of the program that the command begins with, in hex; null where it can't be read.
    pub sha256: Option<String>,
    /// The profiles that it claims.
    pub profiles: Vec<Profile>,
    /// The layout of a run that doesn't choose one.
    pub layout: Layout,
}

/// The machine that it was judged on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Machine {
    /// `Linux 6.18.0`.
    pub system: String,
    /// `x86_64`.
    pub architecture: String,
    /// How many processors the suite could use.
    pub processors: usize,
    /// Whether the suite ran as root.
    pub root: bool,
}

/// One part of a run that was divided among machines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shard {
    /// Which part, from 1 on.
    pub index: usize,
    /// How many there are.
    pub of: usize,
}

/// Which cases were asked for; empty lists are no restriction.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asked {
    /// Profiles.
    pub profiles: Vec<Profile>,
    /// Names, with `*` and `?`.
    pub filters: Vec<String>,
    /// Clauses.
    pub clauses: Vec<ClauseId>,
}

/// The first line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// The version of the format, [`SCHEMA`].
    pub schema: u32,
    /// The suite.
    pub suite: Program,
    /// The specification.
    pub specification: Judge,
    /// The implementation.
    pub implementation: Implementation,
    /// The machine.
    pub machine: Machine,
    /// Whose words it was judged by.
    pub origin: Origins,
    /// Which cases were asked for.
    pub asked: Asked,
    /// What all that is drawn by chance is drawn from.
    pub seed: u64,
    /// Which part of the run this is, where it was divided.
    pub shard: Option<Shard>,
    /// The file of expected failures.
    pub expect: Option<PathBuf>,
    /// How many cases this part has.
    pub cases: usize,
    /// When it began: RFC 3339, UTC.
    pub started: String,
}

/// A clause, as far as a report needs it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClauseLine {
    /// Its id.
    pub id: ClauseId,
    /// MUST, SHOULD or MAY.
    pub level: Level,
    /// Its profile.
    pub profile: Profile,
    /// Whether the source says it or a ruling decided it.
    pub origin: Origin,
    /// What it says.
    pub text: String,
    /// A heading of the source, or `ruling N`.
    pub source: String,
    /// Both readings, where the source contradicts itself.
    pub disputed: Option<String>,
    /// Why no case judges it: what it waits for, or why nothing can decide it; null where one does.
    pub unjudged: Option<String>,
}

/// A case that has ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CaseLine {
    /// Its name, with the layout where it is run in each: `fd_21_nothing_else_is_open::rpc_first`.
    pub name: String,
    /// The layout that it was run in.
    pub layout: Layout,
    /// The clauses that it decides, its own first.
    pub clauses: Vec<ClauseId>,
    /// How it ended.
    pub outcome: Outcome,
    /// Why it was expected to fail, doesn't apply, can't be verified, or what is wrong with the harness.
    pub reason: Option<String>,
    /// Where more is said about an expected failure.
    pub link: Option<String>,
    /// What the clause asks for, where the case failed.
    pub expected: Option<String>,
    /// What came instead.
    pub actual: Option<String>,
    /// The whole story of the failure, in lines.
    pub story: Option<String>,
    /// How many checks were made.
    pub checks: u64,
    /// How long it took, in milliseconds.
    pub ms: u64,
    /// The last command lines that it ran, as a shell would be given them; its bundle has all.
    pub commands: Vec<String>,
    /// The folder of its replay bundle, below the folder of the report.
    pub bundle: Option<String>,
    /// Those of its clauses whose text has changed since somebody last looked at their cases.
    pub unreviewed: Vec<ClauseId>,
}

/// An entry of the expected failures that isn't true any more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stale {
    /// The case or clause that the entry names.
    pub entry: String,
    /// What is wrong with it.
    pub why: String,
}

/// The IPFS node that cases used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeUsed {
    /// `endpoint`, `container` or `binary`.
    pub kind: String,
    /// Kubo's version.
    pub version: String,
}

/// The last line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct End {
    /// How many cases ended how.
    pub counts: BTreeMap<Outcome, usize>,
    /// Whether the run was interrupted, or stopped at its first failure: some cases have no line.
    pub cut_short: bool,
    /// The IPFS nodes that were used.
    pub nodes: Vec<NodeUsed>,
    /// How long it took, in milliseconds.
    pub ms: u64,
    /// The exit code of the suite: 0 conformant, 1 not, 3 the harness failed, 4 nothing was selected.
    pub exit_code: u8,
}
