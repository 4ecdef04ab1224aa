//! The command line: the commands, their flags and their help, parsed into what the commands act on.
//!
//! What must stay true: the first mistake on the command line is the one reported, and nothing has been
//! opened, fetched or started by then.
//! Clauses: CLI-*, EXIT-* (usage).

mod access;
mod bounds;
mod checked;
mod doctor;
mod export;
mod idgen;
mod import;
mod level;
mod paths;
mod peers;
mod run;
mod sources;
mod store;
mod telling;

use std::ffi::OsString;

use clap::{Arg, ArgMatches, Command, ValueEnum, value_parser};
use clap_complete::Shell;

use crate::progress::When;
use crate::store::StoreArgs;
use crate::units::UnitError;

pub use doctor::Doctor;
pub use export::ExportArgs;
pub use import::ImportArgs;
pub use level::Form;
pub use run::{RunArgs, Variables};

use checked::FirstError;

/// What the user asked for.
pub enum Request {
    /// `ww run`.
    Run(Box<RunArgs>),
    /// `ww doctor`.
    Doctor(Doctor),
    /// `ww export`.
    Export(Box<ExportArgs>),
    /// `ww import`.
    Import(Box<ImportArgs>),
    /// `ww idgen`.
    IdGen(crate::idgen::IdGen),
    /// `ww store`.
    Store(StoreArgs, When),
    /// `ww completions SHELL`: the script to print.
    Completions(Vec<u8>),
    /// `--help` or `--version`: the text to print.
    Help(String),
}

/// A mistake in the command line or in a variable that stands for a part of it. Exit code 2.
#[derive(Debug, thiserror::Error)]
pub enum UsageError {
    /// A descriptor flag: the source's fourth phrase.
    #[error("{}: {flag} '{value}'", crate::phrase::FD)]
    Fd {
        /// The flag, with its dashes.
        flag: &'static str,
        /// The value as given.
        value: String,
        /// Why it was refused.
        source: crate::fds::FdError,
    },
    /// An entry of `--env` or `WW_ENV`.
    #[error("invalid environment entry: {origin} '{entry}'")]
    Env {
        /// Where it stands: `--env` or `WW_ENV`.
        origin: &'static str,
        /// The entry as given.
        entry: String,
        /// Why it was refused.
        source: crate::env::EnvError,
    },
    /// `--ipfs` or `WW_IPFS`.
    #[error("invalid IPFS endpoint: {origin} '{value}'")]
    Endpoint {
        /// Where it stands: `--ipfs` or `WW_IPFS`.
        origin: &'static str,
        /// The value as given.
        value: String,
        /// Why it was refused.
        source: crate::endpoint::EndpointError,
    },
    /// `--gateway` or `WW_GATEWAYS`.
    #[error("invalid gateway: {origin} '{value}'")]
    Gateway {
        /// Where it stands: `--gateway` or `WW_GATEWAYS`.
        origin: &'static str,
        /// The value as given, without user and password.
        value: String,
        /// Why it was refused.
        source: crate::endpoint::EndpointError,
    },
    /// A size, a duration or a number.
    #[error("invalid value: {flag} '{value}'")]
    Unit {
        /// The flag, with its dashes.
        flag: &'static str,
        /// The value as given.
        value: String,
        /// Why it was refused.
        source: UnitError,
    },
    /// One of a few words.
    #[error("invalid value: {flag} '{value}': expected one of {possible}")]
    Value {
        /// The flag, with its dashes.
        flag: &'static str,
        /// The value as given.
        value: String,
        /// What may be given.
        possible: String,
    },
    /// `--ro`, `--rw` or `--workdir`.
    #[error("invalid path: {flag} '{value}'")]
    Path {
        /// The flag, with its dashes.
        flag: &'static str,
        /// The value as given.
        value: String,
        /// Why it was refused.
        source: crate::jail::grant::PathError,
    },
    /// `--listen`.
    #[error("invalid address: --listen '{value}'")]
    Listen {
        /// The value as given.
        value: String,
        /// Why it was refused.
        source: crate::peers::address::AddressError,
    },
    /// `<ipfs-path>` of `ww import`.
    #[error("invalid IPFS path: '{value}': expected /ipfs/<cid>[/path], /ipns/<name>[/path] or such a URL")]
    Ipfs {
        /// The value as given.
        value: String,
    },
    /// `[local-path]` of `ww import`.
    #[error("invalid path: '{value}'")]
    Target {
        /// The value as given.
        value: String,
        /// Why it was refused.
        source: crate::import::PlaceError,
    },
    /// `--exclude`.
    #[error("invalid pattern: --exclude '{value}'")]
    Exclude {
        /// The value as given.
        value: String,
        /// Why it was refused.
        source: crate::export::PatternError,
    },
    /// `--allow-peer`.
    #[error("invalid peer id: --allow-peer '{value}': expected one as in 12D3KooW…")]
    Peer {
        /// The value as given.
        value: String,
    },
    /// What the parser itself found: the first line, then its hints and the usage.
    #[error("{0}")]
    Parser(String),
}

