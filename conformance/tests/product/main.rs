//! `ww-conformance` as its users have it: a command line, exit codes, files.
//!
//! What is judged here is `fixtures/minimal-ww`, as it is and with faults: the suite itself is tested,
//! not the reference.

mod adapters;
mod compared;
mod expected;
mod interrupted;
mod replayed;
mod runs;
mod shards;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use assert_cmd::Command;
use tempfile::TempDir;
use ww_conformance::results::{CaseLine, Results};

/// A folder with an implementation and its adapter.
pub struct Place {
    folder: TempDir,
}

impl Place {
    /// `fixtures/minimal-ww` with parts of its text replaced.
    pub fn with(changes: &[(&str, &str)]) -> Self {
        let folder = TempDir::new().expect("a temporary directory");
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/minimal-ww/ww");
        let mut text = fs::read_to_string(source).expect("the minimal ww");
        for (old, new) in changes {
            assert!(text.contains(old), "{old} isn't in the minimal ww any more");
            text = text.replace(old, new);
        }
        let place = Self { folder };
        fs::write(place.path("ww"), text).expect("the implementation");
        fs::set_permissions(place.path("ww"), fs::Permissions::from_mode(0o755)).expect("its mode");
        place.adapter("")
    }

    /// The minimal ww as it is.
    pub fn sound() -> Self {
        Self::with(&[])
    }

    /// One that numbers grants from right to left.
    pub fn reversed() -> Self {
        Self::with(&[("**grants}", "**dict(reversed(grants.items()))}")])
    }

    /// Writes the adapter anew, with more lines.
    pub fn adapter(self, more: &str) -> Self {
        let text = "name = 'minimal'\ncommand = ['./ww', 'run']\nlayout = 'rpc-first'\nprofiles = ['core', 'fds']\n\
                    origin = 'source'\n";
        fs::write(self.path("adapter.toml"), format!("{text}{more}")).expect("the adapter");
        self
    }

    /// A path in its folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// `ww-conformance run --adapter … --report …` with more words.
    pub fn run(&self, words: &[&str]) -> Command {
        let mut command = suite(&["run", "--adapter"]);
        command.arg(self.path("adapter.toml")).arg("--report").arg(self.path("report")).args(words);
        command
    }

    /// What the last run found.
    pub fn results(&self) -> Results {
        Results::read(&self.path("report/results.jsonl")).expect("results")
    }
}

/// The suite's command line.
pub fn suite(words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ww-conformance"));
    command.args(words).env_remove("WW_CONFORMANCE_ADAPTER").env_remove("WW_BIN");
    command
}

/// The line of a case, in whichever layout.
pub fn line<'r>(results: &'r Results, name: &str) -> &'r CaseLine {
    let names = || results.cases.iter().map(|case| &case.name).collect::<Vec<_>>();
    let found = results.cases.iter().find(|case| case.name.split("::").next() == Some(name));
    found.unwrap_or_else(|| panic!("no line of {name}: {:?}", names()))
}
