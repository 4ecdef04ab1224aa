//! Faulty implementations of `ww run`, one fault each: what the suite must find.
//!
//! What it does: called as `ww-faulty FAULT run …`, it stands before the real `ww` that `WW_REAL`
//! names, and does one thing wrong: it changes the words ([`words`]), refuses what is right ([`refused`]) or
//! takes what is wrong ([`wrong`]), changes codes and messages ([`told`]), stands between the cell and its
//! caller ([`around`]), fetches in a way of its own ([`ipfs`]), or leaves the jail out ([`bare`]). `ww-faulty --list` prints the faults, each with
//! the clauses whose cases must fail.
//! What must stay true: what a fault doesn't touch is as the real one does it.

mod around;
mod bare;
mod call;
mod ipfs;
mod refused;
mod told;
mod words;
mod wrong;

use std::process::ExitCode;

use call::Call;

/// One fault: its name, the clauses that must find it, what is wrong, and how it is done.
pub struct Fault {
    name: &'static str,
    clauses: &'static str,
    what: &'static str,
    act: fn(Call) -> ExitCode,
}

const ALL: [&[Fault]; 7] =
    [words::FAULTS, refused::FAULTS, wrong::FAULTS, told::FAULTS, around::FAULTS, bare::FAULTS, ipfs::FAULTS];

fn main() -> ExitCode {
    let mut args = std::env::args_os().skip(1);
    let Some(name) = args.next() else {
        eprintln!("ww-faulty: no fault is named");
        return ExitCode::from(99);
    };
    if name == "--list" {
        for fault in ALL.into_iter().flatten() {
            println!("{}\t{}\t{}", fault.name, fault.clauses, fault.what);
        }
        return ExitCode::SUCCESS;
    }
    match ALL.into_iter().flatten().find(|fault| name == fault.name) {
        Some(fault) => (fault.act)(Call::parse(args.skip(1))),
        None => {
            eprintln!("ww-faulty: no such fault: {}", name.display());
            ExitCode::from(99)
        }
    }
}
