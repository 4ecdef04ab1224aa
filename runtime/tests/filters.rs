//! Once a cell runs, its host is filtered: it can't be made to start anything.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};

#[test]
fn the_host_of_a_cell_that_runs_is_filtered() {
    let mut host = Command::new(env!("CARGO_BIN_EXE_ww"))
        .args(["run", "/bin/cat"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("ww starts");
    let mut input = host.stdin.take().expect("a pipe");
    // What comes back has been through the cell, so the host serves it.
    input.write_all(b"line\n").expect("cat reads");
    let mut line = String::new();
    BufReader::new(host.stdout.as_mut().expect("a pipe")).read_line(&mut line).expect("cat writes");
    assert_eq!(line, "line\n");

    let tasks = fs::read_dir(format!("/proc/{}/task", host.id())).expect("threads");
    for task in tasks {
        let status = fs::read_to_string(task.expect("a thread").path().join("status")).expect("a status");
        let of = |key: &str| status.lines().find_map(|line| line.strip_prefix(key)).map(str::trim).map(str::to_owned);
        assert_eq!((of("NoNewPrivs:"), of("Seccomp:")), (Some("1".into()), Some("2".into())), "{status}");
    }
    drop(input);
    assert!(host.wait().expect("it ends").success());
}
