//! Faults of what a cell puts and pins: who gets it, how long it stays, whose it is, and what is said where there is no daemon.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::net::TcpStream;
use std::process::{Command, ExitCode, Stdio};

use serde_json::{Value, json};

use super::around::{code_of, stood_by, waited};
use super::told::retold;
use super::{Call, Fault};

pub const FAULTS: &[Fault] = &[
    Fault::new("store-needs-a-daemon", "STORE-02", "stores nothing for a cell without a daemon", |mut call| {
        if offline(&mut call) {
            call.flags.insert(0, ("--ipfs".into(), Some("/ip4/127.0.0.1/tcp/1".into())));
        }
        call.become_real()
    }),
    Fault::new("puts-are-cached", "STORE-04", "keeps what a cell puts no longer than the run", |call| {
        let before = kept();
        let code = stood_by(&call, |_| true);
        kept().difference(&before).for_each(|line| removes(line));
        ExitCode::from(code)
    })
    .control("stands-by"),
    Fault::tool("store-rm-nothing", "STORE-04", "keeps what is removed", |tool| {
        match (tool.verb == "store", tool.words.first().is_some_and(|word| word == "rm")) {
            (true, true) => ExitCode::SUCCESS,
            _ => tool.become_real(),
        }
    }),
    Fault::tool("store-gc-nothing", "STORE-04 STORE-47 STORE-49", "frees nothing", |tool| {
        match (tool.verb == "store", tool.words.first().is_some_and(|word| word == "gc")) {
            (true, true) => ExitCode::SUCCESS,
            _ => tool.become_real(),
        }
    }),
    Fault::new("puts-to-the-daemon-alone", "STORE-05", "puts content into the daemon alone", |call| {
        if call.endpoint().is_empty() {
            return call.become_real();
        }
        let own = std::env::temp_dir().join("ww-none");
        let code = waited(call.real().env("WW_STORE", &own));
        fs::remove_dir_all(own).ok();
        code
    })
    .control("stands-by"),
    Fault::new("puts-to-the-store-alone", "STORE-05 STORE-46", "puts content into the store alone", |mut call| {
        if call.flags.iter().any(|(flag, _)| flag == "--ipfs") {
            call.flags.retain(|(flag, _)| flag != "--ipfs");
            call.flags.push(("--offline".into(), None));
        }
        call.become_real()
    }),
    Fault::new("cids-of-its-own", "STORE-05", "gives other CIDs without a daemon", |mut call| {
        if offline(&mut call) {
            call.flags.push(("--offline".into(), None));
            return reprinted(call, |_, text| text.replace("bafk", "bafy"));
        }
        call.become_real()
    })
    .control("reprints"),
    Fault::new("puts-daemon-optional", "STORE-46", "takes a daemon that doesn't answer for none", |mut call| {
        let variable = std::env::var("WW_IPFS").unwrap_or_default();
        let named = if variable.is_empty() { call.endpoint() } else { variable };
        let port = named.split('/').nth(4).and_then(|port| port.parse::<u16>().ok());
        if port.is_some_and(|port| TcpStream::connect(("127.0.0.1", port)).is_err()) {
            call.flags.retain(|(flag, _)| flag != "--ipfs");
            return waited(call.real().env_remove("WW_IPFS"));
        }
        call.become_real()
    }),
    Fault::new("puts-quietly", "STORE-46", "doesn't say that the store alone has it", |call| {
        retold(call, |said| without(said, "local store alone"))
    })
    .control("repeats"),
    Fault::new("pin-keeps-nothing", "STORE-47", "forgets its pins when the run ends", |call| {
        let before = kept();
        let code = stood_by(&call, |_| true);
        kept().difference(&before).filter(|line| line.contains("(pinned)")).for_each(|line| removes(line));
        ExitCode::from(code)
    })
    .control("stands-by"),
    Fault::new("pin-keeps-the-root", "STORE-47", "pins what it can't have whole", |call| {
        reprinted(call, |verb, text| match verb {
            "pin" if text.contains("failed to get IPFS path") => "true".into(),
            _ => text.into(),
        })
    })
    .control("reprints"),
    Fault::new("pins-are-everybodys", "STORE-47", "lets any cell remove any pin", |mut call| {
        call.flags.retain(|(flag, _)| flag != "--ipfs-access");
        call.flags.insert(0, ("--ipfs-access".into(), Some("full".into())));
        call.become_real()
    }),
    Fault::new("unpin-removes", "STORE-47", "removes what was put where it is unpinned", |call| {
        let cids: Vec<String> =
            words(&call).filter(|(verb, _)| *verb == "unpin").map(|(_, word)| word.to_owned()).collect();
        let code = stood_by(&call, |_| true);
        cids.iter().for_each(|cid| removes(cid));
        ExitCode::from(code)
    })
    .control("stands-by"),
    Fault::new("id-without-a-daemon", "STORE-48", "says who it is where there is no daemon", |call| {
        reprinted(call, |verb, text| match verb {
            "id" => r#"{"id":"12D3KooWGzxzKZYveHXtpG6AsrUJBcWxHBFS2HsEoGTxrMLvKXtf"}"#.into(),
            _ => text.into(),
        })
    })
    .control("reprints"),
    Fault::new("daemon-unnamed", "STORE-48", "doesn't say how a daemon is named", |call| {
        reprinted(call, |_, text| text.replace("--ipfs", "it"))
    })
    .control("reprints"),
    Fault::new("uploads-finish-themselves", "STORE-49", "keeps what was dropped", |call| {
        let sizes: Vec<usize> = words(&call)
            .filter(|(verb, word)| *verb == "write" && word.ends_with(" drop"))
            .filter_map(|(_, word)| word.split([':', '/', ' ']).nth(1)?.parse().ok())
            .collect();
        let code = stood_by(&call, |_| true);
        for size in sizes {
            let file = std::env::temp_dir().join("ww-dropped");
            let content: Vec<u8> = (0..size).map(|at| (at.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
            fs::write(&file, content).ok();
            real().args(["export", "--offline"]).arg(&file).stdout(Stdio::null()).status().ok();
            fs::remove_file(file).ok();
        }
        ExitCode::from(code)
    })
    .control("stands-by"),
    Fault::new("puts-nowhere", "STORE-49", "says nothing of a store that it can't write to", |call| {
        retold(call, |said| without(said, "no-folder"))
    })
    .control("repeats"),
];

/// The cell's calls on one line of standard output, as they are.
pub fn reprints(call: Call) -> ExitCode {
    reprinted(call, |_, text| text.into())
}

/// Changes what came of each call of the RPC probe, as text of JSON, before it is printed.
fn reprinted(call: Call, change: fn(&str, &str) -> String) -> ExitCode {
    let verbs: Vec<String> = words(&call).map(|(verb, _)| verb.to_owned()).collect();
    let Ok(output) = call.real().stdin(Stdio::inherit()).stderr(Stdio::inherit()).output() else {
        return ExitCode::from(99);
    };
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let changed = serde_json::from_str::<Vec<Value>>(&text).ok().map(|outcomes| {
        let outcomes = outcomes.iter().zip(&verbs).map(|(outcome, verb)| changed(outcome, verb, change));
        format!("{}\n", Value::from(outcomes.collect::<Vec<_>>()))
    });
    std::io::stdout().write_all(changed.unwrap_or(text).as_bytes()).ok();
    ExitCode::from(code_of(output.status))
}

/// An outcome, changed: what is no longer an outcome is a call's result.
fn changed(outcome: &Value, verb: &str, change: fn(&str, &str) -> String) -> Value {
    let text = outcome.to_string();
    match serde_json::from_str::<Value>(&change(verb, &text)) {
        Ok(value) if value.get("ok").is_some() || value.get("error").is_some() => value,
        Ok(value) => json!({ "ok": value }),
        Err(_) => outcome.clone(),
    }
}

/// Takes `--offline` away, if it is there.
fn offline(call: &mut Call) -> bool {
    let count = call.flags.len();
    call.flags.retain(|(flag, _)| flag != "--offline");
    call.flags.len() < count
}

/// The calls that a probe is to make: verbs and their words.
fn words(call: &Call) -> impl Iterator<Item = (&str, &str)> {
    let words: Vec<&str> = call.rest.iter().skip(1).filter_map(|word| word.to_str()).collect();
    words.chunks(2).map(|pair| (pair[0], pair.get(1).copied().unwrap_or_default())).collect::<Vec<_>>().into_iter()
}

fn real() -> Command {
    let mut real = Command::new(std::env::var_os("WW_REAL").unwrap_or_default());
    real.env_remove("WW_REAL");
    real
}

/// What the store keeps, a line each.
fn kept() -> BTreeSet<String> {
    let listed = real().args(["store", "ls"]).stderr(Stdio::null()).output();
    let text = listed.map(|listed| String::from_utf8_lossy(&listed.stdout).into_owned()).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}

/// Has the store keep nothing under the CID that a line begins with.
fn removes(line: &str) {
    let cid = line.split(' ').next().unwrap_or_default();
    real().args(["store", "rm", cid]).stdout(Stdio::null()).stderr(Stdio::null()).status().ok();
}

/// What is said, without the lines that have this in them.
fn without(said: &[u8], text: &str) -> Vec<u8> {
    let said = String::from_utf8_lossy(said);
    said.lines().filter(|line| !line.contains(text)).map(|line| format!("{line}\n")).collect::<String>().into_bytes()
}
