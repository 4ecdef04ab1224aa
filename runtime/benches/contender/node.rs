//! A Kubo to compare with.
//!
//! What must stay true: it is the benchmark's own, talks to nobody, and is gone with it.

use std::io::Read;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// What makes `ipfs add` give the CIDs of `ww export`.
pub const PROFILE: [&str; 4] = ["--cid-version=1", "--raw-leaves", "--chunker=size-1048576", "--max-file-links=1024"];

/// A daemon of the benchmark's own.
pub struct Node {
    ipfs: PathBuf,
    repository: PathBuf,
    /// Where it is asked.
    pub api: String,
    daemon: Child,
}

impl Node {
    /// Starts one, off line, with an empty repository in a directory.
    pub fn start(ipfs: &Path, directory: &Path) -> Result<Node, String> {
        let repository = directory.join("repository");
        let free = || TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr());
        let address =
            || free().map(|free| format!("/ip4/127.0.0.1/tcp/{}", free.port())).map_err(|error| error.to_string());
        let (api, gateway) = (address()?, address()?);
        let settings: [&[&str]; 4] = [
            &["init", "--profile=test"],
            &["config", "Addresses.API", &api],
            &["config", "Addresses.Gateway", &gateway],
            &["config", "--json", "Addresses.Swarm", "[]"],
        ];
        for words in settings {
            said(Command::new(ipfs).env("IPFS_PATH", &repository).args(words))?;
        }
        let mut daemon = Command::new(ipfs)
            .env("IPFS_PATH", &repository)
            .args(["daemon", "--offline"])
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| error.to_string())?;
        let mut output = daemon.stdout.take().ok_or("no output")?;
        let mut text = Vec::new();
        let node = Node { ipfs: ipfs.to_owned(), repository, api, daemon };
        while !String::from_utf8_lossy(&text).contains("Daemon is ready") {
            let mut part = [0; 4096];
            match output.read(&mut part) {
                Ok(count) if count > 0 => text.extend_from_slice(&part[..count]),
                _ => return Err(format!("the daemon says {:?}", String::from_utf8_lossy(&text))),
            }
        }
        // It must not end because nobody listens.
        std::thread::spawn(move || std::io::copy(&mut output, &mut std::io::sink()));
        Ok(node)
    }

    /// The path of a file that is put there, with CIDs as `ww export` makes them.
    pub fn add(&self, path: &Path) -> Result<String, String> {
        said(self.command("add").args(["-Q"]).args(PROFILE).arg(path)).map(|cid| format!("/ipfs/{cid}"))
    }

    /// A command of `ipfs` that the daemon does.
    pub fn command(&self, verb: &str) -> Command {
        let mut command = Command::new(&self.ipfs);
        command.env("IPFS_PATH", &self.repository).args(["--api", &self.api, verb]).stdin(Stdio::null());
        command
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        let _ = self.daemon.kill();
        let _ = self.daemon.wait();
    }
}

/// What a command prints.
pub fn said(command: &mut Command) -> Result<String, String> {
    let output = command.output().map_err(|error| error.to_string())?;
    match output.status.success() {
        true => Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned()),
        false => Err(String::from_utf8_lossy(&output.stderr).into_owned()),
    }
}
