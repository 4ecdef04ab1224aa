//! Faults of the environment that change the words of `--env`, or `WW_ENV`.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::process::ExitCode;

use super::words::fault;
use super::{Call, Fault};

pub const FAULTS: &[Fault] = &[
    fault!("env-first-wins", "ENV-07", "lets the earlier --env beat the later", |call| {
        let mut seen = BTreeSet::new();
        call.flags
            .retain(|(flag, value)| flag != "--env" || value.as_ref().is_none_or(|value| seen.insert(key(value))));
    }),
    fault!("ww-env-wins", "ENV-06", "lets WW_ENV beat --env", |call| {
        let text = std::env::var_os("WW_ENV").unwrap_or_default();
        for piece in text.as_bytes().split(|byte| *byte == b',').filter(|piece| !piece.is_empty()) {
            call.flags.push(("--env".into(), Some(OsStr::from_bytes(piece).to_owned())));
        }
    }),
    fault!("env-trimmed", "ENV-10", "trims values", |call| {
        call.change("--env", |value| OsStr::from_bytes(value.as_bytes().trim_ascii()).to_owned());
    }),
    fault!("env-leak", "ENV-03", "passes the caller's PATH on", |call| {
        call.flags.insert(0, ("--env".into(), Some("PATH".into())));
    }),
    fault!("env-empty-for-missing", "ENV-05", "sets a variable that the host lacks to nothing", |call| {
        call.change("--env", |value| {
            let missing = !value.as_bytes().contains(&b'=') && !value.is_empty() && std::env::var_os(value).is_none();
            if missing { [value.as_os_str(), OsStr::new("=")].join(OsStr::new("")) } else { value.clone() }
        });
    }),
    fault!("env-reserved-dropped", "ENV-12", "ignores reserved keys instead of refusing them", |call| {
        call.flags.retain(|(flag, value)| {
            flag != "--env" || !value.as_ref().is_some_and(|value| value.as_bytes().starts_with(b"WW_FD_"))
        });
    }),
    fault!("env-split-at-commas", "ENV-10", "splits --env at commas", |call| {
        let mut split = Vec::new();
        for (flag, value) in call.flags.drain(..) {
            match value {
                Some(value) if flag == "--env" => split.extend(
                    value
                        .as_bytes()
                        .split(|byte| *byte == b',')
                        .map(|piece| (flag.clone(), Some(OsStr::from_bytes(piece).to_owned()))),
                ),
                value => split.push((flag, value)),
            }
        }
        call.flags = split;
    }),
    fault!("env-cut-at-equals", "ENV-10", "cuts a value at its first `=`", |call| {
        call.change("--env", |value| {
            let mut parts = value.as_bytes().split(|byte| *byte == b'=');
            let two: Vec<&[u8]> = parts.by_ref().take(2).collect();
            OsStr::from_bytes(&two.join(&b'=')).to_owned()
        });
    }),
    fault!("env-lossy", "ENV-10", "makes values UTF-8", |call| {
        call.change("--env", |value| value.to_string_lossy().into_owned().into());
    }),
    fault!("env-empty-dropped", "ENV-10", "drops empty values", |call| {
        call.flags.retain(|(flag, value)| {
            flag != "--env" || value.as_ref().is_none_or(|it| !it.as_bytes().ends_with(b"=") || it.len() < 2)
        });
    }),
    fault!("env-key-is-empty", "ENV-04", "sets a key without a value to nothing", |call| {
        call.change("--env", |value| match value.as_bytes().contains(&b'=') || value.is_empty() {
            true => value.clone(),
            false => [value.as_os_str(), OsStr::new("=")].join(OsStr::new("")),
        });
    }),
    fault!("env-keyless-dropped", "ENV-11", "ignores entries without a key", |call| {
        call.flags.retain(|(flag, value)| {
            flag != "--env" || value.as_ref().is_none_or(|it| !it.as_bytes().starts_with(b"="))
        });
    }),
    fault!("env-socket-renamed", "ENV-12", "ignores entries for WW_RPC_FD", |call| {
        call.flags.retain(|(flag, value)| {
            flag != "--env" || value.as_ref().is_none_or(|it| !it.as_bytes().starts_with(b"WW_RPC_FD"))
        });
    }),
    Fault::new("ww-env-quotes", "ENV-08", "takes a comma within quotes for a part of the value", |call| {
        with_ww_env(call, |text| Some(quoted_whole(text).into_bytes()))
    }),
    Fault::new("ww-env-ends-at-empty", "ENV-09", "ends WW_ENV at its first empty piece", |call| {
        with_ww_env(call, |text| {
            let pieces: Vec<&str> = text.split(',').take_while(|piece| !piece.is_empty()).collect();
            Some(pieces.join(",").into_bytes())
        })
    }),
    Fault::new("ww-env-ignored", "ENV-02", "takes no notice of WW_ENV", |call| with_ww_env(call, |_| Some(vec![]))),
    Fault::new("ww-env-escapes", "ENV-08", "takes a backslash before a comma for an escape", |call| {
        with_ww_env(call, |text| Some(text.replace("\\,", ";").into_bytes()))
    }),
    Fault::new(
        "ww-env-escapes-later",
        "ENV-08",
        "takes a backslash for an escape, but not before the first comma",
        |call| with_ww_env(call, |text| after_first(text, |rest| rest.replace("\\,", ";"))),
    ),
    Fault::new("ww-env-quotes-later", "ENV-08", "knows quotes, but not before the first comma", |call| {
        with_ww_env(call, |text| after_first(text, quoted_whole))
    }),
    Fault::new("ww-env-empty-refused", "ENV-09", "refuses empty pieces of WW_ENV", |call| {
        with_ww_env(call, |text| {
            (!text.split(',').any(str::is_empty) || text.is_empty()).then(|| text.as_bytes().to_vec())
        })
    }),
    Fault::new("env-keys-ignored", "ENV-04", "ignores entries without a value", |mut call| {
        call.flags.retain(|(flag, value)| {
            flag != "--env" || value.as_ref().is_some_and(|value| value.as_bytes().contains(&b'='))
        });
        call.become_real()
    }),
    Fault::new("ww-env-split-once", "ENV-02", "splits WW_ENV at its first comma alone", |mut call| {
        let text = std::env::var_os("WW_ENV").unwrap_or_default();
        if let Some(at) = text.as_bytes().iter().position(|byte| *byte == b',') {
            let (first, rest) =
                (OsStr::from_bytes(&text.as_bytes()[..at]), OsStr::from_bytes(&text.as_bytes()[at + 1..]));
            let entry = |text: &OsStr| ("--env".into(), Some(text.to_owned()));
            call.flags.splice(..0, [first, rest].into_iter().filter(|text| !text.is_empty()).map(entry));
            return with_ww_env(call, |_| Some(vec![]));
        }
        call.become_real()
    }),
    Fault::new("ww-env-trimmed", "ENV-02", "cuts values of WW_ENV at their first blank", |call| {
        with_ww_env(call, |text| {
            Some(
                text.split(',').map(|piece| piece.split(' ').next().unwrap_or("")).collect::<Vec<_>>().join(",").into(),
            )
        })
    }),
];

