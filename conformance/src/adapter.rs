//! The contract with an implementation: a small TOML file that says how it is called.
//!
//! What it does: it reads the file, or makes one for the `ww` that lies beside the suite.
//! What must stay true: nothing about an implementation is known to the suite otherwise.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::clauses::Profile;

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
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
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
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Timeouts {
    /// One run, in milliseconds.
    pub run_ms: u64,
    /// What a run may leave behind for a moment after its end, in milliseconds.
    pub grace_ms: u64,
    /// How long it waits for an IPFS daemon that is silent, in milliseconds, where nothing tells it
    /// otherwise.
    pub ipfs_ms: u64,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self { run_ms: 30_000, grace_ms: 5_000, ipfs_ms: 30_000 }
    }
}

/// How an implementation is called and what it claims.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Adapter {
    /// Program and first arguments of `ww run`; the program is a path.
    pub command: Vec<String>,
    /// The layout of a run that doesn't choose one.
    pub layout: Layout,
    /// The option that chooses a layout (`--fd-layout`), where there is one.
    pub layout_flag: Option<String>,
    /// The option that says how long an IPFS daemon may be silent (`--ipfs-timeout`), where there is one.
    pub ipfs_timeout_flag: Option<String>,
    /// The profiles that it claims.
    pub profiles: BTreeSet<Profile>,
    /// Who runs it.
    #[serde(default)]
    pub user: Caller,
    /// Variables that it needs in its own environment.
    #[serde(default)]
    pub env: BTreeMap<String, String>,
    /// When a run is taken for hung.
    #[serde(default)]
    pub timeouts: Timeouts,
}

/// Why there is no adapter.
#[derive(Debug, Error)]
pub enum AdapterError {
    /// The file can't be read.
    #[error("the adapter {0} can't be read")]
    Read(PathBuf, #[source] std::io::Error),
    /// The file isn't an adapter.
    #[error("the adapter {0} isn't one")]
    Format(PathBuf, #[source] toml::de::Error),
    /// The command is empty, or its program isn't there.
    #[error("the adapter's command {0:?} is no program that is there")]
    NoProgram(PathBuf),
    /// No adapter and no `ww` beside the suite.
    #[error(
        "there is no implementation to judge: {0} doesn't exist. Build it (cargo build -p ww --bin ww), \
         or name one by WW_BIN=/path/to/ww, or describe one by WW_CONFORMANCE_ADAPTER=/path/to/adapter.toml"
    )]
    NoImplementation(PathBuf),
}

impl Adapter {
    /// Reads an adapter file. A program without a slash in front is beside the file.
    ///
    /// # Errors
    /// Where the file can't be read, isn't an adapter, or names no program.
    pub fn read(path: &Path) -> Result<Self, AdapterError> {
        let text = fs::read_to_string(path).map_err(|cause| AdapterError::Read(path.into(), cause))?;
        let mut adapter: Self = toml::from_str(&text).map_err(|cause| AdapterError::Format(path.into(), cause))?;
        let program = adapter.command.first_mut().ok_or_else(|| AdapterError::NoProgram(PathBuf::new()))?;
        let found = path.parent().unwrap_or(Path::new(".")).join(&*program);
        let found = found.canonicalize().map_err(|_| AdapterError::NoProgram(found))?;
        *program = found.to_string_lossy().into_owned();
        Ok(adapter)
    }

    /// The adapter of a `ww` that is called as the reference is, and claims what the reference does.
    ///
    /// # Errors
    /// Where the program isn't there.
    pub fn of_reference(program: &Path) -> Result<Self, AdapterError> {
        let program = program.canonicalize().map_err(|_| AdapterError::NoImplementation(program.into()))?;
        use Profile::{Core, Fds, Ipfs, Jail, P2p, Rpc, Status, Store};
        Ok(Self {
            command: vec![program.to_string_lossy().into_owned(), "run".into()],
            layout: Layout::RpcFirst,
            layout_flag: Some("--fd-layout".into()),
            ipfs_timeout_flag: Some("--ipfs-timeout".into()),
            profiles: [Core, Fds, Ipfs, Rpc, P2p, Jail, Status, Store].into(),
            user: Caller::Current,
            env: BTreeMap::new(),
            timeouts: Timeouts::default(),
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
