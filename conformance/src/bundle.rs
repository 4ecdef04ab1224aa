//! Replay bundles: what a failed case leaves, so that it can be run again, with the suite or without.
//!
//! What it does: [`write()`] makes a folder of `bundle.json` (the case, its adapter, seed and versions,
//! what was expected and what came, every command with its whole state), `files` (the case's own
//! files), `cells`, `cars` (the content that the commands name, from the IPFS node) and `repro.sh`;
//! [`Bundle::read`] takes it up again.
//! What must stay true: `repro.sh` needs nothing but bash and what the machine has; where it can't do
//! as the case did, it says so.

mod repro;

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::adapter::{Adapter, Layout};
use crate::clauses::ClauseId;
use crate::digest;
use crate::record::Record;
use crate::suite::Suite;
use crate::trials::Trial;
use crate::verdict::{Stop, expected_and_got};

/// The version of a bundle's format.
pub const SCHEMA: u32 = 1;
/// How much of a case's own files, and of one CAR, a bundle takes.
const MOST: u64 = 64 << 20;

/// The content of `bundle.json`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Bundle {
    /// [`SCHEMA`].
    pub schema: u32,
    /// The case.
    pub case: String,
    /// The layout that it ran in.
    pub layout: Layout,
    /// The clauses that it decides.
    pub clauses: Vec<ClauseId>,
    /// What was drawn by chance was drawn from this.
    pub seed: u64,
    /// The version of the suite.
    pub suite: String,
    /// SHA-256 of the specification.
    pub specification: String,
    /// SHA-256 of the implementation's program.
    pub implementation: Option<String>,
    /// How the implementation is called.
    pub adapter: Adapter,
    /// How the case ended.
    pub stop: Stop,
    /// What the clause asks for.
    pub expected: Option<String>,
    /// What came.
    pub actual: Option<String>,
    /// The content that the commands name.
    pub cids: Vec<String>,
    /// The commands, in order.
    pub commands: Vec<Record>,
}

/// Why a bundle can't be taken up.
#[derive(Debug, Error)]
pub enum BundleError {
    /// There is none.
    #[error("{0} is no replay bundle: its bundle.json can't be read")]
    Read(PathBuf, #[source] io::Error),
    /// It isn't one.
    #[error("{0} is no replay bundle")]
    Format(PathBuf, #[source] serde_json::Error),
    /// It is of another version.
    #[error("{0} has version {1} of the format, and this suite reads version {SCHEMA}")]
    Version(PathBuf, u32),
}

impl Bundle {
    /// Reads `bundle.json` in a folder.
    ///
    /// # Errors
    /// Where there is none of this version.
    pub fn read(folder: &Path) -> Result<Self, BundleError> {
        let text = fs::read(folder.join("bundle.json")).map_err(|cause| BundleError::Read(folder.into(), cause))?;
        let format = |cause| BundleError::Format(folder.into(), cause);
        let value: serde_json::Value = serde_json::from_slice(&text).map_err(format)?;
        match value["schema"].as_u64() {
            Some(schema) if schema == u64::from(SCHEMA) => serde_json::from_value(value).map_err(format),
            other => Err(BundleError::Version(folder.into(), other.and_then(|n| u32::try_from(n).ok()).unwrap_or(0))),
        }
    }
}

/// Writes the bundle of a case that didn't pass.
///
/// # Errors
/// What the file system says.
pub fn write(folder: &Path, trial: &Trial, suite: &Suite<'_>, stop: &Stop) -> io::Result<()> {
    let Stop::Fail(text) = stop else { return Err(io::ErrorKind::InvalidInput.into()) };
    let adapter = suite.setup().adapter().clone();
    let split = expected_and_got(text);
    let commands = suite.notes().records();
    let bundle = Bundle {
        schema: SCHEMA,
        case: trial.case.name.into(),
        layout: trial.layout,
        clauses: trial.clauses.clone(),
        seed: suite.seed(),
        suite: env!("CARGO_PKG_VERSION").into(),
        specification: digest::specification(),
        implementation: digest::program(&adapter),
        adapter,
        stop: stop.clone(),
        expected: split.map(|(expected, _)| expected.to_owned()),
        actual: split.map(|(_, got)| got.to_owned()),
        cids: cids(&commands),
        commands,
    };
    fs::create_dir_all(folder.join("files"))?;
    for name in ["home", "tmp", "cwd", "run", "files", "data"] {
        copy(&suite.path(name), &folder.join("files"))?;
    }
    cells(&bundle, suite, folder)?;
    cars(&bundle, suite, folder)?;
    fs::write(folder.join("bundle.json"), serde_json::to_vec_pretty(&bundle)?)?;
    let script = folder.join("repro.sh");
    fs::write(&script, repro::script(&bundle, suite))?;
    fs::set_permissions(script, fs::Permissions::from_mode(0o755))
}

/// Copies a folder with owners, links and modes, unless it is too large.
fn copy(from: &Path, below: &Path) -> io::Result<()> {
    let size = Command::new("du").args(["-sb", "--"]).arg(from).output()?;
    let size = String::from_utf8_lossy(&size.stdout).split_whitespace().next().and_then(|word| word.parse().ok());
    if size.unwrap_or(u64::MAX) > MOST {
        let name = from.file_name().unwrap_or_default();
        return fs::create_dir_all(below.join(name));
    }
    Command::new("cp").args(["-a", "--"]).arg(from).arg(below).status().map(drop)
}

/// The cells that the commands name.
fn cells(bundle: &Bundle, suite: &Suite<'_>, folder: &Path) -> io::Result<()> {
    let parts = suite.setup().parts();
    let others = [&parts.rpc_probe, &parts.selfcheck, &parts.hostile, &parts.peer].map(Option::as_ref);
    for cell in std::iter::once(Some(&parts.probe)).chain(others).flatten() {
        let name = cell.as_os_str().as_encoded_bytes();
        let named = |record: &Record| record.plan.argv.iter().any(|word| word.windows(name.len()).any(|w| w == name));
        if bundle.commands.iter().any(named) {
            fs::create_dir_all(folder.join("cells"))?;
            fs::copy(cell, folder.join("cells").join(cell.file_name().unwrap_or_default()))?;
        }
    }
    Ok(())
}

/// The CIDs in the words of the commands.
fn cids(commands: &[Record]) -> Vec<String> {
    let mut found = BTreeSet::new();
    for word in commands.iter().flat_map(|record| &record.plan.argv) {
        let text = String::from_utf8_lossy(word);
        for part in text.split(['/', ' ', '\'', '"']) {
            let plain = part.len() >= 46 && part.bytes().all(|byte| byte.is_ascii_alphanumeric());
            if plain && (part.starts_with("Qm") || part.starts_with('b')) {
                found.insert(part.to_owned());
            }
        }
    }
    found.into_iter().collect()
}

/// What the node has of them, as far as it can be had.
fn cars(bundle: &Bundle, suite: &Suite<'_>, folder: &Path) -> io::Result<()> {
    for node in suite.setup().nodes().used() {
        for cid in &bundle.cids {
            // What the case only names, as a CID that nobody has, isn't to be had.
            if let Ok(car) = node.car(cid, MOST) {
                fs::create_dir_all(folder.join("cars"))?;
                fs::write(folder.join("cars").join(format!("{cid}.car")), car)?;
            }
        }
    }
    Ok(())
}