/// What stands before the first `=`.
pub fn key(value: &OsStr) -> OsString {
    OsStr::from_bytes(value.as_bytes().split(|byte| *byte == b'=').next().unwrap_or_default()).to_owned()
}

/// A comma within quotes is none any more.
fn quoted_whole(text: &str) -> String {
    let mut quoted = false;
    let kept = text.chars().map(|letter| {
        quoted ^= ['"', '\''].contains(&letter);
        if letter == ',' && quoted { ';' } else { letter }
    });
    kept.collect()
}

/// Changes what follows the first comma.
fn after_first(text: &str, change: fn(&str) -> String) -> Option<Vec<u8>> {
    let changed = text.split_once(',').map(|(first, rest)| format!("{first},{}", change(rest)));
    Some(changed.unwrap_or_else(|| text.to_owned()).into_bytes())
}

fn with_ww_env(call: Call, change: fn(&str) -> Option<Vec<u8>>) -> ExitCode {
    use std::os::unix::process::CommandExt;
    let text = std::env::var("WW_ENV").unwrap_or_default();
    match change(&text) {
        Some(changed) => {
            eprintln!("ww-faulty: {}", call.real().env("WW_ENV", OsStr::from_bytes(&changed)).exec());
            ExitCode::from(99)
        }
        None => ExitCode::from(2),
    }
}
