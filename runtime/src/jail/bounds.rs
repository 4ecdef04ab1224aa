//! What bounds a run as a whole: time, memory, processes, descriptors. What was asked for, or the defaults.
//!
//! What must stay true: a run that asks for nothing is bounded too, so that no cell hurts its machine; every
//! message of a bound that was reached says how to raise it. docs/decisions/bounds.md says why these numbers.
//! Clauses: LIMIT-*.

use std::fmt;
use std::time::Duration;

const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;

/// The part of the machine's memory that a run gets unless it asks: one in so many.
const SHARE: u64 = 4;
/// The processes and threads that a run gets unless it asks.
const PROCESSES: u64 = 1024;
/// Descriptors that all processes of a run may have room for, in tables that grew ([`Usage::descriptors`]).
const DESCRIPTORS: u64 = 128 << 10;
/// The largest file that a cell may write, in bytes, wherever it was handed one.
const FILE: u64 = 16 * GIB;

/// What the command line asks for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Asked {
    /// `--timeout`.
    pub timeout: Option<Duration>,
    /// `--memory`, in bytes.
    pub memory: Option<u64>,
    /// `--pids`.
    pub processes: Option<u64>,
}

/// The bounds of one run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// How long the cell may run.
    pub timeout: Option<Duration>,
    /// Bytes of memory of all its processes together.
    pub memory: u64,
    /// Whether that was asked for: then a cgroup enforces it, to the byte; otherwise the host watches.
    pub exact: bool,
    /// Processes and threads, the cell's own included; `None` where they can't be told from the user's others.
    pub processes: Option<u64>,
    /// Descriptors of all processes together.
    pub descriptors: u64,
    /// Bytes of the largest file.
    pub file: u64,
}

impl Bounds {
    /// The bounds of a run on a machine with so many bytes of memory. `counts` is whether the
    /// kernel counts the run's processes by themselves.
    pub fn new(asked: Asked, machine: u64, counts: bool) -> Bounds {
        Bounds {
            timeout: asked.timeout.filter(|timeout| !timeout.is_zero()),
            memory: asked.memory.unwrap_or_else(|| share(machine)),
            exact: asked.memory.is_some(),
            processes: counts.then(|| asked.processes.unwrap_or(PROCESSES)),
            descriptors: DESCRIPTORS,
            file: FILE,
        }
    }

    /// The same within a container of so many bytes of memory, of which the run has its part unless it asked.
    pub fn within(self, container: Option<u64>) -> Bounds {
        match container.map(share) {
            Some(share) if !self.exact => Bounds { memory: self.memory.min(share), ..self },
            _ => self,
        }
    }

    /// What each process may map to write to, unless it says otherwise. Where a cgroup counts what is used, nothing
    /// has to count what is mapped, and programs that reserve much (sanitizers, some language runtimes) run as
    /// they are.
    pub fn data(&self) -> Option<u64> {
        (!self.exact).then_some(self.memory)
    }

    /// The bound that a usage has come to without being over it: the kernel refuses more.
    pub fn exhausted(&self, usage: &Usage) -> Option<Reached> {
        if let Some(processes) = self.processes.filter(|processes| usage.processes >= *processes) {
            Some(Reached::Processes(processes))
        } else if self.data().is_some_and(|data| usage.mapped >= data - data / 16) {
            Some(Reached::Memory(Size(self.memory)))
        } else {
            None
        }
    }
}

fn share(machine: u64) -> u64 {
    (machine / SHARE / MIB * MIB).max(MIB)
}

/// What a run uses at one moment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// Processes and threads, without the init.
    pub processes: u64,
    /// Bytes in memory or swapped out.
    pub memory: u64,
    /// Bytes that the largest process has mapped to write to.
    pub mapped: u64,
    /// Places in descriptor tables that outgrew their first 64.
    pub descriptors: u64,
}

/// A bound that a run reached. Each says what to do about it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Reached {
    /// The time is over.
    #[error("timed out: the cell ran for {} (--timeout gives it more)", Span(*.0))]
    Time(Duration),
    /// All memory of the run together.
    #[error("the cell reached its bound of {0} of memory (--memory raises it)")]
    Memory(Size),
    /// Memory that can't be told apart from other programs'.
    #[error("the cell was killed: memory ran short while it ran, and {0} of it are gone (--memory bounds it exactly)")]
    Shortage(Size),
    /// Processes and threads.
    #[error("the cell had all of the {0} processes and threads that it may have (--pids raises it)")]
    Processes(u64),
    /// Descriptors of all its processes together.
    #[error("the cell reached its bound of {0} open descriptors, which no flag raises: run it as several cells")]
    Descriptors(u64),
    /// One file, as far as the signal tells: a cell can send it to itself.
    #[error(
        "SIGXFSZ ended the cell, as a file of its own over {0} does; no flag raises that: have it write to a pipe \
         (| cat >FILE)"
    )]
    File(Size),
}

