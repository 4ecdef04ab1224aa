//! What a case comes to, and the checks that decide it.
//!
//! What must stay true: a failure says what was expected and what came; a fault of the harness is
//! never told as a fault of the implementation, nor the other way round; a skip has a reason.

use std::fmt::{self, Debug};

/// What a case returns: `Ok` is a pass.
pub type Verdict<T = ()> = Result<T, Stop>;

/// Why a case ended without passing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stop {
    /// The implementation did otherwise than the clause says.
    Fail(String),
    /// The clause doesn't apply to this implementation, as its adapter declares.
    NotApplicable(String),
    /// This machine can't show it.
    NotVerifiable(String),
    /// The harness itself, or the machine, is at fault.
    Harness(String),
}

impl fmt::Display for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fail(what) => write!(f, "{what}"),
            Self::NotApplicable(why) => write!(f, "not applicable: {why}"),
            Self::NotVerifiable(why) => write!(f, "not verifiable here: {why}"),
            Self::Harness(what) => write!(f, "fault of the harness: {what}"),
        }
    }
}

/// An error while a case arranges its run is the harness's.
impl<E: std::error::Error> From<E> for Stop {
    fn from(fault: E) -> Self {
        let mut text = fault.to_string();
        let mut cause = fault.source();
        while let Some(next) = cause {
            text += &format!(": {next}");
            cause = next.source();
        }
        Self::Harness(text)
    }
}

/// Fails with what was expected and what came.
///
/// # Errors
/// Always.
pub fn fail<T>(expected: impl fmt::Display, came: impl fmt::Display) -> Verdict<T> {
    Err(Stop::Fail(format!("expected: {expected}\n     got: {came}")))
}

/// Checks that two values are the same.
///
/// # Errors
/// A failure that names both, where they aren't.
pub fn same<T: PartialEq + Debug>(what: impl fmt::Display, got: T, wanted: T) -> Verdict {
    if got == wanted { Ok(()) } else { fail(format!("{what}: {wanted:?}"), format!("{got:?}")) }
}

/// Checks that something holds; `what` says it as a sentence, `came` what is there instead.
///
/// # Errors
/// A failure, where it doesn't hold.
pub fn holds(what: impl fmt::Display, truth: bool, came: impl Debug) -> Verdict {
    if truth { Ok(()) } else { fail(what, format!("{came:?}")) }
}
