//! Ctrl-C: what was started is killed, what was found is written.

use std::io::{BufRead, BufReader};
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::Place;

#[test]
fn ctrl_c_ends_the_run_in_order() {
    let hangs =
        "words, env, grants = parse(sys.argv[2:])\nif 'wait' in words or 'cat-fd' in words:\n    signal.pause()";
    let place =
        Place::with(&[("words, env, grants = parse(sys.argv[2:])", hangs)]).adapter("[timeouts]\nrun-ms = 300000\n");
    // This case hangs in its first run, after one that doesn't.
    let mut run = Command::new(env!("CARGO_BIN_EXE_ww-conformance"))
        .args(["run", "--jobs", "2", "CLI-01", "FD-06", "STDIO-01", "--adapter"])
        .arg(place.path("adapter.toml"))
        .arg("--report")
        .arg(place.path("report"))
        .stdout(Stdio::piped())
        .spawn()
        .expect("the suite starts");
    let mut lines = BufReader::new(run.stdout.take().expect("its output")).lines();
    let first = lines.next().expect("a case ends").expect("text");
    assert!(first.starts_with("pass"), "{first}");
    let started = Instant::now();
    kill(Pid::from_raw(run.id().cast_signed()), Signal::SIGINT).expect("it is there");
    let ended = run.wait().expect("it ends");
    assert!(started.elapsed() < Duration::from_secs(20), "{:?}", started.elapsed());
    assert_eq!((ended.code(), ended.signal()), (Some(130), None));
    let results = place.results();
    assert!(!results.cases.is_empty());
    assert!(results.end.is_some_and(|end| end.cut_short));
    assert!(place.path("report/report.html").is_file());
    let left = Command::new("pgrep").arg("-f").arg(place.path("ww")).output().expect("pgrep");
    assert_eq!(String::from_utf8_lossy(&left.stdout), "", "processes that were left");
}
