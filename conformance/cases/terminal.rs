//! A cell in a terminal, with a real shell for job control.

use std::time::Duration;

use crate::invocation::Invocation;
use crate::registry::{Case, case};
use crate::suite::Suite;
use crate::terminal::Terminal;
use crate::verdict::{Verdict, holds, same};

pub(crate) const CASES: &[Case] = &[
    case!(stdio_06_a_cell_has_the_terminal),
    case!(stdio_06_a_cell_reads_lines_of_the_terminal),
    case!(stdio_07_ctrl_z_stops_the_run_and_fg_continues_it),
    case!(stdio_07_a_shell_in_the_cell_controls_its_jobs),
    case!(stdio_08_the_terminal_is_left_as_it_was),
    case!(stdio_08_a_program_that_cant_be_executed_leaves_the_terminal),
    case!(sig_04_ctrl_c_is_delivered_once),
];

const CTRL_C: &str = "\x03";
const CTRL_D: &str = "\x04";
const CTRL_Z: &str = "\x1a";

/// The words of a run of the implementation, for a shell that starts it.
fn words(run: &Invocation<'_>) -> String {
    run.words().iter().map(|word| format!("'{}' ", String::from_utf8_lossy(word))).collect()
}

fn stdio_06_a_cell_has_the_terminal(suite: &Suite<'_>) -> Verdict {
    let terminal = Terminal::open(suite)?;
    let report = suite.file("report", "")?;
    let to = suite.layout().grant(1).to_string();
    let run = suite.ww().grant("report", 9).place(9, &report).probe(["facts-to", &to]);
    let run = terminal.with(run).run()?;
    let facts = run.facts_in(&suite.path("files/report"))?;
    let terminals: Vec<i32> = facts.fds.iter().filter(|fd| fd.terminal).map(|fd| fd.number).collect();
    run.same("terminals", terminals, vec![0, 1, 2])?;
    run.holds("it is in a process group that it can see", facts.process.group > 0)?;
    run.same("foreground group, which is its own", facts.process.foreground, facts.process.group)?;
    Ok(())
}

fn stdio_06_a_cell_reads_lines_of_the_terminal(suite: &Suite<'_>) -> Verdict {
    let mut terminal = Terminal::open(suite)?;
    let run = terminal.with(suite.ww().probe(["read-line"])).start()?;
    terminal.shows("ready", 1)?;
    terminal.types("hello\n")?;
    terminal.shows("{\"ok\":\"hello\\n\"}", 1)?;
    run.finish()?.exits(0)?;
    Ok(())
}

fn stdio_07_ctrl_z_stops_the_run_and_fg_continues_it(suite: &Suite<'_>) -> Verdict {
    let mut terminal = Terminal::open(suite)?;
    let shell = suite.command(["/bin/sh", "-i"]).env("PS1", "prompt> ").env("ENV", "");
    let run = terminal.with(shell).start()?;
    terminal.shows("prompt> ", 1)?;
    let cell = suite.ww().flags(["/bin/sh", "-c", "echo cell-$((1+1)); exec cat"]);
    terminal.types(&format!("{}\n", words(&cell)))?;
    terminal.shows("cell-2", 1)?;
    for round in 1..=3 {
        // The terminal echoes the line, and the cell that reads it again does so too.
        let line = format!("line-{round}");
        terminal.types(&format!("{line}\n"))?;
        terminal.shows(&line, 2)?;
        terminal.types(CTRL_Z)?;
        terminal.shows("Stopped", round)?;
        terminal.types(&format!("echo shell-$((1000+{round}))\n"))?;
        terminal.shows(&format!("shell-{}", 1000 + round), 1)?;
        terminal.types("fg\n")?;
    }
    terminal.types("last\n")?;
    terminal.shows("last", 2)?;
    let prompts = terminal.has_shown("prompt> ");
    terminal.types(CTRL_C)?;
    terminal.shows("prompt> ", prompts + 1)?;
    terminal.types("echo code-$((1000+$?))\n")?;
    terminal.shows("code-1130", 1)?;
    terminal.types("exit 0\n")?;
    run.finish()?.exits(0)?;
    Ok(())
}

