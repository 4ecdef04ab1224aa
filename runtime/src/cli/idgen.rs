//! The flags of `ww idgen`.
//!
//! Clauses: STORE-13, -24.

use std::path::PathBuf;

use clap::{Arg, ArgAction, ArgMatches, Command, ValueHint, value_parser};

use crate::idgen::{Form, IdGen};

pub(super) fn command() -> Command {
    let flag = |name: &'static str, help: &'static str| Arg::new(name).long(name).help(help).action(ArgAction::SetTrue);
    Command::new("idgen")
        .about("Make a new identity for --identity")
        .long_about(
            "Make a new identity: an Ed25519 private key as libp2p encodes it, one line of base64, which \
             `ww run --identity` takes. It goes to standard output; with --out, into a file that you alone can read, and \
             the peer id that it gives goes to standard output.",
        )
        .arg(
            Arg::new("out")
                .long("out")
                .value_name("FILE")
                .value_hint(ValueHint::FilePath)
                .value_parser(value_parser!(PathBuf))
                .help("Write it to a new file with mode 0600, and print its peer id"),
        )
        .arg(flag("force", "Replace the file of --out where it is there already").requires("out"))
        .arg(flag("raw", "The bytes themselves, not as base64").conflicts_with("base58"))
        .arg(flag("base58", "As base58 (Bitcoin's alphabet), not base64"))
}

pub(super) fn parsed(matches: &ArgMatches) -> IdGen {
    IdGen {
        form: match (matches.get_flag("raw"), matches.get_flag("base58")) {
            (true, _) => Form::Raw,
            (_, true) => Form::Base58,
            _ => Form::Base64,
        },
        out: matches.get_one("out").cloned(),
        force: matches.get_flag("force"),
    }
}
