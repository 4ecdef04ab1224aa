//! Faults that change the words of the command line or the caller's variables.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use super::{Call, Fault};

macro_rules! fault {
    ($name:literal, $clauses:literal, $what:literal, $act:expr) => {
        Fault::new($name, $clauses, $what, |mut call| {
            let act: fn(&mut Call) = $act;
            act(&mut call);
            call.become_real()
        })
    };
}

pub const FAULTS: &[Fault] = &[
    fault!("grants-reversed", "FD-02 FD-06", "numbers grants from right to left", |call| {
        call.reorder("--with-fd", |values| values.reverse());
    }),
    fault!("grants-sorted", "FD-06", "numbers grants by name", |call| call
        .reorder("--with-fd", |values| values.sort())),
    fault!("grants-of-one", "FD-07 FD-15", "gives every grant what the first leads to", |call| {
        call.reorder("--with-fd", |values| {
            let first = values.first().map(|value| number(value)).unwrap_or_default();
            for value in values {
                let name = value.as_bytes().split(|byte| *byte == b'=').next().unwrap_or_default();
                *value = OsStr::from_bytes(&[name, b"=", &first].concat()).to_owned();
            }
        });
    }),
    fault!("one-grant-too-many", "FD-21 FD-08", "gives the cell its standard input a second time", |call| {
        call.flags.push(("--with-fd".into(), Some("extra=0".into())));
    }),
    fault!("layout-forgotten", "FD-04", "takes no notice of --fd-layout", |call| {
        call.flags.retain(|(flag, _)| flag != "--fd-layout");
    }),
    fault!("layout-other", "FD-02 FD-04", "puts grants before the RPC socket unless told otherwise", |call| {
        call.flags.insert(0, ("--fd-layout".into(), Some("grants-first".into())));
        if call.flags.iter().filter(|(flag, _)| flag == "--fd-layout").count() > 1 {
            call.flags.remove(0);
        }
    }),
    fault!("name-with-dash", "FD-26", "takes a dash in a grant's name for an underscore", |call| {
        call.change("--with-fd", |value| replaced(value, b'-', b'_'));
    }),
    fault!("name-dropped", "FD-27", "drops an earlier grant of the same name", |call| {
        let last = call.flags.last().cloned();
        let grants = call.flags.iter().filter(|(flag, _)| flag == "--with-fd").count();
        if grants == 2 {
            call.flags.retain(|(flag, _)| flag != "--with-fd");
            call.flags.extend(last);
        }
    }),
    fault!("number-trimmed", "FD-28", "takes blanks around a grant's number", |call| {
        call.change("--with-fd", |value| OsStr::from_bytes(value.as_bytes().trim_ascii()).to_owned());
    }),
    fault!("number-wrapped", "FD-30", "takes a number modulo 2^32", |call| {
        call.change("--with-fd", |value| {
            let wrapped = String::from_utf8_lossy(&number(value)).parse::<u128>().map(|number| number % (1 << 32));
            let name = String::from_utf8_lossy(value.as_bytes()).split('=').next().unwrap_or_default().to_owned();
            wrapped.map_or(value.clone(), |number| format!("{name}={number}").into())
        });
    }),
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
    fault!("endpoint-unchecked", "EP-10", "looks at the endpoint only when it is needed", |call| {
        call.flags.retain(|(flag, _)| flag != "--ipfs");
    }),
    fault!("path-searched", "PATH-05", "looks a word without a slash up in PATH", |call| {
        let Some(program) = call.rest.first_mut() else { return };
        let path = std::env::var_os("PATH").unwrap_or_default();
        let found = std::env::split_paths(&path).map(|folder| folder.join(&*program)).find(|path| path.is_file());
        if let (false, Some(found)) = (program.as_bytes().contains(&b'/'), found) {
            *program = found.into();
        }
    }),
    fault!("path-made-absolute", "EXEC-05", "calls the program by its absolute path", |call| {
        let Some(program) = call.rest.first_mut() else { return };
        if let Ok(path) = Path::new(&*program).canonicalize() {
            *program = path.into();
        }
    }),
    fault!("options-anywhere", "CLI-03", "takes --env after the program for its own", |call| {
        while let Some(at) = call.rest.iter().position(|word| word == "--env") {
            let mut pair = call.rest.drain(at..(at + 2).min(call.rest.len())).collect::<Vec<_>>().into_iter();
            call.flags.push((pair.next().unwrap_or_default(), pair.next()));
        }
    }),
    fault!("dashes-swallowed", "CLI-03", "drops `--` from the cell's arguments", |call| {
        let program = call.rest.first().cloned();
        call.rest.retain(|word| word != "--" || program.as_deref() == Some(OsStr::new("--")));
    }),
    fault!("dashes-passed-on", "CLI-04", "doesn't take `--` for the end of the options", |call| {
        if call.rest.first().is_some_and(|word| word == "--") {
            let last = call.rest.len() - 1;
            call.rest.swap(0, last.min(1));
        }
    }),
    fault!("arguments-lossy", "CLI-02", "makes arguments UTF-8", |call| {
        for word in call.rest.iter_mut().skip(1) {
            *word = word.to_string_lossy().into_owned().into();
        }
    }),
    fault!("arguments-empty-dropped", "CLI-02", "drops empty arguments", |call| call
        .rest
        .retain(|word| !word.is_empty())),
    fault!("arguments-cut", "CLI-10", "passes at most 4,096 arguments on", |call| call.rest.truncate(4096)),
    fault!("errors-from-the-right", "CLI-09", "reports the last usage error", |call| call.flags.reverse()),
    fault!("status-also-granted", "STATUS-08", "drops a grant of the status descriptor", |call| {
        if call.flags.iter().any(|(flag, _)| flag == "--status-fd") {
            call.flags.retain(|(flag, _)| flag != "--with-fd");
        }
    }),
    fault!("status-silent", "STATUS-01 STATUS-03 STATUS-04", "writes no status", |call| {
        call.flags.retain(|(flag, _)| flag != "--status-fd");
    }),
];

fn number(value: &OsStr) -> Vec<u8> {
    value.as_bytes().splitn(2, |byte| *byte == b'=').nth(1).unwrap_or_default().to_vec()
}

fn key(value: &OsStr) -> OsString {
    OsStr::from_bytes(value.as_bytes().split(|byte| *byte == b'=').next().unwrap_or_default()).to_owned()
}

fn replaced(value: &OsStr, old: u8, new: u8) -> OsString {
    let number = value.as_bytes().iter().position(|byte| *byte == b'=').unwrap_or(0);
    let change = |(at, byte): (usize, &u8)| if *byte == old && at < number { new } else { *byte };
    OsStr::from_bytes(&value.as_bytes().iter().enumerate().map(change).collect::<Vec<u8>>()).to_owned()
}
