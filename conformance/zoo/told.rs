//! Faults of exit codes and messages.

use std::io::{self, Write};
use std::process::{ExitCode, Stdio};

use super::around::{code_of, standing_by};
use super::{Call, Fault};

pub const FAULTS: &[Fault] = &[
    Fault::new("exit-1", "EXIT-01", "exits with 1 for every failure of the cell", |call| {
        coded(call, |code| code.min(1))
    })
    .control("stands-by"),
    Fault::new("signal-0", "EXIT-02", "exits with 0 when a signal ended the cell", |call| {
        coded(call, |code| if code > 128 { 0 } else { code })
    })
    .control("stands-by"),
    Fault::new("missing-1", "EXIT-03 EXIT-04 EXIT-05", "exits with 1 where the program is missing", |call| {
        coded(call, |code| if code == 127 { 1 } else { code })
    })
    .control("stands-by"),
    Fault::new(
        "unexecutable-127",
        "EXIT-06 EXIT-07 EXIT-08 EXIT-09",
        "exits with 127 for what can't be executed",
        |call| coded(call, |code| if code == 126 { 127 } else { code }),
    )
    .control("stands-by"),
    Fault::new("usage-64", "CLI-05 CLI-06 CLI-07 FD-24 ENV-11", "exits with 64 for a usage error", |call| {
        coded(call, |code| if code == 2 { 64 } else { code })
    })
    .control("stands-by"),
    Fault::new("message-on-stdout", "MSG-08", "writes errors to standard output too", |call| {
        retold(call, |said| {
            io::stdout().write_all(said).ok();
            said.to_vec()
        })
    })
    .control("repeats"),
    Fault::new("phrase-reworded", "MSG-02 PATH-06", "says `file not found`", |call| {
        retold(call, |said| replaced(said, "failed to resolve path", "file not found"))
    })
    .control("repeats"),
    Fault::new("phrase-for-all", "MSG-04", "says `failed to resolve path` of whatever can't be executed", |call| {
        retold(call, |said| replaced(said, "cannot execute", "failed to resolve path"))
    })
    .control("repeats"),
    Fault::new("message-two-lines", "MSG-01", "adds a line to every error", |call| {
        retold(call, |said| if said.is_empty() { vec![] } else { [said, b"see the manual\n"].concat() })
    })
    .control("repeats"),
    Fault::new("message-without-cause", "MSG-01", "leaves the cause out", |call| retold(call, without_cause))
        .control("repeats"),
    Fault::new("message-without-name", "MSG-05 FD-33", "doesn't say what failed", |call| retold(call, without_name))
        .control("repeats"),
    Fault::new("message-unnamed-program", "MSG-01 MSG-06", "leaves `ww: ` out", |call| {
        retold(call, |said| replaced(said, "ww: ", ""))
    })
    .control("repeats"),
    Fault::new("message-raw", "MSG-07", "passes control characters on to the terminal", |call| {
        retold(call, |said| [said.trim_ascii_end(), b"\x1b[0m\n"].concat())
    })
    .control("repeats"),
    Fault::new("banner", "MSG-09", "says on standard error that it starts", |call| {
        eprintln!("ww: starting");
        call.become_real()
    }),
    Fault::new("banner-on-stdout", "MSG-08", "says on standard output that it starts", |call| {
        println!("starting");
        call.become_real()
    }),
    Fault::new("signal-plain", "EXIT-02", "exits with the bare number of a signal", |call| {
        coded(call, |code| if (129..160).contains(&code) { code - 128 } else { code })
    })
    .control("stands-by"),
    Fault::new("exit-of-7-bits", "EXIT-01", "passes the lower 7 bits of an exit code on", |call| {
        coded(call, |code| code & 0x7f)
    })
    .control("stands-by"),
    Fault::new("missing-126", "EXIT-03", "exits with 126 where the program is missing", |call| {
        coded(call, |code| if code == 127 { 126 } else { code })
    })
    .control("stands-by"),
    Fault::new("phrase-capitalised", "MSG-02", "begins the phrase in upper case", |call| {
        retold(call, |said| replaced(replaced(said, "failed to", "Failed to"), "fd flag", "Fd flag"))
    })
    .control("repeats"),
    Fault::new("phrase-for-directories", "MSG-04", "says `failed to resolve path` of a directory", |call| {
        retold(call, |said| match String::from_utf8_lossy(said).to_lowercase().contains("directory\n") {
            true => replaced(said, "cannot execute", "failed to resolve path"),
            false => said.to_vec(),
        })
    })
    .control("repeats"),
    Fault::new("path-tidied", "MSG-05", "names a path otherwise than it was written", |call| {
        retold(call, |said| replaced(replaced(said, "./", ""), "//", "/"))
    })
    .control("repeats"),
    Fault::new("size-unsaid", "CLI-11", "doesn't say that it is too much for the kernel", |call| {
        retold(call, |said| replaced(said, "too long", "no good"))
    })
    .control("repeats"),
    Fault::new("usage-said-twice", "MSG-06", "begins a second line with `ww: `", |call| {
        retold(call, |said| [said, if said.is_empty() { &b""[..] } else { b"ww: see --help\n" }].concat())
    })
    .control("repeats"),
    Fault::new("line-breaks-raw", "MSG-07", "passes line breaks on", |call| {
        retold(call, |said| replaced(replaced(said, "\\n", "\n"), "\\u{a}", "\n"))
    })
    .control("repeats"),
    Fault::new("message-elsewhere", "MSG-01", "writes errors to standard output alone", |call| {
        retold(call, |said| {
            io::stdout().write_all(said).ok();
            vec![]
        })
    })
    .control("repeats"),
    Fault::new("farewell", "MSG-09", "says on standard error that it has ended", |call| {
        let code = standing_by(&call, |_| true, |code| code);
        eprintln!("ww: done");
        code
    })
    .control("stands-by"),
    Fault::new("cause-of-grant-unsaid", "FD-33", "doesn't say what is wrong with a grant", |call| {
        retold(call, |said| match String::from_utf8_lossy(said).split(": ").collect::<Vec<_>>()[..] {
            [ww, phrase @ "fd flag processing failed", what, ..] => {
                let what = what.trim_start_matches("--with-fd ").trim_end().trim_matches('\'');
                format!("{ww}: {phrase}: {what}\n").into_bytes()
            }
            _ => said.to_vec(),
        })
    })
    .control("repeats"),
];

/// A control: what is said is said again.
pub fn repeats(call: Call) -> ExitCode {
    retold(call, <[u8]>::to_vec)
}

pub fn coded(call: Call, change: fn(u8) -> u8) -> ExitCode {
    standing_by(&call, |_| true, change)
}

pub fn retold(call: Call, change: fn(&[u8]) -> Vec<u8>) -> ExitCode {
    let Ok(output) = call.real().stdin(Stdio::inherit()).stdout(Stdio::inherit()).output() else {
        return ExitCode::from(99);
    };
    io::stderr().write_all(&change(&output.stderr)).ok();
    ExitCode::from(code_of(output.status))
}

pub fn replaced(said: impl AsRef<[u8]>, old: &str, new: &str) -> Vec<u8> {
    String::from_utf8_lossy(said.as_ref()).replace(old, new).into_bytes()
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
