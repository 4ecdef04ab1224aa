//! Where the cells that cases run come from.
//!
//! What it does: the probe is named by `WW_PROBE`, lies beside the suite, or is built from the
//! repository, static, into `<target>/cells`.
//! What must stay true: a cell is one static file, so that no case depends on what a jail shows
//! of the system.

use std::path::{Path, PathBuf};
use std::process::Command;

use thiserror::Error;

/// Why a cell can't be had.
#[derive(Debug, Error)]
pub enum CellError {
    /// The compiler's own name for this machine can't be asked for.
    #[error("`rustc -vV` doesn't say which host it is for")]
    Host,
    /// `cargo` isn't there.
    #[error("cargo can't be run to build {0}")]
    Cargo(&'static str, #[source] std::io::Error),
    /// The build failed.
    #[error("{0} doesn't build: {1}")]
    Build(&'static str, String),
    /// A variable names a file that isn't there.
    #[error("{0} names {1}, which isn't there")]
    Missing(&'static str, PathBuf),
}

/// The cell of this package name: what `variable` names, else `<beside>/<package>`, else built.
///
/// # Errors
/// Where it is named and isn't there, or can't be built.
pub fn cell(package: &'static str, variable: &'static str, beside: &Path) -> Result<PathBuf, CellError> {
    if let Some(path) = std::env::var_os(variable).map(PathBuf::from) {
        return path.canonicalize().map_err(|_| CellError::Missing(variable, path));
    }
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    if !workspace.join("fixtures").is_dir() {
        let path = beside.join(package);
        return path.canonicalize().map_err(|_| CellError::Missing(package, path));
    }
    let host = host()?;
    let cells = beside.parent().unwrap_or(beside).join("cells");
    let built = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args(["build", "--quiet", "--package", package, "--target", &host, "--target-dir"])
        .arg(&cells)
        .current_dir(&workspace)
        .env("RUSTFLAGS", "-C target-feature=+crt-static -C relocation-model=static")
        .env("CARGO_PROFILE_DEV_DEBUG", "0")
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        .output()
        .map_err(|cause| CellError::Cargo(package, cause))?;
    if !built.status.success() {
        return Err(CellError::Build(package, String::from_utf8_lossy(&built.stderr).into_owned()));
    }
    let path = cells.join(host).join("debug").join(package);
    path.canonicalize().map_err(|_| CellError::Missing(package, path))
}

fn host() -> Result<String, CellError> {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let said = Command::new(rustc).arg("-vV").output().map_err(|_| CellError::Host)?;
    String::from_utf8_lossy(&said.stdout)
        .lines()
        .find_map(|line| line.strip_prefix("host: ").map(str::to_owned))
        .ok_or(CellError::Host)
}
