//! Signals and lifetimes: what reaches the cell, and what outlives nothing.

use std::os::fd::OwnedFd;
use std::time::Duration;

use nix::fcntl::OFlag;
use nix::sys::signal::Signal;
use nix::unistd::pipe2;

use crate::capture::Capture;
use crate::registry::{Case, case};
use crate::suite::Suite;
use crate::verdict::{Verdict, fail, holds, same};

pub(crate) const CASES: &[Case] = &[
    case!(sig_01_signals_reach_the_cell),
    case!(sig_02_signals_of_the_terminal_reach_the_cell),
    case!(sig_03_the_host_outlives_the_cell),
    case!(sig_03_the_default_of_a_signal_ends_the_cell),
    case!(sig_05_a_killed_host_takes_the_cell_along),
    case!(sig_05_a_killed_host_takes_a_stopped_cell_along),
    case!(sig_07_no_process_outlives_the_run),
];

fn reach(suite: &Suite<'_>, signals: &[Signal]) -> Verdict {
    for signal in signals {
        let number = (*signal as i32).to_string();
        let run = suite.ww().probe(["catch", "0", &number]).with_input().start()?;
        run.hears("ready", 1)?;
        for times in 1..=3 {
            run.signal(*signal);
            run.hears(&format!("caught {number}"), times)?;
        }
        run.finish()?.exits(0)?.is_silent()?;
    }
    Ok(())
}

fn sig_01_signals_reach_the_cell(suite: &Suite<'_>) -> Verdict {
    use Signal::{SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2};
    reach(suite, &[SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2])
}

fn sig_02_signals_of_the_terminal_reach_the_cell(suite: &Suite<'_>) -> Verdict {
    reach(suite, &[Signal::SIGWINCH, Signal::SIGTSTP, Signal::SIGCONT])
}

fn sig_03_the_host_outlives_the_cell(suite: &Suite<'_>) -> Verdict {
    for signal in [Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP] {
        let run = suite.ww().probe(["catch-exit", "5", &(signal as i32).to_string()]).with_input().start()?;
        run.hears("ready", 1)?;
        run.signal(signal);
        run.finish()?.exits(5)?.is_silent()?;
    }
    Ok(())
}

fn sig_03_the_default_of_a_signal_ends_the_cell(suite: &Suite<'_>) -> Verdict {
    for signal in [Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP, Signal::SIGQUIT, Signal::SIGUSR1] {
        let run = suite.ww().probe(["pause"]).start()?;
        run.hears("ready", 1)?;
        run.signal(signal);
        run.finish()?.exits(128 + signal as i32)?;
    }
    Ok(())
}

/// How long the kernel may take to end what was killed.
const SOON: Duration = Duration::from_secs(10);

/// A pipe whose reader sees the end when the last process that has it is dead.
pub(super) fn lifeline() -> Verdict<(Capture, OwnedFd)> {
    let (reader, writer) = pipe2(OFlag::O_CLOEXEC)?;
    Ok((Capture::of(reader), writer))
}

pub(super) fn all_dead(suite: &Suite<'_>, lifeline: &Capture) -> Verdict {
    if lifeline.wait_for_end(suite.patience(SOON)) {
        return Ok(());
    }
    fail("the cell and all its descendants are dead", format!("one of them has its pipe open after {SOON:?}"))
}

fn sig_05_a_killed_host_takes_the_cell_along(suite: &Suite<'_>) -> Verdict {
    let (held, writer) = lifeline()?;
    let run = suite.ww().may_leave_files().grant("line", 9).place(9, &writer).probe(["grandchild"]).start()?;
    drop(writer);
    run.hears("ready", 1)?;
    holds("the cell lives while its host does", !held.wait_for_end(Duration::ZERO), "it is dead")?;
    run.signal(Signal::SIGKILL);
    all_dead(suite, &held)?;
    let run = run.finish()?;
    run.same("the signal that ended the host", run.report.signal, Some(libc::SIGKILL))?;
    Ok(())
}

fn sig_05_a_killed_host_takes_a_stopped_cell_along(suite: &Suite<'_>) -> Verdict {
    let (held, writer) = lifeline()?;
    let run = suite.ww().may_leave_files().grant("line", 9).place(9, &writer).probe(["stop-self"]).start()?;
    drop(writer);
    run.hears("ready", 1)?;
    run.signal(Signal::SIGKILL);
    all_dead(suite, &held)?;
    let run = run.finish()?;
    run.same("the signal that ended the host", run.report.signal, Some(libc::SIGKILL))?;
    Ok(())
}

fn sig_07_no_process_outlives_the_run(suite: &Suite<'_>) -> Verdict {
    let (held, writer) = lifeline()?;
    let run = suite.ww().grant("line", 9).place(9, &writer).probe(["orphan", "3"]).start()?;
    drop(writer);
    let run = run.finish()?;
    run.exits(3)?.is_silent()?;
    same("processes left at the end", run.report.left.clone(), vec![])?;
    all_dead(suite, &held)
}
