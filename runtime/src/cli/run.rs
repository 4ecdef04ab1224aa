//! The flags of `ww run`, and what they mean once parsed.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::os::fd::RawFd;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};
use libp2p_identity::PeerId;

use super::checked::{FirstError, checked, unit};
use super::level::{self, Form};
use super::{UsageError, access, bounds, paths, peers, sources, telling, value_names};
use crate::access::Access;
use crate::endpoint::{Endpoint, Gateway};
use crate::env::{EnvEntry, parse_list};
use crate::fds::{Claims, Grant, Layout};
use crate::jail::Level;
use crate::jail::bounds::Asked;
use crate::jail::grant::PathGrant;
use crate::peers::address::Listen;
use crate::progress::Telling;
use crate::sys;
use crate::units;

/// The largest file that is fetched unless `--max-size` says otherwise, in bytes.
const DEFAULT_MAX_SIZE: &str = "1G";

/// The variables of the host that stand for flags.
#[derive(Debug, Default)]
pub struct Variables {
    /// `WW_IPFS`.
    pub ipfs: Option<OsString>,
    /// `WW_ENV`.
    pub env: Option<OsString>,
    /// `WW_GATEWAYS`.
    pub gateways: Option<OsString>,
}

/// `ww run`, parsed: nobody checks any of it again.
#[derive(Debug)]
pub struct RunArgs {
    /// `<binary>` as the user wrote it.
    pub binary: OsString,
    /// What follows it: the cell's own.
    pub args: Vec<OsString>,
    /// The grants, in the order of their flags.
    pub grants: Vec<Grant>,
    /// Which of the RPC socket and the grants comes first.
    pub layout: Layout,
    /// `WW_ENV`'s entries, then `--env`'s.
    pub env: Vec<EnvEntry>,
    /// Where the IPFS API is.
    pub endpoint: Endpoint,
    /// Whether somebody said so: then content that is put must get there.
    pub named: bool,
    /// `WW_IPFS` and `--ipfs` where they differ: the first counts.
    pub overridden: Option<(String, String)>,
    /// Who is asked for what neither the store nor the daemon has.
    pub gateways: Vec<Gateway>,
    /// Whether nobody is asked but the store.
    pub offline: bool,
    /// The largest file to fetch, in bytes.
    pub max_size: u64,
    /// How long the daemon may stay silent.
    pub ipfs_timeout: Duration,
    /// What the cell may do with IPFS.
    pub ipfs_access: Access,
    /// What is told while content comes.
    pub telling: Telling,
    /// How much isolation.
    pub level: Level,
    /// Whether to print the plan, and how, in place of a run.
    pub dry_run: Option<Form>,
    /// Where the status lines go.
    pub status: Option<RawFd>,
    /// What bounds the run.
    pub bounds: Asked,
    /// Whether and where peers come.
    pub listen: Listen,
    /// Where the identity that they find lies.
    pub identity: Option<PathBuf>,
    /// The peers that are admitted; none named is all.
    pub allowed: BTreeSet<PeerId>,
    /// What the cell sees of the host besides the system.
    pub paths: Vec<PathGrant>,
    /// Where in its view the cell starts; `None` is its own private directory.
    pub workdir: Option<PathBuf>,
}

