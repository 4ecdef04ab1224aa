//! When progress is shown, and what `-v` tells.

use std::time::Instant;

use crate::cases::export::{at, export};
use crate::cases::ipfs::{SCRIPT, nobody};
use crate::cases::telling::{from, slow_gateway, slow_script, within};
use crate::ended::Ended;
use crate::fake::honest_gateway;
use crate::node::Import;
use crate::registry::{Case, case};
use crate::suite::Suite;
use crate::terminal::Terminal;
use crate::verdict::{Verdict, holds, same};

pub(crate) const CASES: &[Case] = &[
    case!(store_56_without_a_terminal_nothing_is_shown),
    case!(store_56_what_is_quick_shows_nothing),
    case!(store_56_never_is_never),
    case!(store_56_a_terminal_that_takes_nothing_back_is_left_alone),
    case!(store_56_always_writes_lines_without_a_terminal),
    case!(store_56_another_word_is_a_usage_error),
    case!(store_57_a_run_tells_who_served_it),
    case!(store_57_an_import_tells_who_served_it),
    case!(store_57_an_export_tells_where_it_went),
];

fn store_56_without_a_terminal_nothing_is_shown(suite: &Suite<'_>) -> Verdict {
    let node = suite.node()?;
    let (path, gateway) = (slow_script(node)?, slow_gateway(node)?);
    for flags in [&[][..], &["--progress", "auto"]] {
        let run = suite.ww().flags(from(&gateway)?).flags(flags).binary(&path, ["a"]).run()?;
        run.exits(0)?.prints("ran a\n")?.is_silent()?;
    }
    Ok(())
}

/// Runs with such flags in a terminal, which shows nothing but what the cell says, not for a moment.
fn only_the_cell(suite: &Suite<'_>, kind: &str, flags: &[String], path: &str) -> Verdict {
    let terminal = Terminal::open(suite)?;
    let run = within(&terminal, suite.ww().flags(flags)).env("TERM", kind);
    run.binary(path, ["a"]).run()?.exits(0)?;
    terminal.shows("ran a\r\n", 1)?;
    same("what the terminal got", terminal.shown().as_str(), "ran a\\r\\n")
}

fn store_56_what_is_quick_shows_nothing(suite: &Suite<'_>) -> Verdict {
    let node = suite.node()?;
    let gateway = honest_gateway(node)?;
    only_the_cell(suite, "xterm", &from(&gateway)?, &format!("/ipfs/{}", node.add(SCRIPT, Import::default())?))
}

fn store_56_never_is_never(suite: &Suite<'_>) -> Verdict {
    let node = suite.node()?;
    let gateway = slow_gateway(node)?;
    let flags = [from(&gateway)?, vec!["--progress".into(), "never".into()]].concat();
    only_the_cell(suite, "xterm", &flags, &slow_script(node)?)
}

fn store_56_a_terminal_that_takes_nothing_back_is_left_alone(suite: &Suite<'_>) -> Verdict {
    let node = suite.node()?;
    let gateway = slow_gateway(node)?;
    only_the_cell(suite, "dumb", &from(&gateway)?, &slow_script(node)?)
}

fn store_56_always_writes_lines_without_a_terminal(suite: &Suite<'_>) -> Verdict {
    let node = suite.node()?;
    let (path, gateway) = (slow_script(node)?, slow_gateway(node)?);
    let to = at(suite, "there");
    let words = [path.as_bytes(), to.as_os_str().as_encoded_bytes()];
    let always = ["--progress", "always"];
    for (run, printed) in [
        (suite.ww().flags(from(&gateway)?).flags(always).binary(&path, ["a"]), "ran a\n"),
        (suite.tool("import").flags(from(&gateway)?).flags(always).flags(words), ""),
    ] {
        let began = Instant::now();
        let run = run.run()?;
        let most = began.elapsed().as_secs() + 1;
        run.exits(0)?.prints(printed)?;
        let said = String::from_utf8_lossy(&run.stderr).into_owned();
        run.holds("there are lines", said.ends_with('\n') && said.lines().any(|line| line.contains("/s")))?;
        run.holds("each in the form of all that the host says", said.lines().all(|line| line.starts_with("ww: ")))?;
        run.holds("and nothing else", !said.contains(['\r', '\x1b']))?;
        run.holds(format!("at most one a second: {most}"), said.lines().count() as u64 <= most)?;
    }
    Ok(())
}

