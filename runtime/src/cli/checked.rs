//! Value parsers that check as the command line is read, left to right, and remember the first mistake.
//!
//! clap drops a flag's own error when a later flag is unknown; the first mistake is kept here, so that it is
//! the one reported.

use std::ffi::OsStr;
use std::sync::{Arc, Mutex, PoisonError};

use clap::builder::TypedValueParser;
use clap::error::ErrorKind;

use super::UsageError;
use crate::units::UnitError;

/// The first mistake that a checked value made.
#[derive(Clone, Default)]
pub(super) struct FirstError(Arc<Mutex<Option<UsageError>>>);

impl FirstError {
    /// Takes the mistake, if there was one.
    pub(super) fn take(&self) -> Option<UsageError> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn keep(&self, error: UsageError) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
    }
}

/// A value parser made of a function.
#[derive(Clone)]
pub(super) struct Checked<F> {
    first: FirstError,
    parse: F,
}

/// Makes a value parser of `parse`, whose first mistake is kept in `first`.
pub(super) fn checked<F, T>(first: &FirstError, parse: F) -> Checked<F>
where
    F: Fn(&OsStr) -> Result<T, UsageError>,
{
    Checked { first: first.clone(), parse }
}

/// Parses a value with a unit, in whose refusal the flag is named.
pub(super) fn unit<T>(
    flag: &'static str,
    value: &OsStr,
    parse: impl Fn(&str) -> Result<T, UnitError>,
) -> Result<T, UsageError> {
    let text = value.to_string_lossy();
    parse(&text).map_err(|source| UsageError::Unit { flag, value: text.into_owned(), source })
}

impl<F, T> TypedValueParser for Checked<F>
where
    F: Fn(&OsStr) -> Result<T, UsageError> + Clone + Send + Sync + 'static,
    T: Clone + Send + Sync + 'static,
{
    type Value = T;

    fn parse_ref(&self, command: &clap::Command, _: Option<&clap::Arg>, value: &OsStr) -> Result<T, clap::Error> {
        (self.parse)(value).map_err(|error| {
            self.first.keep(error);
            clap::Error::new(ErrorKind::ValueValidation).with_cmd(command)
        })
    }
}
