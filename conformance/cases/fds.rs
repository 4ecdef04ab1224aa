//! Descriptors and grants: which the cell has, under which numbers and names.

use std::os::fd::AsFd;

use crate::facts::Facts;
use crate::registry::{Case, case};
use crate::suite::Suite;
use crate::verdict::{Verdict, holds, same};

pub(crate) const CASES: &[Case] = &[
    case!(fd_01_rpc_socket_is_fd_3_without_grants).each_layout(),
    case!(fd_02_nth_grant_has_its_number).also(&["FD-03"]).each_layout(),
    case!(fd_21_nothing_else_is_open).each_layout(),
    case!(fd_24_without_equals_sign_is_refused),
];

fn is_rpc_socket(facts: &Facts, number: i32) -> Verdict {
    let fd = facts.fd(number);
    let shape = fd.map(|fd| (fd.domain, fd.socket_type, fd.connected));
    same(
        format!("fd {number} is a connected AF_UNIX stream"),
        shape,
        Some((Some(libc::AF_UNIX), Some(libc::SOCK_STREAM), Some(true))),
    )
}

fn fd_01_rpc_socket_is_fd_3_without_grants(suite: &Suite<'_>) -> Verdict {
    let run = suite.ww().probe(["facts"]).run()?;
    run.check(|run| is_rpc_socket(&run.facts()?, 3))
}

fn identity(file: &impl AsFd) -> Verdict<(u64, u64)> {
    let stat = nix::sys::stat::fstat(file)?;
    Ok((stat.st_dev, stat.st_ino))
}

fn fd_02_nth_grant_has_its_number(suite: &Suite<'_>) -> Verdict {
    let layout = suite.layout();
    let files = [suite.file("a", "a")?, suite.file("b", "b")?, suite.file("c", "c")?];
    let run = suite.ww().grant("a", 9).grant("b", 7).grant("c", 11).probe(["facts"]);
    let run = run.place(9, &files[0]).place(7, &files[1]).place(11, &files[2]).run()?;
    let facts = run.facts()?;
    run.check(|_| is_rpc_socket(&facts, layout.rpc(3)))?;
    for (nth, file) in (1..).zip(&files) {
        let number = layout.grant(nth);
        let found = facts.fd(number).map(|fd| fd.identity());
        run.check(|_| same(format!("grant {nth} is fd {number}"), found, Some(identity(file)?)))?;
    }
    Ok(())
}

fn fd_21_nothing_else_is_open(suite: &Suite<'_>) -> Verdict {
    let file = suite.file("open", "x")?;
    let run = suite.ww().probe(["facts"]).place(3, &file).place(9, &file).place(200, &file).run()?;
    run.check(|run| same("open descriptors", run.facts()?.numbers(), vec![0, 1, 2, 3]))
}

fn fd_24_without_equals_sign_is_refused(suite: &Suite<'_>) -> Verdict {
    let run = suite.ww().flags(["--with-fd", "db"]).probe(["facts"]).run()?;
    run.refuses(2, "fd flag processing failed", "db")?;
    run.check(|run| holds("nothing but the message", run.files.is_empty(), &run.files))
}
