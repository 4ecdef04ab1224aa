//! Makes one stream of the parts of a run that was divided among machines.
//!
//! What must stay true: the parts are of one run (same suite, specification, implementation, choice of cases,
//! seed and expected failures), each is there once and whole, and no case is in two of them; what can't be
//! made one is refused, with the reason.

use std::collections::BTreeSet;

use thiserror::Error;

use super::score::outcomes;
use super::{End, Machine, Results, Run, Shard, exit_code};

/// Why parts don't make a run.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum MergeError {
    /// There is none.
    #[error("there is no part to merge")]
    Nothing,
    /// A stream isn't a part.
    #[error("the results that began at {0} aren't a part of a divided run")]
    NoPart(String),
    /// The parts are of different runs.
    #[error("the parts are of different runs: part {part} has another {what} than part {first}")]
    Differ {
        /// What differs.
        what: &'static str,
        /// The part that was looked at first.
        first: usize,
        /// The part that differs.
        part: usize,
    },
    /// A part isn't there.
    #[error("part {0} of {1} is missing")]
    Missing(usize, usize),
    /// A part is there twice, or its number is beyond their count.
    #[error("part {0} of {1} is one too many")]
    TooMany(usize, usize),
    /// A part was killed or cut short.
    #[error("part {0} isn't whole: it has {1} of its {2} cases, and {3}")]
    NotWhole(usize, usize, usize, &'static str),
    /// A case is in two parts.
    #[error("the case {0} is in two parts")]
    Twice(String),
}

/// Merges all parts of one run, given in any order, into a stream without a shard.
///
/// It begins when the first part did, and takes as long as the longest: they run beside each other.
///
/// # Errors
/// Where they aren't the parts of one run, each there once and whole.
pub fn merge(parts: Vec<Results>) -> Result<Results, MergeError> {
    let mut numbered = Vec::new();
    for part in parts {
        let shard = part.run.shard.ok_or_else(|| MergeError::NoPart(part.run.started.clone()))?;
        numbered.push((shard, part));
    }
    numbered.sort_by_key(|(shard, _)| shard.index);
    same_run(&numbered)?;
    complete(&numbered)?;
    let mut parts = numbered.into_iter().map(|(_, part)| part);
    let mut whole = parts.next().ok_or(MergeError::Nothing)?;
    for part in parts {
        add(&mut whole, part);
    }
    finish(whole)
}

/// Everything that makes two streams parts of the same run.
fn same_run(parts: &[(Shard, Results)]) -> Result<(), MergeError> {
    let Some((first, one)) = parts.first() else { return Ok(()) };
    for (shard, other) in parts {
        let (a, b): (&Run, &Run) = (&one.run, &other.run);
        let checks = [
            ("version of the format", a.schema == b.schema),
            ("suite", a.suite == b.suite),
            ("specification", a.specification == b.specification && one.clauses == other.clauses),
            ("implementation", a.implementation == b.implementation),
            ("origin", a.origin == b.origin),
            ("choice of cases", a.asked == b.asked),
            ("seed", a.seed == b.seed),
            ("file of expected failures", a.expect == b.expect),
            ("count of parts", first.of == shard.of),
        ];
        if let Some((what, _)) = checks.into_iter().find(|(_, same)| !same) {
            return Err(MergeError::Differ { what, first: first.index, part: shard.index });
        }
    }
    Ok(())
}

/// Each part from 1 on is there once, has all of its cases and an end.
fn complete(parts: &[(Shard, Results)]) -> Result<(), MergeError> {
    let mut missing = 1..=parts.first().map_or(0, |(shard, _)| shard.of);
    for (Shard { index, of }, part) in parts {
        match missing.next() {
            Some(wanted) if wanted < *index => return Err(MergeError::Missing(wanted, *of)),
            Some(wanted) if wanted == *index => {}
            _ => return Err(MergeError::TooMany(*index, *of)),
        }
        let (ended, cases) = (part.cases.len(), part.run.cases);
        let not_whole = |why| Err(MergeError::NotWhole(*index, ended, cases, why));
        match &part.end {
            None => return not_whole("no end"),
            Some(end) if end.cut_short => return not_whole("was cut short"),
            Some(_) if ended != cases => return not_whole("an end"),
            Some(_) => {}
        }
    }
    match (missing.next(), parts.first()) {
        (Some(wanted), Some((shard, _))) => Err(MergeError::Missing(wanted, shard.of)),
        _ => Ok(()),
    }
}

fn add(whole: &mut Results, part: Results) {
    whole.run.cases += part.run.cases;
    whole.run.started = whole.run.started.clone().min(part.run.started);
    whole.run.machine = both(&whole.run.machine, &part.run.machine);
    whole.cases.extend(part.cases);
    let new: Vec<_> = part.stale.into_iter().filter(|entry| !whole.stale.contains(entry)).collect();
    whole.stale.extend(new);
    if let (Some(end), Some(other)) = (&mut whole.end, part.end) {
        let new: Vec<_> = other.nodes.into_iter().filter(|node| !end.nodes.contains(node)).collect();
        end.nodes.extend(new);
        end.ms = end.ms.max(other.ms);
    }
}

/// Two machines as one: both names where they differ, and the less of what they have.
fn both(one: &Machine, other: &Machine) -> Machine {
    let named = |one: &str, other: &str| match one.split(" and ").any(|name| name == other) {
        true => one.to_owned(),
        false => format!("{one} and {other}"),
    };
    Machine {
        system: named(&one.system, &other.system),
        architecture: named(&one.architecture, &other.architecture),
        processors: one.processors.min(other.processors),
        root: one.root && other.root,
    }
}

fn finish(mut whole: Results) -> Result<Results, MergeError> {
    let mut names = BTreeSet::new();
    if let Some(twice) = whole.cases.iter().find(|case| !names.insert(&case.name)) {
        return Err(MergeError::Twice(twice.name.clone()));
    }
    whole.run.shard = None;
    whole.end = whole.end.map(|end| End {
        counts: outcomes(&whole.cases),
        exit_code: exit_code(&whole.cases, &whole.stale),
        ..end
    });
    Ok(whole)
}
