//! Faults of the environment that change the words of `--env`, or `WW_ENV`.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;

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
];

/// What stands before the first `=`.
pub fn key(value: &OsStr) -> OsString {
    OsStr::from_bytes(value.as_bytes().split(|byte| *byte == b'=').next().unwrap_or_default()).to_owned()
}
