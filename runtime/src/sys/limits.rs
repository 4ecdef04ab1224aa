//! The limits that a cell can get from this host (getrlimit(2)).

use nix::sys::resource::{Resource, getrlimit, setrlimit};

use crate::jail::Limit;

/// The limits that a cell wants, as far as this caller may raise its own; root may.
pub(super) fn attainable(wanted: &[Limit]) -> Vec<Limit> {
    let fit = |wanted: Limit| {
        let Ok((soft, hard)) = getrlimit(wanted.resource) else { return wanted };
        let raised = wanted.hard <= hard || setrlimit(wanted.resource, soft, wanted.hard).is_ok();
        if raised { wanted } else { wanted.under(hard) }
    };
    let limits = wanted.iter().copied().map(fit).collect();
    // The kernel counts a user's processes above the cell's user namespace too, by what the caller had when it was
    // made: its soft limit isn't to come along (ruling 10).
    if let Ok((_, hard)) = getrlimit(Resource::RLIMIT_NPROC) {
        let _ = setrlimit(Resource::RLIMIT_NPROC, hard, hard);
    }
    // The moves reach as high as there are grants; the cell's own limit comes after them.
    if let Ok((_, hard)) = getrlimit(Resource::RLIMIT_NOFILE) {
        let _ = setrlimit(Resource::RLIMIT_NOFILE, hard, hard);
    }
    limits
}
