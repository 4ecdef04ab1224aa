//! The flags about peers: `--listen`, `--identity`, `--allow-peer`.
//!
//! Clauses: P2P-03 to P2P-08, P2P-19.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use clap::{Arg, ArgAction, ArgMatches, ValueHint, value_parser};
use libp2p_identity::PeerId;

use super::UsageError;
use super::checked::{FirstError, checked};
use crate::peers::address::{AddressError, Asked, Listen};

pub(super) fn args(first: &FirstError) -> [Arg; 3] {
    let before = Arc::new(Mutex::new(None::<Asked>));
    [
        Arg::new("listen")
            .long("listen")
            .value_name("MULTIADDR")
            .action(ArgAction::Append)
            .help("Where peers reach the cell (repeatable), or none [default: /ip4/127.0.0.1/tcp/0]")
            .long_help(
                "Where peers reach the cell over libp2p (repeatable): /ip4/ADDRESS/tcp/PORT, or ip6; port 0 is a free \
                 one. The cell starts when the host listens there. none: \
                 nowhere.\n\n[default: /ip4/127.0.0.1/tcp/0, once the cell runs]",
            )
            .value_parser(checked(first, move |value: &OsStr| {
                let text = value.to_string_lossy();
                let refused = |source| UsageError::Listen { value: text.clone().into_owned(), source };
                let asked = Asked::parse(&text).map_err(refused)?;
                let mut before = before.lock().unwrap_or_else(PoisonError::into_inner);
                let contradicts = |one: Asked| (one == Asked::None) != (asked == Asked::None);
                if before.replace(asked).is_some_and(contradicts) {
                    return Err(refused(AddressError::Contradiction));
                }
                Ok(asked)
            })),
        Arg::new("identity")
            .long("identity")
            .value_name("FILE")
            .help("Keep the peer id from run to run: a file with an Ed25519 private key")
            .long_help(
                "Keep the peer id from run to run: a file, readable by you alone, with one line, an Ed25519 private key \
                 as libp2p encodes it, in base64 (as Kubo's Identity.PrivKey). Without it each run has a fresh one.",
            )
            .value_hint(ValueHint::FilePath)
            .value_parser(value_parser!(PathBuf)),
        Arg::new("allow-peer")
            .long("allow-peer")
            .value_name("ID")
            .action(ArgAction::Append)
            .help("Admit this peer, and no other that isn't named too (repeatable)")
            .value_parser(checked(first, |value: &OsStr| {
                let text = value.to_string_lossy();
                text.parse::<PeerId>().map_err(|_| UsageError::Peer { value: text.into_owned() })
            })),
    ]
}

pub(super) fn listen(matches: &ArgMatches) -> Listen {
    Listen::of(matches.get_many::<Asked>("listen").into_iter().flatten().copied())
}

pub(super) fn identity(matches: &ArgMatches) -> Option<PathBuf> {
    matches.get_one("identity").cloned()
}

pub(super) fn allowed(matches: &ArgMatches) -> BTreeSet<PeerId> {
    matches.get_many("allow-peer").into_iter().flatten().copied().collect()
}
