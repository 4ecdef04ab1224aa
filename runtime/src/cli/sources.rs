//! The flags about where content comes from, that several commands have: `--gateway`, `--offline`, `--ipfs-timeout`, and
//! `WW_GATEWAYS`.
//!
//! Clauses: STORE-33, STORE-34, STORE-43.

use std::ffi::OsStr;

use clap::{Arg, ArgAction, ArgMatches};

use super::UsageError;
use super::checked::{FirstError, checked, unit};
use crate::endpoint::{Gateway, shown};
use crate::units;

/// The variable that names more gateways.
const VARIABLE: &str = "WW_GATEWAYS";
/// How long a daemon may stay silent unless `--ipfs-timeout` says otherwise.
const DEFAULT_IPFS_TIMEOUT: &str = "30s";

pub(super) fn args(first: &FirstError) -> [Arg; 2] {
    [
        Arg::new("gateway")
            .long("gateway")
            .value_name("URL")
            .action(ArgAction::Append)
            .help("Ask this gateway for what neither the store nor the daemon has (repeatable)")
            .long_help(
                "Ask this gateway for what neither the store nor the daemon has (repeatable): an http:// or https:// URL. \
                 It isn't trusted: whatever it sends is verified. The variable WW_GATEWAYS names more, separated by \
                 commas or spaces; those of --gateway are asked first.",
            )
            .value_parser(checked(first, |value: &OsStr| gateway("--gateway", &value.to_string_lossy()))),
        Arg::new("offline")
            .long("offline")
            .action(ArgAction::SetTrue)
            .help("Ask nobody for content: the store alone counts")
            .long_help("Ask nobody for content, no daemon and no gateway: what isn't in the store can't be had."),
    ]
}

/// How long whoever is asked may be silent.
pub(super) fn timeout(first: &FirstError, who: &str) -> Arg {
    Arg::new("ipfs-timeout")
        .long("ipfs-timeout")
        .value_name("DURATION")
        .default_value(DEFAULT_IPFS_TIMEOUT)
        .help(format!("Give up when {who} sends nothing for this long: with ms, s, m or h"))
        .value_parser(checked(first, |value: &OsStr| unit("--ipfs-timeout", value, units::duration)))
}

/// Whether nobody is to be asked.
pub(super) fn offline(matches: &ArgMatches) -> bool {
    matches.get_flag("offline")
}

/// The gateways of the flags, then those of the variable, each once.
pub(super) fn gateways(matches: &ArgMatches, variable: Option<&OsStr>) -> Result<Vec<Gateway>, UsageError> {
    let mut gateways: Vec<Gateway> = matches.get_many("gateway").into_iter().flatten().cloned().collect();
    let listed = variable.unwrap_or_default().to_string_lossy();
    for text in listed.split([',', ' ']).filter(|text| !text.is_empty()) {
        gateways.push(gateway(VARIABLE, text)?);
    }
    let mut once = Vec::with_capacity(gateways.len());
    for gateway in gateways {
        if !once.contains(&gateway) {
            once.push(gateway);
        }
    }
    Ok(once)
}

fn gateway(origin: &'static str, text: &str) -> Result<Gateway, UsageError> {
    // What is shown has no password in it.
    Gateway::parse(text).map_err(|source| UsageError::Gateway { origin, value: shown(text), source })
}
