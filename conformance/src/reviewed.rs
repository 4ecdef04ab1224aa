//! Which words of a clause its cases were written for.
//!
//! What it does: `reviewed.toml` has a digest of every clause that has cases, as it was when somebody
//! last looked whether its cases still fit; [`changed`] gives the clauses that read differently now.
//! What must stay true: only a person's word (`ww-conformance coverage --reviewed ID`) sets a digest.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::Deserialize;

use crate::clauses::{Clause, ClauseId, Specification};
use crate::digest;

/// The digests that are built into the suite.
pub const REVIEWED_TOML: &str = include_str!("../reviewed.toml");

/// How much of a SHA-256 is kept: enough to tell two wordings apart.
const KEPT: usize = 16;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    clause: BTreeMap<ClauseId, String>,
}

/// The digest of what a clause says: its level, its text, its readings.
#[must_use]
pub fn of(clause: &Clause) -> String {
    let said = format!("{}\n{}\n{}", clause.level, clause.text, clause.disputed.as_deref().unwrap_or_default());
    digest::of(said.as_bytes())[..KEPT].to_owned()
}

/// Reads a text in the format of `reviewed.toml`.
///
/// # Errors
/// Where it isn't TOML, or names what is no clause id.
pub fn parse(text: &str) -> Result<BTreeMap<ClauseId, String>, toml::de::Error> {
    Ok(toml::from_str::<File>(text)?.clause)
}

/// Those of the clauses whose words aren't those that were last looked at.
///
/// # Panics
/// If the built-in text doesn't load, which the tests of this crate rule out.
#[must_use]
pub fn changed<'a>(clauses: impl IntoIterator<Item = &'a Clause>) -> Vec<ClauseId> {
    let reviewed = parse(REVIEWED_TOML).unwrap_or_else(|fault| panic!("the built-in digests don't load: {fault}"));
    let differs = |clause: &&Clause| reviewed.get(&clause.id) != Some(&of(clause));
    clauses.into_iter().filter(differs).map(|clause| clause.id).collect()
}

/// The text with these clauses set to what they say now, in the order of the specification.
#[must_use]
pub fn updated(old: &BTreeMap<ClauseId, String>, ids: &[ClauseId], specification: &Specification) -> String {
    let mut text = String::from(
        "# What each clause said when somebody last looked whether its cases fit it. To look again after a\n\
         # change: `ww-conformance explain ID`, then `ww-conformance coverage --reviewed ID`.\n\n[clause]\n",
    );
    for clause in specification.clauses() {
        let digest = if ids.contains(&clause.id) { Some(of(clause)) } else { old.get(&clause.id).cloned() };
        if let Some(digest) = digest {
            let _ = writeln!(text, "{} = \"{digest}\"", clause.id);
        }
    }
    text
}
