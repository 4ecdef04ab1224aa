//! The contract with an implementation: a small TOML file that says how it is called.
//!
//! What it does: it reads the file, or makes one for the `ww` that lies beside the suite.
//! What must stay true: nothing about an implementation is known to the suite otherwise.

mod settle;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use crate::clauses::{Clause, Origin, Profile};
use crate::toml_fault::TomlFault;
use serde::{Deserialize, Serialize};

pub use settle::AdapterError;

/// An adapter to fill in, with each field explained.
pub const TEMPLATE: &str = include_str!("adapter/template.toml");

/// Which descriptor is fd 3, in the two readings of the source (ruling 1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Layout {
    /// The RPC socket is fd 3, the nth grant 3+n.
    RpcFirst,
    /// The nth grant is fd 2+n, the RPC socket comes after the last.
    GrantsFirst,
}

impl Layout {
    /// Both.
    pub const ALL: [Self; 2] = [Self::RpcFirst, Self::GrantsFirst];

    /// Its name in the adapter and on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::RpcFirst => "rpc-first",
            Self::GrantsFirst => "grants-first",
        }
    }

    /// The number of the RPC socket with so many grants.
    #[must_use]
    pub const fn rpc(self, grants: i32) -> i32 {
        match self {
            Self::RpcFirst => 3,
            Self::GrantsFirst => 3 + grants,
        }
    }

    /// The number of the nth grant, counted from 1.
    #[must_use]
    pub const fn grant(self, nth: i32) -> i32 {
        match self {
            Self::RpcFirst => 3 + nth,
            Self::GrantsFirst => 2 + nth,
        }
    }
}

/// Whose words an implementation is judged by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Origins {
    /// The source's and the rulings'.
    #[default]
    All,
    /// The source's alone.
    Source,
}

/// Who runs the implementation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Caller {
    /// Whoever runs the suite.
    #[default]
    Current,
    /// Root.
    Root,
    /// An ordinary user.
    Ordinary,
}

/// When a run is taken for hung.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Timeouts {
    /// One run, in milliseconds.
    pub run_ms: u64,
    /// What a run may leave behind for a moment after its end, in milliseconds.
    pub grace_ms: u64,
    /// How long it waits for an IPFS daemon that is silent, in milliseconds, where nothing tells it
    /// otherwise.
    pub ipfs_ms: u64,
    /// One case with all its runs, in milliseconds: then the harness itself is taken for hung.
    pub case_ms: u64,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self { run_ms: 30_000, grace_ms: 5_000, ipfs_ms: 30_000, case_ms: 300_000 }
    }
}

/// How an implementation tells the libp2p addresses that it listens on.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Addresses {
    /// By a `listening` line on `--status-fd` (ruling 17).
    StatusFd,
    /// By a line on standard error that this regular expression matches; its group `addr` is the address.
    Stderr(String),
}

/// How an implementation is called and what it claims.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Adapter {
    /// What reports call it; without one, the name of its program.
    #[serde(default)]
    pub name: String,
    /// Program and first arguments of `ww run`; the program is a path.
    pub command: Vec<String>,
    /// Program and first words of its other commands, as `export`, before that word; empty is `command` without its
    /// last word, where that is `run`.
    #[serde(default)]
    pub tools: Vec<String>,
    /// The layout of a run that doesn't choose one.
    pub layout: Layout,
    /// The option that chooses a layout (`--fd-layout`), where there is one.
    pub layout_flag: Option<String>,
    /// The option that says how long an IPFS daemon may be silent (`--ipfs-timeout`), where there is one.
    pub ipfs_timeout_flag: Option<String>,
    /// The profiles that it claims.
    pub profiles: BTreeSet<Profile>,
    /// Whose words it claims to follow.
    #[serde(default)]
    pub origin: Origins,
    /// Who runs it.
    #[serde(default)]
    pub user: Caller,
    /// Variables that it needs in its own environment.
    #[serde(default)]
    pub env: BTreeMap<String, String>,
    /// Arguments that turn a profile's features on: they come first in the runs of that profile's cases.
    #[serde(default)]
    pub arguments: BTreeMap<Profile, Vec<String>>,
    /// How it tells its libp2p addresses.
    #[serde(default)]
    pub addresses: Option<Addresses>,
    /// When a run is taken for hung.
    #[serde(default)]
    pub timeouts: Timeouts,
}

