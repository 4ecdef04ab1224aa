//! Why a stream shows less than the whole suite would: what a report has to say beside its score.
//!
//! What must stay true: a stream with a limit is never told as a whole run.

use std::fmt;

use super::{Results, Shard};
use crate::adapter::Origins;
use crate::clauses::ClauseId;

/// One reason why a run isn't a whole one. Judging fewer profiles is none: a score names its profiles.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Limit {
    /// The stream has no end: the suite was killed.
    NoEnd,
    /// The run was interrupted, or stopped at its first failure.
    CutShort,
    /// Fewer cases have ended than the run has.
    Missing(usize, usize),
    /// It is one part of a run that was divided.
    Shard(Shard),
    /// Only cases with these names were asked for.
    Filters(Vec<String>),
    /// Only the cases of these clauses were asked for.
    Clauses(Vec<ClauseId>),
    /// It was judged by the source's words alone, without the rulings.
    SourceOnly,
}

impl Limit {
    /// Every reason why this stream isn't a whole run.
    #[must_use]
    pub fn of(results: &Results) -> Vec<Self> {
        let (run, ended) = (&results.run, results.cases.len());
        let end = results.end.as_ref();
        let found = [
            end.is_none().then_some(Self::NoEnd),
            end.is_some_and(|end| end.cut_short).then_some(Self::CutShort),
            (ended != run.cases).then_some(Self::Missing(ended, run.cases)),
            run.shard.map(Self::Shard),
            (!run.asked.filters.is_empty()).then(|| Self::Filters(run.asked.filters.clone())),
            (!run.asked.clauses.is_empty()).then(|| Self::Clauses(run.asked.clauses.clone())),
            (run.origin == Origins::Source).then_some(Self::SourceOnly),
        ];
        found.into_iter().flatten().collect()
    }

    /// In a word or two, for a badge.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::NoEnd => "no end",
            Self::CutShort => "cut short",
            Self::Missing(..) => "cases missing",
            Self::Shard(_) => "one shard",
            Self::Filters(_) | Self::Clauses(_) => "filtered",
            Self::SourceOnly => "source only",
        }
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoEnd => f.write_str("the stream has no end: the suite was killed"),
            Self::CutShort => f.write_str("the run was cut short"),
            Self::Missing(ended, of) => write!(f, "{ended} of its {of} cases have ended"),
            Self::Shard(shard) => write!(f, "it is part {} of {}", shard.index, shard.of),
            Self::Filters(filters) => write!(f, "only cases named {} were asked for", filters.join(", ")),
            Self::Clauses(clauses) => {
                let ids: Vec<String> = clauses.iter().map(ClauseId::to_string).collect();
                write!(f, "only the cases of {} were asked for", ids.join(", "))
            }
            Self::SourceOnly => f.write_str("it was judged by the source's words alone, without the rulings"),
        }
    }
}
