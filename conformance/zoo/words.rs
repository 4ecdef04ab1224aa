//! Faults that change the words of the command line.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use super::{Call, Fault};

/// A fault that changes a call before the real one gets it.
macro_rules! fault {
    ($name:literal, $clauses:literal, $what:literal, $act:expr) => {
        Fault::new($name, $clauses, $what, |mut call| {
            let act: fn(&mut Call) = $act;
            act(&mut call);
            call.become_real()
        })
    };
}
pub(crate) use fault;

pub const FAULTS: &[Fault] = &[
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
    fault!("unknown-option-ignored", "CLI-06", "ignores options that it doesn't know", |call| {
        let known = ["--env", "--with-fd", "--ipfs", "--fd-layout", "--max-size", "--status-fd", "--ipfs-timeout"];
        // `--Env facts` took the program's first word for its value.
        let words: Vec<OsString> = call
            .flags
            .iter()
            .filter(|(flag, _)| !known.iter().any(|it| flag == it))
            .filter_map(|(_, value)| value.clone())
            .collect();
        call.rest.splice(..0, words);
        call.flags.retain(|(flag, _)| known.iter().any(|it| flag == it));
    }),
    fault!("value-missing-ignored", "CLI-07", "ignores an option without a value", |call| {
        call.flags.retain(|(flag, value)| value.is_some() || flag.as_bytes().contains(&b'='));
    }),
    fault!("arguments-joined", "CLI-02", "splits arguments at blanks", |call| {
        let split = |word: &OsString| -> Vec<OsString> {
            word.as_bytes().split(|byte| *byte == b' ').map(|part| OsStr::from_bytes(part).to_owned()).collect()
        };
        let words: Vec<OsString> = call.rest.iter().skip(1).flat_map(split).collect();
        call.rest.splice(1.min(call.rest.len()).., words);
    }),
    fault!("help-anywhere", "CLI-03", "takes --help after the program for its own", |call| {
        if call.rest.iter().any(|word| word == "--help") {
            call.flags.push(("--help".into(), None));
        }
    }),
    fault!("grants-checked-first", "CLI-09", "looks at grants before other options", |call| {
        call.flags.sort_by_key(|(flag, _)| flag != "--with-fd");
    }),
    fault!("system-searched", "PATH-05", "looks a word without a slash up in /bin", |call| {
        let Some(program) = call.rest.first_mut() else { return };
        let found = Path::new("/bin").join(&*program);
        if !program.as_bytes().contains(&b'/') && !Path::new(&*program).exists() && found.is_file() {
            *program = found.into();
        }
    }),
    fault!("status-number-trimmed", "STATUS-09", "takes the status descriptor's number out of blanks", |call| {
        for (flag, _) in &mut call.flags {
            if let Some(number) = flag.to_str().and_then(|flag| flag.strip_prefix("--status-fd=")) {
                *flag = format!("--status-fd={}", number.trim()).into();
            }
        }
    }),
    fault!("status-negative-ignored", "STATUS-09", "ignores a negative number of the status descriptor", |call| {
        call.flags.retain(|(flag, _)| flag != "--status-fd=-1");
    }),
];
