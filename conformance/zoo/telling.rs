//! Faults of what is told while something takes long: shown or not, where, what stays of it; and of `-v`.

use std::io::{IsTerminal, Write, stderr};
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode, Stdio};

use super::around::{accompany, stood_by};
use super::tools::{Tool, code};
use super::{Call, Fault, says};

pub const FAULTS: &[Fault] = &[
    Fault::new("progress-missing", "STORE-55", "never shows how far a fetch is", |call| {
        becomes(with(call, "never").real())
    }),
    Fault::tool("import-progress-missing", "STORE-55", "never shows how far an import is", |tool| {
        tool.with(&["--progress", "never"]).become_real()
    }),
    Fault::tool("export-progress-missing", "STORE-55", "never shows how far an export is", |tool| {
        tool.with(&["--progress", "never"]).become_real()
    }),
    Fault::new("progress-left", "STORE-55", "leaves what it showed on the terminal", |call| {
        becomes(with(call, "always").real().env("TERM", "dumb"))
    }),
    Fault::new("progress-over-the-edge", "STORE-55", "shows more than the terminal has in a line", |call| {
        if stderr().is_terminal() {
            let _ = write!(stderr(), "\rww: {:>100}\r\x1b[K", "fetching/s");
        }
        call.become_real()
    }),
    Fault::new("progress-left-at-failure", "STORE-55", "leaves how far it was above the error", |call| {
        let code = stood_by(&call, |_| true);
        if code == 1 && stderr().is_terminal() {
            let _ = write!(stderr(), "ww: 1.0M of 2.0M, 3.0M/s, 1s left");
        }
        ExitCode::from(code)
    })
    .control("stands-by"),
    Fault::tool("import-progress-left-at-warning", "STORE-55", "leaves how far it was before a warning", |tool| {
        let ended = tool.real().stderr(Stdio::piped()).output();
        let ended = ended.unwrap_or_else(|fault| panic!("the real one doesn't start: {fault}"));
        let _ = write!(stderr(), "ww: 1.0M of 2.0M, 3.0M/s, 1s left");
        let _ = stderr().write_all(&ended.stderr);
        code(&ended)
    }),
    Fault::tool("export-progress-left-at-signal", "STORE-55", "leaves the line where a signal ends it", |tool| {
        // The real one has its signals from here, and none is blocked there.
        let child = tool.real().spawn();
        nix::sys::signal::SigSet::all().thread_block().ok();
        let code = child.map_or(99, |child| accompany(child, |_| true));
        if code > 128 {
            let _ = write!(stderr(), "ww: 1.0M, 1.0M/s");
        }
        ExitCode::from(code)
    }),
    Fault::new("progress-from-behind", "STORE-55", "writes to a terminal that another job has", |call| {
        // It is asked to be stopped for that, and won't be.
        let ignored = nix::sys::signal::SigSet::from(nix::sys::signal::Signal::SIGTTOU);
        ignored.thread_block().ok();
        if stderr().is_terminal() {
            let _ = write!(stderr(), "\rww: 0B, 0B/s\r\x1b[K");
        }
        call.become_real()
    }),
    Fault::new("progress-everywhere", "STORE-56", "shows how far it is without a terminal, too", |call| {
        becomes(unless(call, "always").real())
    }),
    Fault::new("progress-at-once", "STORE-56", "shows that it begins", |call| {
        if stderr().is_terminal() {
            let _ = write!(stderr(), "\rww: 0B\r\x1b[K");
        }
        call.become_real()
    }),
    Fault::new("progress-unasked", "STORE-56", "takes no notice of --progress", |mut call| {
        call.flags.retain(|(flag, _)| flag != "--progress");
        call.become_real()
    }),
    Fault::new("progress-dumb", "STORE-56", "takes every terminal for one that takes a line back", |call| {
        becomes(call.real().env("TERM", "xterm"))
    }),
    Fault::new("progress-flood", "STORE-56", "writes a line many times a second", |call| {
        let asked = call.values("--progress").any(|when| when == "always");
        for _ in 0..if asked { 30 } else { 0 } {
            eprintln!("ww: 0B, 0B/s");
        }
        call.become_real()
    }),
    Fault::new("verbose-mute", "STORE-57", "takes no notice of -v", |mut call| {
        call.flags.retain(|(flag, _)| flag != "-v" && flag != "--verbose");
        call.become_real()
    }),
    Fault::tool("import-verbose-mute", "STORE-57", "takes no notice of -v", |tool| {
        tool.without("-v").without("--verbose").become_real()
    }),
    Fault::tool("export-verbose-mute", "STORE-57", "takes no notice of -v", |tool| {
        tool.without("-v").without("--verbose").become_real()
    }),
    Fault::tool("export-verbose-printed", "STORE-57", "tells on standard output where it went", verbose_printed),
    Fault::new("verbose-password", "STORE-57", "tells a gateway's whole URL", |call| {
        for url in call.values("--gateway").filter(|_| call.flags.iter().any(|(flag, _)| flag == "-v")) {
            eprintln!("ww: note: 1 block from {}", url.to_string_lossy());
        }
        call.become_real()
    }),
];

/// With this when, whatever is asked for.
fn with(mut call: Call, when: &str) -> Call {
    call.flags.push(("--progress".into(), Some(when.into())));
    call
}

/// With this when, where none is asked for.
fn unless(call: Call, when: &str) -> Call {
    if call.values("--progress").count() > 0 { call } else { with(call, when) }
}

fn becomes(mut command: impl std::borrow::BorrowMut<Command>) -> ExitCode {
    says(&format!("ww-faulty: {}", command.borrow_mut().exec()), 99)
}

fn verbose_printed(tool: Tool) -> ExitCode {
    let ended = tool.real().stdin(Stdio::inherit()).output();
    let ended = ended.unwrap_or_else(|fault| panic!("the real one doesn't start: {fault}"));
    let _ = std::io::stdout().write_all(&[ended.stderr.clone(), ended.stdout.clone()].concat());
    code(&ended)
}
