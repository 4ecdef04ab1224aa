//! What runs: programs, scripts, their names, and what is missing when they don't.

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use crate::clauses::Profile;
use crate::facts::escaped;
use crate::launch::Tmpfs;
use crate::registry::{Case, case};
use crate::suite::Suite;
use crate::verdict::{Stop, Verdict};

pub(crate) const CASES: &[Case] = &[
    case!(exec_01_a_static_program_runs),
    case!(exec_02_a_dynamic_program_runs).also(&["JAIL-07"]),
    case!(exec_03_a_script_runs_under_its_interpreter),
    case!(exec_04_an_interpreter_elsewhere_on_the_host_is_missing).also(&["EXIT-04"]).needs(Profile::Jail),
    case!(exec_05_argv_0_is_the_path_as_it_was_written),
    case!(exec_06_a_script_can_read_itself),
    case!(exec_07_a_program_can_execute_itself_again),
    case!(exit_04_a_missing_interpreter_is_127),
    case!(exit_05_trap_15_a_missing_loader_is_127_and_named),
    case!(exit_09_a_noexec_file_system_is_126),
];

fn exec_01_a_static_program_runs(suite: &Suite<'_>) -> Verdict {
    suite.ww().probe(["print", "static"]).run()?.exits(0)?.prints("static")?.is_silent()?;
    Ok(())
}

fn exec_02_a_dynamic_program_runs(suite: &Suite<'_>) -> Verdict {
    suite.ww().flags(["/bin/echo", "hello"]).run()?.exits(0)?.prints("hello\n")?.is_silent()?;
    suite.ww().flags(["/bin/sh", "-c", "exit 7"]).run()?.exits(7)?.is_silent()?;
    suite.ww().flags(["/bin/sh", "-c", "echo a b | cat | wc -w"]).run()?.exits(0)?.prints("2\n")?.is_silent()?;
    Ok(())
}

fn exec_03_a_script_runs_under_its_interpreter(suite: &Suite<'_>) -> Verdict {
    let script = suite.program("plain", "#!/bin/sh\necho \"$# $1 $2\"\n")?;
    suite.ww().binary(&script, ["one two", "three"]).run()?.exits(0)?.prints("2 one two three\n")?.is_silent()?;
    let script = suite.program("argument", "#!/bin/sh -e\nfalse\necho still there\n")?;
    suite.ww().binary(&script, [""; 0]).run()?.exits(1)?.prints("")?;
    let script = suite.program("blank", "#! /usr/bin/env -S sh -e\necho \"$1\"\n")?;
    suite.ww().flags(["--env", "PATH=/bin:/usr/bin"]).binary(&script, ["x"]).run()?.exits(0)?.prints("x\n")?;
    Ok(())
}

fn exec_04_an_interpreter_elsewhere_on_the_host_is_missing(suite: &Suite<'_>) -> Verdict {
    let interpreter = suite.probe_at("files/interpreter")?;
    let script = suite.program("script", format!("#!{} facts\n", interpreter.display()))?;
    suite.ww().binary(&script, ["x"]).run()?.refuses(127, "", &script.to_string_lossy())?;
    Ok(())
}

fn exec_05_argv_0_is_the_path_as_it_was_written(suite: &Suite<'_>) -> Verdict {
    suite.probe_at("cwd/cell")?;
    std::os::unix::fs::symlink("cell", suite.path("cwd/link"))?;
    let absolute = suite.path("cwd/cell");
    for path in [Path::new("./cell"), Path::new("cell"), Path::new("link"), Path::new(".//cell"), &absolute] {
        let run = suite.ww().binary(path, ["facts"]).run()?;
        run.same("argv[0]", run.facts()?.argv[0].clone(), escaped(path.as_os_str().as_bytes()))?;
    }
    Ok(())
}

fn exec_06_a_script_can_read_itself(suite: &Suite<'_>) -> Verdict {
    let text = "#!/bin/sh\ncat -- \"$0\"\n";
    suite.program("script", text)?;
    let relative = suite.ww().cwd(suite.path("files")).flags(["./script"]).run()?;
    relative.exits(0)?.prints(text)?.is_silent()?;
    suite.ww().binary(suite.path("files/script"), [""; 0]).run()?.exits(0)?.prints(text)?;
    Ok(())
}

fn exec_07_a_program_can_execute_itself_again(suite: &Suite<'_>) -> Verdict {
    suite.ww().probe(["reexec", "print", "again"]).run()?.exits(0)?.prints("again")?.is_silent()?;
    suite.ww().probe(["reexec", "reexec", "exit", "9"]).run()?.exits(9)?;
    Ok(())
}

fn exit_04_a_missing_interpreter_is_127(suite: &Suite<'_>) -> Verdict {
    for first in ["#!/no/such/interpreter", "#!/no/such/interpreter -x", "#! /bin/no-such-shell"] {
        let script = suite.program("script", format!("{first}\necho ran\n"))?;
        let run = suite.ww().binary(&script, [""; 0]).run()?;
        run.refuses(127, "", &script.to_string_lossy())?;
        let interpreter = first[2..].split_whitespace().next().unwrap_or_default();
        run.holds(format!("the line names {interpreter}"), run.first_line().contains(interpreter))?;
    }
    Ok(())
}

/// A dynamic program of this machine with its loader's path changed into one of the same length.
fn exit_05_trap_15_a_missing_loader_is_127_and_named(suite: &Suite<'_>) -> Verdict {
    let mut program = fs::read("/bin/echo").map_err(|_| Stop::NotVerifiable("there is no /bin/echo".into()))?;
    let Some(at) = program.windows(4).position(|part| part == b"/lib") else {
        return Err(Stop::NotVerifiable("/bin/echo has no loader in /lib".into()));
    };
    program[at..at + 4].copy_from_slice(b"/non");
    let end = program[at..].iter().position(|byte| *byte == 0).unwrap_or(0);
    let loader = String::from_utf8_lossy(&program[at..at + end]).into_owned();
    let path = suite.program("program", &program)?;
    let run = suite.ww().binary(&path, ["ran"]).run()?;
    run.refuses(127, "", &path.to_string_lossy())?;
    run.holds(format!("the line names {loader}"), run.first_line().contains(&loader))?;
    Ok(())
}

fn exit_09_a_noexec_file_system_is_126(suite: &Suite<'_>) -> Verdict {
    let at = suite.path("files");
    let holds = vec![(suite.probe().to_owned(), "cell".to_owned())];
    let tmpfs = Tmpfs { at: at.clone(), bytes: 64 << 20, noexec: true, read_only: false, holds };
    let cell = at.join("cell");
    suite.ww().tmpfs(tmpfs).binary(&cell, ["facts"]).run()?.refuses(126, "", &cell.to_string_lossy())?;
    Ok(())
}
