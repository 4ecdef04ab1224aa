//! `--ro`, `--rw` and `--workdir` that can't be kept: each is refused, with the flag and the reason named.

use std::fs;
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;

use nix::sys::stat::Mode;
use nix::unistd::mkfifo;

use crate::registry::{Case, case};
use crate::suite::Suite;
use crate::verdict::{Verdict, same};

pub(crate) const CASES: &[Case] = &[
    case!(limit_05_a_granted_directory_is_had_by_its_place_in_the_cell),
    case!(limit_11_a_path_that_isnt_there_is_refused),
    case!(limit_21_the_place_begins_at_the_last_colon_before_a_slash),
    case!(limit_21_an_ill_formed_grant_is_refused),
    case!(limit_22_a_grant_over_another_is_refused),
    case!(limit_23_a_grant_over_the_jails_own_is_refused),
    case!(limit_24_only_files_and_directories_are_granted),
    case!(limit_25_a_relative_working_directory_is_refused),
    case!(limit_25_a_working_directory_that_isnt_there_is_refused),
];

const FLAGS: [&str; 2] = ["--ro", "--rw"];

/// A directory that can be granted, with a file in it.
fn sound(suite: &Suite<'_>) -> Verdict<String> {
    let path = suite.path("files").join("granted");
    fs::create_dir_all(&path)?;
    fs::write(path.join("file"), "within")?;
    Ok(path.display().to_string())
}

/// Checks that these flags are refused with this exit code, and that the message names this.
fn refused(suite: &Suite<'_>, code: i32, flags: &[&str], named: &[&str]) -> Verdict {
    let run = suite.ww().flags(flags).probe(["facts"]).run()?;
    run.refuses(code, "", named[0])?;
    for named in named {
        run.holds(format!("the line names {named}"), run.first_line().contains(named))?;
    }
    Ok(())
}

fn limit_05_a_granted_directory_is_had_by_its_place_in_the_cell(suite: &Suite<'_>) -> Verdict {
    let path = sound(suite)?;
    let grant = format!("{path}:/given");
    let facts = suite.ww().flags(["--ro", &grant, "--workdir", "/given"]).probe(["facts"]).run()?.facts()?;
    same("the working directory", facts.cwd.as_deref(), Some("/given"))?;
    refused(suite, 1, &["--ro", &grant, "--workdir", &path], &[&path])
}

fn limit_11_a_path_that_isnt_there_is_refused(suite: &Suite<'_>) -> Verdict {
    let path = sound(suite)?;
    symlink("nowhere", suite.path("files").join("dangling"))?;
    let dangling = suite.path("files").join("dangling").display().to_string();
    for flag in FLAGS {
        for missing in [format!("{path}/missing"), format!("{path}/file/below"), dangling.clone()] {
            refused(suite, 1, &[flag, &missing], &[flag, &missing])?;
            let at = format!("{missing}:/given");
            refused(suite, 1, &["--ro", &path, flag, &at], &[flag, &missing])?;
        }
    }
    Ok(())
}

fn limit_21_the_place_begins_at_the_last_colon_before_a_slash(suite: &Suite<'_>) -> Verdict {
    let path = suite.path("files").join("one:two");
    fs::create_dir_all(path.join("x:"))?;
    fs::write(path.join("x:/file"), "within")?;
    let path = path.display();
    for (value, at) in [
        (format!("{path}:/given"), "/given/x:/file"),
        (format!("{path}/x::/given/a:b"), "/given/a:b/file"),
        (format!("{path}/x::/given//deep/."), "/given/deep/file"),
    ] {
        let run = suite.ww().flags(["--ro", &value]).probe(["read", at]).run()?;
        run.same("a file of a grant with colons", run.deed()?, Ok("within".into()))?;
    }
    Ok(())
}

fn limit_21_an_ill_formed_grant_is_refused(suite: &Suite<'_>) -> Verdict {
    let path = sound(suite)?;
    for flag in FLAGS {
        for end in [":given", ":", ":./given", ":/given/../other", ":.."] {
            let value = format!("{path}{end}");
            refused(suite, 2, &[flag, &value], &[flag, &value])?;
        }
        refused(suite, 2, &[flag, ""], &[flag])?;
        refused(suite, 2, &[flag, ":/given"], &[flag, ":/given"])?;
    }
    Ok(())
}

fn limit_22_a_grant_over_another_is_refused(suite: &Suite<'_>) -> Verdict {
    let path = sound(suite)?;
    let at = |place: &str| format!("{path}:{place}");
    for (one, other) in [("/given", "/given"), ("/given", "/given/inner"), ("/given/inner", "/given")] {
        for (first, second) in [("--ro", "--rw"), ("--rw", "--rw"), ("--rw", "--ro")] {
            let (one, other) = (at(one), at(other));
            refused(suite, 2, &[first, &one, second, &other], &[&other, &one, second])?;
        }
    }
    // Names that begin alike are no place of each other's.
    let run = suite.ww().flags(["--ro", &at("/given"), "--rw", &at("/given-too")]);
    let read = run.probe(["read", "/given-too/file"]).run()?.deed()?;
    same("a grant beside another", read, Ok("within".into()))
}

fn limit_23_a_grant_over_the_jails_own_is_refused(suite: &Suite<'_>) -> Verdict {
    let path = sound(suite)?;
    for flag in FLAGS {
        for place in ["/proc", "/proc/self", "/dev", "/dev/null", "/", "//", "/usr", "/etc/."] {
            let value = format!("{path}:{place}");
            refused(suite, 2, &[flag, &value], &[flag, &value])?;
        }
    }
    refused(suite, 2, &["--ro", "/proc"], &["--ro", "/proc"])?;
    refused(suite, 2, &["--ro", "/"], &["--ro", "/"])
}

fn limit_24_only_files_and_directories_are_granted(suite: &Suite<'_>) -> Verdict {
    let at = |name: &str| suite.path("files").join(name);
    mkfifo(&at("fifo"), Mode::S_IRWXU)?;
    let _listener = UnixListener::bind(at("socket"))?;
    for flag in FLAGS {
        for path in ["/dev/null".into(), at("fifo"), at("socket")] {
            let value = format!("{}:/given", path.display());
            refused(suite, 1, &[flag, &value], &[flag, &value])?;
        }
    }
    Ok(())
}

fn limit_25_a_relative_working_directory_is_refused(suite: &Suite<'_>) -> Verdict {
    let grant = format!("{}:/given", sound(suite)?);
    for path in ["given", "./given", "", ".."] {
        refused(suite, 2, &["--ro", &grant, "--workdir", path], &["--workdir", path])?;
    }
    Ok(())
}

fn limit_25_a_working_directory_that_isnt_there_is_refused(suite: &Suite<'_>) -> Verdict {
    let path = sound(suite)?;
    let grant = format!("{path}:/given");
    let cwd = suite.path("cwd").display().to_string();
    for path in ["/missing", "/given/missing", "/given/file", &cwd] {
        refused(suite, 1, &["--ro", &grant, "--workdir", path], &[path])?;
    }
    Ok(())
}
