//! What all cases of one run of the suite share: the adapter, the launcher, the cells.
//!
//! What must stay true: it is made once, before the first case, and doesn't change; a part that is
//! missing is an error that says how it is had, never a case that is left out.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use tempfile::TempDir;
use thiserror::Error;

use crate::adapter::{Adapter, AdapterError};
use crate::cells::{self, CellError};
use crate::clauses::Profile;
use crate::node::Nodes;

/// The parts that all cases share.
#[derive(Debug)]
pub struct Setup {
    adapter: Adapter,
    launcher: PathBuf,
    probe: PathBuf,
    rpc_probe: Option<PathBuf>,
    cells: Arc<TempDir>,
    nodes: Arc<Nodes>,
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
    /// Prepares a run of the suite for an adapter, with the launcher in `beside`.
    ///
    /// # Errors
    /// A part that can't be had.
    pub fn new(adapter: Adapter, beside: &Path) -> Result<Self, SetupError> {
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
        let nodes = Arc::new(Nodes::new(&launcher));
        Ok(Self { adapter, launcher, probe, rpc_probe, cells: Arc::new(cells), nodes })
    }

    /// The same parts for another implementation.
    #[must_use]
    pub fn judging(&self, adapter: Adapter) -> Self {
        Self {
            adapter,
            launcher: self.launcher.clone(),
            probe: self.probe.clone(),
            rpc_probe: self.rpc_probe.clone(),
            cells: Arc::clone(&self.cells),
            nodes: Arc::clone(&self.nodes),
        }
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

    /// The launcher.
    #[must_use]
    pub fn launcher(&self) -> &Path {
        &self.launcher
    }

    /// The probe cell.
    #[must_use]
    pub fn probe(&self) -> &Path {
        &self.probe
    }

    /// The cell that speaks RPC, where the adapter claims that profile.
    #[must_use]
    pub fn rpc_probe(&self) -> Option<&Path> {
        self.rpc_probe.as_deref()
    }

    /// The IPFS nodes.
    #[must_use]
    pub fn nodes(&self) -> &Nodes {
        &self.nodes
    }

    /// The folder of cells, readable by everyone.
    #[must_use]
    pub fn cells(&self) -> &Path {
        self.cells.path()
    }
}
