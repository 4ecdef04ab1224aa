//! What this machine says of itself, to explain what it refused. Read only once something was refused, or by
//! `ww doctor`: a run that starts doesn't pay for it.

use std::fs;

use nix::unistd::getpid;

use super::seccomp::own_filters;
use super::usage::kernel;
use crate::jail::refusal::Facts;

/// Reads the facts; what can't be read stays unknown.
pub fn facts() -> Facts {
    let number = |path: &str| fs::read_to_string(path).ok().and_then(|text| text.trim().parse::<u64>().ok());
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    Facts {
        kernel: version(&kernel()),
        filtered: is_filtered(&status, own_filters()),
        max_user_namespaces: number("/proc/sys/user/max_user_namespaces"),
        memfd_noexec: number("/proc/sys/vm/memfd_noexec"),
        unprivileged_userns_clone: number("/proc/sys/kernel/unprivileged_userns_clone"),
        apparmor_restricts: number("/proc/sys/kernel/apparmor_restrict_unprivileged_userns") == Some(1),
        proc_is_masked: fs::read_to_string("/proc/self/mountinfo").is_ok_and(|mounts| masks_proc(&mounts)),
        proc_is_foreign: fs::read_link("/proc/self").is_ok_and(|own| own.as_os_str() != &*getpid().to_string()),
        modules: fs::read_to_string("/sys/kernel/security/lsm").ok().map(|text| text.trim().to_owned()),
        root: nix::unistd::geteuid().is_root(),
    }
}

/// Whether filters other than its `own` are over a process with this status (proc_pid_status(5)). Before Linux 5.9 they
/// aren't counted.
fn is_filtered(status: &str, own: u32) -> bool {
    let mut lines = status.lines().filter_map(|line| line.split_once(':'));
    let mut number = |name| lines.find(|(key, _)| *key == name).and_then(|(_, value)| value.trim().parse::<u32>().ok());
    let filters = u32::from(number("Seccomp") == Some(2));
    number("Seccomp_filters").unwrap_or(filters) > own
}

/// Major and minor of "6.1.0-13-amd64".
fn version(release: &str) -> (u32, u32) {
    let mut numbers = release.split(|c: char| !c.is_ascii_digit()).map(|number| number.parse().unwrap_or(0));
    (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0))
}

/// Whether a mount lies over a part of /proc, in mountinfo's words (proc_pid_mountinfo(5)). One over a folder that is
/// empty anyhow hides nothing.
fn masks_proc(mountinfo: &str) -> bool {
    let places = mountinfo.lines().filter_map(|line| line.split(' ').nth(4));
    places.into_iter().any(|place| place.starts_with("/proc/") && place != "/proc/sys/fs/binfmt_misc")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_of_its_own_explains_no_refusal() {
        let status = |count| format!("NoNewPrivs:\t1\nSeccomp:\t2\nSeccomp_filters:\t{count}\nSpeculation: x\n");
        assert!(is_filtered(&status(1), 0) && is_filtered(&status(2), 1) && !is_filtered(&status(1), 1));
        assert!(is_filtered("Seccomp:\t2\n", 0) && !is_filtered("Seccomp:\t0\n", 0));
    }

    #[test]
    fn versions() {
        for (text, expected) in [("6.1.0-13-amd64", (6, 1)), ("5.10", (5, 10)), ("7.0-rc1", (7, 0)), ("", (0, 0))] {
            assert_eq!(version(text), expected, "{text}");
        }
    }

    #[test]
    fn a_masked_proc_is_told_from_a_whole_one() {
        let whole =
            "22 29 0:21 / /proc rw,nosuid - proc proc rw\n30 22 0:30 / /proc/sys/fs/binfmt_misc rw - autofs a rw";
        assert!(!masks_proc(whole));
        assert!(masks_proc(&format!("{whole}\n31 22 0:31 /null /proc/kcore rw - tmpfs tmpfs rw")));
    }
}
