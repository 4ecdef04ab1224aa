//! The cell's resource limits: the same whatever the caller's are (getrlimit(2)).

/// No limit.
const UNLIMITED: u64 = libc::RLIM_INFINITY;
const MIB: u64 = 1 << 20;

/// One resource and its two limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    /// `RLIMIT_*`.
    pub resource: u32,
    /// What holds.
    pub soft: u64,
    /// What the cell may raise it to.
    pub hard: u64,
}

/// The limits every cell gets, for all the resources that Linux knows.
pub const WANTED: [Limit; 16] = [
    both(libc::RLIMIT_CPU, UNLIMITED),
    both(libc::RLIMIT_FSIZE, UNLIMITED),
    both(libc::RLIMIT_DATA, UNLIMITED),
    Limit { resource: libc::RLIMIT_STACK, soft: 8 * MIB, hard: UNLIMITED },
    both(libc::RLIMIT_CORE, 0),
    both(libc::RLIMIT_RSS, UNLIMITED),
    both(libc::RLIMIT_NPROC, 2048),
    Limit { resource: libc::RLIMIT_NOFILE, soft: 1024, hard: 4096 },
    both(libc::RLIMIT_MEMLOCK, 8 * MIB),
    both(libc::RLIMIT_AS, UNLIMITED),
    both(libc::RLIMIT_LOCKS, UNLIMITED),
    both(libc::RLIMIT_SIGPENDING, 4096),
    both(libc::RLIMIT_MSGQUEUE, 800 * 1024),
    both(libc::RLIMIT_NICE, 0),
    both(libc::RLIMIT_RTPRIO, 0),
    both(libc::RLIMIT_RTTIME, UNLIMITED),
];

const fn both(resource: u32, limit: u64) -> Limit {
    Limit { resource, soft: limit, hard: limit }
}

impl Limit {
    /// The same limit under a hard limit that can't be raised.
    pub fn under(self, hard: u64) -> Limit {
        Limit { soft: self.soft.min(hard), hard: self.hard.min(hard), ..self }
    }
}
