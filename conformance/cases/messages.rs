//! Messages: what the host says, where, and in which words.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;

use crate::ended::Ended;
use crate::registry::{Case, case};
use crate::suite::Suite;
use crate::verdict::Verdict;

pub(crate) const CASES: &[Case] = &[
    case!(msg_01_an_error_is_one_line_of_three_parts),
    case!(msg_02_the_phrases_are_the_sources).also(&["MSG-04"]),
    case!(msg_04_each_phrase_is_for_its_own_kind),
    case!(msg_05_the_line_names_what_failed_as_it_was_written),
    case!(msg_06_a_usage_errors_first_line_stands_alone),
    case!(msg_07_control_characters_dont_break_the_line),
    case!(msg_08_standard_output_is_the_cells),
    case!(msg_09_a_success_is_silent),
];

const PHRASES: [&str; 4] =
    ["failed to get IPFS path", "unexpected node type", "failed to resolve path", "fd flag processing failed"];

/// Checks that a message is one line that begins `ww: ` and has this many parts at least.
fn one_line(run: &Ended, parts: usize) -> Verdict {
    run.nothing_ran()?;
    run.holds("the message ends in one line break", run.stderr.ends_with(b"\n"))?;
    run.same("lines on standard error", run.stderr.iter().filter(|byte| **byte == b'\n').count(), 1)?;
    let line = run.first_line();
    run.holds(format!("`ww: ` and {parts} parts"), line.starts_with("ww: ") && line.split(": ").count() > parts)?;
    Ok(())
}

fn msg_01_an_error_is_one_line_of_three_parts(suite: &Suite<'_>) -> Verdict {
    one_line(&suite.ww().flags(["./missing"]).run()?, 3)?;
    let text = suite.program("text", "no program\n")?;
    one_line(&suite.ww().binary(&text, [""; 0]).run()?, 2)?;
    fs::create_dir(suite.path("cwd/folder"))?;
    one_line(&suite.ww().flags(["./folder"]).run()?, 2)
}

fn msg_02_the_phrases_are_the_sources(suite: &Suite<'_>) -> Verdict {
    suite.ww().flags(["./missing"]).run()?.refuses(127, "failed to resolve path", "./missing")?;
    suite.ww().flags(["--with-fd", "db"]).probe(["facts"]).run()?.refuses(2, "fd flag processing failed", "db")?;
    Ok(())
}

fn msg_04_each_phrase_is_for_its_own_kind(suite: &Suite<'_>) -> Verdict {
    fs::create_dir(suite.path("cwd/folder"))?;
    let text = suite.program("text", "no program\n")?;
    let script = suite.program("script", "#!/no/such/interpreter\n")?;
    let runs = [
        (suite.ww().flags(["./folder"]), None),
        (suite.ww().binary(&text, [""; 0]), None),
        (suite.ww().binary(&script, [""; 0]), None),
        (suite.ww().flags(["--env", "=x"]).probe(["facts"]), None),
        (suite.ww().flags(["--ipfs", "nonsense"]).probe(["facts"]), None),
        (suite.ww().flags(["--unknown-option"]), None),
        (suite.ww().flags(["./missing"]), Some("failed to resolve path")),
        (suite.ww().grant("db", 77).probe(["facts"]), Some("fd flag processing failed")),
    ];
    for (run, phrase) in runs {
        let run = run.run()?;
        let said = String::from_utf8_lossy(&run.stderr).into_owned();
        run.holds("it fails with a message", run.report.code != Some(0) && !said.is_empty())?;
        let found: Vec<&str> = PHRASES.into_iter().filter(|phrase| said.contains(phrase)).collect();
        run.same("phrases of the source", found, phrase.into_iter().collect())?;
    }
    Ok(())
}

fn msg_05_the_line_names_what_failed_as_it_was_written(suite: &Suite<'_>) -> Verdict {
    for path in ["./missing", "../cwd/./missing", "missing//twice", "/no/such/ file"] {
        suite.ww().flags([path]).run()?.refuses(127, "failed to resolve path", path)?;
    }
    suite.ww().flags(["--with-fd", "Db=77"]).probe(["facts"]).run()?.refuses(
        2,
        "fd flag processing failed",
        "Db=77",
    )?;
    suite.ww().flags(["--env", "=some value"]).probe(["facts"]).run()?.refuses(2, "", "=some value")?;
    Ok(())
}

fn msg_06_a_usage_errors_first_line_stands_alone(suite: &Suite<'_>) -> Verdict {
    for wrong in [&["--unknown-option"][..], &["--env", "=x", "./cell"], &["--with-fd", "db", "./cell"], &[]] {
        let run = suite.ww().flags(wrong).run()?;
        run.refuses(2, "", "")?;
        run.holds("no line but the first begins `ww: `", !String::from_utf8_lossy(&run.stderr).contains("\nww: "))?;
    }
    Ok(())
}

fn msg_07_control_characters_dont_break_the_line(suite: &Suite<'_>) -> Verdict {
    let hostile = b"mis\nsing\rww: all is well\x1b[2J\x07\xff";
    let run = suite.ww().binary(OsStr::from_bytes(hostile), ["facts"]).run()?;
    run.refuses(127, "failed to resolve path", "mis")?;
    one_line(&run, 3)?;
    no_control(&run)?;
    let run = suite.ww().flags([&b"--with-fd"[..], b"d\nb\x1b=9"]).probe(["facts"]).run()?;
    run.refuses(2, "fd flag processing failed", "")?;
    no_control(&run)?;
    let run = suite.ww().flags([&b"--env"[..], b"=\nww: fine\x1b\x07"]).probe(["facts"]).run()?;
    run.refuses(2, "", "")?;
    no_control(&run)
}

fn no_control(run: &Ended) -> Verdict {
    let line = run.stderr.split(|byte| *byte == b'\n').next().unwrap_or(&[]);
    run.holds("no control character in the line", !line.iter().any(u8::is_ascii_control))?;
    run.holds("it goes on in the same line", !String::from_utf8_lossy(&run.stderr).contains("\nww: "))?;
    Ok(())
}

fn msg_08_standard_output_is_the_cells(suite: &Suite<'_>) -> Verdict {
    suite.ww().probe(["print", "mine"]).run()?.prints("mine")?;
    suite.ww().probe(["exit", "3"]).run()?.prints("")?;
    suite.ww().flags(["./missing"]).run()?.prints("")?;
    suite.ww().flags(["--unknown-option"]).run()?.prints("")?;
    suite.ww().probe(["signal", "11"]).run()?.prints("")?;
    Ok(())
}

fn msg_09_a_success_is_silent(suite: &Suite<'_>) -> Verdict {
    let file = suite.file("file", "x")?;
    let run = suite.ww().flags(["--env", "A=1"]).grant("a", 9).place(9, &file).probe(["exit", "0"]).run()?;
    run.exits(0)?.is_silent()?;
    suite.ww().probe(["exit", "42"]).run()?.exits(42)?.is_silent()?;
    suite.ww().probe(["signal", "9"]).run()?.exits(137)?.is_silent()?;
    Ok(())
}
