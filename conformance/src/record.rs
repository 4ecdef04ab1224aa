//! What a case ran, as data: enough to say it, and to run it again.
//!
//! What it does: a [`Record`] has the whole state that a command was started in, what each of its
//! descriptors led to, and how it ended.
//! What must stay true: it is made before the command starts, of what it really gets.

use std::os::fd::{AsFd, AsRawFd};
use std::path::PathBuf;

use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::sys::stat::{SFlag, fstat};
use nix::unistd::{Whence, isatty, lseek};
use serde::{Deserialize, Serialize};

use crate::ended::Ended;
use crate::launch::Plan;

/// One command that a case ran.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// The state that it was started in.
    pub plan: Plan,
    /// What its descriptors led to.
    pub placed: Vec<Placed>,
    /// Whether it was a run of the implementation.
    pub judged: bool,
    /// How it ended; nothing where the case stopped before.
    pub end: Option<End>,
}

/// A descriptor of a command.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Placed {
    /// Its number.
    pub number: i32,
    /// What it leads to.
    pub to: Target,
}

/// What a descriptor leads to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Target {
    /// A pipe whose other end the suite takes in: an ordinary standard output or error.
    Captured,
    /// `/dev/null`.
    Null,
    /// A file or directory.
    File {
        /// Where it lies.
        path: PathBuf,
        /// Whether it can be read.
        reads: bool,
        /// Whether it can be written.
        writes: bool,
        /// Where in it the next byte is read or written.
        offset: i64,
    },
    /// A terminal.
    Terminal,
    /// A pipe, a socket or something else that no path leads to.
    Other(String),
}

/// How a command ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct End {
    /// Its exit code.
    pub code: Option<i32>,
    /// The signal that ended it.
    pub signal: Option<i32>,
    /// Whether the watchdog killed it.
    pub overdue: bool,
    /// What it wrote to standard output, escaped, as far as it is kept.
    pub stdout: String,
    /// What it wrote to standard error.
    pub stderr: String,
}

/// How much of a stream a record keeps, in bytes.
const KEPT: usize = 64 * 1024;

impl From<&Ended> for End {
    fn from(ended: &Ended) -> Self {
        let kept = |bytes: &[u8]| bytes[..bytes.len().min(KEPT)].escape_ascii().to_string();
        let report = &ended.report;
        Self {
            code: report.code,
            signal: report.signal,
            overdue: report.overdue,
            stdout: kept(&ended.stdout),
            stderr: kept(&ended.stderr),
        }
    }
}

/// Looks at what a descriptor leads to.
pub(crate) fn target(fd: &impl AsFd) -> Target {
    let fd = fd.as_fd();
    let link = std::fs::read_link(format!("/proc/self/fd/{}", fd.as_raw_fd())).unwrap_or_default();
    let kind = fstat(fd).map(|stat| SFlag::from_bits_truncate(stat.st_mode) & SFlag::S_IFMT);
    match kind {
        Ok(SFlag::S_IFCHR) if link.as_os_str() == "/dev/null" => Target::Null,
        Ok(SFlag::S_IFCHR) if isatty(fd).unwrap_or(false) => Target::Terminal,
        Ok(SFlag::S_IFREG | SFlag::S_IFDIR) => {
            let flags = OFlag::from_bits_truncate(fcntl(fd, FcntlArg::F_GETFL).unwrap_or(0)) & OFlag::O_ACCMODE;
            let offset = lseek(fd, 0, Whence::SeekCur).unwrap_or(0);
            Target::File { path: link, reads: flags != OFlag::O_WRONLY, writes: flags != OFlag::O_RDONLY, offset }
        }
        _ => Target::Other(link.to_string_lossy().into_owned()),
    }
}
