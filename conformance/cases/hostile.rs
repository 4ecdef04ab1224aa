//! What a hostile cell tries: each attempt of the fixture, by clause, as root and as an ordinary user.
//!
//! What it does: the fixture sets the stage itself, as a careless caller leaves it, runs the implementation there with
//! itself as the cell, and says of each attempt whether the way was open. One case has all attempts of one clause.
//! What must stay true: an attempt that nobody heard of isn't taken for one that failed.
//! The numbers of traps are those of `docs/security.md`.

use std::collections::BTreeMap;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use serde::Deserialize;

use crate::adapter::Caller;
use crate::clauses::Profile;
use crate::registry::{Case, case};
use crate::suite::Suite;
use crate::verdict::{Stop, Verdict, checked, holds, same};

pub(crate) const CASES: &[Case] = &[
    case!(jail_36_trap_05_pid_1_holds_no_secrets),
    case!(jail_16_trap_06_the_cell_of_root_is_nobody_outside),
    case!(fd_21_trap_07_what_was_left_open_leads_nowhere).needs(Profile::Jail),
    case!(jail_23_trap_07_a_directory_as_a_stream_leads_nowhere),
    case!(jail_15_trap_08_no_way_leads_to_another_process),
    case!(sig_05_a_hostile_cell_outlives_neither_host_nor_run).also(&["SIG-07"]).needs(Profile::Jail),
    case!(jail_28_trap_09_terminals_cant_be_typed_into),
    case!(jail_29_trap_10_no_namespace_can_be_made_or_entered),
    case!(jail_32_trap_10_the_kernels_other_interfaces_are_closed),
    case!(jail_34_trap_11_no_socket_leads_around_the_namespace),
    case!(jail_33_trap_14_the_machine_tells_nothing_of_itself),
    case!(jail_35_trap_17_all_that_can_be_written_to_is_sized),
    case!(jail_25_trap_18_keys_are_out_of_reach),
    case!(jail_27_trap_19_a_careless_callers_state_doesnt_come_along),
    case!(stdio_09_trap_19_a_careless_callers_signals_dont_come_along)
        .also(&["STDIO-10", "STDIO-11"])
        .needs(Profile::Jail),
    case!(jail_35_trap_20_bombs_of_many_processes_are_bounded).long(),
    case!(jail_24_trap_21_streams_cant_be_opened_another_way),
    case!(stdio_08_trap_22_settings_and_foreground_are_as_before).needs(Profile::Jail),
    case!(jail_37_trap_22_the_terminal_is_left_as_it_was),
    case!(jail_26_shared_objects_of_the_host_are_out_of_reach),
    case!(jail_30_mounts_stay_as_they_are),
    case!(jail_31_nothing_is_gained),
    case!(jail_02_a_hostile_cell_has_no_privilege).also(&["JAIL-03"]),
    case!(jail_08_a_hostile_cell_finds_no_user_data).also(&["JAIL-06", "JAIL-09", "JAIL-11", "JAIL-12"]),
    case!(jail_13_a_hostile_cell_reaches_no_network).also(&["JAIL-14"]),
];

/// One attempt, as the fixture tells it.
#[derive(Deserialize)]
struct Attempt {
    probe: String,
    inherent: bool,
    result: String,
    detail: String,
}

/// What the attempts that these options choose come to for one caller.
fn attempts(suite: &Suite<'_>, caller: Caller, options: &[&str], most: Duration) -> Verdict<Vec<Attempt>> {
    let hostile = suite.setup().hostile().ok_or_else(|| Stop::Harness("there is no hostile cell".into()))?;
    let hostile = hostile.as_os_str().as_encoded_bytes();
    let stage = suite.path("files/stage");
    fs::create_dir_all(&stage)?;
    fs::set_permissions(&stage, Permissions::from_mode(0o1777))?;
    let words = suite.ww().flags([hostile]).words().to_vec();
    let run = suite.command([hostile, b"stage"]).flags(options).flags(["--"]).flags(&words).by(caller);
    let run = run.env("TMPDIR", stage.as_os_str().as_encoded_bytes()).at_most(most).run()?;
    if run.report.code != Some(0) {
        return Err(Stop::Harness(format!("the stage can't be set\n{}", run.story())));
    }
    let lines = String::from_utf8_lossy(&run.stdout).into_owned();
    let parsed: Result<Vec<Attempt>, _> = lines.lines().map(serde_json::from_str).collect();
    Ok(parsed?)
}

