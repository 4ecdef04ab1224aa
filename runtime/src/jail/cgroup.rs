//! Where a cgroup of one's own could be: what the kernel tells of hierarchies, read into paths (cgroups(7)).
//!
//! Only reads text that it is given. Clauses: LIMIT-08, LIMIT-12.

use std::path::{Path, PathBuf};

/// The two kinds of hierarchy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Version {
    /// One hierarchy a controller; for root, as a rule.
    One,
    /// The unified one, parts of which can be delegated to a user.
    Two,
}

/// A mounted hierarchy, and this process's place in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hierarchy {
    /// Its kind.
    pub version: Version,
    /// Where it is mounted.
    pub mount: PathBuf,
    /// The folder of this process's own cgroup, at or below `mount`.
    pub own: PathBuf,
}

impl Hierarchy {
    /// The folders from this process's own cgroup up to the mount, in which a cgroup might be made.
    pub fn places(&self) -> impl Iterator<Item = &Path> {
        self.own.ancestors().take_while(|place| place.starts_with(&self.mount))
    }
}

/// The hierarchies that could bound memory, version 2 first: from `/proc/self/mountinfo` and
/// `/proc/self/cgroup` (proc_pid_mountinfo(5), cgroups(7)).
pub fn hierarchies(mountinfo: &str, cgroup: &str) -> Vec<Hierarchy> {
    let own = |version: Version| {
        cgroup.lines().find_map(|line| {
            let mut parts = line.splitn(3, ':').skip(1);
            let (controllers, path) = (parts.next()?, parts.next()?);
            let fits = match version {
                Version::One => controllers.split(',').any(|name| name == "memory"),
                Version::Two => controllers.is_empty(),
            };
            fits.then_some(path)
        })
    };
    let mut found: Vec<Hierarchy> = mountinfo.lines().filter_map(|line| mounted(line, own)).collect();
    found.sort_by_key(|hierarchy| hierarchy.version == Version::One);
    found
}

fn mounted<'a>(line: &str, own: impl Fn(Version) -> Option<&'a str>) -> Option<Hierarchy> {
    let (mount, system) = line.split_once(" - ")?;
    let mut mount = mount.split(' ').skip(3);
    let (root, at) = (mount.next()?, mount.next()?);
    let mut system = system.split(' ');
    let version = match (system.next()?, system.nth(1)?) {
        ("cgroup2", _) => Version::Two,
        ("cgroup", options) if options.split(',').any(|option| option == "memory") => Version::One,
        _ => return None,
    };
    // A cgroup outside of what is mounted (of a namespace above ours: "/../x") has no folder here.
    let own = Path::new(own(version)?).strip_prefix(root).ok()?;
    if own.components().any(|part| part.as_os_str() == "..") {
        return None;
    }
    let mount = PathBuf::from(at);
    Some(Hierarchy { version, own: if own.as_os_str().is_empty() { mount.clone() } else { mount.join(own) }, mount })
}

/// How often the kernel killed for want of memory, as `memory.events` (version 2) and `memory.oom_control`
/// (version 1, Linux 4.13) say it.
pub fn kills(events: &str) -> u64 {
    let count = events.lines().find_map(|line| line.strip_prefix("oom_kill "));
    count.and_then(|count| count.trim().parse().ok()).unwrap_or(0)
}

/// The least of these limits of cgroups, in bytes: `max` is none, and version 1 writes none as a huge number.
pub fn least<'a>(limits: impl IntoIterator<Item = &'a str>) -> Option<u64> {
    limits.into_iter().filter_map(|limit| limit.trim().parse().ok()).min()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SYSTEMD: &str = "\
24 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
35 24 0:30 / /sys/fs/cgroup rw,nosuid,nodev,noexec,relatime shared:9 - cgroup2 cgroup2 rw,nsdelegate,memory_recursiveprot
";
    const HYBRID: &str = "\
30 1 0:26 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory
31 1 0:27 / /sys/fs/cgroup/cpu rw,relatime - cgroup cgroup rw,cpu
32 1 0:28 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw
";

    #[test]
    fn limit_a_users_scope_is_found_with_all_above_it() {
        let found = hierarchies(SYSTEMD, "0::/user.slice/user-1000.slice/run-7.scope\n");
        assert_eq!(found.len(), 1);
        let places: Vec<&str> = found[0].places().filter_map(Path::to_str).collect();
        let expected = [
            "/sys/fs/cgroup/user.slice/user-1000.slice/run-7.scope",
            "/sys/fs/cgroup/user.slice/user-1000.slice",
            "/sys/fs/cgroup/user.slice",
            "/sys/fs/cgroup",
        ];
        assert_eq!(places, expected);
    }

    #[test]
    fn limit_version_two_comes_first_and_controllers_are_told_apart() {
        let found = hierarchies(HYBRID, "4:memory:/a/b\n1:cpu:/\n0::/\n");
        let one = Hierarchy {
            version: Version::One,
            mount: "/sys/fs/cgroup/memory".into(),
            own: "/sys/fs/cgroup/memory/a/b".into(),
        };
        let two = "/sys/fs/cgroup/unified";
        assert_eq!(found, [Hierarchy { version: Version::Two, mount: two.into(), own: two.into() }, one]);
    }

    #[test]
    fn limit_what_lies_outside_of_the_mount_is_no_place() {
        let container = "35 24 0:30 /docker/x /sys/fs/cgroup ro - cgroup2 cgroup rw\n";
        let inside = hierarchies(container, "0::/docker/x/y\n");
        assert_eq!(inside[0].own, Path::new("/sys/fs/cgroup/y"));
        assert_eq!(hierarchies(container, "0::/\n"), []);
        assert_eq!(hierarchies(SYSTEMD, "0::/../other\n"), []);
        assert_eq!(hierarchies("", "0::/\n"), []);
        assert_eq!(hierarchies(SYSTEMD, ""), []);
    }

    #[test]
    fn counters_and_limits_of_both_versions() {
        assert_eq!(kills("low 0\nhigh 0\nmax 12\noom 3\noom_kill 2\noom_group_kill 1\n"), 2);
        assert_eq!(kills("oom_kill_disable 0\nunder_oom 0\noom_kill 4\n"), 4);
        assert_eq!(kills(""), 0);
        assert_eq!(least(["max\n", "1048576\n", "9223372036854771712\n"]), Some(1 << 20));
        assert_eq!(least(["max\n"]), None);
    }
}
