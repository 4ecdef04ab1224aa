//! Which cases are run: by profile, by name, by clause, and in parts for several machines.
//!
//! What must stay true: the same selection of the same suite picks the same cases in the same order,
//! so that the parts of a divided run are each case exactly once.

use std::str::FromStr;

use globset::{Glob, GlobMatcher};
use thiserror::Error;

use crate::clauses::{ClauseId, Profile};
use crate::results::{Asked, Shard};
use crate::trials::Trial;

/// What was asked for; empty lists are no restriction.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    asked: Asked,
    patterns: Vec<GlobMatcher>,
    shard: Option<Shard>,
}

/// Why something asked for can't be.
#[derive(Debug, Error)]
pub enum SelectError {
    /// A pattern is ill-formed.
    #[error("the filter {0:?} is ill-formed")]
    Pattern(String, #[source] globset::Error),
    /// A part is not one of the whole.
    #[error("the shard {0:?} isn't I/N with 1 <= I <= N")]
    Shard(String),
}

impl FromStr for Shard {
    type Err = SelectError;

    fn from_str(text: &str) -> Result<Self, SelectError> {
        let parts = text.split_once('/').and_then(|(index, of)| Some((index.parse().ok()?, of.parse().ok()?)));
        match parts {
            Some((index, of)) if 1 <= index && index <= of => Ok(Self { index, of }),
            _ => Err(SelectError::Shard(text.into())),
        }
    }
}

impl Selection {
    /// What these words ask for. A filter without `*`, `?` or `[` is looked for anywhere in a name.
    ///
    /// # Errors
    /// Where a filter is ill-formed.
    pub fn new(asked: Asked, shard: Option<Shard>) -> Result<Self, SelectError> {
        let pattern = |text: &String| {
            let whole = text.contains(['*', '?', '[', '{']);
            let glob = if whole { Glob::new(text) } else { Glob::new(&format!("*{text}*")) };
            glob.map(|glob| glob.compile_matcher()).map_err(|cause| SelectError::Pattern(text.clone(), cause))
        };
        let patterns = asked.filters.iter().map(pattern).collect::<Result<_, _>>()?;
        Ok(Self { asked, patterns, shard })
    }

    /// What was asked for.
    #[must_use]
    pub fn asked(&self) -> &Asked {
        &self.asked
    }

    /// Which part.
    #[must_use]
    pub fn shard(&self) -> Option<Shard> {
        self.shard
    }

    /// Whether every case was asked for, be it in parts.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.asked == Asked::default()
    }

    /// Whether a case was asked for, whichever part it belongs to.
    #[must_use]
    pub fn asks_for(&self, trial: &Trial) -> bool {
        let profiles: &[Profile] = &self.asked.profiles;
        let clauses: &[ClauseId] = &self.asked.clauses;
        let named = self.patterns.is_empty() && clauses.is_empty()
            || self.patterns.iter().any(|pattern| pattern.is_match(trial.name()))
            || trial.clauses.iter().any(|id| clauses.contains(id));
        named && (profiles.is_empty() || trial.profile.is_some_and(|profile| profiles.contains(&profile)))
    }

    /// Those of the cases that were asked for and belong to this part, in their order.
    #[must_use]
    pub fn of(&self, trials: Vec<Trial>) -> Vec<Trial> {
        let asked = trials.into_iter().filter(|trial| self.asks_for(trial)).enumerate();
        let ours = |at: usize| self.shard.is_none_or(|shard| at % shard.of == shard.index - 1);
        asked.filter(|(at, _)| ours(*at)).map(|(_, trial)| trial).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::adapter::Adapter;
    use crate::trials;

    fn every() -> Vec<Trial> {
        trials::trials(&Adapter { profiles: Profile::ALL.into(), ..Adapter::bare() }).unwrap()
    }

    fn names(asked: Asked, shard: Option<&str>) -> Vec<String> {
        let selection = Selection::new(asked, shard.map(|text| text.parse().unwrap())).unwrap();
        selection.of(every()).iter().map(Trial::name).collect()
    }

    #[test]
    fn the_parts_of_a_run_are_each_case_once() {
        let whole: BTreeSet<String> = names(Asked::default(), None).into_iter().collect();
        let parts: Vec<String> = (1..=3).flat_map(|n| names(Asked::default(), Some(&format!("{n}/3")))).collect();
        assert_eq!((parts.len(), parts.into_iter().collect::<BTreeSet<_>>()), (whole.len(), whole));
    }

    #[test]
    fn a_shard_outside_of_the_whole_is_refused() {
        for text in ["", "1", "0/2", "3/2", "1/0", "a/b", "-1/2", "1/2/3"] {
            assert!(text.parse::<Shard>().is_err(), "{text}");
        }
    }

    #[test]
    fn names_clauses_and_profiles_select() {
        let filter = |text: &str| Asked { filters: vec![text.into()], ..Asked::default() };
        assert!(names(filter("fd_06_*"), None).iter().all(|name| name.starts_with("fd_06_")));
        assert!(names(filter("umask"), None).iter().any(|name| name == "stdio_10_the_umask_is_022"));
        let clause = Asked { clauses: vec!["FD-06".parse().unwrap()], ..Asked::default() };
        let by_clause = names(clause.clone(), None);
        assert!(by_clause.iter().any(|name| name.starts_with("fd_06_")), "{by_clause:?}");
        let other = Asked { profiles: vec![Profile::Ipfs], ..clause };
        assert_eq!(names(other, None), Vec::<String>::new());
        assert!(Selection::new(filter("fd_[0"), None).is_err());
    }
}
