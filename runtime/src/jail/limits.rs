//! The cell's resource limits: the same whatever the caller's are (getrlimit(2)).
//!
//! RLIMIT_AS stays open: it would count what programs reserve and never use.
//! Clauses: STDIO-*, LIMIT-*.

use nix::sys::resource::{RLIM_INFINITY, Resource};

use super::Bounds;

/// No limit.
pub const UNLIMITED: u64 = RLIM_INFINITY;
const MIB: u64 = 1 << 20;

/// One resource and its two limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    /// What is limited.
    pub resource: Resource,
    /// What holds.
    pub soft: u64,
    /// What the cell may raise it to.
    pub hard: u64,
}

/// Processes and threads of a user, where a cell's aren't counted by themselves.
const OF_THE_USER: u64 = 2048;
/// Processes of a run that aren't the cell's: its init, which the kernel counts as well.
const INIT: u64 = 1;

/// The limits of a cell, for all the resources that Linux knows.
pub fn wanted(bounds: &Bounds) -> Vec<Limit> {
    let data = bounds.data().unwrap_or(UNLIMITED);
    // Counted for the user in the cell's own user namespace, which has no others (Linux 5.14). Without one, all
    // that the user runs is counted: no more than a stop to what would bring the machine down.
    let processes = bounds.processes.map_or(OF_THE_USER, |processes| processes.saturating_add(INIT));
    vec![
        both(Resource::RLIMIT_CPU, UNLIMITED),
        both(Resource::RLIMIT_FSIZE, bounds.file),
        // For programs that can be told "no more" rather than be killed. It binds nobody: a process is one of
        // many, and one that has to reserve much may raise it.
        Limit { resource: Resource::RLIMIT_DATA, soft: data, hard: UNLIMITED },
        Limit { resource: Resource::RLIMIT_STACK, soft: 8 * MIB, hard: UNLIMITED },
        both(Resource::RLIMIT_CORE, 0),
        both(Resource::RLIMIT_RSS, UNLIMITED),
        both(Resource::RLIMIT_NPROC, processes),
        Limit { resource: Resource::RLIMIT_NOFILE, soft: 1024, hard: 4096 },
        both(Resource::RLIMIT_MEMLOCK, 8 * MIB),
        both(Resource::RLIMIT_AS, UNLIMITED),
        both(Resource::RLIMIT_LOCKS, UNLIMITED),
        both(Resource::RLIMIT_SIGPENDING, 4096),
        both(Resource::RLIMIT_MSGQUEUE, 800 * 1024),
        both(Resource::RLIMIT_NICE, 0),
        both(Resource::RLIMIT_RTPRIO, 0),
        both(Resource::RLIMIT_RTTIME, UNLIMITED),
    ]
}

const fn both(resource: Resource, limit: u64) -> Limit {
    Limit { resource, soft: limit, hard: limit }
}

impl Limit {
    /// The same limit under a hard limit that can't be raised.
    pub fn under(self, hard: u64) -> Limit {
        Limit { soft: self.soft.min(hard), hard: self.hard.min(hard), ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jail::bounds::Asked;

    fn limit(asked: Asked, resource: Resource) -> Limit {
        let all = wanted(&Bounds::new(asked, 4 << 30, true));
        *all.iter().find(|limit| limit.resource == resource).unwrap()
    }

    #[test]
    fn limit_the_init_takes_no_process_from_the_cell() {
        let asked = Asked { processes: Some(1), ..Asked::default() };
        assert_eq!(limit(asked, Resource::RLIMIT_NPROC).hard, 2);
    }

    #[test]
    fn limit_the_bounds_cannot_be_raised_by_the_cell() {
        for resource in [Resource::RLIMIT_NPROC, Resource::RLIMIT_FSIZE, Resource::RLIMIT_CORE] {
            let limit = limit(Asked::default(), resource);
            assert!(limit.soft == limit.hard && limit.hard < UNLIMITED, "{limit:?}");
        }
        assert_eq!(limit(Asked::default(), Resource::RLIMIT_DATA).soft, 1 << 30);
        assert_eq!(limit(Asked::default(), Resource::RLIMIT_AS).hard, UNLIMITED);
    }

    #[test]
    fn limit_what_a_cgroup_counts_isnt_counted_by_mapping() {
        let asked = Asked { memory: Some(1 << 30), ..Asked::default() };
        assert_eq!(limit(asked, Resource::RLIMIT_DATA).soft, UNLIMITED);
    }
}
