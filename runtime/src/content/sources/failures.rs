//! What each source said, where none had it: one line that names them all.
//!
//! Serves: rulings 9, 16; clause STORE-36.

use std::fmt;

use super::Sources;
use crate::content::ContentError;
use crate::phrase::told;

/// The store's name in messages.
pub(crate) const STORE: &str = "the store";

/// Every source that could have had it, and why it hadn't.
#[derive(Debug)]
pub struct Failures {
    /// Whether the store was looked into: it has blocks, and no names.
    store: bool,
    asked: Vec<(String, ContentError)>,
    hint: &'static str,
}

impl Failures {
    pub(super) fn new(sources: &Sources, is_name: bool) -> Failures {
        let gateways = sources.sources.iter().any(|source| source.is_gateway());
        let hint = match (sources.daemon.is_some(), gateways) {
            (false, false) => "nobody else is asked (--offline)",
            (_, true) => "",
            (true, false) => "no gateway is named (--gateway)",
        };
        // One that can't be had was told of.
        let store = !is_name && sources.shelf.as_ref().is_some_and(|shelf| shelf.is_there());
        Failures { store, asked: Vec::new(), hint }
    }

    pub(super) fn push(&mut self, name: &str, error: ContentError) {
        self.asked.push((name.to_owned(), error));
    }

    /// Adds what there is to know besides.
    pub(super) fn hint(&mut self, hint: &'static str) {
        self.hint = hint;
    }

    /// As the error that it is: of one source alone, its own.
    pub(super) fn into_error(mut self, alone: bool) -> ContentError {
        match self.asked.pop() {
            Some((_, error)) if alone => error,
            last => {
                self.asked.extend(last);
                ContentError::Sources(Box::new(self))
            }
        }
    }

    /// Each source that was asked, by its name, and what it said.
    pub fn asked(&self) -> impl Iterator<Item = (&str, &ContentError)> {
        self.asked.iter().map(|(name, error)| (name.as_str(), error))
    }
}

impl fmt::Display for Failures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut between = "";
        if self.store {
            write!(f, "not in {STORE}")?;
            between = "; ";
        }
        for (name, error) in &self.asked {
            write!(f, "{between}{name}: {}", told(error))?;
            between = "; ";
        }
        if self.hint.is_empty() { Ok(()) } else { write!(f, "{between}{}", self.hint) }
    }
}
