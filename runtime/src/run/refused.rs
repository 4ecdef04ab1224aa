//! What a machine refused of the jail, found out after the start had failed: the part, and its cause.
//!
//! What must stay true: a run that starts pays nothing for it; what can't be explained stays the error it was.
//! Clauses: JAIL-18, JAIL-42 to JAIL-45.

use super::RunError;
use crate::jail::refusal::{Cause, Refusal, landlock_is_hidden};
use crate::jail::{Identity, Level, Part};
use crate::sys::{self, SoleThread, StartError, machine, probe};

/// The ABI of Landlock where a run has it, or why a run mustn't do without.
pub(super) fn landlock(level: Level) -> Result<Option<u32>, RunError> {
    if !level.has(Part::Landlock) {
        return Ok(None);
    }
    sys::landlock_abi().map(Some).or_else(|errno| {
        let facts = machine::facts();
        if level == Level::Full && !landlock_is_hidden(errno, &facts) {
            return Ok(None);
        }
        Err(RunError::Refused(Refusal { part: Part::Landlock, cause: Cause::of(Part::Landlock, errno, &facts), level }))
    })
}

/// Explains a start that failed: a step by the part that it is for, and the namespaces, which are had or refused all
/// at once, by trying one after the other. The host has a filter and no privileges once it has them.
pub(super) fn explain(error: StartError, level: Level, identity: &Identity) -> RunError {
    let found = match &error {
        StartError::Namespaces(_) => {
            SoleThread::claim().ok().and_then(|sole| probe::first_refused(&sole, level, identity))
        }
        StartError::Stage { part, source, .. } => part.zip(source.raw_os_error()),
        _ => None,
    };
    match found {
        Some((part, errno)) => {
            RunError::Refused(Refusal { part, cause: Cause::of(part, errno, &machine::facts()), level })
        }
        None => RunError::Start(error),
    }
}
