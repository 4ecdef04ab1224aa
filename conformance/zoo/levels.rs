//! Faults of the levels of the jail: another than was asked for, or none that is named where one is refused.

use std::ffi::OsString;
use std::fs;
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;
use std::process::{ExitCode, Stdio};

use super::around::{code_of, process_left, waited};
use super::ipfs::is_ipfs;
use super::told::{coded, replaced, retold};
use super::{Call, Fault};

pub const FAULTS: &[Fault] = &[
    Fault::new("level-ignored", "LIMIT-01 JAIL-45", "takes `--jail` and gives the full jail", |mut call| {
        call.flags.retain(|(flag, _)| flag != "--jail");
        call.become_real()
    }),
    Fault::new("level-none-by-default", "LIMIT-01", "gives no jail where none is named", |call| {
        if asked(&call).is_some() { call.become_real() } else { at(call, "none").become_real() }
    }),
    Fault::new("level-unknown-taken", "LIMIT-01", "takes any name of a level for the full jail", |mut call| {
        const KNOWN: [&str; 3] = ["full", "restricted", "none"];
        let named = |flag: &OsString| flag.to_string_lossy().strip_prefix("--jail=").map(str::to_owned);
        call.flags.retain(|(flag, _)| named(flag).is_none_or(|level| KNOWN.contains(&level.as_str())));
        call.become_real()
    }),
    Fault::new("level-weaker-by-itself", "JAIL-40 JAIL-41 JAIL-42", "gives no jail where a part is refused", |call| {
        again(call, |said| said.contains("cannot have"))
    }),
    Fault::new("landlock-optional", "JAIL-42", "gives a weaker jail where Landlock is refused", |call| {
        again(call, |said| said.contains("Landlock"))
    }),
    Fault::new("next-level-unsaid", "JAIL-40", "offers no weaker level", |call| {
        retold(call, |said| replaced(said, "--jail", "less"))
    })
    .control("repeats"),
    Fault::new("sysctl-unsaid", "JAIL-40", "doesn't say which sysctl refuses", |call| {
        retold(call, |said| replaced(said, "user.max_user_namespaces", "a sysctl"))
    })
    .control("repeats"),
    Fault::new("filter-unsaid", "JAIL-40", "doesn't say that a filter refuses", |call| {
        retold(call, |said| replaced(replaced(said, "seccomp", "security"), "filter", "policy"))
    })
    .control("repeats"),
    Fault::new("failed-step-126", "JAIL-41", "exits with 126 where a step of the jail failed", |call| {
        coded(call, |code| if code == 1 { 126 } else { code })
    })
    .control("stands-by"),
    Fault::new("failed-step-is-path", "JAIL-41", "says `failed to resolve path` of a step of the jail", |call| {
        retold(call, |said| replaced(said, "cannot have", "failed to resolve path:"))
    })
    .control("repeats"),
    Fault::new("restricted-is-none", "JAIL-43 JAIL-44", "gives no jail where a restricted one is asked for", |call| {
        if asked(&call).is_some_and(|level| level == "restricted") { at(call, "none") } else { call }.become_real()
    }),
    Fault::new(
        "none-inherits-environment",
        "JAIL-45",
        "passes a variable on where no jail is asked for",
        |mut call| {
            if asked(&call).is_some_and(|level| level == "none") {
                call.flags.push(("--env".into(), Some("SECRET".into())));
            }
            call.become_real()
        },
    ),
    Fault::new("none-is-restricted", "JAIL-45", "gives a restricted jail where none is asked for", |call| {
        if asked(&call).is_some_and(|level| level == "none") { at(call, "restricted") } else { call }.become_real()
    }),
    Fault::new("none-leaves-process", "JAIL-46", "leaves a process behind where no jail is asked for", |call| {
        if asked(&call).is_some_and(|level| level == "none") { process_left(call) } else { call.become_real() }
    }),
    Fault::new("restricted-outlives-host", "JAIL-46", "lets a restricted cell outlive its host", |call| {
        let restricted = asked(&call).is_some_and(|level| level == "restricted");
        if restricted { waited(&mut call.real()) } else { call.become_real() }
    }),
    Fault::new("level-by-cells-words", "SELF-07", "takes `--jail` from the cell's own words", |call| {
        let words: Vec<&[u8]> = call.rest.iter().map(|word| word.as_bytes()).collect();
        let asks = words.windows(2).any(|pair| pair == [&b"--jail"[..], b"none"]);
        if asks { at(call, "none") } else { call }.become_real()
    }),
    Fault::new("level-none-for-fetched", "SELF-07", "gives a program from IPFS no jail", |call| {
        if is_ipfs(&call) { at(call, "none") } else { call }.become_real()
    }),
    Fault::new(
        "level-down-beside-garbage",
        "SELF-07",
        "gives no jail while another cell breaks the protocol",
        |call| {
            let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
            let mut words = processes.filter_map(|process| fs::read(process.path().join("cmdline")).ok());
            let garbled = words.any(|words| words.split(|byte| *byte == 0).nth(1) == Some(b"rpc-garbage-then-exit"));
            if garbled { at(call, "none") } else { call }.become_real()
        },
    ),
];

/// The level that a call asks for.
fn asked(call: &Call) -> Option<String> {
    let last = call.values("--jail").last();
    last.map(|level| level.to_string_lossy().into_owned())
}

/// The same call at another level.
fn at(mut call: Call, level: &str) -> Call {
    call.flags.push(("--jail".into(), Some(level.into())));
    call
}

/// Runs the real one, and where what it says is such, without a jail.
fn again(call: Call, refused: fn(&str) -> bool) -> ExitCode {
    let Ok(output) = call.real().stdin(Stdio::inherit()).stdout(Stdio::inherit()).output() else {
        return ExitCode::from(99);
    };
    if refused(&String::from_utf8_lossy(&output.stderr)) {
        return at(call, "none").become_real();
    }
    io::stderr().write_all(&output.stderr).ok();
    ExitCode::from(code_of(output.status))
}
