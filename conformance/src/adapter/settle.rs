//! What an adapter may not be, as far as that can be told without running anything.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use thiserror::Error;

use super::{Adapter, Addresses};
use crate::clauses::Profile;
use crate::toml_fault::TomlFault;

/// Why there is no adapter.
#[derive(Debug, Error)]
pub enum AdapterError {
    /// The file can't be read.
    #[error("the adapter {0} can't be read")]
    Read(PathBuf, #[source] std::io::Error),
    /// The file isn't an adapter.
    #[error("the adapter {0} isn't one")]
    Format(PathBuf, #[source] TomlFault),
    /// The command is empty, or its program isn't there.
    #[error("the adapter's command {0:?} is no program that is there")]
    NoProgram(PathBuf),
    /// The program is there and can't be executed.
    #[error("the adapter's command {0:?} is no program that can be executed")]
    NotExecutable(PathBuf),
    /// It contradicts itself.
    #[error("the adapter {0}")]
    Contradiction(String),
    /// Words that a shell wouldn't take.
    #[error("the command {0:?} has a quote without its other end")]
    Quotes(String),
    /// No adapter and no `ww` beside the suite.
    #[error(
        "there is no implementation to judge: {0} doesn't exist. Name a command by --impl, or describe one by \
         --adapter (`ww-conformance adapter init` writes a file to fill in), or build the reference \
         (cargo build -p ww --bin ww) or name it by WW_BIN=/path/to/ww"
    )]
    NoImplementation(PathBuf),
}

impl Adapter {
    /// Finds the program, relative to a folder, and whatever else can be wrong without running anything.
    pub(super) fn settled(mut self, folder: &Path) -> Result<Self, AdapterError> {
        let program = self.command.first_mut().ok_or_else(|| AdapterError::NoProgram(PathBuf::new()))?;
        let found = folder.join(&*program);
        let found = found.canonicalize().map_err(|_| AdapterError::NoProgram(found))?;
        let executable =
            fs::metadata(&found).is_ok_and(|file| file.is_file() && file.permissions().mode() & 0o111 != 0);
        if !executable {
            return Err(AdapterError::NotExecutable(found));
        }
        if self.name.is_empty() {
            self.name = found.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
        }
        *program = found.to_string_lossy().into_owned();
        match self.tools.first_mut() {
            Some(program) => {
                let found = folder.join(&*program);
                let found = found.canonicalize().map_err(|_| AdapterError::NoProgram(found))?;
                *program = found.to_string_lossy().into_owned();
            }
            None => {
                if let [words @ .., last] = &self.command[..]
                    && last == "run"
                {
                    self.tools = words.to_vec();
                }
            }
        }
        match self.contradiction() {
            Some(what) => Err(AdapterError::Contradiction(what)),
            None => Ok(self),
        }
    }

    fn contradiction(&self) -> Option<String> {
        if self.profiles.is_empty() {
            return Some("claims no profile: there is nothing to judge".into());
        }
        if self.profiles.contains(&Profile::Store) && self.tools.is_empty() {
            return Some("claims the profile store, and neither names `tools` nor ends its command with `run`".into());
        }
        for (name, flag) in [("layout-flag", &self.layout_flag), ("ipfs-timeout-flag", &self.ipfs_timeout_flag)] {
            if let Some(flag) = flag
                && !flag.starts_with('-')
            {
                return Some(format!("gives {flag:?} as {name}, which doesn't begin with a dash"));
            }
        }
        if let Some(profile) = self.arguments.keys().find(|profile| !self.profiles.contains(profile)) {
            return Some(format!("has arguments for the profile {profile}, which it doesn't claim"));
        }
        let Some(addresses) = &self.addresses else { return None };
        if !self.profiles.contains(&Profile::P2p) {
            return Some("tells how it gives libp2p addresses, and doesn't claim the profile p2p".into());
        }
        match addresses {
            Addresses::StatusFd if !self.profiles.contains(&Profile::Status) => {
                Some("has its addresses on --status-fd, and doesn't claim the profile status".into())
            }
            Addresses::StatusFd => None,
            Addresses::Stderr(pattern) => match regex::Regex::new(pattern) {
                Err(fault) => Some(format!("has an ill-formed regular expression for addresses: {fault}")),
                Ok(regex) if !regex.capture_names().any(|name| name == Some("addr")) => {
                    Some("has a regular expression for addresses without a group `(?<addr>…)`".into())
                }
                Ok(_) => None,
            },
        }
    }
}
