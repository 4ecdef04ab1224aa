//! What a run uses at one moment, read from /proc: its processes are the descendants of its init.
//!
//! What must stay true: a process that comes or goes meanwhile is no error; what a cell writes into its own
//! name or arguments is never parsed.
//! Clauses: LIMIT-*.

use std::collections::HashMap;
use std::fs;
use std::os::unix::fs::MetadataExt;

use crate::jail::bounds::Usage;

/// Places in a descriptor table before it grows for the first time (NR_OPEN_DEFAULT).
const FIRST_DESCRIPTORS: u64 = 64;

/// How links of /proc/PID/fd to files in memory begin.
const MEMORY_FILE: &str = "/memfd:";
/// What `st_blocks` counts in (stat(3type)).
const BLOCK: u64 = 512;

/// The processes of a run at one moment.
#[derive(Debug, Default)]
pub struct Sample {
    /// What they use; memory that they share is counted for each of them.
    pub usage: Usage,
    /// Each with its bytes of memory.
    processes: Vec<(i32, u64)>,
}

impl Sample {
    /// Looks at all that lives below an init.
    pub(super) fn of(init: i32) -> Sample {
        let mut sample = Sample::default();
        let mut children = Children::default();
        let mut open = vec![init];
        while let Some(pid) = open.pop() {
            let Ok(status) = fs::read_to_string(format!("/proc/{pid}/status")) else { continue };
            let status = Status::of(&status);
            open.extend(children.of(pid, status.threads));
            sample.usage.memory += status.memory;
            sample.usage.mapped = sample.usage.mapped.max(status.mapped);
            sample.usage.descriptors += if status.places > FIRST_DESCRIPTORS { status.places } else { 0 };
            if pid != init {
                sample.usage.processes += status.threads;
            }
            sample.processes.push((pid, status.memory));
        }
        sample
    }

    /// The processes.
    pub(super) fn pids(&self) -> impl Iterator<Item = i32> {
        self.processes.iter().map(|process| process.0)
    }

    /// Their bytes of memory with what they share counted once, and with files in memory that they have open (memfd_create(2)),
    /// mapped or not: dear, the kernel walks all of their pages.
    pub fn memory(&self) -> u64 {
        let (mut memory, mut shared) = (0, 0);
        for (pid, all) in &self.processes {
            match fs::read_to_string(format!("/proc/{pid}/smaps_rollup")) {
                Ok(rollup) => {
                    memory += kib(&rollup, "Pss:") + kib(&rollup, "SwapPss:");
                    shared += kib(&rollup, "Pss_Shmem:");
                }
                // One that is gone meanwhile, or another user's (no jail to look into): what it has, it has.
                Err(_) => memory += if fs::exists(format!("/proc/{pid}")).unwrap_or(false) { *all } else { 0 },
            }
        }
        // What is mapped of those files is in both counts.
        memory - shared.min(memory) + shared.max(self.files())
    }

    /// The bytes of files in memory that have no place in a tree, and that one of the processes has open.
    fn files(&self) -> u64 {
        let mut found = HashMap::new();
        for (pid, _) in &self.processes {
            let open = fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
            for entry in open.map(|entry| entry.path()) {
                let leads = fs::read_link(&entry).unwrap_or_default();
                if leads.as_os_str().as_encoded_bytes().starts_with(MEMORY_FILE.as_bytes())
                    && let Ok(file) = fs::metadata(&entry)
                {
                    found.insert((file.dev(), file.ino()), file.blocks() * BLOCK);
                }
            }
        }
        found.values().sum()
    }
}

/// What the machine's memory is, in bytes (proc_meminfo(5)).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Memory {
    /// All of it.
    pub total: u64,
    /// What programs can still have.
    pub available: u64,
    /// What files in memory take, those that are mapped and those that aren't.
    pub files: u64,
}

impl Memory {
    /// As it is now; `None` where this system doesn't say.
    pub fn now() -> Option<Memory> {
        let text = fs::read_to_string("/proc/meminfo").ok()?;
        let [total, available, files] = ["MemTotal:", "MemAvailable:", "Shmem:"].map(|key| kib(&text, key));
        (available > 0).then_some(Memory { total, available, files })
    }
}

/// The bytes of memory that this machine has.
pub fn memory_of_machine() -> u64 {
    nix::sys::sysinfo::sysinfo().map_or(0, |info| info.ram_total())
}

/// The bytes of files in memory, of all programs, mapped or not: `Shmem` of /proc/meminfo, sooner had.
pub fn files_in_memory() -> u64 {
    // SAFETY: all zero is valid for a struct of integers, which the call fills.
    let info = unsafe {
        let mut info = std::mem::zeroed::<libc::sysinfo>();
        if libc::sysinfo(&raw mut info) == 0 { Some(info) } else { None }
    };
    info.map_or(0, |info| info.sharedram * u64::from(info.mem_unit))
}

