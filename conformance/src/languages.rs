//! Cells and peers in other languages: where they are, and how they are started.
//!
//! What it does: a folder of programs is named by its variable, or built by the repository's `ci/languages`, into
//! the user's cache, once.
//! What must stay true: what is named and isn't there is a fault of the harness; only where nobody named it and
//! this machine can't build it is a case not to be verified, with the reason.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::invocation::Invocation;
use crate::suite::Suite;
use crate::verdict::{Stop, Verdict};

/// What a cell is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    /// C++, with its own library of Cap'n Proto.
    Cpp,
    /// Go, with go-capnp.
    Go,
    /// Python, with pycapnp.
    Python,
    /// Rust, with capnp-rpc.
    Rust,
}

impl Language {
    /// The variable that names the folder of its cells.
    #[must_use]
    pub fn cells(self) -> &'static str {
        match self {
            Language::Cpp => "WW_CELLS_CPP",
            Language::Go => "WW_CELLS_GO",
            Language::Python => "WW_CELLS_PYTHON",
            Language::Rust => "WW_CELLS_RUST",
        }
    }

    /// The variable that names the folder of its peers; C++ and Python have no libp2p.
    #[must_use]
    pub fn peers(self) -> Option<&'static str> {
        match self {
            Language::Cpp | Language::Python => None,
            Language::Go => Some("WW_PEERS_GO"),
            Language::Rust => Some("WW_PEERS_RUST"),
        }
    }
}

impl<'a> Suite<'a> {
    /// A run of the implementation with a language's cell of this name, and its words.
    ///
    /// # Errors
    /// That it can't be verified, where this machine can't build the cell.
    pub fn cell_in(
        &'a self,
        language: Language,
        name: &str,
        run: Invocation<'a>,
        words: &[&str],
    ) -> Verdict<Invocation<'a>> {
        let folder = folder(language.cells())?;
        if language != Language::Python {
            return Ok(run.binary(folder.join(name), words));
        }
        // Who shows a cell the whole machine has no flag to show it something.
        let run = if self.judges("LIMIT-02") { run.flags([b"--ro", bytes(&folder)]) } else { run };
        let program = folder.join(name).with_extension("py");
        Ok(run.binary(folder.join("venv/bin/python3"), [bytes(&program)]).flags(words))
    }

    /// A language's peer of this name, and its words.
    ///
    /// # Errors
    /// That it can't be verified, where this machine can't build the peer.
    pub fn peer_in(&'a self, language: Language, name: &str, words: &[&str]) -> Verdict<Invocation<'a>> {
        let Some(variable) = language.peers() else {
            return Err(Stop::Harness(format!("there is no peer in {language:?}")));
        };
        Ok(self.command([bytes(&folder(variable)?.join(name))]).flags(words))
    }
}

fn bytes(path: &Path) -> &[u8] {
    path.as_os_str().as_encoded_bytes()
}

/// The folder of this name.
///
/// # Errors
/// That a case can't be verified, where this machine can't build it.
pub fn folder(variable: &str) -> Verdict<PathBuf> {
    if let Some(named) = std::env::var_os(variable).map(PathBuf::from) {
        let there = named.join("ready").is_file();
        return if there {
            Ok(named)
        } else {
            Err(Stop::Harness(format!("{variable} names {}, where nothing was built", named.display())))
        };
    }
    let builder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../ci/languages");
    let built = Command::new(&builder).arg(variable).output();
    let built = built
        .map_err(|fault| Stop::NotVerifiable(format!("{variable} isn't set, and {}: {fault}", builder.display())))?;
    let said = String::from_utf8_lossy(&built.stdout);
    let place = said.trim().strip_prefix("export ").and_then(|line| line.split_once('='));
    match place {
        Some((_, path)) if built.status.success() => Ok(path.trim_matches('\'').into()),
        _ => Err(Stop::NotVerifiable(format!(
            "{variable} isn't set, and {}",
            String::from_utf8_lossy(&built.stderr).trim()
        ))),
    }
}
