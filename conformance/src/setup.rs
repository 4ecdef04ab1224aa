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
    /// The cell that speaks RPC, where the profile is claimed.
    pub rpc_probe: Option<PathBuf>,
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
        let cells = TempDir::with_prefix("ww-conformance-")?;
        fs::set_permissions(cells.path(), fs::Permissions::from_mode(0o755))?;
        let place = |name: &str, package, variable| -> Result<PathBuf, SetupError> {
            let path = cells.path().join(name);
            fs::copy(cells::cell(package, variable, beside)?, &path)?;
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755))?;
            Ok(path)
        };
        let probe = place("probe", "ww-probe", "WW_PROBE")?;
        let speaks = adapter.profiles.contains(&Profile::Rpc);
        let rpc_probe = speaks.then(|| place("rpc-probe", "ww-rpc-probe", "WW_RPC_PROBE")).transpose()?;
        let nodes = Arc::new(Nodes::new(&launcher, node));
        let parts = Parts { launcher, probe, rpc_probe, cells: cells.path().to_owned() };
        Ok(Self { adapter, parts: Arc::new(parts), nodes, _folder: Some(Arc::new(cells)), seed: 0, sketch: false })
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
