//! `ww doctor`: what this machine can do, each part of the jail tried, with what can be done about the rest.
//!
//! What must stay true: what it says is what a run would find: the parts are tried with the calls of a start, and
//! nothing is concluded from a setting.
//! Clauses: JAIL-45, JAIL-46.

pub mod apparmor;
mod bounds;
mod table;

use std::io;

use serde::Serialize;

use crate::jail::refusal::{Cause, Facts, landlock_is_hidden};
use crate::jail::{Identity, Level, Part};
use crate::phrase::plain;
use crate::sys::usage::kernel;
use crate::sys::{SoleThread, ThreadsError, machine, probe};

/// Why the machine couldn't be looked at.
#[derive(Debug, thiserror::Error)]
pub enum DoctorError {
    /// This program's own place, for the profile.
    #[error("cannot tell where this program is")]
    Place(#[source] io::Error),
    /// The users that this system knows.
    #[error("cannot tell which users this system knows")]
    Identity(#[source] io::Error),
    /// The trials need a process with one thread.
    #[error(transparent)]
    Threads(#[from] ThreadsError),
}

/// What this machine can do.
#[derive(Debug, Serialize)]
pub struct Findings {
    /// Linux's name of its version.
    kernel: String,
    /// Whether the caller is root, whose cells are another user's.
    root: bool,
    /// The levels, strongest first, and whether they can be had.
    levels: Vec<Availability>,
    /// Every part that was tried.
    parts: Vec<Finding>,
}

#[derive(Debug, Serialize)]
struct Availability {
    level: &'static str,
    available: bool,
}

/// How it stands with one part.
#[derive(Debug, Serialize)]
struct Finding {
    part: &'static str,
    state: State,
    /// The levels that it belongs to.
    levels: Vec<&'static str>,
    /// Where it can be had: what more there is to say of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
    /// Where it can't be had: why.
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<String>,
    /// Where it can't be had: what to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    remedy: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum State {
    /// It can be had.
    Available,
    /// The kernel hasn't got it, and the full jail is promised without it then.
    Absent,
    /// It can't be had, and no level that it belongs to.
    Refused,
}

/// Tries every part.
pub fn look() -> Result<Findings, DoctorError> {
    let identity = Identity::of_this_caller().map_err(DoctorError::Identity)?;
    let sole = SoleThread::claim()?;
    let facts = machine::facts();
    let tried = Part::ALL.map(|part| (part, probe::try_part(&sole, part, &identity)));
    let mut findings = Findings::new(kernel(), &facts, tried.into_iter());
    findings.parts.extend(bounds::look());
    Ok(findings)
}

impl Findings {
    fn new(
        kernel: String,
        facts: &Facts,
        tried: impl Iterator<Item = (Part, Result<Option<String>, i32>)>,
    ) -> Findings {
        let mut tried: Vec<_> = tried.map(|(part, found)| (part, Finding::new(part, found, facts))).collect();
        let is_refused = |one: &(Part, Finding)| one.0 == Part::UserNamespace && one.1.state == State::Refused;
        if tried.iter().any(is_refused) {
            let rest = tried.iter_mut().filter(|(part, _)| part.needs_namespaces() && *part != Part::UserNamespace);
            rest.for_each(|(_, finding)| finding.need_a_user_namespace());
        }
        let has = |level: Level| {
            tried.iter().filter(|(part, _)| level.has(*part)).all(|(part, finding)| match finding.state {
                State::Available => true,
                State::Refused => false,
                // Without namespaces Landlock is all that keeps a cell from the caller's files.
                State::Absent => level == Level::Full || *part != Part::Landlock,
            })
        };
        let levels = LEVELS.map(|level| Availability { level: level.name(), available: has(level) });
        let parts = tried.into_iter().map(|(_, finding)| finding).collect();
        Findings { kernel, root: facts.root, levels: levels.into(), parts }
    }

    /// Whether the full jail can be had.
    pub fn has_full(&self) -> bool {
        self.levels.iter().any(|one| one.level == Level::Full.name() && one.available)
    }

    /// The findings as one JSON object on one line.
    pub fn json(&self) -> String {
        // Strings and truth values alone: nothing in it fails to serialize.
        serde_json::to_string(self).unwrap_or_default() + "\n"
    }
}

const LEVELS: [Level; 3] = [Level::Full, Level::Restricted, Level::None];

impl Finding {
    fn new(part: Part, found: Result<Option<String>, i32>, facts: &Facts) -> Finding {
        let levels = LEVELS.into_iter().filter(|level| level.has(part)).map(Level::name).collect();
        let name = part.name();
        match found {
            Ok(detail) => Finding { part: name, state: State::Available, levels, detail, why: None, remedy: None },
            Err(errno) => {
                let cause = Cause::of(part, errno, facts);
                let state = if is_absent(part, errno, facts) { State::Absent } else { State::Refused };
                let (why, remedy) = (Some(plain(&cause.to_string())), Some(cause.remedy(part)));
                Finding { part: name, state, levels, detail: None, why, remedy }
            }
        }
    }
}

impl Finding {
    /// Has one cause in place of its own: what can't be had without a user namespace says no more than that.
    fn need_a_user_namespace(&mut self) {
        (self.state, self.detail, self.remedy) = (State::Refused, None, None);
        self.why = Some("it needs a user namespace".to_owned());
    }
}

fn is_absent(part: Part, errno: i32, facts: &Facts) -> bool {
    part.may_be_absent() && (part != Part::Landlock || !landlock_is_hidden(errno, facts))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings(refused: &[(Part, i32)]) -> Findings {
        let facts = Facts { kernel: (6, 1), ..Facts::default() };
        let tried = Part::ALL.into_iter().map(|part| {
            let errno = refused.iter().find(|(other, _)| *other == part).map(|(_, errno)| *errno);
            (part, errno.map_or(Ok(None), Err))
        });
        Findings::new("6.1.0".to_owned(), &facts, tried)
    }

    fn levels(findings: &Findings) -> Vec<&str> {
        findings.levels.iter().filter(|one| one.available).map(|one| one.level).collect()
    }

    #[test]
    fn jail_46_a_level_is_had_where_all_its_parts_are() {
        assert_eq!(levels(&findings(&[])), ["full", "restricted", "none"]);
        assert_eq!(levels(&findings(&[(Part::UserNamespace, libc::EPERM)])), ["restricted", "none"]);
        assert_eq!(levels(&findings(&[(Part::Seccomp, libc::EPERM)])), ["none"]);
        assert_eq!(levels(&findings(&[(Part::Keyring, libc::ENOSYS)])), ["full", "restricted", "none"]);
    }

    #[test]
    fn jail_46_an_old_kernel_without_landlock_has_the_full_jail_and_not_the_restricted_one() {
        assert_eq!(levels(&findings(&[(Part::Landlock, libc::ENOSYS)])), ["full", "none"]);
    }

    #[test]
    fn jail_46_what_is_refused_has_its_cause_and_remedy() {
        let found = findings(&[(Part::UserNamespace, libc::ENOSPC)]);
        let part = found.parts.iter().find(|one| one.part == "user namespace").unwrap();
        assert_eq!(part.state, State::Refused);
        assert!(part.why.is_some() && part.remedy.is_some());
        assert!(!found.has_full());
    }
}
