//! The flags that show the cell more of the host: `--ro`, `--rw`, and where it starts: `--workdir`.

use std::ffi::OsStr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use clap::{Arg, ArgAction, ArgMatches};

use super::UsageError;
use super::checked::{FirstError, checked};
use crate::jail::grant::{self, Access, PathError, PathGrant, Places};

/// The flags' arguments. They share the places that were taken, so that two can't take the same.
pub(super) fn args(first: &FirstError) -> [Arg; 3] {
    let places = Arc::new(Mutex::new(Places::default()));
    let granting = |access: Access| {
        let places = Arc::clone(&places);
        checked(first, move |value: &OsStr| {
            let directory = std::env::current_dir().ok();
            let claimed = PathGrant::parse(access, value, directory.as_deref())
                .and_then(|grant| places.lock().unwrap_or_else(PoisonError::into_inner).claim(grant));
            claimed.map_err(refused(access.flag(), value))
        })
    };
    [
        Arg::new("ro")
            .long("ro")
            .value_name("PATH[:AT]")
            .action(ArgAction::Append)
            .help("Show the cell a file or directory, of yours or /ipfs/<cid>[/path], for reading (repeatable)")
            .long_help(
                "Show the cell a file or directory of yours, for reading and executing (repeatable). It appears \
                 at the same path, or at AT, which begins at the last ':' that a '/' follows. PATH may be an IPFS \
                 path, /ipfs/<cid>[/path], /ipns/<name>[/path] or such a URL: what is there is fetched and verified, \
                 all of it, before the cell starts.",
            )
            .value_hint(clap::ValueHint::AnyPath)
            .value_parser(granting(Access::Read)),
        Arg::new("rw")
            .long("rw")
            .value_name("PATH[:AT]")
            .action(ArgAction::Append)
            .help("Show the cell a file or directory of yours, for writing too (repeatable)")
            .long_help(
                "Show the cell a file or directory of yours, for reading, executing and writing (repeatable). What \
                 it writes stays, and belongs to the owner of what was granted.",
            )
            .value_hint(clap::ValueHint::AnyPath)
            .value_parser(granting(Access::Write)),
        Arg::new("workdir")
            .long("workdir")
            .value_name("PATH")
            .help("Start in this directory of the cell's [default: /work]")
            .value_hint(clap::ValueHint::AnyPath)
            .value_parser(checked(first, |value: &OsStr| grant::workdir(value).map_err(refused("--workdir", value)))),
    ]
}

/// The grants of both flags, in an order that means nothing: no place is another's.
pub(super) fn grants(matches: &ArgMatches) -> Vec<PathGrant> {
    ["ro", "rw"].iter().filter_map(|flag| matches.get_many::<PathGrant>(flag)).flatten().cloned().collect()
}

/// `--workdir`, where it was given.
pub(super) fn workdir(matches: &ArgMatches) -> Option<PathBuf> {
    matches.get_one("workdir").cloned()
}

fn refused(flag: &'static str, value: &OsStr) -> impl Fn(PathError) -> UsageError {
    let value = value.to_string_lossy().into_owned();
    move |source| UsageError::Path { flag, value: value.clone(), source }
}
