//! Where the cells that cases run come from.
//!
//! What it does: a cell is named by its variable, lies beside the suite, or is built from the
//! repository, static, into `<target>/cells` or the user's cache.
//! What must stay true: a cell is one static file, so that no case depends on what a jail shows
//! of the system; all that have to be built are built at once.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use thiserror::Error;

/// A cell, by the name of its package.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cell {
    /// The package, which is the program's name too.
    pub package: &'static str,
    /// The variable that names one that is there already.
    pub variable: &'static str,
}

/// Prints what it sees, or does one thing.
pub const PROBE: Cell = Cell { package: "ww-probe", variable: "WW_PROBE" };
/// Speaks RPC with its host.
pub const RPC_PROBE: Cell = Cell { package: "ww-rpc-probe", variable: "WW_RPC_PROBE" };
/// Tries what a jail should keep it from, and sets the stage for that.
pub const HOSTILE: Cell = Cell { package: "ww-hostile", variable: "WW_HOSTILE" };
/// Judges its runtime from inside.
pub const SELFCHECK: Cell = Cell { package: "ww-selfcheck", variable: "WW_SELFCHECK" };
/// No cell: the peer that visits one.
pub const PEER: Cell = Cell { package: "ww-peer-probe", variable: "WW_PEER_PROBE" };

/// Why a cell can't be had.
#[derive(Debug, Error)]
pub enum CellError {
    /// The compiler's own name for this machine can't be asked for.
    #[error(
        "the cells have to be built, and `rustc -vV` doesn't say for which host: install Rust, or name them by {0}"
    )]
    Host(&'static str),
    /// `cargo` isn't there.
    #[error("cargo can't be run to build the cells; install Rust, or name them by {0}")]
    Cargo(&'static str, #[source] std::io::Error),
    /// The build failed.
    #[error("the cells don't build: {0}")]
    Build(String),
    /// A variable names a file that isn't there.
    #[error("{0} names {1}, which isn't there")]
    Missing(&'static str, PathBuf),
    /// There is no repository to build from.
    #[error(
        "the cell {} isn't beside the suite ({}), and the repository that it is built from isn't there: name one by {}",
        .cell.package, .beside.display(), .cell.variable
    )]
    Nowhere {
        /// The cell.
        cell: Cell,
        /// Where it was looked for.
        beside: PathBuf,
    },
}

/// The files of these cells: what the variable names, else what lies in `beside`, else built.
///
/// # Errors
/// Where one is named and isn't there, or can't be built.
pub fn find(wanted: &[Cell], beside: &Path) -> Result<Vec<PathBuf>, CellError> {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let sources = workspace.join("fixtures/probe").is_dir();
    let mut found: Vec<Option<PathBuf>> = Vec::new();
    for cell in wanted {
        let named = std::env::var_os(cell.variable).map(PathBuf::from);
        found.push(match named {
            Some(path) => Some(path.canonicalize().map_err(|_| CellError::Missing(cell.variable, path))?),
            None if sources => None,
            None => {
                let path = beside.join(cell.package);
                Some(path.canonicalize().map_err(|_| CellError::Nowhere { cell: *cell, beside: beside.into() })?)
            }
        });
    }
    let lacking: Vec<Cell> =
        wanted.iter().zip(&found).filter(|(_, found)| found.is_none()).map(|(cell, _)| *cell).collect();
    let folder = if lacking.is_empty() { PathBuf::new() } else { build(&lacking, &workspace, &place(beside))? };
    let path = |(cell, found): (&Cell, Option<PathBuf>)| {
        let path = found.unwrap_or_else(|| folder.join(cell.package));
        path.canonicalize().map_err(|_| CellError::Missing(cell.variable, path))
    };
    wanted.iter().zip(found).map(path).collect()
}

/// Beside cargo's own folders where the suite was built there, else in the user's cache.
fn place(beside: &Path) -> PathBuf {
    if beside.join(".fingerprint").is_dir() {
        return beside.parent().unwrap_or(beside).join("cells");
    }
    let folder = |variable: &str| std::env::var_os(variable).filter(|value| !value.is_empty()).map(PathBuf::from);
    let cache = folder("XDG_CACHE_HOME").or_else(|| folder("HOME").map(|home| home.join(".cache")));
    cache.unwrap_or_else(std::env::temp_dir).join("ww-conformance/cells")
}

/// Builds cells with one call of cargo; gives the folder that they lie in.
fn build(cells: &[Cell], workspace: &Path, target: &Path) -> Result<PathBuf, CellError> {
    let host = host()?;
    let packages = cells.iter().flat_map(|cell| ["--package", cell.package]);
    let built = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo")))
        .args(["build", "--quiet", "--target", &host, "--target-dir"])
        .arg(target)
        .args(packages)
        .current_dir(workspace)
        .env("RUSTFLAGS", "-C target-feature=+crt-static -C relocation-model=static")
        .env("CARGO_PROFILE_DEV_DEBUG", "0")
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        .output()
        .map_err(|cause| CellError::Cargo(PROBE.variable, cause))?;
    if !built.status.success() {
        return Err(CellError::Build(String::from_utf8_lossy(&built.stderr).trim().to_owned()));
    }
    Ok(target.join(host).join("debug"))
}

fn host() -> Result<String, CellError> {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let said = Command::new(rustc).arg("-vV").output().map_err(|_| CellError::Host(PROBE.variable))?;
    String::from_utf8_lossy(&said.stdout)
        .lines()
        .find_map(|line| line.strip_prefix("host: ").map(str::to_owned))
        .ok_or(CellError::Host(PROBE.variable))
}