/// Checks that every attempt of these options fails, but for what stays inside by its nature.
fn closed(suite: &Suite<'_>, options: &[&str], most: Duration) -> Verdict {
    let root = nix::unistd::geteuid().is_root();
    for caller in if root { &[Caller::Root, Caller::Ordinary][..] } else { &[Caller::Ordinary] } {
        let all = attempts(suite, *caller, options, most)?;
        if all.is_empty() || all.iter().all(|one| one.result == "absent") {
            return Err(Stop::NotVerifiable(format!("this machine has nothing to try by {options:?}")));
        }
        let mut ways = BTreeMap::new();
        for attempt in all {
            checked();
            match attempt.result.as_str() {
                "closed" | "absent" => {}
                "open" if attempt.inherent => {}
                "fault" => return Err(Stop::Harness(format!("{}: {}", attempt.probe, attempt.detail))),
                _ => _ = ways.insert(attempt.probe, format!("{}: {}", attempt.result, attempt.detail)),
            }
        }
        same(format!("what a hostile cell reached, its caller being {caller:?}"), ways, BTreeMap::new())?;
    }
    Ok(())
}

/// Attempts that take moments.
const SOON: Duration = Duration::from_secs(90);
/// Attempts that take all that there is.
const LONG: Duration = Duration::from_secs(240);

fn of_clause(suite: &Suite<'_>, clause: &str) -> Verdict {
    closed(suite, &["--clause", clause], SOON)
}

fn of_clauses(suite: &Suite<'_>, clauses: &[&str]) -> Verdict {
    let options: Vec<&str> = clauses.iter().flat_map(|clause| ["--clause", clause]).collect();
    closed(suite, &options, SOON)
}

fn of_bombs(suite: &Suite<'_>, names: &[&str]) -> Verdict {
    let options: Vec<&str> = names.iter().flat_map(|name| ["--probe", name]).chain(["--bombs"]).collect();
    closed(suite, &options, LONG)
}

fn jail_36_trap_05_pid_1_holds_no_secrets(suite: &Suite<'_>) -> Verdict {
    of_clauses(suite, &["JAIL-36", "JAIL-10"])
}

fn jail_16_trap_06_the_cell_of_root_is_nobody_outside(suite: &Suite<'_>) -> Verdict {
    for map in ["/proc/self/uid_map", "/proc/self/gid_map"] {
        let run = suite.ww().by(Caller::Root).probe(["read", map]).run()?;
        let text = run.deed()?.ok().and_then(|text| text.as_str().map(str::to_owned)).unwrap_or_default();
        // First in the namespace, first outside of it, how many (user_namespaces(7)).
        let maps: Vec<Vec<u64>> = text
            .split("\\n")
            .map(|line| line.split_whitespace().filter_map(|word| word.parse().ok()).collect())
            .filter(|line: &Vec<u64>| !line.is_empty())
            .collect();
        holds(format!("{map} maps something"), !maps.is_empty() && maps.iter().all(|line| line.len() == 3), &text)?;
        holds(format!("{map} doesn't map the host's root"), maps.iter().all(|line| line[1] > 0), &text)?;
    }
    Ok(())
}

fn fd_21_trap_07_what_was_left_open_leads_nowhere(suite: &Suite<'_>) -> Verdict {
    of_clause(suite, "FD-21")
}

fn jail_23_trap_07_a_directory_as_a_stream_leads_nowhere(suite: &Suite<'_>) -> Verdict {
    let folder = fs::File::open(suite.path("cwd"))?;
    let run = suite.ww().place(0, &folder).probe(["print", "runs"]).run()?;
    if run.report.code == Some(0) {
        return of_clause(suite, "JAIL-23");
    }
    run.holds("it runs, or is refused with 1 or 2", matches!(run.report.code, Some(1 | 2)))?.nothing_ran()?;
    suite.notes().refused();
    Ok(())
}

