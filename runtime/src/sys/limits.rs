//! The limits that a cell can get from this host (getrlimit(2)).

use nix::sys::resource::{Resource, getrlimit, setrlimit};

use crate::jail::Limit;
use crate::jail::limits::WANTED;

/// The limits that every cell gets, as far as this caller may raise its own; root may.
pub(super) fn attainable() -> Vec<Limit> {
    let fit = |wanted: Limit| {
        let Ok((soft, hard)) = getrlimit(wanted.resource) else { return wanted };
        let raised = wanted.hard <= hard || setrlimit(wanted.resource, soft, wanted.hard).is_ok();
        if raised { wanted } else { wanted.under(hard) }
    };
    let limits = WANTED.into_iter().map(fit).collect();
    // The moves reach as high as there are grants; the cell's own limit comes after them.
    if let Ok((_, hard)) = getrlimit(Resource::RLIMIT_NOFILE) {
        let _ = setrlimit(Resource::RLIMIT_NOFILE, hard, hard);
    }
    limits
}