impl RunArgs {
    pub(super) fn new(matches: &ArgMatches, variables: Variables) -> Result<RunArgs, UsageError> {
        let mut words = matches.get_many::<OsString>("command").into_iter().flatten().cloned();
        let flag = matches.get_one::<Endpoint>("ipfs").cloned();
        let named = flag.is_some() || variables.ipfs.as_ref().is_some_and(|value| !value.is_empty());
        let (endpoint, overridden) = endpoint(flag, variables.ipfs)?;
        let listed = parse_list(variables.env.as_deref().unwrap_or_default())
            .map_err(|(piece, source)| UsageError::Env { origin: "WW_ENV", entry: lossy(&piece), source })?;
        Ok(RunArgs {
            binary: words.next().unwrap_or_default(),
            args: words.collect(),
            grants: all(matches, "with-fd").collect(),
            layout: matches.get_one("fd-layout").copied().unwrap_or_default(),
            env: listed.into_iter().chain(all(matches, "env")).collect(),
            endpoint,
            named,
            overridden,
            gateways: sources::gateways(matches, variables.gateways.as_deref())?,
            offline: sources::offline(matches),
            max_size: matches.get_one("max-size").copied().unwrap_or_default(),
            ipfs_timeout: matches.get_one("ipfs-timeout").copied().unwrap_or_default(),
            ipfs_access: access::access(matches),
            telling: telling::telling(matches),
            level: level::level(matches),
            dry_run: level::dry_run(matches),
            status: matches.get_one("status-fd").copied(),
            bounds: bounds::asked(matches),
            listen: peers::listen(matches),
            identity: peers::identity(matches),
            allowed: peers::allowed(matches),
            paths: paths::grants(matches),
            workdir: paths::workdir(matches),
        })
    }
}

pub(super) fn all<T: Clone + Send + Sync + 'static>(matches: &ArgMatches, flag: &str) -> impl Iterator<Item = T> {
    matches.get_many::<T>(flag).into_iter().flatten().cloned()
}

/// `WW_IPFS`, where set and not empty, beats `--ipfs`, which beats the default.
pub(super) fn endpoint(
    flag: Option<Endpoint>,
    variable: Option<OsString>,
) -> Result<(Endpoint, Option<(String, String)>), UsageError> {
    let Some(value) = variable.filter(|value| !value.is_empty()) else {
        let default = || parse_endpoint("--ipfs", OsStr::new(Endpoint::DEFAULT));
        return Ok((flag.map_or_else(default, Ok)?, None));
    };
    let counts = parse_endpoint("WW_IPFS", &value)?;
    let overridden = flag.filter(|flag| *flag != counts).map(|flag| (counts.to_string(), flag.to_string()));
    Ok((counts, overridden))
}

pub(super) fn parse_endpoint(origin: &'static str, value: &OsStr) -> Result<Endpoint, UsageError> {
    let text = lossy(value);
    Endpoint::parse(&text).map_err(|source| UsageError::Endpoint { origin, value: text, source })
}

