//! A node of the suite's own from an `ipfs` binary: private, offline, on free ports.
//!
//! What must stay true: the daemon runs below a launcher, which kills it when the suite lets go of
//! it or goes away itself; its repository is a directory of its own.

use std::fs::{self, File};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use nix::fcntl::OFlag;
use nix::unistd::pipe2;
use tempfile::TempDir;

use super::endpoint::Address;
use super::{Kind, NodeError};
use crate::capture::Capture;
use crate::launch::{Launch, Plan};

/// How long the daemon may take until it answers; one second is usual.
const READY: Duration = Duration::from_secs(60);
/// Longer than any run of the suite.
const A_DAY: Duration = Duration::from_secs(24 * 60 * 60);
const ADDRESSES: &str = r#"{"API":"/ip4/127.0.0.1/tcp/0","Gateway":"/ip4/127.0.0.1/tcp/0","Swarm":[]}"#;

/// A running daemon. The launch goes first, then the folder.
#[derive(Debug)]
#[expect(dead_code, reason = "held for their end alone")]
pub(super) struct Running {
    launch: Launch,
    said: Capture,
    repository: TempDir,
}

fn broken(why: impl ToString) -> NodeError {
    NodeError::Broken { kind: Kind::Binary, why: why.to_string() }
}

fn absent(why: impl ToString) -> NodeError {
    NodeError::Absent { kind: Kind::Binary, why: why.to_string() }
}

/// `IPFS_BIN`, else `ipfs` on PATH.
fn program() -> Result<PathBuf, NodeError> {
    if let Some(path) = std::env::var_os("IPFS_BIN").filter(|path| !path.is_empty()).map(PathBuf::from) {
        return path.canonicalize().map_err(|fault| broken(format!("IPFS_BIN names {}: {fault}", path.display())));
    }
    let folders = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&folders).map(|folder| folder.join("ipfs")).find(|path| path.is_file());
    found.ok_or_else(|| absent("IPFS_BIN isn't set and PATH has no ipfs"))
}

pub(super) fn start(launcher: &Path) -> Result<(Address, Running), NodeError> {
    let program = program()?;
    let repository = TempDir::with_prefix("ww-conformance-ipfs-").map_err(broken)?;
    let ipfs = |words: &[&str]| {
        let mut command = Command::new(&program);
        command.args(words).env("IPFS_PATH", repository.path()).stdin(Stdio::null());
        let done = command.output().map_err(|fault| broken(format!("{}: {fault}", program.display())))?;
        if done.status.success() {
            return Ok(());
        }
        Err(broken(format!("ipfs {}: {}", words.join(" "), String::from_utf8_lossy(&done.stderr).trim())))
    };
    ipfs(&["init", "--profile=server,test"])?;
    ipfs(&["config", "--json", "Addresses", ADDRESSES])?;
    let (said, theirs) = pipe2(OFlag::O_CLOEXEC).map_err(broken)?;
    let null = File::open("/dev/null").map_err(broken)?;
    let variable = |key: &str, path: &Path| [key.as_bytes(), b"=", path.as_os_str().as_encoded_bytes()].concat();
    let plan = Plan {
        argv: [program.as_os_str().as_encoded_bytes(), b"daemon", b"--offline"].map(<[u8]>::to_vec).into(),
        env: vec![variable("IPFS_PATH", repository.path()), variable("HOME", repository.path())],
        cwd: Some(repository.path().to_owned()),
        fds: vec![(0, 0), (1, 1), (2, 1)],
        umask: 0o077,
        deadline_ms: u64::try_from(A_DAY.as_millis()).unwrap_or(u64::MAX),
        ..Plan::default()
    };
    let launch = Launch::start(launcher, &plan, &[null.as_fd(), theirs.as_fd()]).map_err(broken)?;
    drop(theirs);
    let said = Capture::of(said);
    let ready = |text: &[u8]| text.windows(15).any(|window| window == b"Daemon is ready");
    if !said.wait(READY, ready) {
        let text = String::from_utf8_lossy(&said.so_far()).into_owned();
        return Err(broken(format!("`ipfs daemon --offline` isn't ready within {READY:?}: {}", text.trim())));
    }
    let api = fs::read_to_string(repository.path().join("api")).map_err(broken)?;
    let address = Address::parse(&api).ok_or_else(|| broken(format!("its API is at {api:?}")))?;
    Ok((address, Running { launch, said, repository }))
}
