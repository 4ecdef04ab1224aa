//! Traps that other jails fell into and that are no attempts of a cell: pid 1, threads, lifetimes, early signals.
//!
//! What must stay true: the numbers are those of `docs/security.md`, where all 22 are; the others' cases are in the
//! files of their areas, each with its number in its name.

use std::time::Duration;

use nix::fcntl::OFlag;
use nix::sys::signal::Signal;
use nix::unistd::pipe2;

use crate::capture::Capture;
use crate::registry::{Case, case};
use crate::suite::Suite;
use crate::verdict::{Verdict, holds};

pub(crate) const CASES: &[Case] = &[
    case!(exit_02_trap_01_a_cell_dies_of_its_own_signals),
    case!(rpc_08_trap_03_the_host_works_on_after_the_start),
    case!(jail_38_trap_04_a_host_that_dies_at_any_moment_takes_all_along),
    case!(sig_08_trap_12_a_caller_that_ignores_sigchld_never_waits_for_ever),
    case!(sig_03_trap_13_an_early_signal_is_never_lost),
];

fn exit_02_trap_01_a_cell_dies_of_its_own_signals(suite: &Suite<'_>) -> Verdict {
    use Signal::{SIGABRT, SIGALRM, SIGHUP, SIGINT, SIGKILL, SIGSEGV, SIGTERM, SIGUSR1};
    for signal in [SIGTERM, SIGKILL, SIGSEGV, SIGABRT, SIGINT, SIGHUP, SIGALRM, SIGUSR1] {
        let script = format!("echo before; kill -{} $$; echo survived", signal as i32);
        suite.ww().flags(["/bin/sh", "-c", &script]).run()?.exits(128 + signal as i32)?.prints("before\n")?;
    }
    Ok(())
}

fn rpc_08_trap_03_the_host_works_on_after_the_start(suite: &Suite<'_>) -> Verdict {
    // It hears the cell, and hangs up: whatever it needs for that, threads too, it can have.
    let socket = suite.layout().rpc(0).to_string();
    let run = suite.ww().probe(["rpc-garbage", &socket]).run()?;
    let said = run.deed()?;
    run.exits(0)?.holds("the host hangs up", said.is_ok_and(|said| said["ended"] == true))?;
    Ok(())
}

fn jail_38_trap_04_a_host_that_dies_at_any_moment_takes_all_along(suite: &Suite<'_>) -> Verdict {
    let mut ran = false;
    for moment in 0..40 {
        let (reader, writer) = pipe2(OFlag::O_CLOEXEC)?;
        let held = Capture::of(reader);
        let run = suite.ww().may_leave_files().grant("line", 9).place(9, &writer).probe(["grandchild"]).start()?;
        drop(writer);
        // Not to wait for something: to hit every step of the start. The last comes when the cell runs.
        if moment < 39 {
            std::thread::sleep(Duration::from_micros(250 * moment));
        } else {
            run.hears("ready", 1)?;
        }
        run.signal(Signal::SIGKILL);
        let all_dead = held.wait_for_end(suite.patience(Duration::from_secs(10)));
        let run = run.finish()?;
        run.holds(format!("all is dead that was killed {} µs after the start", 250 * moment), all_dead)?;
        ran |= !run.stdout.is_empty();
    }
    holds("a cell ran in the end", ran, "none")
}

fn sig_08_trap_12_a_caller_that_ignores_sigchld_never_waits_for_ever(suite: &Suite<'_>) -> Verdict {
    let run = suite.ww().ignoring(libc::SIGCHLD).blocking(libc::SIGCHLD).probe(["facts"]).run()?;
    run.same("what the cell ignores", run.facts()?.signals.ignored, vec![])?;
    for round in 0..20 {
        let code = round % 5;
        let run = suite.ww().ignoring(libc::SIGCHLD).blocking(libc::SIGCHLD);
        run.flags(["/bin/sh", "-c", &format!("exit {code}")]).run()?.exits(code)?;
    }
    Ok(())
}

fn sig_03_trap_13_an_early_signal_is_never_lost(suite: &Suite<'_>) -> Verdict {
    let mut reached = false;
    for moment in 0..40 {
        let run = suite.ww().may_leave_files().probe(["pause"]).start()?;
        if moment < 39 {
            std::thread::sleep(Duration::from_micros(250 * moment));
        } else {
            run.hears("ready", 1)?;
        }
        run.signal(Signal::SIGTERM);
        let run = run.finish()?;
        // Before there is a cell the host itself dies of it.
        let ended = (run.report.code, run.report.signal);
        let fits = matches!(ended, (Some(143), None) | (None, Some(libc::SIGTERM))) && !run.report.overdue;
        run.holds(format!("SIGTERM {} µs after the start ends the run", 250 * moment), fits)?;
        reached |= ended == (Some(143), None) && !run.stdout.is_empty();
    }
    holds("the last ended a cell that ran", reached, "none")
}
