//! The levels of the jail (`--jail`), and which parts each of them is made of.
//!
//! What must stay true: a part that belongs to a level is had or the run fails; a weaker level is never chosen by
//! anybody but the caller, by name.
//! Clauses: LIMIT-01, JAIL-18, JAIL-40 to JAIL-49.

use std::fmt;

/// How much of the jail a run asks for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Level {
    /// Everything: namespaces, a view of its own, Landlock where the kernel has it, a filter, limits.
    #[default]
    Full,
    /// Without namespaces: Landlock, a filter, no new privileges, limits. The host's metadata shows.
    Restricted,
    /// No isolation at all.
    None,
}

impl Level {
    /// Its name, as `--jail` takes it and status lines tell it.
    pub const fn name(self) -> &'static str {
        match self {
            Level::Full => "full",
            Level::Restricted => "restricted",
            Level::None => "none",
        }
    }

    /// The next weaker level.
    pub const fn weaker(self) -> Option<Level> {
        match self {
            Level::Full => Some(Level::Restricted),
            Level::Restricted => Some(Level::None),
            Level::None => None,
        }
    }

    /// Whether the cell has namespaces, and with them a root of its own.
    pub const fn has_namespaces(self) -> bool {
        matches!(self, Level::Full)
    }

    /// Whether anything of the cell is confined.
    pub const fn confines(self) -> bool {
        !matches!(self, Level::None)
    }

    /// Whether a part belongs to it.
    pub const fn has(self, part: Part) -> bool {
        match self {
            Level::Full => true,
            Level::Restricted => !part.needs_namespaces(),
            Level::None => matches!(part, Part::Handles | Part::Descriptors),
        }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A part of the jail that a machine can have or refuse, each tried by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// user_namespaces(7).
    UserNamespace,
    /// The one user and group that it maps.
    IdMaps,
    /// pid_namespaces(7).
    PidNamespace,
    /// mount_namespaces(7).
    MountNamespace,
    /// network_namespaces(7).
    NetworkNamespace,
    /// ipc_namespaces(7).
    IpcNamespace,
    /// uts_namespaces(7).
    UtsNamespace,
    /// cgroup_namespaces(7).
    CgroupNamespace,
    /// A memfd that can be executed: the program of the cell's pid 1.
    Memfd,
    /// The view, by the mount API of Linux 5.12.
    Mounts,
    /// A /proc of the cell's own pid namespace.
    Processes,
    /// Leaving the host's root.
    Pivot,
    /// No capabilities, and none to come.
    Privileges,
    /// A session keyring of the cell's own.
    Keyring,
    /// landlock(7).
    Landlock,
    /// seccomp(2).
    Seccomp,
    /// clone3(2), which makes all namespaces at once.
    Clone,
    /// pidfd_open(2) and pidfd_send_signal(2).
    Handles,
    /// close_range(2).
    Descriptors,
}

impl Part {
    /// All of them, in the order in which a run needs them.
    pub const ALL: [Part; 19] = [
        Part::Handles,
        Part::UserNamespace,
        Part::IdMaps,
        Part::PidNamespace,
        Part::MountNamespace,
        Part::NetworkNamespace,
        Part::IpcNamespace,
        Part::UtsNamespace,
        Part::CgroupNamespace,
        Part::Clone,
        Part::Memfd,
        Part::Mounts,
        Part::Processes,
        Part::Pivot,
        Part::Keyring,
        Part::Privileges,
        Part::Landlock,
        Part::Seccomp,
        Part::Descriptors,
    ];

    /// What it is called in messages and by `ww doctor`.
    pub const fn name(self) -> &'static str {
        match self {
            Part::UserNamespace => "user namespace",
            Part::IdMaps => "id maps",
            Part::PidNamespace => "pid namespace",
            Part::MountNamespace => "mount namespace",
            Part::NetworkNamespace => "network namespace",
            Part::IpcNamespace => "ipc namespace",
            Part::UtsNamespace => "uts namespace",
            Part::CgroupNamespace => "cgroup namespace",
            Part::Mounts => "mounts",
            Part::Processes => "own /proc",
            Part::Pivot => "own root",
            Part::Privileges => "no privileges",
            Part::Keyring => "session keyring",
            Part::Landlock => "Landlock",
            Part::Seccomp => "seccomp filter",
            Part::Clone => "clone3",
            Part::Memfd => "executable memfds",
            Part::Handles => "pidfds",
            Part::Descriptors => "closed descriptors",
        }
    }

    /// Whether only a cell with namespaces has it.
    pub const fn needs_namespaces(self) -> bool {
        !matches!(
            self,
            Part::Privileges | Part::Keyring | Part::Landlock | Part::Seccomp | Part::Handles | Part::Descriptors
        )
    }

    /// The first Linux that has it, for the calls that `ww` makes.
    pub const fn since(self) -> (u32, u32) {
        match self {
            Part::Mounts => (5, 12),
            Part::Landlock => (5, 13),
            Part::Processes => (5, 8),
            Part::Descriptors => (5, 9),
            Part::Clone => (5, 5),
            Part::Memfd => (3, 17),
            Part::Handles => (5, 3),
            Part::CgroupNamespace => (4, 6),
            Part::Keyring | Part::Privileges | Part::Seccomp => (4, 8),
            _ => (3, 8),
        }
    }

    /// Whether a kernel that hasn't got it can still give the levels that it belongs to: what it would guard isn't
    /// there either (keyrings), or the specification says "where the kernel has it" (Landlock).
    pub const fn may_be_absent(self) -> bool {
        matches!(self, Part::Keyring | Part::Landlock)
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limit_01_full_is_what_nobody_has_to_ask_for() {
        assert_eq!(Level::default(), Level::Full);
        assert!(Part::ALL.iter().all(|part| Level::Full.has(*part)));
    }

    #[test]
    fn limit_01_each_level_has_less_than_the_one_before() {
        let count = |level: Level| Part::ALL.iter().filter(|part| level.has(**part)).count();
        assert!(count(Level::Full) > count(Level::Restricted) && count(Level::Restricted) > count(Level::None));
        for part in Part::ALL {
            assert!(!Level::None.has(part) || Level::Restricted.has(part), "{part}");
        }
        assert_eq!(Level::Full.weaker().and_then(Level::weaker).and_then(Level::weaker), None);
    }

    #[test]
    fn every_part_is_listed_once() {
        for (index, part) in Part::ALL.iter().enumerate() {
            assert!(!Part::ALL[..index].contains(part), "{part}");
        }
    }
}
