//! Exit codes: the cell's own, and those of signals.

use crate::registry::{Case, case};
use crate::suite::Suite;
use crate::verdict::Verdict;

pub(crate) const CASES: &[Case] = &[
    case!(exit_01_the_cells_code_is_the_runs),
    case!(exit_02_a_signal_is_128_and_its_number),
    case!(exit_02_a_crash_is_the_signal_of_it),
    case!(sig_08_a_caller_that_ignores_sigchld_gets_the_same),
];

fn exit_01_the_cells_code_is_the_runs(suite: &Suite<'_>) -> Verdict {
    for code in [0, 1, 2, 3, 7, 100, 124, 125, 126, 127, 128, 129, 137, 254, 255] {
        suite.ww().probe(["exit", &code.to_string()]).run()?.exits(code)?.is_silent()?.prints("")?;
    }
    Ok(())
}

/// Signals whose default is to end a process.
const DEADLY: [i32; 20] = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 24, 25, 26, 31];

fn exit_02_a_signal_is_128_and_its_number(suite: &Suite<'_>) -> Verdict {
    for signal in DEADLY {
        let run = suite.ww().probe(["signal", &signal.to_string()]).run()?;
        run.exits(128 + signal)?;
        // A host may explain the one that bounds are kept by.
        if signal != libc::SIGXFSZ {
            run.is_silent()?;
        }
    }
    Ok(())
}

fn exit_02_a_crash_is_the_signal_of_it(suite: &Suite<'_>) -> Verdict {
    suite.ww().probe(["crash"]).run()?.exits(128 + libc::SIGSEGV)?;
    suite.ww().flags(["/bin/sh", "-c", "kill -KILL $$"]).run()?.exits(137)?;
    Ok(())
}

fn sig_08_a_caller_that_ignores_sigchld_gets_the_same(suite: &Suite<'_>) -> Verdict {
    for code in [0, 5, 255] {
        suite.ww().ignoring(libc::SIGCHLD).probe(["exit", &code.to_string()]).run()?.exits(code)?.is_silent()?;
    }
    suite.ww().ignoring(libc::SIGCHLD).probe(["signal", "15"]).run()?.exits(143)?;
    suite.ww().blocking(libc::SIGCHLD).probe(["exit", "6"]).run()?.exits(6)?;
    Ok(())
}