impl Adapter {
    /// Reads an adapter file. A program without a slash in front is beside the file.
    ///
    /// # Errors
    /// Where the file can't be read, isn't an adapter, names no program, or contradicts itself.
    pub fn read(path: &Path) -> Result<Self, AdapterError> {
        let text = fs::read_to_string(path).map_err(|cause| AdapterError::Read(path.into(), cause))?;
        let adapter: Self =
            toml::from_str(&text).map_err(|fault| AdapterError::Format(path.into(), TomlFault::of(&text, &fault)))?;
        adapter.settled(path.parent().unwrap_or(Path::new(".")))
    }

    /// The adapter of a command that a shell would split into words: `./my-ww run`. It claims what
    /// the source document's own options are enough for.
    ///
    /// # Errors
    /// Where the words have an open quote, or name no program.
    pub fn of_command(words: &str) -> Result<Self, AdapterError> {
        let command = shlex::split(words).ok_or_else(|| AdapterError::Quotes(words.into()))?;
        Self { command, profiles: [Profile::Core, Profile::Fds].into(), ..Self::bare() }.settled(Path::new("."))
    }

    /// An adapter that says nothing but the defaults.
    #[must_use]
    pub fn bare() -> Self {
        Self {
            name: String::new(),
            command: vec![],
            tools: vec![],
            layout: Layout::RpcFirst,
            layout_flag: None,
            ipfs_timeout_flag: None,
            profiles: BTreeSet::new(),
            origin: Origins::All,
            user: Caller::Current,
            env: BTreeMap::new(),
            arguments: BTreeMap::new(),
            addresses: None,
            timeouts: Timeouts::default(),
        }
    }

    /// Whether it is to be judged by a clause; else why not.
    ///
    /// # Errors
    /// The reason, as a report gives it.
    pub fn claims(&self, clause: &Clause) -> Result<(), String> {
        if !self.profiles.contains(&clause.profile) {
            return Err(format!("the adapter doesn't claim the profile {}", clause.profile));
        }
        if self.origin == Origins::Source && clause.origin == Origin::Ruling {
            return Err(format!("{} decided it, and this run judges by the source alone", clause.source));
        }
        Ok(())
    }

    /// The adapter of a `ww` that is called as the reference is, and claims what the reference does.
    ///
    /// # Errors
    /// Where the program isn't there.
    pub fn of_reference(program: &Path) -> Result<Self, AdapterError> {
        let program = program.canonicalize().map_err(|_| AdapterError::NoImplementation(program.into()))?;
        Ok(Self {
            name: "ww".into(),
            command: vec![program.to_string_lossy().into_owned(), "run".into()],
            tools: vec![program.to_string_lossy().into_owned()],
            layout_flag: Some("--fd-layout".into()),
            ipfs_timeout_flag: Some("--ipfs-timeout".into()),
            profiles: Profile::ALL.into_iter().collect(),
            addresses: Some(Addresses::StatusFd),
            ..Self::bare()
        })
    }

    /// The adapter that the environment names: `WW_CONFORMANCE_ADAPTER` a file, `WW_BIN` a `ww`,
    /// else the `ww` in `beside`.
    ///
    /// # Errors
    /// As [`Adapter::read`] and [`Adapter::of_reference`].
    pub fn from_environment(beside: &Path) -> Result<Self, AdapterError> {
        if let Some(file) = std::env::var_os("WW_CONFORMANCE_ADAPTER") {
            return Self::read(Path::new(&file));
        }
        match std::env::var_os("WW_BIN") {
            Some(program) => Self::of_reference(Path::new(&program)),
            None => Self::of_reference(&beside.join("ww")),
        }
    }
}
