//! `--status-fd`: what a program that runs `ww` is told.

use std::fs::{self, File};
use std::time::Duration;

use nix::fcntl::OFlag;
use nix::unistd::pipe2;
use serde_json::{Value, json};

use crate::capture::Capture;
use crate::ended::Ended;
use crate::facts::identity;
use crate::registry::{Case, case};
use crate::suite::Suite;
use crate::verdict::{Verdict, fail, holds, same};

pub(crate) const CASES: &[Case] = &[
    case!(status_01_each_line_is_one_object).also(&["STATUS-02", "STATUS-03"]),
    case!(status_02_started_names_the_cells_process),
    case!(status_03_exited_has_the_code),
    case!(status_03_exited_comes_after_the_cells_last_word),
    case!(status_04_exited_has_the_signal),
    case!(status_06_nothing_started_where_nothing_ran),
    case!(status_07_the_cell_never_has_it),
    case!(status_08_granting_it_too_is_refused),
    case!(status_09_a_number_that_isnt_open_is_refused),
    case!(status_10_a_number_that_isnt_writable_is_refused),
    case!(status_11_a_reader_may_go_away),
];

/// A run with `--status-fd 9` on a file, and the lines that came.
fn lines(suite: &Suite<'_>, probe: &[&str]) -> Verdict<(Ended, Vec<Value>)> {
    let file = suite.file("status", "")?;
    let run = suite.ww().flags(["--status-fd", "9"]).place(9, &file).probe(probe).run()?;
    let text = fs::read_to_string(suite.path("files/status"))?;
    run.holds(format!("each line ends in a line break: {text:?}"), text.is_empty() || text.ends_with('\n'))?;
    let parsed = text.lines().map(serde_json::from_str).collect::<Result<Vec<Value>, _>>();
    match parsed {
        Ok(lines) => Ok((run, lines)),
        Err(fault) => fail("one JSON object a line", format!("{fault}: {text:?}")),
    }
}

fn event<'a>(lines: &'a [Value], name: &str) -> Vec<&'a Value> {
    lines.iter().filter(|line| line["event"] == name).collect()
}

fn status_01_each_line_is_one_object(suite: &Suite<'_>) -> Verdict {
    let (run, lines) = lines(suite, &["exit", "0"])?;
    run.exits(0)?.is_silent()?;
    holds("objects, each with an event", lines.iter().all(|line| line["event"].is_string()), &lines)?;
    same("`started` lines", event(&lines, "started").len(), 1)?;
    same("`exited` lines", event(&lines, "exited").len(), 1)?;
    holds("`exited` comes last", lines.last().is_some_and(|line| line["event"] == "exited"), &lines)
}

fn status_02_started_names_the_cells_process(suite: &Suite<'_>) -> Verdict {
    let (reader, writer) = pipe2(OFlag::O_CLOEXEC)?;
    let told = Capture::of(reader);
    let run =
        suite.ww().flags(["--status-fd", "9"]).place(9, &writer).probe(["catch", "0", "10"]).with_input().start()?;
    drop(writer);
    run.hears("ready", 1)?;
    holds(
        "a line while the cell runs",
        told.wait(Duration::from_secs(10), |text| text.contains(&b'\n')),
        told.so_far(),
    )?;
    let text = told.so_far();
    let line: Value = match serde_json::from_slice(text.split(|byte| *byte == b'\n').next().unwrap_or(&[])) {
        Ok(line) => line,
        Err(fault) => return fail("a line that is one JSON object", format!("{fault}: {}", text.escape_ascii())),
    };
    same("event", &line["event"], &json!("started"))?;
    same("jail", &line["jail"], &json!("full"))?;
    let command = fs::read(format!("/proc/{}/cmdline", line["pid"])).unwrap_or_default();
    holds(
        "pid is the cell's",
        command.split(|byte| *byte == 0).nth(1) == Some(&b"catch"[..]),
        command.escape_ascii().to_string(),
    )?;
    holds("no `exited` line while the cell runs", !has(&told.so_far(), "exited"), told.so_far().escape_ascii())?;
    run.finish()?.exits(0)?;
    Ok(())
}

fn has(text: &[u8], word: &str) -> bool {
    text.windows(word.len()).any(|part| part == word.as_bytes())
}

fn status_03_exited_comes_after_the_cells_last_word(suite: &Suite<'_>) -> Verdict {
    // The lines and the cell's output go to one pipe, which keeps their order.
    let (reader, writer) = pipe2(OFlag::O_CLOEXEC)?;
    let told = Capture::of(reader);
    let run = suite.ww().flags(["--status-fd", "9"]).place(9, &writer).place(1, &writer);
    let mut run = run.probe(["sleep-until-eof"]).with_input().start()?;
    drop(writer);
    let started = told.wait(Duration::from_secs(10), |text| has(text, "started"));
    holds("`started` while the cell runs", started, told.so_far().escape_ascii())?;
    run.end_input();
    run.finish()?.exits(0)?.is_silent()?;
    let text = String::from_utf8_lossy(&told.all()).into_owned();
    let (last_word, exited) = (text.find("{\"ok\":"), text.find("\"exited\""));
    holds("`exited` after what the cell printed last", last_word.is_some() && last_word < exited, text)
}

