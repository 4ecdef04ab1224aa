//! Reads the TOML and refuses whatever a specification may not be.
//!
//! What it does: fields first (serde, unknown ones refused), then the rules that cross fields and
//! clauses, one error each.
//! What must stay true: nothing is repaired or left out in silence; the order of the file is the
//! order of the document, so that a diff of one shows in the other at the same place.

use std::collections::BTreeMap;

use serde::Deserialize;
use thiserror::Error;

use super::{
    Area, AreaIntro, Clause, ClauseId, Level, Number, Origin, Profile, Ruling, Specification, Status, Testability,
};

/// Why a text is no specification.
#[derive(Debug, Error)]
pub enum ClauseError {
    /// It isn't TOML, a field is missing, unknown or of the wrong kind, or an id is out of area.
    #[error("the clauses can't be read")]
    Format(#[from] toml::de::Error),
    /// Two clauses have one id.
    #[error("{0} stands there twice")]
    DuplicateId(ClauseId),
    /// A clause stands before one with a smaller id, or outside of its area.
    #[error("{0} isn't where its id belongs")]
    OutOfOrder(ClauseId),
    /// A pending clause doesn't say what it waits for.
    #[error("{0} is pending and gives no reason")]
    PendingWithoutReason(ClauseId),
    /// An active clause says what it waits for.
    #[error("{0} is active and gives a reason for being pending")]
    ActiveWithReason(ClauseId),
    /// A text, a reading or a reason is there and empty, or a text doesn't end as a sentence does.
    #[error("{0} has a text, reading or reason that says nothing or doesn't end in a full stop")]
    Wording(ClauseId),
    /// The source is neither a known heading (origin `source`) nor a known ruling (`ruling`).
    #[error("{id} refers to {source_name:?}, which isn't a {} that is listed", kind(*.origin))]
    UnknownSource {
        /// The clause that refers to it.
        id: ClauseId,
        /// Who the clause says decided.
        origin: Origin,
        /// What it refers to.
        source_name: String,
    },
    /// An area is missing, repeated or out of the document's order.
    #[error("the areas aren't each there once, in order: {0:?} is where {1:?} belongs")]
    Areas(Option<Area>, Option<Area>),
    /// The rulings aren't numbered from 1 on without a gap.
    #[error("ruling {0} stands where ruling {1} belongs")]
    Rulings(u8, usize),
    /// A number names a clause that doesn't exist.
    #[error("the number {0:?} refers to {1}, which doesn't exist")]
    NumberOfNoClause(String, ClauseId),
}

fn kind(origin: Origin) -> &'static str {
    match origin {
        Origin::Source => "heading of the source",
        Origin::Ruling => "ruling",
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    sections: Vec<String>,
    area: Vec<AreaIntro>,
    ruling: Vec<Ruling>,
    number: Vec<Number>,
    clause: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    id: ClauseId,
    level: Level,
    text: String,
    source: String,
    origin: Origin,
    profile: Profile,
    testability: Testability,
    disputed: Option<String>,
    status: State,
    pending: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum State {
    Active,
    Pending,
}

impl Entry {
    fn into_clause(self) -> Result<Clause, ClauseError> {
        let id = self.id;
        let blank = |text: &str| text.trim().is_empty();
        let reasons = [&self.disputed, &self.pending];
        let mute = reasons.into_iter().flatten().any(|text| blank(text))
            || matches!(&self.testability, Testability::NotTestable(why) if blank(why));
        let status = match (self.status, self.pending) {
            (State::Active, None) => Status::Active,
            (State::Active, Some(_)) => return Err(ClauseError::ActiveWithReason(id)),
            (State::Pending, None) => return Err(ClauseError::PendingWithoutReason(id)),
            (State::Pending, Some(why)) if blank(&why) => {
                return Err(ClauseError::PendingWithoutReason(id));
            }
            (State::Pending, Some(why)) => Status::Pending(why),
        };
        if mute || blank(&self.text) || !self.text.ends_with('.') || self.text.contains('\n') {
            return Err(ClauseError::Wording(id));
        }
        Ok(Clause {
            id,
            level: self.level,
            text: self.text,
            source: self.source,
            origin: self.origin,
            profile: self.profile,
            testability: self.testability,
            disputed: self.disputed,
            status,
        })
    }
}

/// Reads and checks a whole specification; see [`Specification::parse`].
pub(super) fn read(text: &str) -> Result<Specification, ClauseError> {
    let file: File = toml::from_str(text)?;
    check_areas(&file.area)?;
    check_rulings(&file.ruling)?;

    let mut clauses: Vec<Clause> = Vec::with_capacity(file.clause.len());
    let mut index = BTreeMap::new();
    for entry in file.clause {
        let clause = entry.into_clause()?;
        check_source(&clause, &file.sections, file.ruling.len())?;
        if index.insert(clause.id, clauses.len()).is_some() {
            return Err(ClauseError::DuplicateId(clause.id));
        }
        if clauses.last().is_some_and(|before| before.id > clause.id) {
            return Err(ClauseError::OutOfOrder(clause.id));
        }
        clauses.push(clause);
    }
    for number in &file.number {
        if !index.contains_key(&number.clause) {
            return Err(ClauseError::NumberOfNoClause(number.what.clone(), number.clause));
        }
    }
    Ok(Specification {
        sections: file.sections,
        areas: file.area,
        rulings: file.ruling,
        numbers: file.number,
        clauses,
        index,
    })
}

fn check_areas(areas: &[AreaIntro]) -> Result<(), ClauseError> {
    for at in 0..areas.len().max(Area::ALL.len()) {
        let (found, wanted) = (areas.get(at).map(|area| area.prefix), Area::ALL.get(at).copied());
        if found != wanted {
            return Err(ClauseError::Areas(found, wanted));
        }
    }
    Ok(())
}

fn check_rulings(rulings: &[Ruling]) -> Result<(), ClauseError> {
    match rulings.iter().enumerate().find(|(at, ruling)| usize::from(ruling.number) != at + 1) {
        Some((at, ruling)) => Err(ClauseError::Rulings(ruling.number, at + 1)),
        None => Ok(()),
    }
}

fn check_source(clause: &Clause, sections: &[String], rulings: usize) -> Result<(), ClauseError> {
    let known = match clause.origin {
        Origin::Source => sections.contains(&clause.source),
        Origin::Ruling => (1..=rulings).any(|number| clause.source == format!("ruling {number}")),
    };
    if known {
        return Ok(());
    }
    Err(ClauseError::UnknownSource { id: clause.id, origin: clause.origin, source_name: clause.source.clone() })
}
