//! The limits that a cell can get from this host (getrlimit(2)).

use nix::sys::resource::{Resource, getrlimit, setrlimit};

use crate::jail::Limit;
use crate::jail::limits::WANTED;

/// The limits that every cell gets, as far as this caller may raise its own; root may.
pub(super) fn attainable() -> Vec<Limit> {
    let fit = |wanted: Limit| {
        let Some(resource) = resource(wanted.resource) else { return wanted };
        let Ok((soft, hard)) = getrlimit(resource) else { return wanted };
        let raised = wanted.hard <= hard || setrlimit(resource, soft, wanted.hard).is_ok();
        if raised { wanted } else { wanted.under(hard) }
    };
    let limits = WANTED.into_iter().map(fit).collect();
    // The moves reach as high as there are grants; the cell's own limit comes after them.
    if let Ok((_, hard)) = getrlimit(Resource::RLIMIT_NOFILE) {
        let _ = setrlimit(Resource::RLIMIT_NOFILE, hard, hard);
    }
    limits
}

fn resource(number: u32) -> Option<Resource> {
    use Resource::{
        RLIMIT_AS, RLIMIT_CORE, RLIMIT_CPU, RLIMIT_DATA, RLIMIT_FSIZE, RLIMIT_LOCKS, RLIMIT_MEMLOCK, RLIMIT_MSGQUEUE,
        RLIMIT_NICE, RLIMIT_NOFILE, RLIMIT_NPROC, RLIMIT_RSS, RLIMIT_RTPRIO, RLIMIT_RTTIME, RLIMIT_SIGPENDING,
        RLIMIT_STACK,
    };
    let all = [
        RLIMIT_CPU,
        RLIMIT_FSIZE,
        RLIMIT_DATA,
        RLIMIT_STACK,
        RLIMIT_CORE,
        RLIMIT_RSS,
        RLIMIT_NPROC,
        RLIMIT_NOFILE,
        RLIMIT_MEMLOCK,
        RLIMIT_AS,
        RLIMIT_LOCKS,
        RLIMIT_SIGPENDING,
        RLIMIT_MSGQUEUE,
        RLIMIT_NICE,
        RLIMIT_RTPRIO,
        RLIMIT_RTTIME,
    ];
    all.into_iter().find(|known| *known as u32 == number)
}
