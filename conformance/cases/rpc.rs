//! The RPC socket, as far as no RPC is spoken on it.

use crate::registry::{Case, case};
use crate::suite::Suite;
use crate::verdict::{Stop, Verdict};

pub(crate) const CASES: &[Case] = &[
    case!(rpc_01_it_is_a_connected_unix_stream).each_layout(),
    case!(rpc_02_it_is_in_blocking_mode).each_layout(),
    case!(rpc_05_the_self_check_cell_finds_nothing_wrong).each_layout(),
    case!(rpc_06_a_cell_that_never_speaks_runs_on),
    case!(rpc_07_a_cell_that_closes_it_runs_on),
    case!(rpc_08_a_cell_that_breaks_the_protocol_loses_the_connection_alone),
];

fn rpc_01_it_is_a_connected_unix_stream(suite: &Suite<'_>) -> Verdict {
    let file = suite.file("file", "x")?;
    let run = suite.ww().grant("a", 9).place(9, &file).probe(["facts"]).run()?;
    let facts = run.facts()?;
    let socket = facts.fd(suite.layout().rpc(1));
    run.holds("a connected AF_UNIX stream", socket.is_some_and(|fd| fd.is_connected_stream()))?;
    Ok(())
}

fn rpc_02_it_is_in_blocking_mode(suite: &Suite<'_>) -> Verdict {
    let run = suite.ww().probe(["facts"]).run()?;
    let flags = run.facts()?.fd(3).and_then(|fd| fd.flags);
    run.same("O_NONBLOCK of the socket", flags.map(|flags| flags & libc::O_NONBLOCK), Some(0))?;
    Ok(())
}

fn rpc_05_the_self_check_cell_finds_nothing_wrong(suite: &Suite<'_>) -> Verdict {
    if !suite.judges("FD-09") {
        return Err(Stop::NotApplicable("the cell checks what rulings ask for too".into()));
    }
    let cell = suite.setup().selfcheck().ok_or_else(|| Stop::Harness("there is no self-check cell".into()))?;
    let file = suite.file("file", "x")?;
    // What it says of the jail is for cases of that.
    let words = ["--layout", suite.layout().name(), "--jail", "none", "--env", "A"];
    let run = suite.ww().flags(["--env", "A=1"]).grant("a", 9).place(9, &file).binary(cell, words).run()?;
    let said = String::from_utf8_lossy(&run.stdout);
    let wrong: Vec<&str> = said.lines().filter(|line| line.starts_with("not ok")).collect();
    run.same("points that aren't ok", wrong, vec![])?.exits(0)?;
    run.holds("points that are", said.lines().any(|line| line.starts_with("ok ")))?;
    Ok(())
}

/// How long a cell watches that nothing happens to it, in milliseconds.
const WHILE: &str = "1500";

/// Checks that a cell has the socket at all: without one nothing can happen to it.
fn has_the_socket(suite: &Suite<'_>) -> Verdict {
    let run = suite.ww().probe(["facts"]).run()?;
    let facts = run.facts()?;
    run.holds("fd 3 is the RPC socket, connected", facts.fd(3).is_some_and(|fd| fd.is_connected_stream()))?;
    Ok(())
}

fn rpc_06_a_cell_that_never_speaks_runs_on(suite: &Suite<'_>) -> Verdict {
    has_the_socket(suite)?;
    let run = suite.ww().probe(["hangs-up", "3", WHILE]).run()?;
    run.same("the host hangs up", run.deed()?, Ok(false.into()))?.is_silent()?;
    let run = suite.ww().probe(["wait-then-exit", "9"]).with_input().start()?;
    run.hears("ready", 1)?;
    run.finish()?.exits(9)?.is_silent()?;
    Ok(())
}

fn rpc_07_a_cell_that_closes_it_runs_on(suite: &Suite<'_>) -> Verdict {
    has_the_socket(suite)?;
    // It closes fd 3, and watches its input, which the suite holds open meanwhile.
    let run = suite.ww().probe(["hangs-up", "0", WHILE, "3"]).with_input().start()?;
    run.says("}\n")?;
    let run = run.finish()?;
    run.same("its input is cut off", run.deed()?, Ok(false.into()))?.is_silent()?;
    let run = suite.ww().probe(["close-then-exit", "5", "3"]).with_input().start()?;
    run.hears("ready", 1)?;
    run.finish()?.exits(5)?.is_silent()?;
    Ok(())
}

fn rpc_08_a_cell_that_breaks_the_protocol_loses_the_connection_alone(suite: &Suite<'_>) -> Verdict {
    let run = suite.ww().probe(["rpc-garbage", "3"]).run()?;
    let deed = run.deed()?;
    run.holds("the host hangs up", deed.as_ref().is_ok_and(|facts| facts["ended"] == true))?;
    let run = suite.ww().probe(["rpc-garbage-then-exit", "6", "3"]).with_input().start()?;
    run.hears("ready", 1)?;
    run.finish()?.exits(6)?;
    Ok(())
}
