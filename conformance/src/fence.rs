//! A cgroup around a case, which makes its machine small: what a bomb may take is a part of little, and one that
//! nothing stops takes that and no more.
//!
//! What it does: puts this process, which is one case's, into a cgroup with little memory, and takes it out again.
//! What must stay true: without the right to make one, or without the controller, the case runs as it is, and
//! takes its measure from the whole machine.
//! Clauses it serves: those of memory by default.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::Duration;

const PREFIX: &str = "ww-conformance-";

/// A cgroup that this process is in until this is dropped.
#[derive(Debug)]
pub(crate) struct Fence {
    outside: PathBuf,
    inside: PathBuf,
}

impl Fence {
    /// Puts this process, and what it starts, into a cgroup with so many bytes of memory.
    pub(crate) fn of(bytes: u64) -> Option<Self> {
        let list = fs::read_to_string("/proc/self/cgroup").ok()?;
        let path = |controllers: &str| {
            let mut lines = list.lines().filter_map(|line| line.split_once(':')?.1.split_once(':'));
            lines
                .find(|(names, _)| names.split(',').any(|name| name == controllers))
                .map(|(_, path)| path.trim_matches('/'))
        };
        let first = path("memory").map(|path| Path::new("/sys/fs/cgroup/memory").join(path));
        let unified = path("").map(|path| Path::new("/sys/fs/cgroup").join(path));
        let by_first = first.and_then(|place| Self::below(&place, &place, "memory.limit_in_bytes", bytes).ok());
        // In version 2 a cgroup with processes has no children with memory: the nearest that hands memory on.
        by_first.or_else(|| {
            let outside = unified?;
            let hands_on = |place: &&Path| {
                let listed = fs::read_to_string(place.join("cgroup.subtree_control")).unwrap_or_default();
                listed.split_whitespace().any(|name| name == "memory")
            };
            let place = outside.ancestors().find(hands_on)?.to_owned();
            Self::below(&place, &outside, "memory.max", bytes).ok()
        })
    }

    fn below(place: &Path, outside: &Path, limit: &str, bytes: u64) -> io::Result<Self> {
        sweep(place);
        let inside = place.join(format!("{PREFIX}{}", std::process::id()));
        fs::create_dir(&inside)?;
        let fence = Self { outside: outside.to_owned(), inside };
        fs::write(fence.inside.join(limit), bytes.to_string())?;
        fs::write(fence.inside.join("cgroup.procs"), std::process::id().to_string())?;
        Ok(fence)
    }
}

impl Drop for Fence {
    fn drop(&mut self) {
        fs::write(self.outside.join("cgroup.procs"), std::process::id().to_string()).ok();
        // The launcher of the last run may be on its way out.
        for _ in 0..100 {
            if fs::remove_dir(&self.inside).is_ok() {
                return;
            }
            sleep(Duration::from_millis(10));
        }
    }
}

/// Removes what cases left that were killed.
fn sweep(place: &Path) {
    for entry in fs::read_dir(place).into_iter().flatten().flatten() {
        let pid = entry.file_name().to_str().and_then(|name| name.strip_prefix(PREFIX)?.parse::<u32>().ok());
        if pid.is_some_and(|pid| !Path::new(&format!("/proc/{pid}")).exists()) {
            fs::remove_dir(entry.path()).ok();
        }
    }
}
