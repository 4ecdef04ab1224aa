//! The host of a cell that runs: what is left to it, should the cell ever get hold of it.

use std::fs;
use std::os::unix::fs::MetadataExt;

use crate::adapter::Caller;
use crate::registry::{Case, case};
use crate::suite::Suite;
use crate::verdict::{Verdict, fail, holds, same};

pub(crate) const CASES: &[Case] = &[
    case!(self_08_a_host_of_roots_has_no_privilege_left),
    case!(self_08_a_host_of_a_users_gains_none),
    case!(self_08_the_host_cant_be_looked_into),
];

/// What /proc/PID/status says behind a key (proc_pid_status(5)).
fn told(status: &str, key: &str) -> Option<String> {
    let line = status.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(':'));
    line.map(|value| value.trim().to_owned())
}

fn has_no_privilege(suite: &Suite<'_>, caller: Caller) -> Verdict {
    // It speaks once the host has hung up on it, so the host listens by then.
    let run = suite.ww().by(caller).probe(["rpc-garbage-then-exit", "6", "3"]).with_input().start()?;
    run.hears("ready", 1)?;
    for task in fs::read_dir(format!("/proc/{}/task", run.pid()))? {
        let status = fs::read_to_string(task?.path().join("status"))?;
        for set in ["CapInh", "CapPrm", "CapEff", "CapAmb"] {
            same(format!("{set} of the host"), told(&status, set), Some("0000000000000000".to_owned()))?;
        }
        same("NoNewPrivs of the host", told(&status, "NoNewPrivs"), Some("1".to_owned()))?;
        same("Seccomp of the host", told(&status, "Seccomp"), Some("2".to_owned()))?;
    }
    run.finish()?.exits(6)?;
    Ok(())
}

fn self_08_a_host_of_roots_has_no_privilege_left(suite: &Suite<'_>) -> Verdict {
    has_no_privilege(suite, Caller::Root)
}

fn self_08_a_host_of_a_users_gains_none(suite: &Suite<'_>) -> Verdict {
    has_no_privilege(suite, Caller::Ordinary)
}

fn self_08_the_host_cant_be_looked_into(suite: &Suite<'_>) -> Verdict {
    // The files of a process that may be traced belong to its user, those of another to root (proc_pid_status(5)).
    let run = suite.ww().by(Caller::Ordinary).probe(["rpc-garbage-then-exit", "6", "3"]).with_input().start()?;
    run.hears("ready", 1)?;
    let folder = format!("/proc/{}", run.pid());
    let status = fs::read_to_string(format!("{folder}/status"))?;
    let user = told(&status, "Uid").and_then(|ids| ids.split_whitespace().next().map(str::to_owned));
    let Some(user) = user else { return fail("the host's user is told", status) };
    let owner = fs::metadata(format!("{folder}/mem"))?.uid();
    holds("the host runs as an ordinary user", user != "0", &user)?;
    same("the owner of the host's memory", owner, 0)?;
    run.finish()?.exits(6)?;
    Ok(())
}
