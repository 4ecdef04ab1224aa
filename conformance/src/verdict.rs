//! What a case comes to, and the checks that decide it.
//!
//! What must stay true: a failure says what was expected and what came; a fault of the harness is
//! never told as a fault of the implementation, nor the other way round; a skip has a reason.

use std::fmt::{self, Debug};
use std::sync::atomic::{AtomicU64, Ordering};

use serde::{Deserialize, Serialize};

/// What a case returns: `Ok` is a pass.
pub type Verdict<T = ()> = Result<T, Stop>;

/// How many checks this process has made: a case that made none shows nothing.
static CHECKS: AtomicU64 = AtomicU64::new(0);

/// Counts one check.
pub(crate) fn checked() {
    CHECKS.fetch_add(1, Ordering::Relaxed);
}

/// How many checks were made in this process so far.
#[must_use]
pub fn checks() -> u64 {
    CHECKS.load(Ordering::Relaxed)
}

/// Why a case ended without passing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
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

const EXPECTED: &str = "expected: ";
const GOT: &str = "\n     got: ";
/// What stands before the command line in a failure's story.
pub(crate) const RAN: &str = "\n     ran: ";

/// A failure's text taken apart: what was expected, and what came.
#[must_use]
pub fn expected_and_got(text: &str) -> Option<(&str, &str)> {
    let (expected, rest) = text.strip_prefix(EXPECTED)?.split_once(GOT)?;
    Some((expected, rest.split_once(RAN).map_or(rest, |(got, _)| got)))
}

/// Fails with what was expected and what came.
///
/// # Errors
/// Always.
pub fn fail<T>(expected: impl fmt::Display, came: impl fmt::Display) -> Verdict<T> {
    checked();
    Err(Stop::Fail(format!("{EXPECTED}{expected}{GOT}{came}")))
}

/// Checks that two values are the same.
///
/// # Errors
/// A failure that names both, where they aren't.
pub fn same<T: PartialEq + Debug>(what: impl fmt::Display, got: T, wanted: T) -> Verdict {
    checked();
    if got == wanted { Ok(()) } else { fail(format!("{what}: {}", shown(&wanted)), shown(&got)) }
}

/// A value in a failure, cut where it is long.
fn shown(value: &impl Debug) -> String {
    const MOST: usize = 2_000;
    let text = format!("{value:?}");
    match text.char_indices().nth(MOST) {
        Some((at, _)) => format!("{}… ({} bytes)", &text[..at], text.len()),
        None => text,
    }
}

/// Checks that something holds; `what` says it as a sentence, `came` what is there instead.
///
/// # Errors
/// A failure, where it doesn't hold.
pub fn holds(what: impl fmt::Display, truth: bool, came: impl Debug) -> Verdict {
    checked();
    if truth { Ok(()) } else { fail(what, format!("{came:?}")) }
}
