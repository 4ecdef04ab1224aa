//! `--ipfs-access`: what the cell may do with IPFS.
//!
//! Clauses: ACC-07.

use std::ffi::OsStr;

use clap::builder::{PossibleValue, TypedValueParser};
use clap::{Arg, ArgMatches, ValueEnum};

use super::checked::{FirstError, checked};
use super::{UsageError, value_names};
use crate::access::Access;

const FLAG: &str = "--ipfs-access";

pub(super) fn arg(first: &FirstError) -> Arg {
    Arg::new("ipfs-access")
        .long("ipfs-access")
        .value_name("LEVEL")
        .help("What the cell may do with IPFS: none, read, write or full [default: write]")
        .long_help(format!(
            "What the cell may do with IPFS, each level with all of the one before. none: nothing. read: get content \
             and look at it. write: store content, pin it, and unpin what this run pinned. full: all pins of the \
             daemon, its identity, its peers.\n\n[default: {}] [possible values: {}]",
            Access::default(),
            value_names::<Access>().join(", ")
        ))
        .hide_possible_values(true)
        .value_parser(Levels(checked(first, parse)))
}

pub(super) fn access(matches: &ArgMatches) -> Access {
    matches.get_one("ipfs-access").copied().unwrap_or_default()
}

fn parse(value: &OsStr) -> Result<Access, UsageError> {
    let found = value.to_str().and_then(|value| Access::from_str(value, false).ok());
    found.ok_or_else(|| UsageError::Value {
        flag: FLAG,
        value: value.to_string_lossy().into_owned(),
        possible: value_names::<Access>().join(", "),
    })
}

/// A parser of levels that completions know the values of.
#[derive(Clone)]
struct Levels<P>(P);

impl<P: TypedValueParser<Value = Access>> TypedValueParser for Levels<P> {
    type Value = Access;

    fn parse_ref(&self, command: &clap::Command, arg: Option<&Arg>, value: &OsStr) -> Result<Access, clap::Error> {
        self.0.parse_ref(command, arg, value)
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        Some(Box::new(Access::value_variants().iter().filter_map(ValueEnum::to_possible_value)))
    }
}
