//! What is to be started and in which state, and what the launcher says about it, as data.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::sys::RefusedCall;

/// Text of the command line or environment: any bytes but NUL.
pub(crate) type Bytes = Vec<u8>;

/// A user to become before the start.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// User id.
    pub uid: u32,
    /// Group id.
    pub gid: u32,
    /// Supplementary groups.
    pub groups: Vec<u32>,
}

/// A limit of setrlimit(2), in its units; `None` is "no limit".
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limit {
    /// The number of the resource (`RLIMIT_NOFILE`, …).
    pub resource: u32,
    /// Soft limit.
    pub soft: Option<u64>,
    /// Hard limit.
    pub hard: Option<u64>,
}

/// A file system in memory of this run's own, mounted where only the run sees it. Needs root.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tmpfs {
    /// Where.
    pub at: PathBuf,
    /// How much it holds, in bytes.
    pub bytes: u64,
    /// Whether nothing on it can be executed.
    pub noexec: bool,
    /// Whether nothing can be written to it, once `holds` is there.
    pub read_only: bool,
    /// Programs that are copied into it: from where, to which name.
    pub holds: Vec<(PathBuf, String)>,
}

/// One command and the whole state that it is started in.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// Program and arguments; the program is a path.
    pub argv: Vec<Bytes>,
    /// The whole environment, `KEY=VALUE` each.
    pub env: Vec<Bytes>,
    /// Working directory.
    pub cwd: Option<PathBuf>,
    /// Numbers that are open in the command, each with the index of the sent descriptor that it
    /// leads to. All others are closed, 0, 1 and 2 too.
    pub fds: Vec<(i32, usize)>,
    /// Limits.
    pub limits: Vec<Limit>,
    /// Signals that are ignored; all others have their default.
    pub ignored: Vec<i32>,
    /// Signals that are blocked.
    pub blocked: Vec<i32>,
    /// Umask.
    pub umask: u32,
    /// User to become.
    pub user: Option<User>,
    /// Whether descriptor 0 becomes the controlling terminal of a new session.
    pub terminal: bool,
    /// A file system of its own.
    pub tmpfs: Option<Tmpfs>,
    /// System calls that are refused.
    pub refused: Vec<RefusedCall>,
    /// When the run is taken for hung and killed, in milliseconds.
    pub deadline_ms: u64,
    /// How long what is left after the command's end may take to go, in milliseconds.
    pub grace_ms: u64,
}

/// A process that was still there when the command had ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stray {
    /// Its pid.
    pub pid: i32,
    /// Its name (`comm`).
    pub name: String,
}

/// What the launcher says. `Started` comes with a pidfd.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Event {
    /// The command was executed.
    Started { pid: i32 },
    /// A step before failed.
    Refused { stage: String, errno: i32 },
    /// It stopped by a signal, as job control does.
    Stopped { signal: i32 },
    /// It went on.
    Continued,
    /// It ended, by itself or because it was killed: at the deadline, or for its processes.
    Ended { code: Option<i32>, signal: Option<i32>, overdue: bool, flooded: bool },
    /// What was left at the end, what of it had to be killed, which files lie on the file system of
    /// its own, and the most memory used (KiB).
    Settled { left: Vec<Stray>, killed: Vec<Stray>, files: Vec<String>, peak_kib: i64 },
}

/// What the suite orders.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Order {
    /// Kill everything and report.
    Kill,
}
