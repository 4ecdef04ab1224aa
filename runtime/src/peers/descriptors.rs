//! How many descriptors connections may have.

use nix::sys::resource::{Resource, getrlimit, setrlimit};

use super::limits;

/// How many connections this process may have. It takes as many descriptors as it can get: the cell, which runs already,
/// has limits of its own.
pub(super) fn room() -> usize {
    let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE) else { return 0 };
    let wanted = hard.min(limits::CONNECTIONS as u64 + limits::HANDSHAKES as u64 + limits::DESCRIPTORS);
    let soft = if soft < wanted && setrlimit(Resource::RLIMIT_NOFILE, wanted, hard).is_ok() { wanted } else { soft };
    usize::try_from(soft.saturating_sub(limits::DESCRIPTORS + limits::HANDSHAKES as u64)).unwrap_or(usize::MAX).max(16)
}
