//! The flags of `ww import`.
//!
//! Clauses: STORE-09, -10, -12, -26 to -32.

use std::ffi::{OsStr, OsString};

use clap::{Arg, ArgAction, ArgMatches, Command, ValueHint, value_parser};

use super::checked::{FirstError, checked, unit};
use super::run::{endpoint, lossy, parse_endpoint};
use super::{UsageError, Variables, sources, telling};
use crate::content::ContentPath;
use crate::endpoint::Endpoint;
use crate::import::{Import, Target};
use crate::units;

/// The most bytes that are imported unless `--max-size` says otherwise, as `ww run` has it.
const DEFAULT_MAX_SIZE: &str = "1G";

/// `ww import`, and what is said before it.
#[derive(Debug)]
pub struct ImportArgs {
    /// What is to be done.
    pub import: Import,
    /// `WW_IPFS` and `--ipfs` where they differ: the first counts.
    pub overridden: Option<(String, String)>,
}

impl ImportArgs {
    pub(super) fn new(matches: &ArgMatches, variables: Variables) -> Result<ImportArgs, UsageError> {
        let word = matches.get_one::<OsString>("path").cloned().unwrap_or_default();
        let text = lossy(&word);
        let path = ContentPath::parse(&word).ok_or_else(|| not_a_path(&word))?;
        let target = match (matches.get_one::<OsString>("local"), &path) {
            (Some(local), Ok(path)) => {
                let refused = |source| UsageError::Target { value: lossy(local), source };
                Some(Target::parse(local, path).map_err(refused)?)
            }
            _ => None,
        };
        let (daemon, overridden) = endpoint(matches.get_one::<Endpoint>("ipfs").cloned(), variables.ipfs)?;
        let gateways = sources::gateways(matches, variables.gateways.as_deref())?;
        let (daemon, gateways) = match sources::offline(matches) {
            true => (None, Vec::new()),
            false => (Some(daemon), gateways),
        };
        let import = Import {
            text,
            path,
            target,
            executable: matches.get_flag("executable"),
            force: matches.get_flag("force"),
            max_size: matches.get_one("max-size").copied().unwrap_or_default(),
            daemon,
            gateways,
            telling: telling::telling(matches),
            timeout: matches.get_one("ipfs-timeout").copied().unwrap_or_default(),
        };
        Ok(ImportArgs { import, overridden })
    }
}

fn not_a_path(value: &OsStr) -> UsageError {
    UsageError::Ipfs { value: lossy(value) }
}

/// The `import` command.
pub(super) fn command(first: &FirstError) -> Command {
    Command::new("import")
        .about("Write a file or a directory of IPFS's to the disk")
        .long_about(
            "Write a file, a directory or a symlink of IPFS's to the disk: all of it, or nothing.\n\n\
             It comes from the embedded store, then from the IPFS daemon and gateways, and every byte is verified. Nothing \
             that is there already is replaced, unless --force says so.",
        )
        .args_override_self(true)
        .arg(
            Arg::new("path")
                .value_name("ipfs-path")
                .required(true)
                .value_parser(checked(first, |value: &OsStr| match ContentPath::parse(value) {
                    Some(_) => Ok(value.to_owned()),
                    None => Err(not_a_path(value)),
                }))
                .help("What to import: /ipfs/<cid>[/path], /ipns/<name>[/path], or the same as a URL"),
        )
        .arg(
            Arg::new("local")
                .value_name("local-path")
                .value_hint(ValueHint::AnyPath)
                .value_parser(value_parser!(OsString))
                .help("Where to: what it is to be called; or, ending in /, the directory that it goes into [default: here]")
                .long_help(
                    "Where to: what it is to be called. A path that ends in / (or is . or ..) is the directory that it goes \
                     into, under the last part of the IPFS path, which is also what it is called here where no local path \
                     is given.",
                ),
        )
        .arg(
            Arg::new("executable")
                .long("executable")
                .short('x')
                .action(ArgAction::SetTrue)
                .help("Make files executable, for whoever may read them"),
        )
        .arg(
            Arg::new("force")
                .long("force")
                .action(ArgAction::SetTrue)
                .help("Replace what is there: a directory by a directory, a file or a link by what isn't one"),
        )
        .arg(
            Arg::new("max-size")
                .long("max-size")
                .value_name("SIZE")
                .default_value(DEFAULT_MAX_SIZE)
                .help("The most bytes to import, all files together: bytes, or with K, M or G")
                .value_parser(checked(first, |value: &OsStr| unit("--max-size", value, units::size))),
        )
        .arg(
            Arg::new("ipfs")
                .long("ipfs")
                .value_name("ENDPOINT")
                .help(format!("IPFS API endpoint, a multiaddr or a URL [default: {}]", Endpoint::DEFAULT))
                .long_help(format!(
                    "IPFS API endpoint, a multiaddr or a URL. The variable WW_IPFS overrides it.\n\n[default: {}]",
                    Endpoint::DEFAULT
                ))
                .value_parser(checked(first, |value: &OsStr| parse_endpoint("--ipfs", value))),
        )
        .arg(sources::timeout(first, "an IPFS daemon or gateway"))
        .args(sources::args(first))
        .args(telling::args("Say which source served how much"))
}
