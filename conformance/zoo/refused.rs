//! Faults that refuse what is right.

use std::ffi::OsString;
use std::fs;
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
];

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
