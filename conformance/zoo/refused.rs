//! Faults that refuse what is right.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::Path;
use std::process::ExitCode;

use nix::fcntl::{FcntlArg, fcntl};

use super::wrong::program;
use super::{Call, Fault};

pub const FAULTS: &[Fault] = &[
    Fault::new("dynamic-refused", "EXEC-02 JAIL-07", "can't run programs of the system", |call| {
        refused_if(call, |call| program(call).starts_with(b"/bin/"), 126)
    }),
    Fault::new("name-underscore-refused", "FD-10", "refuses a name that begins with an underscore", |call| {
        refused_if(call, |call| grants(call).iter().any(|(name, _)| name.starts_with('_')), 2)
    }),
    Fault::new("grant-twice-refused", "FD-14", "refuses to grant a descriptor twice", |call| {
        refused_if(
            call,
            |call| {
                let all = grants(call);
                all.iter().enumerate().any(|(at, one)| all[..at].iter().any(|other| other.1 == one.1))
            },
            2,
        )
    }),
    Fault::new("needs-room", "FD-17", "moves descriptors out of its way, above 100", |call| {
        refused_if(call, |_| fcntl(std::io::stderr(), FcntlArg::F_DUPFD_CLOEXEC(100)).is_err(), 1)
    }),
    Fault::new("directory-refused", "FD-18", "refuses to grant a directory", |call| {
        refused_if(
            call,
            |call| {
                grants(call)
                    .iter()
                    .any(|(_, number)| fs::metadata(format!("/proc/self/fd/{number}")).is_ok_and(|file| file.is_dir()))
            },
            2,
        )
    }),
    Fault::new("ipfs-by-prefix", "PATH-03", "takes whatever begins with /ipfs/ for an IPFS path", |call| {
        refused_if(call, |call| program(call).starts_with(b"/ipfs/"), 1)
    }),
    Fault::new("static-refused", "EXEC-01 CLI-01", "can't run programs without a loader", |call| {
        refused_if(call, |call| program(call).ends_with(b"/probe"), 126)
    }),
    Fault::new("grant-of-standard-refused", "FD-12", "refuses to grant 0, 1 and 2", |call| {
        refused_if(call, |call| grants(call).iter().any(|(_, number)| ["0", "1", "2"].contains(&number.as_str())), 2)
    }),
    Fault::new(
        "grant-of-closed-standard-refused",
        "FD-13",
        "refuses to grant a standard descriptor that was closed",
        |call| refused_if(call, |call| grants(call).iter().any(|(_, number)| is_null(number)), 2),
    ),
    Fault::new("zeros-refused", "FD-10", "refuses leading zeros", |call| {
        refused_if(call, |call| grants(call).iter().any(|(_, number)| number.len() > 1 && number.starts_with('0')), 2)
    }),
    Fault::new("nothing-is-help", "CLI-05", "takes no program at all for a wish for help", |call| {
        refused_if(call, |call| call.rest.is_empty() && !call.flags.iter().any(|(_, value)| value.is_none()), 0)
    }),
    Fault::new("directory-missing", "EXIT-06", "exits with 127 for a directory", |call| {
        refused_if(call, |call| fs::metadata(shown(call)).is_ok_and(|it| it.is_dir()), 127)
    }),
    Fault::new("empty-is-success", "EXIT-08", "exits with 0 for an empty file, as a shell does", |call| {
        refused_if(call, |call| fs::metadata(shown(call)).is_ok_and(|it| it.is_file() && it.len() == 0), 0)
    }),
    Fault::new("dangling-126", "PATH-06", "exits with 126 for a symlink that leads nowhere", |call| {
        refused_if(call, |call| fs::symlink_metadata(shown(call)).is_ok() && fs::metadata(shown(call)).is_err(), 126)
    }),
    Fault::new("ipfs-slash-by-prefix", "PATH-03", "takes /ipfs for an IPFS path", |call| {
        refused_if(call, |call| program(call) == b"/ipfs", 1)
    }),
    Fault::new("dash-refused", "CLI-04", "takes no program that begins with a dash", |call| {
        refused_if(call, |call| call.rest.iter().take(2).all(|word| word.as_encoded_bytes().starts_with(b"-")), 2)
    }),
    Fault::new("env-lacking-refused", "ENV-05", "refuses a key that the host lacks", |call| {
        let lacks: fn(&Call) -> bool = |call| {
            let keys = || call.values("--env").filter(|value| !value.as_encoded_bytes().contains(&b'='));
            keys().any(|key| std::env::var_os(key).is_none())
        };
        refused_if(call, lacks, 2)
    }),
];

fn shown(call: &Call) -> &OsStr {
    call.rest.first().map_or(OsStr::new(""), |path| path)
}

/// Whether a standard descriptor is `/dev/null`, as this library opens one that was closed: for both ways.
fn is_null(number: &str) -> bool {
    let flags = fs::read_to_string(format!("/proc/self/fdinfo/{number}")).unwrap_or_default();
    let null = fs::canonicalize(format!("/proc/self/fd/{number}")).is_ok_and(|path| path == Path::new("/dev/null"));
    ["0", "1", "2"].contains(&number) && null && flags.contains("2\n")
}

fn grants(call: &Call) -> Vec<(String, String)> {
    let values = call.flags.iter().filter(|(flag, _)| flag == "--with-fd").filter_map(|(_, value)| value.as_ref());
    let split = |value: &OsString| {
        Some(value.to_str()?.split_once('=')?).map(|(name, number)| (name.to_owned(), number.to_owned()))
    };
    values.filter_map(split).collect()
}

fn refused_if(call: Call, wrong: fn(&Call) -> bool, code: u8) -> ExitCode {
    if wrong(&call) {
        eprintln!("ww: it is refused");
        return ExitCode::from(code);
    }
    call.become_real()
}
