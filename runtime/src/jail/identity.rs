//! Who the cell is: the one user and group that its user namespace knows.
//!
//! What must stay true: the cell is never the host's root. Root owns files that leak into every view, and
//! RLIMIT_NPROC doesn't count for it (setrlimit(2)), so root's cells run as nobody.

use std::io;

use nix::unistd::{getegid, geteuid};

use super::level::Level;

/// "nobody" and "nogroup": owns nothing by convention.
const NOBODY: u32 = 65534;
/// Who root's cells are inside: not 65534 there too, which is how files of unmapped owners look.
const INSIDE: u32 = 1000;

/// The users and groups of the cell, inside its user namespace and out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Identity {
    /// The user inside.
    pub uid: u32,
    /// The group inside.
    pub gid: u32,
    /// The host's user behind it.
    pub host_uid: u32,
    /// The host's group behind it.
    pub host_gid: u32,
    /// Whether supplementary groups can be dropped: only a privileged caller may (user_namespaces(7)).
    pub drops_groups: bool,
}

impl Identity {
    /// Root's cells are nobody's; an ordinary user's are the user's own. `nobody_exists` tells whether the
    /// caller's own user namespace maps nobody at all (a rootless container's needn't).
    pub fn of_caller(uid: u32, gid: u32, nobody_exists: bool) -> Identity {
        if uid == 0 && nobody_exists {
            return Identity { uid: INSIDE, gid: INSIDE, host_uid: NOBODY, host_gid: NOBODY, drops_groups: true };
        }
        let inside = |id| if id == 0 { INSIDE } else { id };
        Identity { uid: inside(uid), gid: inside(gid), host_uid: uid, host_gid: gid, drops_groups: false }
    }

    /// Who this caller's cells are.
    pub fn of_this_caller() -> io::Result<Identity> {
        let (uid, gid) = (geteuid().as_raw(), getegid().as_raw());
        let nobody_exists = || -> io::Result<bool> {
            let maps = |file| std::fs::read_to_string(file).map(|map| maps_nobody(&map));
            Ok(maps("/proc/self/uid_map")? && maps("/proc/self/gid_map")?)
        };
        Ok(Identity::of_caller(uid, gid, uid == 0 && nobody_exists()?))
    }

    /// Who the cell is at a level: without a user namespace there is one name for a user, the host's.
    pub fn at(self, level: Level) -> Identity {
        match level {
            Level::Full => self,
            Level::Restricted => Identity { uid: self.host_uid, gid: self.host_gid, ..self },
            Level::None => {
                let (uid, gid) = (geteuid().as_raw(), getegid().as_raw());
                Identity { uid, gid, host_uid: uid, host_gid: gid, drops_groups: false }
            }
        }
    }

    /// Whether a file with this owner and mode can be executed and read by the cell.
    pub fn can_run(&self, owner: u32, group: u32, mode: u32) -> bool {
        self.can(0o5, owner, group, mode)
    }

    /// Whether the cell has all of these rights (`rwx` as one octal digit) on a file with this owner and mode.
    pub fn can(&self, wanted: u32, owner: u32, group: u32, mode: u32) -> bool {
        let shift = if owner == self.host_uid {
            6
        } else if group == self.host_gid {
            3
        } else {
            0
        };
        (mode >> shift) & wanted == wanted
    }

    /// Whether the cell is another user than the caller.
    pub fn differs_from(&self, uid: u32) -> bool {
        self.host_uid != uid
    }
}

/// Whether a user namespace with this `/proc/self/uid_map` or `gid_map` maps nobody.
pub fn maps_nobody(map: &str) -> bool {
    map.lines().any(|line| {
        let mut numbers = line.split_whitespace().filter_map(|number| number.parse::<u64>().ok());
        let (Some(first), Some(_), Some(count)) = (numbers.next(), numbers.next(), numbers.next()) else {
            return false;
        };
        (first..first + count).contains(&u64::from(NOBODY))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jail_root_is_never_root_inside_or_out() {
        let cell = Identity::of_caller(0, 0, true);
        assert_eq!((cell.uid, cell.host_uid, cell.drops_groups), (INSIDE, NOBODY, true));
        let nested = Identity::of_caller(0, 0, false);
        assert_eq!((nested.uid, nested.host_uid), (INSIDE, 0));
    }

    #[test]
    fn jail_a_user_stays_who_they_are() {
        let cell = Identity::of_caller(1000, 100, true);
        assert_eq!((cell.uid, cell.host_uid, cell.gid, cell.drops_groups), (1000, 1000, 100, false));
    }

    #[test]
    fn maps_are_read_as_ranges() {
        assert!(maps_nobody("         0          0 4294967295\n"));
        assert!(!maps_nobody("         0       1000          1\n"));
        assert!(maps_nobody("0 1000 1\n1 100000 65536\n"));
    }

    #[test]
    fn only_what_the_cell_may_read_and_run() {
        let cell = Identity::of_caller(0, 0, true);
        assert!(cell.can_run(0, 0, 0o755));
        assert!(!cell.can_run(0, 0, 0o711));
        assert!(!cell.can_run(0, 0, 0o700));
    }
}
