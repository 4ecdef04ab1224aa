//! What a case is, and how one is registered.
//!
//! What it does: cases are values ([`Case`]), which `case!` makes of functions; one list an area.
//! What must stay true: a case's name begins with its clause's id; an id that the specification
//! doesn't have is an error.

use thiserror::Error;

use crate::clauses::{ClauseId, Profile, Specification};
use crate::suite::Suite;
use crate::verdict::Verdict;

/// What a case does.
pub type Body = for<'a> fn(&'a Suite<'a>) -> Verdict;

/// One case: a name that begins with the id of the clause that it decides, and what it does.
#[derive(Clone, Copy, Debug)]
pub struct Case {
    /// `fd_21_nothing_else_is_open`.
    pub name: &'static str,
    /// What it does.
    pub run: Body,
    /// Further clauses that it decides.
    pub also: &'static [&'static str],
    /// Whether it is run in each layout that the implementation has.
    pub each_layout: bool,
    /// A further profile that has to be claimed, for what the case uses beside its own clause.
    pub needs: Option<Profile>,
    /// Whether it takes ten seconds or more.
    pub long: bool,
}

impl Case {
    /// A case.
    #[must_use]
    pub const fn new(name: &'static str, run: Body) -> Self {
        Self { name, run, also: &[], each_layout: false, needs: None, long: false }
    }

    /// Names further clauses that it decides.
    #[must_use]
    pub const fn also(mut self, clauses: &'static [&'static str]) -> Self {
        self.also = clauses;
        self
    }

    /// Has it run in each layout that the implementation has.
    #[must_use]
    pub const fn each_layout(mut self) -> Self {
        self.each_layout = true;
        self
    }

    /// Has it run only where this profile is claimed as well.
    #[must_use]
    pub const fn needs(mut self, profile: Profile) -> Self {
        self.needs = Some(profile);
        self
    }

    /// Has it begun before the others, so that it isn't alone at the end: it takes ten seconds or more.
    #[must_use]
    pub const fn long(mut self) -> Self {
        self.long = true;
        self
    }

    /// The clauses that it decides, its own first.
    ///
    /// # Errors
    /// An id that isn't one, or that the specification doesn't have.
    pub fn clauses(&self, specification: &Specification) -> Result<Vec<ClauseId>, UnknownClause> {
        let mut parts = self.name.split('_');
        let own = format!("{}-{}", parts.next().unwrap_or("").to_uppercase(), parts.next().unwrap_or(""));
        std::iter::once(own.as_str())
            .chain(self.also.iter().copied())
            .map(|text| {
                text.parse()
                    .ok()
                    .filter(|id| specification.clause(*id).is_some())
                    .ok_or_else(|| UnknownClause(self.name, text.to_owned()))
            })
            .collect()
    }
}

/// A case cites a clause that doesn't exist.
#[derive(Debug, Error)]
#[error("the case {0} cites {1}, which the specification doesn't have")]
pub struct UnknownClause(&'static str, String);

/// Makes a [`Case`] of a function.
macro_rules! case {
    ($name:ident) => {
        $crate::registry::Case::new(stringify!($name), $name)
    };
}
pub(crate) use case;