/// Bytes, as `--memory` takes them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size(pub u64);

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            bytes if bytes > 0 && bytes.is_multiple_of(GIB) => write!(f, "{}G", bytes / GIB),
            bytes if bytes > 0 && bytes.is_multiple_of(MIB) => write!(f, "{}M", bytes / MIB),
            bytes if bytes > 0 && bytes.is_multiple_of(1024) => write!(f, "{}K", bytes / 1024),
            bytes => write!(f, "{bytes} bytes"),
        }
    }
}

/// A time, as `--timeout` takes it.
struct Span(Duration);

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.subsec_millis() {
            0 => write!(f, "{}s", self.0.as_secs()),
            _ => write!(f, "{}ms", self.0.as_millis()),
        }
    }
}

/// Why the kernel doesn't count the processes of a run by themselves.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Uncounted {
    /// There is no user namespace that has nothing else in it.
    #[error("only the full jail has a user namespace of its own, without which all processes of the user count")]
    Level,
    /// The kernel counts for the user, whatever the namespace.
    #[error("Linux {0} counts all processes of a user as one; 5.14 or newer is needed")]
    Kernel(String),
}

/// Whether the processes of a run are counted by themselves: RLIMIT_NPROC is kept for each user of each user
/// namespace from Linux 5.14 on (`release` is what `uname -r` says).
pub fn counts_processes(has_namespaces: bool, release: &str) -> Result<(), Uncounted> {
    let mut numbers = release.split(|c: char| !c.is_ascii_digit()).map_while(|part| part.parse::<u32>().ok());
    let version = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
    match (has_namespaces, version >= (5, 14)) {
        (false, _) => Err(Uncounted::Level),
        (true, false) => Err(Uncounted::Kernel(release.to_owned())),
        (true, true) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limit_a_run_that_asks_for_nothing_is_bounded() {
        let bounds = Bounds::new(Asked::default(), 8 * GIB, true);
        assert_eq!((bounds.memory, bounds.exact, bounds.data()), (2 * GIB, false, Some(2 * GIB)));
        assert!(bounds.processes.is_some_and(|processes| processes < 3000));
        assert_eq!(bounds.timeout, None);
    }

    #[test]
    fn limit_what_is_asked_for_counts() {
        let asked = Asked { timeout: Some(Duration::from_secs(2)), memory: Some(GIB), processes: Some(7) };
        let bounds = Bounds::new(asked, 8 * GIB, true);
        assert_eq!((bounds.timeout, bounds.memory, bounds.processes), (asked.timeout, GIB, Some(7)));
        assert_eq!((bounds.exact, bounds.data()), (true, None));
        assert_eq!(Bounds::new(Asked { timeout: Some(Duration::ZERO), ..asked }, GIB, true).timeout, None);
    }

    #[test]
    fn limit_a_container_counts_for_the_machine() {
        let bounds = Bounds::new(Asked::default(), 8 * GIB, true);
        let memory = [None, Some(GIB), Some(64 * GIB)].map(|around| bounds.within(around).memory);
        assert_eq!(memory, [2 * GIB, GIB / 4, 2 * GIB]);
        let asked = Bounds::new(Asked { memory: Some(GIB), ..Asked::default() }, 8 * GIB, true);
        assert_eq!(asked.within(Some(GIB)).memory, GIB);
    }

    #[test]
    fn limit_what_the_kernel_refuses_is_told_apart() {
        let bounds = Bounds::new(Asked { processes: Some(10), ..Asked::default() }, 4 * GIB, true);
        let calm = Usage { processes: 9, memory: GIB, mapped: GIB / 2, descriptors: 0 };
        assert_eq!(bounds.exhausted(&calm), None);
        assert_eq!(bounds.exhausted(&Usage { mapped: GIB, ..calm }), Some(Reached::Memory(Size(GIB))));
        assert_eq!(bounds.exhausted(&Usage { processes: 10, ..calm }), Some(Reached::Processes(10)));
        let uncounted = Bounds { processes: None, ..bounds };
        assert_eq!(uncounted.exhausted(&Usage { processes: 5000, ..calm }), None);
    }

    #[test]
    fn sizes_and_times_read_as_their_flags_take_them() {
        let sizes = [2 * GIB, 6026 * MIB, 3 << 10, 1000].map(|bytes| Size(bytes).to_string());
        assert_eq!(sizes, ["2G", "6026M", "3K", "1000 bytes"].map(str::to_owned));
        assert_eq!(Reached::Time(Duration::from_millis(1500)).to_string().matches("1500ms").count(), 1);
        assert_eq!(Reached::Time(Duration::from_secs(90)).to_string().matches("90s").count(), 1);
    }

    #[test]
    fn kernels_that_count_processes_by_namespace() {
        for new in ["5.14.0", "6.1.0-18-amd64", "6.18.44-fc-v669", "10.0"] {
            assert_eq!(counts_processes(true, new), Ok(()), "{new}");
            assert_eq!(counts_processes(false, new), Err(Uncounted::Level));
        }
        for old in ["5.13.19", "5.4.0-generic", "4.18.0", ""] {
            assert_eq!(counts_processes(true, old), Err(Uncounted::Kernel(old.to_owned())), "{old}");
        }
    }
}
