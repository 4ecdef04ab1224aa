//! What a machine refused of the jail: the part, found by trying each after the start had failed, and its cause.
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

/// Explains a start that failed.
pub(super) fn explain(error: StartError, level: Level, identity: &Identity) -> RunError {
    let refused = matches!(error, StartError::Namespaces(_) | StartError::Stage { .. });
    let Some(sole) = SoleThread::claim().ok().filter(|_| refused) else { return RunError::Start(error) };
    match probe::first_refused(&sole, level, identity) {
        Some((part, errno)) => {
            RunError::Refused(Refusal { part, cause: Cause::of(part, errno, &machine::facts()), level })
        }
        None => RunError::Start(error),
    }
}
