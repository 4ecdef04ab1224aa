//! The commands of `ww store`.

use clap::{Arg, ArgAction, ArgMatches, Command};

use super::telling;
use crate::progress::When;
use crate::store::{StoreArgs, StoreTask};

pub(super) fn command() -> Command {
    let json = || Arg::new("json").long("json").help("Print one JSON object").action(ArgAction::SetTrue);
    let task = |name: &'static str, about: &'static str| Command::new(name).about(about).arg(json());
    Command::new("store")
        .about("Look after the content that is stored on this machine")
        .long_about(
            "Look after the content that is stored on this machine: in $XDG_DATA_HOME/ww (~/.local/share/ww), or where \
             WW_STORE says. What was exported is kept until it is removed by name; what was fetched is cached, up to \
             WW_STORE_LIMIT bytes (with K, M or G; by default 10G, or a tenth of the disk where that is less).",
        )
        .subcommand_required(true)
        .subcommand(task("stat", "Say where it is and how large"))
        .subcommand(task("ls", "List what is kept: CID, size, since when, name"))
        .subcommand(
            task("verify", "Hash every block again, and set aside what is rotten")
                .arg(telling::progress())
                .long_about("Hash every block again, and set aside what is rotten. The exit code is 1 where anything is not as it must be."),
        )
        .subcommand(task("gc", "Free what nothing keeps, the cache included").arg(telling::progress()))
        .subcommand(
            task("rm", "No longer keep what has these CIDs or names")
                .long_about("No longer keep what has these CIDs or names. Its blocks go at the next `ww store gc`.")
                .arg(Arg::new("what").value_name("CID|NAME").required(true).num_args(1..)),
        )
}

pub(super) fn parsed(matches: &ArgMatches) -> (StoreArgs, When) {
    // The parser requires one of them.
    let (name, matches) = matches.subcommand().unwrap_or(("", matches));
    let task = match name {
        "ls" => StoreTask::List,
        "verify" => StoreTask::Verify,
        "gc" => StoreTask::Collect,
        "rm" => StoreTask::Remove(matches.get_many::<String>("what").into_iter().flatten().cloned().collect()),
        _ => StoreTask::Stat,
    };
    let progress = match task {
        StoreTask::Verify | StoreTask::Collect => telling::when(matches),
        _ => When::Never,
    };
    (StoreArgs { task, json: matches.get_flag("json") }, progress)
}