fn status_03_exited_has_the_code(suite: &Suite<'_>) -> Verdict {
    for code in [0, 5, 255] {
        let (run, lines) = lines(suite, &["exit", &code.to_string()])?;
        run.exits(code)?;
        let exited = event(&lines, "exited");
        same("`exited` lines", exited.len(), 1)?;
        same("code", &exited[0]["code"], &json!(code))?;
        same("signal", exited[0].get("signal"), Some(&Value::Null))?;
    }
    Ok(())
}

fn status_04_exited_has_the_signal(suite: &Suite<'_>) -> Verdict {
    for signal in [9, 11, 15] {
        let (run, lines) = lines(suite, &["signal", &signal.to_string()])?;
        run.exits(128 + signal)?;
        let exited = event(&lines, "exited");
        same("`exited` lines", exited.len(), 1)?;
        same("code", &exited[0]["code"], &json!(128 + signal))?;
        same("signal", &exited[0]["signal"], &json!(signal))?;
    }
    Ok(())
}

fn status_06_nothing_started_where_nothing_ran(suite: &Suite<'_>) -> Verdict {
    let file = suite.file("status", "")?;
    let text = suite.program("text", "no program\n")?;
    for path in [suite.path("missing"), suite.path("files"), text] {
        let run = suite.ww().flags(["--status-fd", "9"]).place(9, &file).binary(&path, [""; 0]).run()?;
        run.nothing_ran()?.holds("it fails", run.report.code != Some(0))?;
        let told = fs::read_to_string(suite.path("files/status"))?;
        holds("no `started` line", !told.contains("started"), told)?;
    }
    let (_, lines) = lines(suite, &["exit", "0"])?;
    same("`started` lines of one that ran", event(&lines, "started").len(), 1)
}

fn status_07_the_cell_never_has_it(suite: &Suite<'_>) -> Verdict {
    let (status, granted) = (suite.file("status", "")?, suite.file("granted", "")?);
    for number in [3, 4, 9] {
        let run = suite.ww().flags(["--status-fd", &number.to_string()]).grant("a", 8).probe(["facts"]);
        let run = run.place(number, &status).place(8, &granted).run()?;
        let facts = run.facts()?;
        run.same("open descriptors", facts.numbers(), vec![0, 1, 2, 3, 4])?;
        let found = facts.fds.iter().any(|fd| fd.identity() == identity(&status).unwrap_or_default());
        run.holds("none of them is the status descriptor", !found)?;
    }
    Ok(())
}

fn status_08_granting_it_too_is_refused(suite: &Suite<'_>) -> Verdict {
    let file = suite.file("status", "")?;
    let first = suite.ww().flags(["--status-fd", "9"]).grant("a", 9).place(9, &file).probe(["facts"]).run()?;
    first.refuses(2, "", "9")?;
    suite.ww().grant("a", 9).flags(["--status-fd", "9"]).place(9, &file).probe(["facts"]).run()?.refuses(2, "", "9")?;
    Ok(())
}

fn status_09_a_number_that_isnt_open_is_refused(suite: &Suite<'_>) -> Verdict {
    // One is open at 9, so that what only looks like it isn't refused for being closed.
    let file = suite.file("status", "")?;
    for number in ["77", "x", "", "-1", "9999999999", "3", "4", "5", "6", "9 ", " 9", "9x", "x9", "0x9", "-9"] {
        let run = suite.ww().flags([&format!("--status-fd={number}")]).place(9, &file).probe(["facts"]).run()?;
        run.refuses(2, "", "--status-fd")?;
    }
    Ok(())
}

fn status_10_a_number_that_isnt_writable_is_refused(suite: &Suite<'_>) -> Verdict {
    suite.file("readable", "x")?;
    let file = File::open(suite.path("files/readable"))?;
    let run = suite.ww().flags(["--status-fd", "9"]).place(9, &file).probe(["facts"]).run()?;
    run.refuses(2, "", "9")?;
    Ok(())
}

fn status_11_a_reader_may_go_away(suite: &Suite<'_>) -> Verdict {
    let (reader, writer) = pipe2(OFlag::O_CLOEXEC)?;
    drop(reader);
    let run = suite.ww().flags(["--status-fd", "9"]).place(9, &writer).probe(["exit", "5"]).run()?;
    run.exits(5)?.is_silent()?;
    let (reader, writer) = pipe2(OFlag::O_CLOEXEC)?;
    let run =
        suite.ww().flags(["--status-fd", "9"]).place(9, &writer).probe(["wait-then-exit", "6"]).with_input().start()?;
    drop(writer);
    run.hears("ready", 1)?;
    drop(reader);
    run.finish()?.exits(6)?.is_silent()?;
    Ok(())
}
