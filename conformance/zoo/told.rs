//! Faults of exit codes and messages.

use std::io::{self, Write};
use std::process::{ExitCode, Stdio};

use super::around::code_of;
use super::{Call, Fault};

pub const FAULTS: &[Fault] = &[
    Fault {
        name: "exit-1",
        clauses: "EXIT-01",
        what: "exits with 1 for every failure of the cell",
        act: |call| coded(call, |code| code.min(1)),
    },
    Fault {
        name: "signal-0",
        clauses: "EXIT-02",
        what: "exits with 0 when a signal ended the cell",
        act: |call| coded(call, |code| if code > 128 { 0 } else { code }),
    },
    Fault {
        name: "missing-1",
        clauses: "EXIT-03 EXIT-04 EXIT-05",
        what: "exits with 1 where the program is missing",
        act: |call| coded(call, |code| if code == 127 { 1 } else { code }),
    },
    Fault {
        name: "unexecutable-127",
        clauses: "EXIT-06 EXIT-07 EXIT-08 EXIT-09",
        what: "exits with 127 for what can't be executed",
        act: |call| coded(call, |code| if code == 126 { 127 } else { code }),
    },
    Fault {
        name: "usage-64",
        clauses: "CLI-05 CLI-06 CLI-07 FD-24 ENV-11",
        what: "exits with 64 for a usage error",
        act: |call| coded(call, |code| if code == 2 { 64 } else { code }),
    },
    Fault {
        name: "message-on-stdout",
        clauses: "MSG-08",
        what: "writes errors to standard output too",
        act: |call| {
            retold(call, |said| {
                io::stdout().write_all(said).ok();
                said.to_vec()
            })
        },
    },
    Fault {
        name: "phrase-reworded",
        clauses: "MSG-02 PATH-06",
        what: "says `file not found`",
        act: |call| retold(call, |said| replaced(said, "failed to resolve path", "file not found")),
    },
    Fault {
        name: "phrase-for-all",
        clauses: "MSG-04",
        what: "says `failed to resolve path` of whatever can't be executed",
        act: |call| retold(call, |said| replaced(said, "cannot execute", "failed to resolve path")),
    },
    Fault {
        name: "message-two-lines",
        clauses: "MSG-01",
        what: "adds a line to every error",
        act: |call| retold(call, |said| if said.is_empty() { vec![] } else { [said, b"see the manual\n"].concat() }),
    },
    Fault {
        name: "message-without-cause",
        clauses: "MSG-01",
        what: "leaves the cause out",
        act: |call| retold(call, without_cause),
    },
    Fault {
        name: "message-without-name",
        clauses: "MSG-05 FD-33",
        what: "doesn't say what failed",
        act: |call| retold(call, without_name),
    },
    Fault {
        name: "message-unnamed-program",
        clauses: "MSG-01 MSG-06",
        what: "leaves `ww: ` out",
        act: |call| retold(call, |said| replaced(said, "ww: ", "")),
    },
    Fault {
        name: "message-raw",
        clauses: "MSG-07",
        what: "passes control characters on to the terminal",
        act: |call| retold(call, |said| [said.trim_ascii_end(), b"\x1b[0m\n"].concat()),
    },
    Fault {
        name: "banner",
        clauses: "MSG-09",
        what: "says on standard error that it starts",
        act: |call| {
            eprintln!("ww: starting");
            call.become_real()
        },
    },
    Fault {
        name: "banner-on-stdout",
        clauses: "MSG-08",
        what: "says on standard output that it starts",
        act: |call| {
            println!("starting");
            call.become_real()
        },
    },
];

pub fn coded(call: Call, change: fn(u8) -> u8) -> ExitCode {
    let code = call.real().status().map_or(99, code_of);
    ExitCode::from(change(code))
}

pub fn retold(call: Call, change: fn(&[u8]) -> Vec<u8>) -> ExitCode {
    let Ok(output) = call.real().stdin(Stdio::inherit()).stdout(Stdio::inherit()).output() else {
        return ExitCode::from(99);
    };
    io::stderr().write_all(&change(&output.stderr)).ok();
    ExitCode::from(code_of(output.status))
}

pub fn replaced(said: &[u8], old: &str, new: &str) -> Vec<u8> {
    String::from_utf8_lossy(said).replace(old, new).into_bytes()
}

fn without_cause(said: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(said);
    let mut parts: Vec<&str> = text.lines().next().unwrap_or_default().split(": ").collect();
    parts.truncate(2);
    format!("{}\n", parts.join(": ")).into_bytes()
}

fn without_name(said: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(said);
    let mut parts: Vec<&str> = text.lines().next().unwrap_or_default().split(": ").collect();
    if parts.len() > 2 {
        parts[2] = "it";
    }
    parts.truncate(3);
    format!("{}\n", parts.join(": ")).into_bytes()
}
