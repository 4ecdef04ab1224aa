//! The end of all that is left below the guard.

use std::collections::HashMap;
use std::fs;

use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{Pid, getpid};

/// Kills every descendant of this process until there is none, or none that it may kill. What a killed process leaves
/// comes to this one, which is a subreaper.
pub(super) fn all() {
    loop {
        match waitpid(None, Some(WaitPidFlag::WNOHANG)) {
            Err(Errno::ECHILD) => return,
            Ok(WaitStatus::StillAlive) => {}
            _ => continue,
        }
        let below = descendants(getpid());
        // Stopped first: what stands still forks no more.
        for pid in &below {
            let _ = kill(*pid, Signal::SIGSTOP);
        }
        let killed = below.iter().filter(|pid| kill(**pid, Signal::SIGKILL).is_ok()).count();
        if killed == 0 {
            // Another user's by now (a setuid program): it is told nothing by the likes of us.
            return;
        }
        let _ = waitpid(None, None);
    }
}

/// Every process below this one, by the parents that /proc tells (proc_pid_stat(5)).
fn descendants(of: Pid) -> Vec<Pid> {
    let mut children: HashMap<i32, Vec<i32>> = HashMap::new();
    for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse::<i32>().ok()) else { continue };
        let stat = fs::read_to_string(entry.path().join("stat")).unwrap_or_default();
        if let Some(parent) = parent(&stat) {
            children.entry(parent).or_default().push(pid);
        }
    }
    let mut found = Vec::new();
    let mut open = vec![of.as_raw()];
    while let Some(pid) = open.pop() {
        for child in children.remove(&pid).into_iter().flatten() {
            found.push(Pid::from_raw(child));
            open.push(child);
        }
    }
    found
}

/// The fourth field, behind a name that may hold anything.
fn parent(stat: &str) -> Option<i32> {
    stat.rsplit_once(") ")?.1.split(' ').nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_brackets_hides_no_parent() {
        assert_eq!(parent("12 (a) R 1 (x) S 7 12 12 0"), Some(7));
        assert_eq!(parent(""), None);
    }
}
