//! What a host takes of the machine, seen from outside: all processes of a run but the cell's own.

use std::fs;
use std::path::Path;
use std::time::Duration;

use nix::unistd::{SysconfVar, sysconf};

use crate::verdict::{Verdict, fail};

/// How much of a program's name its processes have (proc_pid_comm(5)).
const NAME: usize = 15;

/// The processes of one host.
pub(super) struct Host {
    pid: i32,
    cell: Vec<u8>,
}

impl Host {
    /// Of a run by its pid, and the program of its cell.
    pub(super) fn of(pid: i32, cell: &Path) -> Host {
        let name = cell.file_name().unwrap_or_default().as_encoded_bytes();
        Host { pid, cell: name[..name.len().min(NAME)].to_vec() }
    }

    /// What it has in memory now, in KiB.
    pub(super) fn memory(&self) -> Verdict<i64> {
        self.sum("VmRSS:")
    }

    /// The most that it ever had, in KiB.
    pub(super) fn most_memory(&self) -> Verdict<i64> {
        self.sum("VmHWM:")
    }

    /// How many descriptors are open in it, where that can be known.
    pub(super) fn descriptors(&self) -> Option<i64> {
        let count = |pid| fs::read_dir(format!("/proc/{pid}/fd")).ok().map(|entries| entries.count());
        let counts: Option<Vec<usize>> = self.processes().into_iter().map(count).collect();
        i64::try_from(counts?.into_iter().sum::<usize>()).ok()
    }

    /// The time of processors that it has taken.
    pub(super) fn time(&self) -> Verdict<Duration> {
        let ticks = sysconf(SysconfVar::CLK_TCK)?.unwrap_or(100).unsigned_abs();
        let taken = |pid| -> Option<u64> {
            // In user mode and in the kernel: the 14th and 15th field (proc_pid_stat(5)).
            let fields = stat(pid)?;
            Some(fields.get(11)?.parse::<u64>().ok()? + fields.get(12)?.parse::<u64>().ok()?)
        };
        let taken: u64 = self.processes().into_iter().filter_map(taken).sum();
        Ok(Duration::from_millis(taken * 1000 / ticks))
    }

    fn sum(&self, key: &str) -> Verdict<i64> {
        let of = |pid| {
            let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
            let line = status.lines().find_map(|line| line.strip_prefix(key))?;
            line.trim_matches(|c: char| !c.is_ascii_digit()).parse::<i64>().ok()
        };
        if of(self.pid).is_none() {
            return fail("a host that is there", format!("process {} has no {key}", self.pid));
        }
        Ok(self.processes().into_iter().filter_map(of).sum())
    }

    /// The host and all that it started, but for the cell.
    fn processes(&self) -> Vec<i32> {
        let all: Vec<(i32, i32)> = fs::read_dir("/proc")
            .into_iter()
            .flatten()
            .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
            .filter_map(|pid| Some((pid, stat(pid)?.get(1)?.parse().ok()?)))
            .collect();
        let mut of_run = vec![self.pid];
        let mut at = 0;
        while at < of_run.len() {
            let one = of_run[at];
            of_run.extend(all.iter().filter(|(_, parent)| *parent == one).map(|(pid, _)| *pid));
            at += 1;
        }
        of_run.retain(|pid| {
            let name = fs::read(format!("/proc/{pid}/comm")).unwrap_or_default();
            name.trim_ascii_end() != self.cell
        });
        of_run
    }
}

/// The fields of a process's stat file after its name, the state first.
fn stat(pid: i32) -> Option<Vec<String>> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, fields) = stat.rsplit_once(") ")?;
    Some(fields.split_whitespace().map(str::to_owned).collect())
}
