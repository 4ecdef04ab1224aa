//! A `ww` without a jail: it takes grants and layouts as it should, and confines nothing. With one
//! more thing wrong it shows faults of the RPC socket that no wrapper can make.

use std::ffi::OsString;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::net::{UnixDatagram, UnixStream};
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode};

use nix::fcntl::{FcntlArg, OFlag, fcntl};

use ww_conformance::launch::duplicate;

use super::{Call, Fault};

pub const FAULTS: &[Fault] = &[
    Fault {
        name: "no-jail",
        clauses: "JAIL-01 JAIL-02 JAIL-03 JAIL-06 JAIL-08 JAIL-09 JAIL-10 JAIL-11 JAIL-12 JAIL-13 JAIL-14 JAIL-15 \
                  JAIL-16 JAIL-17 JAIL-18 EXEC-04 STDIO-09 STDIO-10 STDIO-11 STDIO-12 SIG-05 FD-19 FD-20 EXIT-04 \
                  EXIT-05 RPC-08",
        what: "runs the program as it is",
        act: |call| bare(call, Wrong::Nothing),
    },
    Fault {
        name: "socket-on-4",
        clauses: "FD-01",
        what: "puts the RPC socket on fd 4",
        act: |call| bare(call, Wrong::OneFurther),
    },
    Fault {
        name: "socket-first-in-both-layouts",
        clauses: "FD-03",
        what: "puts the RPC socket before the grants in both layouts",
        act: |call| bare(call, Wrong::SocketFirst),
    },
    Fault {
        name: "socket-misnamed",
        clauses: "FD-09",
        what: "counts WW_RPC_FD one too far",
        act: |call| bare(call, Wrong::Name),
    },
    Fault {
        name: "socket-of-datagrams",
        clauses: "RPC-01",
        what: "gives the cell a socket of datagrams",
        act: |call| bare(call, Wrong::Datagrams),
    },
    Fault {
        name: "socket-not-blocking",
        clauses: "RPC-02",
        what: "leaves O_NONBLOCK on the cell's socket",
        act: |call| bare(call, Wrong::NotBlocking),
    },
    Fault {
        name: "rpc-unserved",
        clauses: "RPC-03 RPC-04 RPC-05 RPC-10 RPC-11 RPC-12 RPC-13 RPC-14 RPC-15 RPC-16 RPC-17 RPC-18 RPC-19 RPC-20 \
                  RPC-21",
        what: "hangs up on fd 3 before the cell speaks",
        act: |call| bare(call, Wrong::HungUp),
    },
];

#[derive(PartialEq)]
enum Wrong {
    Nothing,
    OneFurther,
    SocketFirst,
    Name,
    Datagrams,
    NotBlocking,
    HungUp,
}

fn bare(call: Call, wrong: Wrong) -> ExitCode {
    let pair = || -> std::io::Result<(OwnedFd, OwnedFd)> {
        if wrong == Wrong::Datagrams {
            UnixDatagram::pair().map(|(one, two)| (one.into(), two.into()))
        } else {
            UnixStream::pair().map(|(one, two)| (one.into(), two.into()))
        }
    };
    let Ok((host, cells)) = pair() else { return ExitCode::from(99) };
    if wrong == Wrong::NotBlocking {
        fcntl(&cells, FcntlArg::F_SETFL(OFlag::O_NONBLOCK)).ok();
    }
    let value = |name: &'static str| {
        call.flags.iter().filter(move |(flag, _)| flag == name).filter_map(|(_, value)| value.clone())
    };
    let mut names = Vec::new();
    let mut sources = Vec::new();
    for (name, number) in value("--with-fd")
        .filter_map(|grant| Some(grant.to_str()?.split_once('=')?).map(|(n, f)| (n.to_owned(), f.to_owned())))
    {
        let Ok(lifted) = duplicate(number.parse().unwrap_or(-1), 500) else { return ExitCode::from(2) };
        names.push(format!("WW_FD_{}", name.to_uppercase()));
        sources.push(lifted);
    }
    let grants_first = value("--fd-layout").next_back().is_some_and(|layout| layout == "grants-first");
    let at = if grants_first && wrong != Wrong::SocketFirst { sources.len() } else { 0 };
    let Ok(socket) = duplicate(cells.as_raw_fd(), 500) else { return ExitCode::from(99) };
    // The host's end stays open, with nobody to serve it, unless the fault is to hang up.
    if wrong != Wrong::HungUp && duplicate(host.as_raw_fd(), 500).is_err() {
        return ExitCode::from(99);
    }
    names.insert(at, "WW_RPC_FD".to_owned());
    sources.insert(at, socket);
    // Whatever is there goes: the lowest free number is then the next one.
    let first = if wrong == Wrong::OneFurther { 4 } else { 3 };
    std::mem::forget((host, cells));
    let mut env: Vec<(OsString, OsString)> = Vec::new();
    for (number, (name, source)) in (first..).zip(names.into_iter().zip(sources)) {
        nix::unistd::close(number).ok();
        duplicate(source, number).ok();
        nix::unistd::close(source).ok();
        let told = number + i32::from(wrong == Wrong::Name && name == "WW_RPC_FD");
        env.push((name.into(), told.to_string().into()));
    }
    let mut words = call.rest.iter();
    let program = words.next().cloned().unwrap_or_default();
    let failed = Command::new(program).args(words).env_clear().envs(env).exec();
    eprintln!("ww: {failed}");
    ExitCode::from(127)
}