/// Parses the command line, `argv[0]` included.
pub fn parse(argv: impl IntoIterator<Item = OsString>, variables: Variables) -> Result<Request, UsageError> {
    let first = FirstError::default();
    let mut command = command(&first);
    let matches = match command.try_get_matches_from_mut(argv) {
        Ok(matches) => matches,
        Err(error) => return first.take().map_or_else(|| rendered(&error), Err),
    };
    match matches.subcommand() {
        Some(("run", run)) => Ok(Request::Run(Box::new(RunArgs::new(run, variables)?))),
        Some(("export", wanted)) => Ok(Request::Export(Box::new(ExportArgs::new(wanted, variables)?))),
        Some(("import", wanted)) => Ok(Request::Import(Box::new(ImportArgs::new(wanted, variables)?))),
        Some(("idgen", wanted)) => Ok(Request::IdGen(idgen::parsed(wanted))),
        Some(("doctor", wanted)) => Ok(Request::Doctor(doctor::parsed(wanted))),
        Some(("store", wanted)) => {
            let (wanted, progress) = store::parsed(wanted);
            Ok(Request::Store(wanted, progress))
        }
        Some(("completions", wanted)) => Ok(Request::Completions(completions(wanted, &mut command))),
        _ => rendered(&command.error(clap::error::ErrorKind::MissingSubcommand, "a command is missing")),
    }
}

fn command(first: &FirstError) -> Command {
    Command::new("ww")
        .version(env!("CARGO_PKG_VERSION"))
        .about("Run a program, from anywhere, without trusting it")
        .subcommand_required(true)
        .arg_required_else_help(false)
        .subcommand(run::command(first))
        .subcommand(export::command(first))
        .subcommand(import::command(first))
        .subcommand(idgen::command())
        .subcommand(doctor::command())
        .subcommand(store::command())
        .subcommand(
            Command::new("completions")
                .about("Print a completion script for a shell")
                .long_about(
                    "Print a completion script for a shell, e.g.:\n\n  ww completions bash > /etc/bash_completion.d/ww",
                )
                .arg(Arg::new("shell").required(true).value_parser(value_parser!(Shell))),
        )
}

fn completions(matches: &ArgMatches, command: &mut Command) -> Vec<u8> {
    let mut script = Vec::new();
    if let Some(shell) = matches.get_one::<Shell>("shell") {
        clap_complete::generate(*shell, command, "ww", &mut script);
    }
    script
}

/// The parser's own words: help is for standard output, the rest is an error in the form of all others.
fn rendered(error: &clap::Error) -> Result<Request, UsageError> {
    use clap::error::ErrorKind::{DisplayHelp, DisplayVersion};
    let text = error.render().to_string();
    match error.kind() {
        DisplayHelp | DisplayVersion => Ok(Request::Help(text)),
        _ => {
            let text = text.trim_end();
            Err(UsageError::Parser(one_line_first(text.strip_prefix("error: ").unwrap_or(text))))
        }
    }
}

/// Joins a first line that ends in a colon with the list behind it ("…not provided:\n  <binary>\n").
fn one_line_first(text: &str) -> String {
    let (head, rest) = text.split_once('\n').unwrap_or((text, ""));
    if !head.ends_with(':') {
        return text.to_owned();
    }
    let (listed, rest) = rest.split_once("\n\n").unwrap_or((rest, ""));
    let listed = listed.split_whitespace().collect::<Vec<_>>().join(" ");
    if rest.is_empty() { format!("{head} {listed}") } else { format!("{head} {listed}\n\n{rest}") }
}

/// The names of a flag's values, for help texts.
fn value_names<T: ValueEnum>() -> Vec<String> {
    let values = T::value_variants().iter().filter_map(ValueEnum::to_possible_value);
    values.map(|value| value.get_name().to_owned()).collect()
}