/// The `run` command.
pub(super) fn command(first: &FirstError) -> Command {
    let claims = Arc::new(Mutex::new(Claims::default()));
    Command::new("run")
        .about("Run a program as a cell: jailed, with only the authority it is handed")
        .long_about(
            "Run a program as a cell: jailed, with only the authority it is handed.\n\n\
             The cell has its own namespaces and a read-only view of the system, no network, nothing of \
             your environment or your files. On the descriptor named by WW_RPC_FD (3 by default) it finds \
             a Unix socket that speaks Cap'n Proto RPC with the host.",
        )
        .override_usage("ww run [OPTIONS] <binary> [args]...")
        .args_override_self(true)
        .arg(
            Arg::new("ipfs")
                .long("ipfs")
                .value_name("ENDPOINT")
                .help(format!("IPFS API endpoint, a multiaddr or a URL [default: {}]", Endpoint::DEFAULT))
                .long_help(format!(
                    "IPFS API endpoint, a multiaddr or a URL. The variable WW_IPFS overrides it. What the cell puts goes to the \
                     daemon that either names, or the call fails; where none is named, to the one that may be at the default, \
                     and to the store in any case.\n\n[default: {}]",
                    Endpoint::DEFAULT
                ))
                .value_parser(checked(first, |value: &OsStr| parse_endpoint("--ipfs", value))),
        )
        .arg(
            Arg::new("env")
                .long("env")
                .value_name("KEY[=VALUE]")
                .action(ArgAction::Append)
                .help("Set a variable for the cell, or pass the host's on (repeatable)")
                .long_help(
                    "Set a variable for the cell, or pass the host's on where no value is given (repeatable). \
                     The variable WW_ENV holds more entries, separated by commas; --env beats them.",
                )
                .value_parser(checked(first, |value: &OsStr| {
                    EnvEntry::parse(value).map_err(|source| UsageError::Env { origin: "--env", entry: lossy(value), source })
                })),
        )
        .arg(
            Arg::new("with-fd")
                .long("with-fd")
                .value_name("NAME=FDNUM")
                .action(ArgAction::Append)
                .help("Grant the cell one of your open descriptors, announced as WW_FD_<NAME> (repeatable)")
                .long_help(
                    "Grant the cell one of your open descriptors (repeatable). The nth grant is fd 3+n in the \
                     cell (see --fd-layout), and the variable WW_FD_<NAME> holds its number.",
                )
                .value_parser(with_fd(first, Arc::clone(&claims))),
        )
        .arg(
            Arg::new("fd-layout")
                .long("fd-layout")
                .value_name("LAYOUT")
                .help("Which comes first from fd 3 on: the RPC socket or the grants [default: rpc-first]")
                .long_help(format!(
                    "Which comes first from fd 3 on: the RPC socket (rpc-first: the nth grant is fd 3+n) or the \
                     grants (grants-first: the nth grant is fd 2+n, the RPC socket comes after the last). \
                     WW_RPC_FD and WW_FD_<NAME> tell the numbers in both.\n\n[default: rpc-first] [possible values: {}]",
                    value_names::<Layout>().join(", ")
                ))
                .hide_possible_values(true)
                .value_parser(value_parser!(Layout)),
        )
        .args(sources::args(first))
        .args(paths::args(first))
        .args(peers::args(first))
        .arg(
            Arg::new("max-size")
                .long("max-size")
                .value_name("SIZE")
                .default_value(DEFAULT_MAX_SIZE)
                .help("The largest file to fetch, and the most bytes of a tree of --ro: bytes, or with K, M or G")
                .value_parser(checked(first, |value: &OsStr| unit("--max-size", value, units::size))),
        )
        .arg(sources::timeout(first, "an IPFS daemon or gateway"))
        .arg(access::arg(first))
        .arg(
            Arg::new("status-fd")
                .long("status-fd")
                .value_name("N")
                .help("Write what happens to this descriptor, one JSON object a line")
                .long_help(
                    "Write what happens to this descriptor, one JSON object a line: \"started\" with the cell's pid, \
                     \"listening\" with the peer id and addresses at which peers reach the cell, \"exited\" with \
                     ww's exit code and the signal that ended the cell. The cell never has it.",
                )
                .value_parser(status_fd(first, claims)),
        )
        .args(telling::args("Say which source served how much of what was fetched"))
        .args(bounds::args(first))
        .args(level::args())
        .arg(
            Arg::new("command")
                .value_names(["binary", "args"])
                .help("A program on the local disk or an IPFS path (/ipfs/<cid>[/path]), and its arguments")
                .required(true)
                .num_args(1..)
                .trailing_var_arg(true)
                .value_hint(clap::ValueHint::CommandWithArguments)
                .value_parser(value_parser!(OsString)),
        )
}

fn with_fd(first: &FirstError, claims: Arc<Mutex<Claims>>) -> impl clap::builder::TypedValueParser<Value = Grant> {
    checked(first, move |value: &OsStr| {
        let mut claims = claims.lock().unwrap_or_else(PoisonError::into_inner);
        let claimed = claims.grant(value, sys::fds::opened);
        claimed.map_err(|source| UsageError::Fd { flag: "--with-fd", value: lossy(value), source })
    })
}

fn status_fd(first: &FirstError, claims: Arc<Mutex<Claims>>) -> impl clap::builder::TypedValueParser<Value = RawFd> {
    checked(first, move |value: &OsStr| {
        let mut claims = claims.lock().unwrap_or_else(PoisonError::into_inner);
        let claimed = claims.status(value, sys::fds::opened);
        claimed.map_err(|source| UsageError::Fd { flag: "--status-fd", value: lossy(value), source })
    })
}

pub(super) fn lossy(value: &OsStr) -> String {
    value.to_string_lossy().into_owned()
}
