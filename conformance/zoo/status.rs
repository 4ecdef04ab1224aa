//! Faults of the status lines: the real one's are taken in, and written again otherwise.

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::os::fd::AsRawFd;
use std::process::ExitCode;

use nix::sys::signal::SigSet;
use nix::unistd::{close, pipe};
use ww_conformance::launch::duplicate;

use super::around::accompany;
use super::{Call, Fault};

macro_rules! fault {
    ($name:literal, $clauses:literal, $what:literal, $change:expr) => {
        Fault::new($name, $clauses, $what, |call| restated(call, $change, false)).control("restates")
    };
}

pub const FAULTS: &[Fault] = &[
    fault!("status-over-two-lines", "STATUS-01 STATUS-02", "breaks objects into lines", |line| line
        .replace(",\"", ",\n\"")),
    fault!("status-unbroken", "STATUS-01", "ends no line", |line| line.trim_end().to_owned()),
    fault!("status-array", "STATUS-01", "puts each object into an array", |line| format!("[{}]\n", line.trim_end())),
    fault!("status-exited-first", "STATUS-03", "says that the cell exited before it did", |line| {
        match line.contains("started") {
            true => format!("{line}{{\"event\":\"exited\",\"code\":0,\"signal\":null}}\n"),
            false => String::new(),
        }
    }),
    fault!(
        "status-exited-early",
        "STATUS-02 STATUS-03",
        "foretells the exit code that the cell was asked for",
        |line| {
            let asked = std::env::args().next_back().and_then(|word| word.parse::<u8>().ok()).unwrap_or(0);
            match (line.contains("started"), line.contains("\"signal\":null")) {
                (true, _) => format!("{line}{{\"event\":\"exited\",\"code\":{asked},\"signal\":null}}\n"),
                (false, true) => String::new(),
                (false, false) => line,
            }
        }
    ),
    fault!("status-pid-own", "STATUS-02", "gives its own pid for the cell's", |line| {
        set(&line, "pid", std::process::id().into())
    }),
    fault!("status-pid-of-cell", "STATUS-02", "gives the pid that the cell sees", |line| set(&line, "pid", 2.into())),
    fault!("status-jail-unsaid", "STATUS-02", "doesn't say which jail is in force", |line| {
        set(&line, "jail", serde_json::Value::Null)
    }),
    fault!("status-jail-always-full", "STATUS-02", "says that the full jail is in force at every level", |line| {
        set(&line, "jail", "full".into())
    }),
    fault!("status-code-0-on-signal", "STATUS-04", "gives code 0 where a signal ended the cell", |line| {
        if line.contains("\"signal\":null") { line } else { set(&line, "code", 0.into()) }
    }),
    fault!("status-code-is-signal", "STATUS-04", "gives the bare number of the signal as the code", |line| {
        if line.contains("\"signal\":null") { line } else { set(&line, "code", value(&line)["signal"].clone()) }
    }),
    fault!("status-signal-unsaid", "STATUS-04", "doesn't say which signal ended the cell", |line| {
        set(&line, "signal", serde_json::Value::Null)
    }),
    fault!("status-signal-0", "STATUS-03", "gives signal 0 where there was none", |line| {
        line.replace("\"signal\":null", "\"signal\":0")
    }),
    fault!("status-code-as-text", "STATUS-03", "gives the code as text", |line| {
        let code = value(&line)["code"].to_string();
        set(&line, "code", code.into())
    }),
    Fault::new("status-late", "STATUS-02", "writes all lines at the end", |call| restated(call, |line| line, true))
        .control("restates"),
    Fault::new("status-needs-reader", "STATUS-11", "fails where nobody reads the status", |call| {
        let number = number(&call).unwrap_or(-1);
        let code = restated(call, |line| line, false);
        let probe = File::options().append(true).open(format!("/proc/self/fd/{number}"));
        // A pipe without a reader can't be written.
        match probe.and_then(|mut file| file.write_all(b"\n")) {
            Ok(()) => code,
            Err(_) => ExitCode::from(1),
        }
    })
    .control("restates"),
];

/// A control: what is written is written again.
pub fn restates(call: Call) -> ExitCode {
    restated(call, |line| line, false)
}

fn number(call: &Call) -> Option<i32> {
    call.values("--status-fd").last()?.to_str()?.parse().ok()
}

fn value(line: &str) -> serde_json::Value {
    serde_json::from_str(line).unwrap_or_default()
}

/// A line with a key set that it has.
fn set(line: &str, key: &str, to: serde_json::Value) -> String {
    let mut value = value(line);
    if let Some(old) = value.get_mut(key) {
        *old = to;
    }
    format!("{value}\n")
}

/// Has each line of the real one's changed before it is written.
pub fn restated_as(call: Call, change: impl Fn(String) -> String + Send + 'static) -> ExitCode {
    restated(call, change, false)
}

/// Each line is given to `change` with its line break.
pub fn restated(mut call: Call, change: impl Fn(String) -> String + Send + 'static, late: bool) -> ExitCode {
    let (Some(number), Ok((reader, writer))) = (number(&call), pipe()) else { return call.become_real() };
    let (Ok(to), Ok(theirs)) = (duplicate(number, 100), duplicate(writer.as_raw_fd(), 200)) else {
        return call.become_real();
    };
    drop(writer);
    call.change("--status-fd", |_| theirs.to_string().into());
    let Ok(mut to) = File::options().append(true).open(format!("/proc/self/fd/{to}")) else {
        return call.become_real();
    };
    SigSet::all().thread_block().ok();
    let child = call.start();
    close(theirs).ok();
    let lines = std::thread::spawn(move || {
        let mut held = String::new();
        for line in BufReader::new(File::from(reader)).lines().map_while(Result::ok) {
            let changed = change(format!("{line}\n"));
            if late {
                held += &changed;
            } else {
                to.write_all(changed.as_bytes()).ok();
            }
        }
        to.write_all(held.as_bytes()).ok();
    });
    let code = accompany(child, |_| true);
    lines.join().ok();
    ExitCode::from(code)
}
