//! The flags that bound a run: `--timeout`, `--memory`, `--pids`.
//!
//! Clauses: LIMIT-06, LIMIT-08, LIMIT-09, LIMIT-10.

use std::ffi::OsStr;

use clap::{Arg, ArgMatches};

use super::checked::{FirstError, checked, unit};
use crate::jail::bounds::Asked;
use crate::units;

pub(super) fn args(first: &FirstError) -> [Arg; 3] {
    [
        Arg::new("timeout")
            .long("timeout")
            .value_name("DURATION")
            .help("End the cell after this long: with ms, s, m or h")
            .long_help(
                "End the cell after this long: with ms, s, m or h (none: seconds). It gets SIGTERM, and 5 s later \
                 SIGKILL with all that it started; ww's exit code is 124. 0 is no bound, as without the flag.",
            )
            .value_parser(checked(first, |value: &OsStr| unit("--timeout", value, units::duration))),
        Arg::new("memory")
            .long("memory")
            .value_name("SIZE")
            .help("Bound the memory of the cell and all it starts: bytes, or with K, M or G [default: see --help]")
            .long_help(
                "Bound the memory of the cell and all it starts together: bytes, or with K, M or G. A cgroup enforces \
                 it, so this needs one: version 2 delegated to you, or version 1 as root.\n\n[default: a quarter of the \
                 machine's memory, watched by ww itself]",
            )
            .value_parser(checked(first, |value: &OsStr| unit("--memory", value, units::some_size))),
        Arg::new("pids")
            .long("pids")
            .value_name("N")
            .help("Bound the processes and threads of the cell, itself included [default: 1024]")
            .value_parser(checked(first, |value: &OsStr| unit("--pids", value, units::count))),
    ]
}

pub(super) fn asked(matches: &ArgMatches) -> Asked {
    Asked {
        timeout: matches.get_one("timeout").copied(),
        memory: matches.get_one("memory").copied(),
        processes: matches.get_one("pids").copied(),
    }
}
