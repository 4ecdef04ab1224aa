//! A Kubo of the test's own: offline, in a repository of its own, on free ports, gone with the test.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;
use ww::content::{Content, ContentPath, Timeouts};
use ww::endpoint::Endpoint;

/// A running daemon.
pub struct Kubo {
    daemon: Child,
    repository: TempDir,
    pub endpoint: Endpoint,
}

impl Kubo {
    /// Starts a daemon and waits for its "Daemon is ready".
    pub fn start() -> Kubo {
        Kubo::start_with(&[])
    }

    /// As [`Kubo::start`], with settings of its configuration, which it reads at its start alone.
    pub fn start_with(settings: &[(&str, &str)]) -> Kubo {
        let repository = TempDir::new().unwrap();
        ipfs_in(repository.path(), &["init", "--profile=server,test"], None);
        let addresses = r#"{"API":"/ip4/127.0.0.1/tcp/0","Gateway":"/ip4/127.0.0.1/tcp/0","Swarm":[]}"#;
        ipfs_in(repository.path(), &["config", "--json", "Addresses", addresses], None);
        for (key, value) in settings {
            ipfs_in(repository.path(), &["config", "--json", key, value], None);
        }
        let mut daemon =
            command(repository.path()).args(["daemon", "--offline"]).stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(daemon.stdout.take().unwrap()).lines();
        assert!(lines.any(|line| line.unwrap().contains("Daemon is ready")), "the daemon ended");
        // Its pipe must not fill up, nor break.
        std::thread::spawn(move || lines.for_each(drop));
        let api = std::fs::read_to_string(repository.path().join("api")).unwrap();
        Kubo { daemon, repository, endpoint: Endpoint::parse(api.trim()).unwrap() }
    }

    /// Runs `ipfs` against this daemon; returns what it printed.
    pub fn ipfs(&self, args: &[&str]) -> String {
        ipfs_in(self.repository.path(), args, None)
    }

    /// As [`Kubo::ipfs`], with a standard input.
    pub fn ipfs_with(&self, args: &[&str], input: &[u8]) -> String {
        ipfs_in(self.repository.path(), args, Some(input))
    }

    pub fn content(&self) -> Content {
        Content::new(self.endpoint.clone(), Timeouts::default())
    }
}

impl Drop for Kubo {
    fn drop(&mut self) {
        self.daemon.kill().unwrap();
        self.daemon.wait().unwrap();
    }
}

pub fn path(text: impl AsRef<str>) -> ContentPath {
    let text = text.as_ref();
    ContentPath::parse(text).unwrap_or_else(|| panic!("{text} is taken for a local path")).unwrap()
}

/// Runs a future to its end on a runtime of its own.
pub fn wait<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

/// `length` bytes without a pattern that a chunker could fall for.
pub fn noise(length: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15u64;
    let next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state as u8
    };
    std::iter::repeat_with(next).take(length).collect()
}

fn ipfs_in(repository: &Path, args: &[&str], input: Option<&[u8]>) -> String {
    let mut child = command(repository)
        .args(args)
        .stdin(if input.is_some() { Stdio::piped() } else { Stdio::null() })
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    if let Some(input) = input {
        child.stdin.take().unwrap().write_all(input).unwrap();
    }
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "ipfs {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

fn command(repository: &Path) -> Command {
    let mut command = Command::new(binary());
    command.env("IPFS_PATH", repository);
    command
}

fn binary() -> PathBuf {
    let on_path =
        || std::env::split_paths(&std::env::var_os("PATH")?).map(|dir| dir.join("ipfs")).find(|file| file.is_file());
    let binary = std::env::var_os("IPFS_BIN").map(PathBuf::from).or_else(on_path);
    binary.expect("no Kubo: install one (https://docs.ipfs.tech/install/command-line) or let `ci/setup` build it, then put `ipfs` on PATH or name it with IPFS_BIN")
}
