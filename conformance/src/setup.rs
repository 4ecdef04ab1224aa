//! What all cases of one run of the suite share: the adapter, the launcher, the cells.
//!
//! What must stay true: it is made once, before the first case, and doesn't change; a part that is
//! missing is an error that says how it is had, never a case that is left out.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use serde::{Deserialize, Serialize};
use tempfile::TempDir;
use thiserror::Error;

use crate::adapter::{Adapter, AdapterError};
use crate::cells::{self, CellError};
use crate::clauses::Profile;
use crate::node::{Kind, Nodes};

/// Programs and folders that all cases share, as paths: a case's own process is told them.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Parts {
    /// The launcher.
    pub launcher: PathBuf,
    /// The probe cell.
    pub probe: PathBuf,
    /// The cell that speaks RPC, where the profile `rpc` or `p2p` is claimed.
    pub rpc_probe: Option<PathBuf>,
    /// The cell that judges its runtime from inside, where the profile `rpc` is claimed.
    pub selfcheck: Option<PathBuf>,
    /// The hostile cell, where the profile `jail` is claimed.
    pub hostile: Option<PathBuf>,
    /// The peer that visits cells, where the profile `p2p` is claimed.
    pub peer: Option<PathBuf>,
    /// The folder of cells, readable by everyone.
    pub cells: PathBuf,
}

/// What a case needs to know of the run that it is a part of.
#[derive(Clone, Debug)]
pub struct Setup {
    adapter: Adapter,
    parts: Arc<Parts>,
    nodes: Arc<Nodes>,
    // Removed with the last setup that was made from it.
    _folder: Option<Arc<TempDir>>,
    seed: u64,
    sketch: bool,
}

/// Why the suite can't begin.
#[derive(Debug, Error)]
pub enum SetupError {
    /// No implementation.
    #[error(transparent)]
    Adapter(#[from] AdapterError),
    /// No cell.
    #[error(transparent)]
    Cell(#[from] CellError),
    /// No launcher.
    #[error("the launcher {0} isn't there; build it (cargo build -p ww-conformance --bins)")]
    Launcher(PathBuf),
    /// The machine refuses a file or a limit.
    #[error("the suite can't prepare itself")]
    Machine(#[from] std::io::Error),
}

impl Setup {
    /// Prepares a run of the suite for an adapter, with the launcher in `beside`, and an IPFS node of
    /// this kind, or the first that is there.
    ///
    /// # Errors
    /// A part that can't be had.
    pub fn new(adapter: Adapter, beside: &Path, node: Option<Kind>) -> Result<Self, SetupError> {
        let launcher = beside.join("ww-launcher");
        let launcher = launcher.canonicalize().map_err(|_| SetupError::Launcher(launcher))?;
        // Cases that grant hundreds of descriptors hold them open first.
        let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).map_err(std::io::Error::from)?;
        setrlimit(Resource::RLIMIT_NOFILE, hard.min(65_536), hard).map_err(std::io::Error::from)?;
        // Whoever runs the implementation must reach the cells, wherever they were built.
        let folder = TempDir::with_prefix("ww-suite-")?;
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755))?;
        let visited = adapter.profiles.contains(&Profile::P2p);
        let speaks = adapter.profiles.contains(&Profile::Rpc);
        let jails = adapter.profiles.contains(&Profile::Jail);
        let mut wanted = vec![cells::PROBE];
        wanted.extend((speaks || visited).then_some(cells::RPC_PROBE));
        wanted.extend(speaks.then_some(cells::SELFCHECK));
        wanted.extend(visited.then_some(cells::PEER));
        wanted.extend(jails.then_some(cells::HOSTILE));
        let mut placed = Vec::new();
        for (cell, from) in wanted.iter().zip(cells::find(&wanted, beside)?) {
            let path = folder.path().join(cell.package.trim_start_matches("ww-"));
            fs::copy(from, &path)?;
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755))?;
            placed.push((*cell, path));
        }
        let at = |wanted: cells::Cell| placed.iter().find(|(cell, _)| *cell == wanted).map(|(_, path)| path.clone());
        let probe = at(cells::PROBE).ok_or(CellError::Nowhere { cell: cells::PROBE, beside: beside.into() })?;
        let (rpc_probe, selfcheck, hostile) = (at(cells::RPC_PROBE), at(cells::SELFCHECK), at(cells::HOSTILE));
        let peer = at(cells::PEER);
        let nodes = Arc::new(Nodes::new(&launcher, node));
        let parts = Parts { launcher, probe, rpc_probe, selfcheck, hostile, peer, cells: folder.path().to_owned() };
        Ok(Self { adapter, parts: Arc::new(parts), nodes, _folder: Some(Arc::new(folder)), seed: 0, sketch: false })
    }

    /// The setup of a case in a process of its own, from what that process was told.
    #[must_use]
    pub fn of_case(adapter: Adapter, parts: Parts, nodes: Nodes, seed: u64, sketch: bool) -> Self {
        Self { adapter, parts: Arc::new(parts), nodes: Arc::new(nodes), _folder: None, seed, sketch }
    }

    /// The same parts for another implementation.
    #[must_use]
    pub fn judging(&self, adapter: Adapter) -> Self {
        Self { adapter, ..self.clone() }
    }

    /// The same with another seed.
    #[must_use]
    pub fn seeded(self, seed: u64) -> Self {
        Self { seed, ..self }
    }

    /// The folder that programs of the suite's own build lie in: that of the running program, or
    /// its parent where cargo puts tests.
    ///
    /// # Errors
    /// Where the running program can't be found.
    pub fn beside() -> std::io::Result<PathBuf> {
        let program = std::env::current_exe()?;
        let folder = program.parent().unwrap_or(Path::new("/"));
        let above = if folder.ends_with("deps") { folder.parent() } else { None };
        Ok(above.unwrap_or(folder).to_owned())
    }

    /// The adapter.
    #[must_use]
    pub fn adapter(&self) -> &Adapter {
        &self.adapter
    }

    /// The programs and folders.
    #[must_use]
    pub fn parts(&self) -> &Parts {
        &self.parts
    }

    /// The launcher.
    #[must_use]
    pub fn launcher(&self) -> &Path {
        &self.parts.launcher
    }

    /// The probe cell.
    #[must_use]
    pub fn probe(&self) -> &Path {
        &self.parts.probe
    }

    /// The cell that speaks RPC, where the adapter claims that profile.
    #[must_use]
    pub fn rpc_probe(&self) -> Option<&Path> {
        self.parts.rpc_probe.as_deref()
    }

    /// The cell that judges its runtime from inside, where the adapter claims the profile `rpc`.
    #[must_use]
    pub fn selfcheck(&self) -> Option<&Path> {
        self.parts.selfcheck.as_deref()
    }

    /// The hostile cell, where the adapter claims the profile `jail`.
    #[must_use]
    pub fn hostile(&self) -> Option<&Path> {
        self.parts.hostile.as_deref()
    }

    /// The peer that visits cells, where the adapter claims the profile `p2p`.
    #[must_use]
    pub fn peer(&self) -> Option<&Path> {
        self.parts.peer.as_deref()
    }

    /// The folder of cells, readable by everyone.
    #[must_use]
    pub fn cells(&self) -> &Path {
        &self.parts.cells
    }

    /// What all that is drawn by chance is drawn from.
    #[must_use]
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// Whether nothing of the implementation is started.
    #[must_use]
    pub fn is_sketch(&self) -> bool {
        self.sketch
    }

    /// The IPFS nodes.
    #[must_use]
    pub fn nodes(&self) -> &Nodes {
        &self.nodes
    }
}
