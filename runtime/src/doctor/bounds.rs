//! The bounds that not every machine can keep: no level is made of them, and a run that asks for one says the same.

use super::{Finding, State};
use crate::jail::bounds::counts_processes;
use crate::phrase::plain;
use crate::sys::cgroup::Cgroup;
use crate::sys::usage::kernel;

/// Some memory, in bytes: a cgroup that bounds it is made and removed.
const TRIED: u64 = 64 << 20;

/// Tries each.
pub(super) fn look() -> [Finding; 2] {
    let memory = Cgroup::create(TRIED, true).map(drop).map_err(|fault| fault.to_string());
    let processes = counts_processes(true, &kernel()).map_err(|fault| fault.to_string());
    [finding("--memory", memory), finding("--pids", processes)]
}

/// The words of a bound that can't be kept say what to do as well.
fn finding(part: &'static str, found: Result<(), String>) -> Finding {
    let state = if found.is_ok() { State::Available } else { State::Refused };
    Finding { part, state, levels: Vec::new(), detail: None, why: found.err().map(|why| plain(&why)), remedy: None }
}