fn store_56_another_word_is_a_usage_error(suite: &Suite<'_>) -> Verdict {
    for run in [suite.ww(), suite.tool("import"), suite.tool("export")] {
        let run = run.flags(["--progress", "sometimes", "/ipfs/bafkqaaa"]).run()?;
        run.refuses(2, "", "sometimes")?;
    }
    Ok(())
}

/// Checks that one line names a source and an amount.
fn names(run: &Ended, source: &str) -> Verdict {
    let said = String::from_utf8_lossy(&run.stderr).into_owned();
    let line = said.lines().find(|line| line.starts_with("ww: ") && line.contains(source)).unwrap_or_default();
    let amount = line.replacen(source, "", 1).bytes().any(|byte| byte.is_ascii_digit());
    run.holds(format!("a line that names {source} and how much"), amount)?;
    run.holds("and no password", !said.contains("open-sesame"))?;
    Ok(())
}

fn store_57_a_run_tells_who_served_it(suite: &Suite<'_>) -> Verdict {
    let node = suite.node()?;
    let (path, gateway) = (slow_script(node)?, honest_gateway(node)?);
    let host = gateway.url().replace("http://", "");
    let store = suite.path("data").join("store");
    let run = || suite.ww().env("WW_STORE", store.as_os_str().as_encoded_bytes());
    let from = ["--ipfs".to_owned(), nobody()?, "--gateway".to_owned(), format!("http://me:open-sesame@{host}")];
    for (flag, source) in [("-v", host.as_str()), ("--verbose", "store")] {
        let run = run().flags(&from).flags([flag]).binary(&path, ["a"]).run()?;
        run.exits(0)?.prints("ran a\n")?;
        names(&run, source)?;
        let said = String::from_utf8_lossy(&run.stderr).into_owned();
        run.holds("and nobody else", said.lines().count() == 1)?;
    }
    // What a local program comes from isn't told.
    run().flags(["-v"]).probe(["exit", "3"]).run()?.exits(3)?.is_silent()?;
    Ok(())
}

fn store_57_an_import_tells_who_served_it(suite: &Suite<'_>) -> Verdict {
    let node = suite.node()?;
    let path = format!("/ipfs/{}", node.directory([("told/a", b"a\n".to_vec()), ("told/b", b"b\n".to_vec())])?);
    let (gateway, to) = (honest_gateway(node)?, at(suite, "there"));
    let words = [path.as_bytes(), to.as_os_str().as_encoded_bytes()];
    let run = suite.tool("import").flags(from(&gateway)?).flags(["-v"]).flags(words).run()?;
    run.exits(0)?.prints("")?;
    names(&run, &gateway.url())?;
    run.holds("and nobody else", String::from_utf8_lossy(&run.stderr).lines().count() == 1)?;
    Ok(())
}

fn store_57_an_export_tells_where_it_went(suite: &Suite<'_>) -> Verdict {
    let file = at(suite, "file");
    std::fs::write(&file, "content\n")?;
    let run = export(suite).flags([b"-v", file.as_os_str().as_encoded_bytes()]).run()?;
    run.exits(0)?.holds("it prints the path alone", run.stdout.starts_with(b"/ipfs/"))?;
    names(&run, "store")?;
    let endpoint = suite.node()?.endpoint();
    let both = suite.tool("export").flags(["--ipfs", &endpoint, "--verbose"]);
    let run = both.flags([file.as_os_str().as_encoded_bytes()]).run()?;
    run.exits(0)?;
    names(&run, "store")?;
    names(&run, &endpoint)?;
    holds("each once", String::from_utf8_lossy(&run.stderr).lines().count() == 2, run.story())
}
