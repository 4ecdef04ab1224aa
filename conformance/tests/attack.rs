//! The harness under attack by an implementation: whatever that does, each case ends in time with the
//! right outcome, and the next one is unharmed.
//!
//! Each implementation here does as `fixtures/minimal-ww` does, but for one case, in which it turns
//! hostile.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;
use ww_conformance::outcome::Outcome;
use ww_conformance::results::Results;

/// What no attack may take longer than: far above a run's deadline, far below a hang.
const SOON: Duration = Duration::from_secs(60);

/// Judges an implementation that runs a script where the hostile case asks it for a cell.
fn judged(hostile: &str, most: Duration) -> Results {
    let place = TempDir::new().expect("a temporary directory");
    let minimal = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/minimal-ww/ww");
    let program = place.path().join("hostile-ww");
    let script =
        format!("#!/bin/sh\ncase \"$*\" in *'it runs'*) {hostile}\n;; esac\nexec {} \"$@\"\n", minimal.display());
    fs::write(&program, script).expect("the implementation");
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).expect("its mode");
    let adapter = place.path().join("adapter.toml");
    let text = format!(
        "command = ['./hostile-ww', 'run']\nlayout = 'rpc-first'\nprofiles = ['core', 'fds']\norigin = 'source'\n\
         [timeouts]\nrun-ms = {}\ngrace-ms = 500\n",
        most.as_millis()
    );
    fs::write(&adapter, text).expect("the adapter");
    let report = place.path().join("report");
    let started = Instant::now();
    let ended = Command::new(env!("CARGO_BIN_EXE_ww-conformance"))
        .args(["run", "--jobs", "1", "CLI-01", "CLI-02", "ENV-01", "FD-08", "--adapter"])
        .arg(&adapter)
        .arg("--report")
        .arg(&report)
        .stdout(Stdio::null())
        .status()
        .expect("the suite starts");
    assert!(started.elapsed() < SOON, "{:?}", started.elapsed());
    let results = Results::read(&report.join("results.jsonl")).expect("results");
    assert_eq!(ended.code(), Some(i32::from(results.end.as_ref().expect("an end").exit_code)));
    results
}

/// When a run is taken for hung.
const HUNG: Duration = Duration::from_secs(3);

/// Checks that the hostile case failed with this in its story, and that no other took harm.
fn fails_alone(hostile: &str, story: &str) {
    fails_within(HUNG, hostile, story);
}

fn fails_within(most: Duration, hostile: &str, story: &str) {
    let results = judged(hostile, most);
    assert!(results.cases.len() > 3, "{:?}", results.cases);
    for case in &results.cases {
        if case.name == "cli_01_run_starts_a_program" {
            let text = case.story.clone().unwrap_or_default();
            assert_eq!(case.outcome, Outcome::Fail, "{case:?}");
            assert!(text.contains(story), "{text}");
        } else {
            assert!(matches!(case.outcome, Outcome::Pass | Outcome::NotApplicable), "{case:?}");
        }
    }
}

#[test]
fn one_that_hangs() {
    fails_alone("exec sleep 1000", "it took too long");
}

#[test]
fn one_that_ignores_signals_and_hangs() {
    fails_alone("trap '' TERM INT HUP QUIT; while :; do sleep 1000; done", "it took too long");
}

#[test]
fn one_that_stops_itself() {
    fails_alone("kill -STOP $$; exit 0", "it took too long");
}

#[test]
fn one_that_floods_standard_error_with_a_gigabyte() {
    // A gigabyte through a pipe takes its time on a busy machine.
    fails_within(SOON / 2, "head -c 1000000000 /dev/zero >&2; exit 0", "standard output \"it runs\"");
}

#[test]
fn one_that_forks_for_ever() {
    // The watchdog counts processes, and is to find them before the time is over.
    fails_within(SOON / 2, "while :; do sleep 1000 & done", "it forked without end");
}

#[test]
fn one_that_kills_its_process_group() {
    fails_alone("kill -KILL 0", "signal 9");
}

#[test]
fn one_that_deletes_its_working_directory() {
    fails_alone("rm -rf \"$PWD\"; exit 0", "standard output");
}

#[test]
fn one_that_deletes_all_that_it_was_given() {
    fails_alone(
        "rm -rf \"$PWD\" \"$HOME\" \"$TMPDIR\" \"$XDG_RUNTIME_DIR\" \"$PWD/../files\"; exit 0",
        "standard output",
    );
}

#[test]
fn one_that_closes_its_pipes_and_goes_on() {
    fails_alone("exec 0<&- 1>&- 2>&-; exec sleep 1000", "it took too long");
}

#[test]
fn one_that_exits_before_it_reads() {
    fails_alone("exit 0", "standard output");
}

#[test]
fn one_that_leaves_a_daemon_with_its_pipes() {
    fails_alone("setsid sh -c 'sleep 1000 & exec sleep 1000' & printf 'it runs'; exit 0", "outlived");
}

#[test]
fn one_that_hands_its_output_to_a_stranger() {
    let place = TempDir::new().expect("a temporary directory");
    let path = place.path().join("stranger");
    // What is sent stays open in the socket, which nobody reads.
    let _stranger = UnixListener::bind(&path).expect("a socket");
    let hand = format!(
        "import socket; s = socket.socket(socket.AF_UNIX); s.connect('{}'); socket.send_fds(s, [b'x'], [1])",
        path.display()
    );
    fails_alone(&format!("python3 -c \"{hand}\"; printf 'it runs'; exit 0"), "standard output is still open elsewhere");
}

#[test]
fn one_that_writes_what_isnt_text() {
    fails_alone("head -c 100000 /dev/urandom; exit 0", "standard output");
}

#[test]
fn one_that_kills_who_started_it_is_told_as_a_fault_of_the_harness() {
    let results = judged("kill -KILL $PPID; exec sleep 7654321", HUNG);
    for case in &results.cases {
        let hostile = case.name.starts_with("cli_01");
        assert_eq!(case.outcome == Outcome::HarnessError, hostile, "{case:?}");
    }
    // A time of its own, for other tests sleep beside this one.
    let left = Command::new("pgrep").args(["-f", "^sleep 7654321$"]).output().expect("pgrep");
    assert_eq!(String::from_utf8_lossy(&left.stdout), "", "processes that were left");
}

#[test]
fn one_that_kills_the_process_of_its_case_is_told_so() {
    // The launcher's parent, by the second field after the name in its stat.
    let case = "case=$(sed 's/.*) //' /proc/$PPID/stat | cut -d' ' -f2); kill -KILL $case; exec sleep 7654322";
    let results = judged(case, HUNG);
    for line in &results.cases {
        let hostile = line.name.starts_with("cli_01");
        assert_eq!(line.outcome == Outcome::HarnessError, hostile, "{line:?}");
        if hostile {
            let why = line.reason.clone().unwrap_or_default();
            assert!(why.contains("ended without a verdict: signal: 9"), "{why}");
        }
    }
    let left = Command::new("pgrep").args(["-f", "^sleep 7654322$"]).output().expect("pgrep");
    assert_eq!(String::from_utf8_lossy(&left.stdout), "", "processes that were left");
}
