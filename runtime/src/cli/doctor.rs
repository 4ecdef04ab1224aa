//! The flags of `ww doctor`.

use clap::{Arg, ArgAction, ArgMatches, Command};

/// What is asked of `ww doctor`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Doctor {
    /// The table.
    Table,
    /// The same for programs.
    Json,
    /// A profile for AppArmor.
    AppArmor,
}

pub(super) fn command() -> Command {
    Command::new("doctor")
        .about("Say which parts of the jail this machine can have, and what to do about the rest")
        .long_about(
            "Say which parts of the jail this machine can have, and what to do about the rest. Each is tried, for the \
             user who asks. The exit code is 0 where the full jail can be had, else 1.",
        )
        .arg(flag("json", "Print one JSON object").conflicts_with("apparmor"))
        .arg(flag("apparmor", "Print a profile that lets ww use user namespaces where AppArmor restricts them"))
}

fn flag(name: &'static str, help: &'static str) -> Arg {
    Arg::new(name).long(name).help(help).action(ArgAction::SetTrue)
}

pub(super) fn parsed(matches: &ArgMatches) -> Doctor {
    match (matches.get_flag("apparmor"), matches.get_flag("json")) {
        (true, _) => Doctor::AppArmor,
        (_, true) => Doctor::Json,
        _ => Doctor::Table,
    }
}
