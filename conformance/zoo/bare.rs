//! A `ww` without a jail: it does what the command line says, and nothing to confine the program.

use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode};

use nix::fcntl::{FcntlArg, fcntl};

use super::{Call, Fault};

pub const FAULTS: &[Fault] = &[Fault {
    name: "no-jail",
    clauses: "JAIL-01 JAIL-02 JAIL-03 JAIL-06 JAIL-08 JAIL-09 JAIL-10 JAIL-11 JAIL-12 JAIL-13 JAIL-14 JAIL-15 JAIL-16 JAIL-17 \
              JAIL-18 EXEC-04 STDIO-09 STDIO-10 STDIO-11 STDIO-12 SIG-05 FD-21 EXIT-04 EXIT-05 RPC-08",
    what: "runs the program as it is, with a socket on fd 3",
    act: no_jail,
}];

fn no_jail(call: Call) -> ExitCode {
    let Ok((_host, cells)) = UnixStream::pair() else { return ExitCode::from(99) };
    if cells.as_raw_fd() != 3 {
        // Whatever is there goes: the lowest free number is then 3.
        nix::unistd::close(3).ok();
        fcntl(&cells, FcntlArg::F_DUPFD(3)).ok();
    } else {
        fcntl(&cells, FcntlArg::F_SETFD(nix::fcntl::FdFlag::empty())).ok();
    }
    let mut words = call.rest.into_iter();
    let program = words.next().unwrap_or_default();
    let failed = Command::new(program).args(words).env_clear().env("WW_RPC_FD", "3").exec();
    eprintln!("ww: {failed}");
    ExitCode::from(127)
}
