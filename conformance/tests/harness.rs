//! The harness under attack: whatever a command does, its run ends in time with the right outcome,
//! and nothing of it is left.

use std::time::{Duration, Instant};

use ww_conformance::adapter::{Adapter, Layout, Timeouts};
use ww_conformance::capture::KEPT;
use ww_conformance::ended::Ended;
use ww_conformance::setup::Setup;
use ww_conformance::suite::Suite;

/// Runs a script in a suite whose implementation isn't asked for anything.
fn run(script: &str) -> Ended {
    let timeouts = Timeouts { run_ms: 3_000, grace_ms: 500, ..Timeouts::default() };
    let adapter = Adapter { command: vec!["/bin/true".into()], timeouts, ..Adapter::bare() };
    let beside = Setup::beside().expect("the folder of this test");
    let setup = Setup::new(adapter, &beside, None).expect("launcher and probe");
    let suite = Suite::new(&setup, Layout::RpcFirst, None).expect("a place for files");
    suite.command(["/bin/sh", "-c", script]).run().expect("the harness is at no fault")
}

#[test]
fn one_that_hangs_is_killed() {
    let started = Instant::now();
    let ended = run("exec sleep 1000");
    assert!(ended.report.overdue, "{:?}", ended.report);
    assert!(started.elapsed() < Duration::from_secs(60), "{:?}", started.elapsed());
}

#[test]
fn one_that_ignores_signals_is_killed() {
    assert!(run("trap '' TERM INT HUP QUIT; while :; do sleep 1000; done").report.overdue);
}

#[test]
fn a_flood_is_taken_in_and_cut() {
    let ended = run("head -c 200000000 /dev/zero >&2; exit 4");
    assert_eq!(ended.report.code, Some(4));
    assert_eq!(ended.stderr.len(), KEPT);
}

#[test]
fn a_daemon_in_a_session_of_its_own_is_found_and_killed() {
    let ended = run("setsid sh -c 'sleep 1000 & exec sleep 1000' </dev/null >/dev/null 2>&1 & exit 3");
    assert_eq!(ended.report.code, Some(3));
    assert!(!ended.report.left.is_empty() && !ended.report.killed.is_empty(), "{:?}", ended.report);
}

#[test]
fn what_goes_by_itself_in_time_isnt_killed() {
    let ended = run("sleep 0.1 & exit 0");
    assert_eq!((ended.report.code, ended.report.left.len(), ended.report.killed.len()), (Some(0), 1, 0));
}

#[test]
fn one_that_kills_its_process_group_harms_only_itself() {
    assert_eq!(run("kill -KILL 0").report.signal, Some(9));
}

#[test]
fn one_that_closes_everything_ends_as_it_says() {
    let ended = run("exec 0<&- 1>&- 2>&-; exit 6");
    assert_eq!(ended.report.code, Some(6));
}

#[test]
fn one_that_removes_its_directory_ends_as_it_says() {
    assert_eq!(run("rm -rf \"$PWD\"; exit 5").report.code, Some(5));
}

#[test]
fn one_that_forks_on_is_killed_whole() {
    let ended = run("i=0; while [ $i -lt 200 ]; do sleep 1000 & i=$((i+1)); done; exit 1");
    assert_eq!(ended.report.code, Some(1));
    assert_eq!(ended.report.left.len(), ended.report.killed.len());
}