fn jail_15_trap_08_no_way_leads_to_another_process(suite: &Suite<'_>) -> Verdict {
    of_clause(suite, "JAIL-15")
}

fn sig_05_a_hostile_cell_outlives_neither_host_nor_run(suite: &Suite<'_>) -> Verdict {
    of_clauses(suite, &["SIG-05", "SIG-07"])
}

fn jail_28_trap_09_terminals_cant_be_typed_into(suite: &Suite<'_>) -> Verdict {
    of_clause(suite, "JAIL-28")
}

fn jail_29_trap_10_no_namespace_can_be_made_or_entered(suite: &Suite<'_>) -> Verdict {
    of_clause(suite, "JAIL-29")
}

fn jail_32_trap_10_the_kernels_other_interfaces_are_closed(suite: &Suite<'_>) -> Verdict {
    of_clause(suite, "JAIL-32")
}

fn jail_34_trap_11_no_socket_leads_around_the_namespace(suite: &Suite<'_>) -> Verdict {
    of_clause(suite, "JAIL-34")
}

fn jail_33_trap_14_the_machine_tells_nothing_of_itself(suite: &Suite<'_>) -> Verdict {
    of_clause(suite, "JAIL-33")
}

fn jail_35_trap_17_all_that_can_be_written_to_is_sized(suite: &Suite<'_>) -> Verdict {
    of_bombs(suite, &["fill-tmp", "fill-cwd", "fill-dev-shm", "fill-dev", "many-files"])
}

fn jail_25_trap_18_keys_are_out_of_reach(suite: &Suite<'_>) -> Verdict {
    of_clause(suite, "JAIL-25")
}

fn jail_27_trap_19_a_careless_callers_state_doesnt_come_along(suite: &Suite<'_>) -> Verdict {
    of_clause(suite, "JAIL-27")
}

fn jail_35_trap_20_bombs_of_many_processes_are_bounded(suite: &Suite<'_>) -> Verdict {
    of_bombs(
        suite,
        &[
            "fork-bomb",
            "memory-bomb",
            "memory-bomb-of-many",
            "shared-memory-bomb",
            "memory-file-bomb",
            "many-descriptors",
            "many-signals",
            "many-terminals",
        ],
    )
}

fn stdio_09_trap_19_a_careless_callers_signals_dont_come_along(suite: &Suite<'_>) -> Verdict {
    of_clauses(suite, &["STDIO-09", "STDIO-10", "STDIO-11"])
}

fn jail_24_trap_21_streams_cant_be_opened_another_way(suite: &Suite<'_>) -> Verdict {
    of_clause(suite, "JAIL-24")
}

fn stdio_08_trap_22_settings_and_foreground_are_as_before(suite: &Suite<'_>) -> Verdict {
    of_clause(suite, "STDIO-08")
}

fn jail_37_trap_22_the_terminal_is_left_as_it_was(suite: &Suite<'_>) -> Verdict {
    of_clause(suite, "JAIL-37")
}

fn jail_26_shared_objects_of_the_host_are_out_of_reach(suite: &Suite<'_>) -> Verdict {
    of_clause(suite, "JAIL-26")
}

fn jail_30_mounts_stay_as_they_are(suite: &Suite<'_>) -> Verdict {
    of_clause(suite, "JAIL-30")
}

fn jail_31_nothing_is_gained(suite: &Suite<'_>) -> Verdict {
    of_clause(suite, "JAIL-31")
}

fn jail_02_a_hostile_cell_has_no_privilege(suite: &Suite<'_>) -> Verdict {
    of_clauses(suite, &["JAIL-02", "JAIL-03"])
}

fn jail_08_a_hostile_cell_finds_no_user_data(suite: &Suite<'_>) -> Verdict {
    of_clauses(suite, &["JAIL-08", "JAIL-06", "JAIL-09", "JAIL-11", "JAIL-12", "ENV-03"])
}

fn jail_13_a_hostile_cell_reaches_no_network(suite: &Suite<'_>) -> Verdict {
    of_clauses(suite, &["JAIL-13", "JAIL-14"])
}
