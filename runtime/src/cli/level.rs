//! `--jail` and `--dry-run`: how much isolation, and whether to run at all.

use clap::{Arg, ArgMatches, ValueEnum, value_parser};

use super::value_names;
use crate::jail::Level;

/// How a plan is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Form {
    /// For people.
    Human,
    /// For programs: one JSON object.
    Json,
}

pub(super) fn args() -> [Arg; 2] {
    [
        Arg::new("jail")
            .long("jail")
            .value_name("LEVEL")
            .help("How much isolation: full, restricted (no namespaces) or none [default: full]")
            .long_help(format!(
                "How much isolation. full: everything, or the run fails. restricted: without namespaces; \
                 Landlock, a seccomp filter, no new privileges and limits, where full isn't to be had: the \
                 machine's processes and the names of its files show. none: no isolation at all. Weaker levels \
                 are never chosen for you. `ww doctor` says which this machine can do.\n\n\
                 [default: full] [possible values: {}]",
                value_names::<Level>().join(", ")
            ))
            .hide_possible_values(true)
            .value_parser(value_parser!(Level)),
        Arg::new("dry-run")
            .long("dry-run")
            .value_name("FORM")
            .num_args(0..=1)
            .require_equals(true)
            .default_missing_value("human")
            .help("Print the jail and what would run in it, and run nothing: --dry-run=json for programs")
            .long_help(
                "Print the jail and what would run in it, and run nothing. The program is looked up, or fetched, as \
                 for a run, with the same errors; the kernel isn't asked. Of the environment only the names are \
                 printed.\n\n[possible values: human, json]",
            )
            .hide_possible_values(true)
            .value_parser(value_parser!(Form)),
    ]
}

pub(super) fn level(matches: &ArgMatches) -> Level {
    matches.get_one("jail").copied().unwrap_or_default()
}

pub(super) fn dry_run(matches: &ArgMatches) -> Option<Form> {
    matches.get_one("dry-run").copied()
}
