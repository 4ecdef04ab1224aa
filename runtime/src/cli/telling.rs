//! The flags about what is told while something takes long: `--progress` and `-v`.
//!
//! Clauses: STORE-55 to STORE-57.

use clap::{Arg, ArgAction, ArgMatches, value_parser};

use super::value_names;
use crate::progress::{Telling, When};

/// `verbose` says what `-v` does.
pub(super) fn args(verbose: &'static str) -> [Arg; 2] {
    [progress(), Arg::new("verbose").long("verbose").short('v').action(ArgAction::SetTrue).help(verbose)]
}

/// `--progress` alone.
pub(super) fn progress() -> Arg {
    Arg::new("progress")
        .long("progress")
        .value_name("WHEN")
        .help("Show how far long work is: auto, always or never [default: auto]")
        .long_help(format!(
            "Show on standard error how far work is that takes longer than half a second. auto: where that is a terminal, in a \
             line that goes again. always: also elsewhere, a line a second. never: nowhere.\n\n[default: auto] [possible \
             values: {}]",
            value_names::<When>().join(", ")
        ))
        .hide_possible_values(true)
        .value_parser(value_parser!(When))
}

pub(super) fn when(matches: &ArgMatches) -> When {
    matches.get_one("progress").copied().unwrap_or_default()
}

pub(super) fn telling(matches: &ArgMatches) -> Telling {
    Telling { progress: when(matches), verbose: matches.get_flag("verbose") }
}