fn stdio_07_a_shell_in_the_cell_controls_its_jobs(suite: &Suite<'_>) -> Verdict {
    let mut terminal = Terminal::open(suite)?;
    let run = suite.ww().flags(["--env", "PS1=prompt> ", "--env", "PATH=/bin:/usr/bin", "/bin/sh", "-i"]);
    let run = terminal.with(run).start()?;
    terminal.shows("prompt> ", 1)?;
    holds("it has job control", !terminal.shown().contains("job control"), terminal.shown())?;
    terminal.types("cat; echo code-$((1000+$?))\n")?;
    terminal.types("echoed by cat\n")?;
    terminal.shows("echoed by cat", 2)?;
    terminal.types(CTRL_Z)?;
    terminal.shows("Stopped", 1)?;
    terminal.types("fg\n")?;
    terminal.types("and again\n")?;
    terminal.shows("and again", 2)?;
    terminal.types(CTRL_D)?;
    terminal.types("exit 7\n")?;
    run.finish()?.exits(7)?;
    Ok(())
}

fn stdio_08_the_terminal_is_left_as_it_was(suite: &Suite<'_>) -> Verdict {
    let mut terminal = Terminal::open(suite)?;
    let before = terminal.settings()?;
    let raw = words(&suite.ww().probe(["tty-raw"]));
    let raw_and_killed = words(&suite.ww().flags(["/bin/sh", "-c", "stty raw -echo; echo was-$((1+1)); kill -9 $$"]));
    let script = format!("{raw}; echo; echo first; read go; {raw_and_killed}; echo; echo second; read go");
    let run = terminal.with(suite.command(["/bin/sh", "-c", &script])).start()?;
    for (deed, sign) in [("{\"ok\":true}", "first"), ("was-2", "second")] {
        terminal.shows(sign, 1)?;
        terminal.shows(deed, 1)?;
        same(format!("settings after the {sign} run"), terminal.settings()?, before.clone())?;
        same(format!("foreground group after the {sign} run"), terminal.foreground()?.as_raw(), run.pid())?;
        terminal.types("go\n")?;
    }
    run.finish()?.exits(0)?;
    Ok(())
}

fn stdio_08_a_program_that_cant_be_executed_leaves_the_terminal(suite: &Suite<'_>) -> Verdict {
    let mut terminal = Terminal::open(suite)?;
    let noise = suite.program("noise", "neither a script nor a program")?;
    let script = format!("{}; echo code-$?; read go", words(&suite.ww().binary(noise, ["x"])));
    let run = terminal.with(suite.command(["/bin/sh", "-c", &script])).start()?;
    terminal.shows("code-126", 1)?;
    suite.notes().refused();
    same("foreground group", terminal.foreground()?.as_raw(), run.pid())?;
    terminal.types("go\n")?;
    run.finish()?.exits(0)?;
    Ok(())
}

fn sig_04_ctrl_c_is_delivered_once(suite: &Suite<'_>) -> Verdict {
    let mut terminal = Terminal::open(suite)?;
    let run = terminal.with(suite.ww().probe(["catch", "4", "2", "10"])).start()?;
    terminal.shows("ready", 1)?;
    for round in 1..=10 {
        terminal.types(CTRL_C)?;
        terminal.shows("caught 2 ", round)?;
        // What the host passes on arrives in order: when this has, a second SIGINT would have.
        run.signal(nix::sys::signal::Signal::SIGUSR1);
        terminal.shows("caught 10 ", round)?;
        same(format!("SIGINTs after Ctrl-C number {round}"), terminal.has_shown("caught 2 "), round)?;
    }
    terminal.types(CTRL_D)?;
    holds(
        "Ctrl-D ends its input",
        run.ends_within(u16::try_from(Duration::from_secs(20).as_millis()).unwrap_or(u16::MAX)),
        terminal.shown(),
    )?;
    run.finish()?.exits(4)?;
    Ok(())
}