/// How many processors this process may use, and with it its cell (sched_getaffinity(2)).
pub fn processors() -> u64 {
    // SAFETY: all zero is an empty set, which the call fills and is told the size of; CPU_COUNT reads it.
    let count = unsafe {
        let mut set = std::mem::zeroed::<libc::cpu_set_t>();
        match libc::sched_getaffinity(0, size_of::<libc::cpu_set_t>(), &raw mut set) {
            0 => libc::CPU_COUNT(&set),
            _ => 1,
        }
    };
    u64::try_from(count).unwrap_or(1).max(1)
}

/// The release of the kernel, as `uname -r` says it.
pub fn kernel() -> String {
    nix::sys::utsname::uname().map(|name| name.release().to_string_lossy().into_owned()).unwrap_or_default()
}

/// A line of a file of /proc that gives a number of KiB, in bytes; 0 where there is none (a kernel thread's, a
/// zombie's).
fn kib(text: &str, key: &str) -> u64 {
    number(text, key) << 10
}

/// The number behind a key. A key is looked for at the start of lines, where no name that a cell chose can be.
fn number(text: &str, key: &str) -> u64 {
    let rest = text.lines().find_map(|line| line.strip_prefix(key));
    rest.and_then(|rest| rest.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}

/// What counts in `/proc/PID/status` (proc_pid_status(5)).
#[derive(Debug, PartialEq, Eq)]
struct Status {
    threads: u64,
    memory: u64,
    mapped: u64,
    places: u64,
}

impl Status {
    fn of(text: &str) -> Status {
        Status {
            threads: number(text, "Threads:").max(1),
            memory: kib(text, "VmRSS:") + kib(text, "VmSwap:"),
            mapped: kib(text, "VmData:"),
            places: number(text, "FDSize:"),
        }
    }
}

/// Who is whose child. The kernel lists the children of a thread where it was built to (CONFIG_PROC_CHILDREN,
/// as distributions build it); elsewhere the parents of all processes are read, once.
#[derive(Default)]
struct Children {
    all: Option<HashMap<i32, Vec<i32>>>,
}

impl Children {
    fn of(&mut self, pid: i32, threads: u64) -> Vec<i32> {
        if let Some(all) = &self.all {
            return all.get(&pid).cloned().unwrap_or_default();
        }
        let listed = |thread: &str| fs::read_to_string(format!("/proc/{pid}/task/{thread}/children"));
        let pids = |text: String| text.split_whitespace().filter_map(|pid| pid.parse().ok()).collect::<Vec<i32>>();
        match listed(&pid.to_string()) {
            Ok(text) if threads == 1 => pids(text),
            Ok(_) => {
                let threads = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
                threads.filter_map(|thread| listed(thread.file_name().to_str()?).ok()).flat_map(pids).collect()
            }
            // Gone meanwhile, its children with it to the init; or never listed on this kernel.
            Err(_) if lists_children() => Vec::new(),
            Err(_) => {
                self.all = Some(parents());
                self.of(pid, threads)
            }
        }
    }
}

fn lists_children() -> bool {
    let own = std::process::id();
    fs::exists(format!("/proc/self/task/{own}/children")).unwrap_or(false)
}

fn parents() -> HashMap<i32, Vec<i32>> {
    let mut all: HashMap<i32, Vec<i32>> = HashMap::new();
    for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
        let Ok(status) = fs::read_to_string(entry.path().join("status")) else { continue };
        all.entry(number(&status, "PPid:") as i32).or_default().push(pid);
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_is_read_by_its_keys_and_a_name_is_no_key() {
        let text = "Name:\tVmRSS: 9\\nThreads: 9\nFDSize:\t256\nVmRSS:\t    2048 kB\nVmData:\t 512 kB\nVmSwap:\t 1024 kB\n\
                    Threads:\t3\n";
        let expected = Status { threads: 3, memory: 3 << 20, mapped: 512 << 10, places: 256 };
        assert_eq!(Status::of(text), expected);
        assert_eq!(Status::of("").threads, 1);
    }

    #[test]
    fn limit_a_run_is_its_inits_descendants() {
        let mut child =
            std::process::Command::new("/bin/sh").args(["-c", "sleep 100 & sleep 100 & wait"]).spawn().unwrap();
        let sample = loop {
            let sample = Sample::of(child.id() as i32);
            if sample.usage.processes == 2 {
                break sample;
            }
        };
        assert_eq!(sample.processes.len(), 3);
        assert!(sample.usage.memory >= sample.memory() && sample.memory() > 0);
        let listed = parents();
        let mut found = listed[&(child.id() as i32)].clone();
        let mut pids: Vec<i32> = sample.processes[1..].iter().map(|process| process.0).collect();
        found.sort_unstable();
        pids.sort_unstable();
        assert_eq!(found, pids);
        for pid in pids {
            nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), nix::sys::signal::Signal::SIGKILL).unwrap();
        }
        child.wait().unwrap();
    }

    #[test]
    fn what_the_machine_has_is_more_than_what_is_left() {
        let now = Memory::now().unwrap();
        assert!(now.available < now.total && now.total <= memory_of_machine());
        assert!(processors() > 0 && !kernel().is_empty());
    }
}
