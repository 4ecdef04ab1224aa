//! The cell's resource limits: the same whatever the caller's are (getrlimit(2)).

use nix::sys::resource::{RLIM_INFINITY, Resource};

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

/// The limits every cell gets, for all the resources that Linux knows.
pub const WANTED: [Limit; 16] = [
    both(Resource::RLIMIT_CPU, UNLIMITED),
    both(Resource::RLIMIT_FSIZE, UNLIMITED),
    both(Resource::RLIMIT_DATA, UNLIMITED),
    Limit { resource: Resource::RLIMIT_STACK, soft: 8 * MIB, hard: UNLIMITED },
    both(Resource::RLIMIT_CORE, 0),
    both(Resource::RLIMIT_RSS, UNLIMITED),
    both(Resource::RLIMIT_NPROC, 2048),
    Limit { resource: Resource::RLIMIT_NOFILE, soft: 1024, hard: 4096 },
    both(Resource::RLIMIT_MEMLOCK, 8 * MIB),
    both(Resource::RLIMIT_AS, UNLIMITED),
    both(Resource::RLIMIT_LOCKS, UNLIMITED),
    both(Resource::RLIMIT_SIGPENDING, 4096),
    both(Resource::RLIMIT_MSGQUEUE, 800 * 1024),
    both(Resource::RLIMIT_NICE, 0),
    both(Resource::RLIMIT_RTPRIO, 0),
    both(Resource::RLIMIT_RTTIME, UNLIMITED),
];

const fn both(resource: Resource, limit: u64) -> Limit {
    Limit { resource, soft: limit, hard: limit }
}

impl Limit {
    /// The same limit under a hard limit that can't be raised.
    pub fn under(self, hard: u64) -> Limit {
        Limit { soft: self.soft.min(hard), hard: self.hard.min(hard), ..self }
    }
}
