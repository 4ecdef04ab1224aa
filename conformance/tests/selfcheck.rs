//! The self-check cell can fail: under faulty implementations it says which clause doesn't hold.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

use ww_conformance::adapter::Adapter;
use ww_conformance::cells;
use ww_conformance::setup::Setup;

fn beside() -> PathBuf {
    Setup::beside().expect("the folder of this test")
}

fn cell() -> &'static Path {
    static CELL: OnceLock<PathBuf> = OnceLock::new();
    CELL.get_or_init(|| cells::find(&[cells::SELFCHECK], &beside()).expect("the cell").remove(0))
}

/// Runs it under a `ww` of this name: the reference, or one of the zoo.
fn under(name: &str, words: &[&str]) -> Output {
    let real = Adapter::from_environment(&beside()).expect("the reference").command.remove(0);
    let mut command = match name {
        "ww" => Command::new(&real),
        faulty => {
            let mut command = Command::new(env!("CARGO_BIN_EXE_ww-faulty"));
            command.arg(faulty);
            command
        }
    };
    let place = tempfile::tempdir().expect("a temporary directory");
    command.arg("run").arg(cell()).args(words).env_clear().env("WW_REAL", real).env("PATH", "/usr/bin:/bin");
    command.env("TMPDIR", place.path()).env("HOME", place.path()).current_dir(place.path());
    command.output().expect("it starts")
}

/// Checks that exactly this clause is found not to hold, among others that follow from it.
fn finds(fault: &str, clause: &str, words: &[&str]) {
    let output = under(fault, words);
    let said = String::from_utf8_lossy(&output.stdout);
    let wrong: Vec<&str> = said.lines().filter(|line| line.starts_with("not ok")).collect();
    assert!(wrong.iter().any(|line| line.contains(clause)), "{fault}: {wrong:?}\n{said}");
    assert_eq!(output.status.code(), Some(1), "{fault}: {said}");
}

#[test]
fn under_the_reference_it_finds_nothing() {
    let output = under("ww", &[]);
    let said = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert!(said.starts_with("TAP version 14\n") && !said.contains("\nnot ok"), "{said}");
}

#[test]
fn it_finds_descriptors_that_are_wrong() {
    finds("socket-on-4", "FD-01", &["--no-jail", "--no-rpc"]);
    finds("socket-misnamed", "FD-09", &["--no-jail", "--no-rpc"]);
    finds("host-end-leaked", "FD-21", &["--no-jail", "--no-rpc"]);
}

#[test]
fn it_finds_an_environment_that_leaks() {
    finds("env-leak", "ENV-03", &[]);
}

#[test]
fn it_finds_an_rpc_socket_that_is_wrong() {
    finds("socket-of-datagrams", "RPC-01", &["--no-jail"]);
    finds("socket-not-blocking", "RPC-02", &["--no-jail"]);
    finds("rpc-unserved", "RPC-03", &["--no-jail"]);
}

#[test]
fn it_finds_that_there_is_no_jail() {
    finds("model", "JAIL-10", &[]);
    finds("model", "JAIL-08", &[]);
}
