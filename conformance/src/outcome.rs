//! How a case ended, in the seven words that every report uses.
//!
//! What must stay true: a skip is never a pass and has a reason; what the harness did wrong is never
//! told as the implementation's fault.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::verdict::Stop;

/// What came of one case, after expected failures were considered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// The clause holds, as far as the case shows.
    Pass,
    /// It doesn't.
    Fail,
    /// It doesn't, and the list of expected failures says so.
    Xfail,
    /// It holds, though the list of expected failures says that it doesn't.
    Xpass,
    /// The adapter doesn't claim what the case judges.
    NotApplicable,
    /// This machine can't show it.
    NotVerifiable,
    /// The harness, or the machine, is at fault.
    HarnessError,
}

impl Outcome {
    /// Every outcome, in the order in which reports count them.
    pub const ALL: [Self; 7] = [
        Self::Pass,
        Self::Fail,
        Self::Xfail,
        Self::Xpass,
        Self::NotApplicable,
        Self::NotVerifiable,
        Self::HarnessError,
    ];

    /// Its word in the stream and in reports.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Fail => "fail",
            Self::Xfail => "xfail",
            Self::Xpass => "xpass",
            Self::NotApplicable => "not-applicable",
            Self::NotVerifiable => "not-verifiable",
            Self::HarnessError => "harness-error",
        }
    }

    /// Whether the case was decided: it ran, and the implementation did or didn't do as the clause says.
    #[must_use]
    pub const fn is_decided(self) -> bool {
        matches!(self, Self::Pass | Self::Fail | Self::Xfail | Self::Xpass)
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

impl From<&Stop> for Outcome {
    fn from(stop: &Stop) -> Self {
        match stop {
            Stop::Fail(_) => Self::Fail,
            Stop::NotApplicable(_) => Self::NotApplicable,
            Stop::NotVerifiable(_) => Self::NotVerifiable,
            Stop::Harness(_) => Self::HarnessError,
        }
    }
}
