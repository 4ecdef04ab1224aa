//! The flags of `ww export`.
//!
//! Clauses: STORE-01, -05 to -08, -20 to -25.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use clap::{Arg, ArgAction, ArgMatches, Command, ValueHint, value_parser};

use super::checked::{FirstError, checked};
use super::run::{all, endpoint, lossy, parse_endpoint};
use super::{UsageError, Variables, sources, telling};
use crate::content::Profile;
use crate::endpoint::Endpoint;
use crate::export::{Export, Goal, Input, Pattern, Receiver};
use crate::progress::Telling;

/// `ww export`, and what is said before it.
#[derive(Debug)]
pub struct ExportArgs {
    /// What is to be done.
    pub export: Export,
    /// What is told meanwhile.
    pub telling: Telling,
    /// `WW_IPFS` and `--ipfs` where they differ: the first counts.
    pub overridden: Option<(String, String)>,
}

impl ExportArgs {
    pub(super) fn new(matches: &ArgMatches, variables: Variables) -> Result<ExportArgs, UsageError> {
        let flag = matches.get_one::<Endpoint>("ipfs").cloned();
        let named = flag.is_some() || variables.ipfs.as_ref().is_some_and(|value| !value.is_empty());
        let (endpoint, overridden) = endpoint(flag, variables.ipfs)?;
        let timeout = matches.get_one("ipfs-timeout").copied().unwrap_or_default();
        let car = matches.get_one::<PathBuf>("car").cloned();
        let goal = match car {
            _ if matches.get_flag("only-hash") => Goal::Hash,
            Some(path) if path.as_os_str() == "-" => Goal::CarOut,
            Some(path) => Goal::Car(path),
            None if matches.get_flag("offline") => Goal::Store(None),
            None => Goal::Store(Some(Receiver { endpoint, named, timeout })),
        };
        let overridden = overridden.filter(|_| matches!(goal, Goal::Store(Some(_))));
        let export = Export {
            inputs: all::<OsString>(matches, "path").map(input).collect(),
            profile: matches.get_one("profile").copied().unwrap_or_default(),
            wrap: matches.get_flag("wrap"),
            exclude: all(matches, "exclude").collect(),
            goal,
        };
        Ok(ExportArgs { export, telling: telling::telling(matches), overridden })
    }
}

fn input(word: OsString) -> Input {
    if word == "-" { Input::Stdin } else { Input::Path(word.into()) }
}

fn profile(value: &OsStr) -> Result<Profile, UsageError> {
    let known = Profile::ALL.into_iter().find(|profile| value == profile.name());
    known.ok_or_else(|| UsageError::Value {
        flag: "--profile",
        value: lossy(value),
        possible: Profile::ALL.map(Profile::name).join(", "),
    })
}

/// The `export` command.
pub(super) fn command(first: &FirstError) -> Command {
    let flag = |name: &'static str, help: &'static str| Arg::new(name).long(name).help(help).action(ArgAction::SetTrue);
    Command::new("export")
        .about("Put files and directories into IPFS, and print their paths")
        .long_about(
            "Put files and directories into IPFS, and print the path /ipfs/<cid> of each, one a line.\n\n\
             They go into the embedded store, and into the IPFS daemon if one answers, where they are pinned. The same \
             content gets the same CID from Kubo with the same profile. A directory is taken whole, dot files too; \
             symlinks are kept as they are; permissions and times are not.",
        )
        .args_override_self(true)
        .arg(
            Arg::new("path")
                .value_name("PATH")
                .required(true)
                .num_args(1..)
                .value_hint(ValueHint::AnyPath)
                .value_parser(value_parser!(OsString))
                .help("What to export: a file, a directory, a symlink, or - for standard input"),
        )
        .arg(
            Arg::new("profile")
                .long("profile")
                .value_name("PROFILE")
                .help("How files become blocks [default: unixfs-v1-2025]")
                .long_help(
                    "How files become blocks, by the names of IPIP-499: unixfs-v1-2025 (CIDs like bafy…), or \
                     unixfs-v0-2015 (CIDs like Qm…).\n\n[default: unixfs-v1-2025]",
                )
                .value_parser(checked(first, profile)),
        )
        .arg(flag("only-hash", "Only print the CIDs; put nothing anywhere").conflicts_with("car"))
        .arg(flag("wrap", "Put all PATHs into one directory, by their names, and print that"))
        .arg(
            Arg::new("exclude")
                .long("exclude")
                .value_name("GLOB")
                .action(ArgAction::Append)
                .help("Leave out what matches, in the manner of .gitignore (repeatable)")
                .long_help(
                    "Leave out what matches below a PATH (repeatable): a name at any depth (*.o), a path from the top \
                     (/target, docs/*.md), directories alone (target/). *, ? and [a-z] stay within a name, ** doesn't.",
                )
                .value_parser(checked(first, |value: &OsStr| {
                    let refused = |source| UsageError::Exclude { value: lossy(value), source };
                    Pattern::parse(value.as_bytes()).map_err(refused)
                })),
        )
        .arg(
            Arg::new("car")
                .long("car")
                .value_name("FILE")
                .value_hint(ValueHint::FilePath)
                .value_parser(value_parser!(PathBuf))
                .help("Write a CAR file, in place of the store and the daemon; - is standard output")
                .long_help(
                    "Write a CAR file (version 1), in place of the store and the daemon: the bytes of `ipfs dag export`. \
                     It is there whole, or not at all. With -, it goes to standard output and the path to standard error.",
                ),
        )
        .arg(flag("offline", "Put it into the store alone; ask no daemon").conflicts_with("ipfs"))
        .arg(
            Arg::new("ipfs")
                .long("ipfs")
                .value_name("ENDPOINT")
                .help(format!("IPFS API endpoint, which must answer then [default: {}]", Endpoint::DEFAULT))
                .long_help(format!(
                    "IPFS API endpoint, a multiaddr or a URL. One that is named, here or by the variable WW_IPFS, which \
                     overrides it, must answer.\n\n[default: {}]",
                    Endpoint::DEFAULT
                ))
                .value_parser(checked(first, |value: &OsStr| parse_endpoint("--ipfs", value))),
        )
        .arg(sources::timeout(first, "the IPFS daemon"))
        .args(telling::args("Say how much went where"))
}
