//! Grants: what a granted descriptor is, and which `--with-fd` are refused.

use std::fs::{self, File};
use std::io::Seek;
use std::time::Duration;

use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::unistd::pipe2;

use crate::facts::identity;
use crate::registry::{Case, case};
use crate::suite::Suite;
use crate::verdict::{Verdict, fail, holds, same};

pub(crate) const CASES: &[Case] = &[
    case!(fd_10_names_and_numbers_may_be_unusual).each_layout(),
    case!(fd_11_offset_and_flags_are_shared).each_layout(),
    case!(fd_12_standard_descriptors_may_be_granted).each_layout(),
    case!(fd_13_a_closed_standard_descriptor_is_granted_as_null),
    case!(fd_14_one_descriptor_may_have_several_names).each_layout(),
    case!(fd_18_a_granted_directory_can_be_read),
    case!(fd_19_nothing_above_a_granted_directory_can_be_opened),
    case!(fd_20_nothing_beneath_a_granted_directory_can_be_written),
    case!(fd_22_the_host_lets_go_of_standard_output),
    case!(fd_22_the_host_lets_go_of_standard_input),
    case!(fd_23_the_host_lets_go_of_grants).each_layout(),
    case!(fd_24_a_grant_without_equals_sign_is_refused).also(&["FD-33"]),
    case!(fd_25_a_grant_without_a_name_is_refused),
    case!(fd_26_an_ill_formed_name_is_refused),
    case!(fd_27_two_names_of_one_variable_are_refused),
    case!(fd_28_a_number_that_isnt_one_is_refused),
    case!(fd_29_a_negative_number_is_refused),
    case!(fd_30_a_number_too_large_is_refused),
    case!(fd_31_a_descriptor_that_isnt_open_is_refused),
    case!(fd_32_what_the_host_opened_itself_is_refused),
];

fn fd_10_names_and_numbers_may_be_unusual(suite: &Suite<'_>) -> Verdict {
    let file = suite.file("file", "x")?;
    let long = "l".repeat(200);
    for (flag, variable) in [("_=9", "_"), ("a1_=9", "A1_"), ("Zz=0009", "ZZ"), (&format!("{long}=9"), &long)] {
        let run = suite.ww().flags(["--with-fd", flag]).place(9, &file).probe(["facts"]).run()?;
        let facts = run.facts()?;
        let number = facts.number(&format!("WW_FD_{}", variable.to_uppercase()));
        run.same(format!("what {flag} leads to"), number.and_then(|at| facts.identity(at)), Some(identity(&file)?))?;
    }
    Ok(())
}

fn fd_11_offset_and_flags_are_shared(suite: &Suite<'_>) -> Verdict {
    let mut file = suite.file("file", "0123456789")?;
    file.seek(std::io::SeekFrom::Start(3))?;
    fcntl(&file, FcntlArg::F_SETFL(OFlag::O_APPEND))?;
    let number = suite.layout().grant(1).to_string();
    let granted = || suite.ww().grant("a", 9).place(9, &file);
    let facts = granted().probe(["facts"]).run()?.facts()?;
    let fd = facts.fd(suite.layout().grant(1)).cloned();
    same("offset that the caller set", fd.as_ref().and_then(|fd| fd.offset), Some(3))?;
    let flags = fd.and_then(|fd| fd.flags).unwrap_or(0);
    holds("the caller's O_APPEND is set", flags & libc::O_APPEND != 0, flags)?;
    granted().probe(["seek-fd", &number, "7"]).run()?.deed()?.ok();
    same("offset that the cell set", (&file).stream_position()?, 7)?;
    granted().probe(["flag-fd", &number, &libc::O_NONBLOCK.to_string()]).run()?.deed()?.ok();
    let flags = fcntl(&file, FcntlArg::F_GETFL)?;
    holds("the cell's O_NONBLOCK is set in the caller", flags & libc::O_NONBLOCK != 0, flags)
}

fn fd_12_standard_descriptors_may_be_granted(suite: &Suite<'_>) -> Verdict {
    let (input, errors) = (suite.file("input", "x")?, suite.file("errors", "")?);
    let run = suite.ww().grant("out", 1).grant("in", 0).grant("err", 2).place(0, &input).place(2, &errors);
    let run = run.probe(["facts"]).run()?;
    let facts = run.facts()?;
    for (name, number) in [("OUT", 1), ("IN", 0), ("ERR", 2)] {
        let granted = facts.number(&format!("WW_FD_{name}")).and_then(|at| facts.identity(at));
        run.holds(format!("{name} is given"), granted.is_some())?;
        run.same(format!("{name} is fd {number}"), granted, facts.identity(number))?;
    }
    run.same("fd 0", facts.identity(0), Some(identity(&input)?))?;
    Ok(())
}

fn fd_13_a_closed_standard_descriptor_is_granted_as_null(suite: &Suite<'_>) -> Verdict {
    let report = suite.file("report", "")?;
    let to = suite.layout().grant(2).to_string();
    for number in [0, 1, 2] {
        report.set_len(0)?;
        let run = suite.ww().grant("a", number).grant("report", 9).place(9, &report).close(number);
        let run = run.probe(["facts-to", &to]).run()?;
        let facts = run.facts_in(&suite.path("files/report"))?;
        let fd = facts.number("WW_FD_A").and_then(|at| facts.fd(at));
        run.holds(format!("the grant of a closed {number} is /dev/null"), fd.is_some_and(|fd| fd.is_null()))?;
        (&report).rewind()?;
    }
    Ok(())
}

fn fd_14_one_descriptor_may_have_several_names(suite: &Suite<'_>) -> Verdict {
    let mut file = suite.file("file", "0123456789")?;
    for nth in [1, 2, 3] {
        let run = suite.ww().grant("a", 9).grant("b", 9).grant("c", 9).place(9, &file);
        let number = suite.layout().grant(nth).to_string();
        run.probe(["seek-fd", &number, &nth.to_string()]).run()?.deed()?.ok();
        same(format!("offset set through grant {nth}"), file.stream_position()?, u64::try_from(nth).unwrap_or(0))?;
    }
    Ok(())
}

/// A directory `granted` with `inner/file` in it, and a file `secret` beside it.
fn directory(suite: &Suite<'_>) -> Verdict<File> {
    let path = suite.path("files").join("granted");
    fs::create_dir_all(path.join("inner"))?;
    fs::write(path.join("inner/file"), "within")?;
    fs::write(suite.path("files").join("secret"), "above")?;
    if !path.join("way-out").is_symlink() {
        std::os::unix::fs::symlink(suite.path("files").join("secret"), path.join("way-out"))?;
    }
    Ok(File::open(path)?)
}

fn in_directory(suite: &Suite<'_>, deed: &[&str]) -> Verdict<Result<serde_json::Value, i32>> {
    let number = suite.layout().grant(1).to_string();
    let run = suite.ww().grant("d", 9).place(9, &directory(suite)?);
    run.probe([&[deed[0], number.as_str()], &deed[1..]].concat()).run()?.deed()
}

fn fd_18_a_granted_directory_can_be_read(suite: &Suite<'_>) -> Verdict {
    same("its names", in_directory(suite, &["list-at", "."])?, Ok(serde_json::json!(["inner", "way-out"])))?;
    same("a file in it", in_directory(suite, &["open-at", "inner/file"])?, Ok("within".into()))
}

fn fd_19_nothing_above_a_granted_directory_can_be_opened(suite: &Suite<'_>) -> Verdict {
    let absolute = suite.path("files").join("secret");
    let absolute = absolute.to_string_lossy();
    for path in ["../secret", "inner/../../secret", "way-out", &absolute] {
        let opened = in_directory(suite, &["open-at", path])?;
        holds(format!("{path} can't be read from the grant"), opened.is_err(), opened)?;
    }
    let listed = in_directory(suite, &["list-at", ".."])?;
    let secret = listed.as_ref().is_ok_and(|names| names.to_string().contains("secret"));
    holds("the directory above can't be listed", !secret, listed)
}

fn fd_20_nothing_beneath_a_granted_directory_can_be_written(suite: &Suite<'_>) -> Verdict {
    for deed in
        [["create-at", "new"], ["create-at", "inner/new"], ["create-at", "inner/file"], ["remove-at", "inner/file"]]
    {
        let done = in_directory(suite, &deed)?;
        holds(format!("{deed:?} is refused"), done.is_err(), done)?;
    }
    let granted = suite.path("files").join("granted");
    same("the file", fs::read_to_string(granted.join("inner/file"))?, "within".to_owned())?;
    holds("nothing was made", !granted.join("new").exists() && !granted.join("inner/new").exists(), granted)
}

/// How long an end may take to be seen; it is a matter of milliseconds.
const SOON: Duration = Duration::from_secs(10);

fn fd_22_the_host_lets_go_of_standard_output(suite: &Suite<'_>) -> Verdict {
    let run = suite.ww().probe(["close-then-wait", "7", "0", "1"]).with_input().start()?;
    run.output_ends(suite.patience(SOON))?;
    holds("the run goes on", !run.ends_within(0), "it ended")?;
    run.finish()?.exits(7)?;
    Ok(())
}

fn fd_22_the_host_lets_go_of_standard_input(suite: &Suite<'_>) -> Verdict {
    let (held, holder) = pipe2(OFlag::O_CLOEXEC)?;
    let number = suite.layout().grant(1).to_string();
    let run = suite
        .ww()
        .grant("wait", 9)
        .place(9, &held)
        .probe(["close-then-wait", "7", &number, "0"])
        .with_input()
        .start()?;
    drop(held);
    run.input_is_dropped(suite.patience(SOON))?;
    holds("the run goes on", !run.ends_within(0), "it ended")?;
    drop(holder);
    run.finish()?.exits(7)?;
    Ok(())
}

fn fd_23_the_host_lets_go_of_grants(suite: &Suite<'_>) -> Verdict {
    let (reader, writer) = pipe2(OFlag::O_CLOEXEC)?;
    let number = suite.layout().grant(1).to_string();
    let run = suite
        .ww()
        .grant("w", 9)
        .place(9, &writer)
        .probe(["close-then-wait", "7", "0", &number])
        .with_input()
        .start()?;
    drop(writer);
    let seen = crate::capture::Capture::of(reader);
    if !seen.wait_for_end(suite.patience(SOON)) {
        return fail(
            "the reader of a granted pipe sees its end when the cell closes it",
            format!("none within {SOON:?}"),
        );
    }
    holds("the run goes on", !run.ends_within(0), "it ended")?;
    run.finish()?.exits(7)?;
    Ok(())
}

/// Checks that a `--with-fd` is refused by its phrase, and the message names flag and value.
fn refused(suite: &Suite<'_>, values: &[&str]) -> Verdict {
    let file = suite.file("file", "x")?;
    for value in values {
        let run = suite.ww().flags(["--with-fd", value]).place(9, &file).probe(["facts"]).run()?;
        run.refuses(2, "fd flag processing failed", value)?;
    }
    Ok(())
}

fn fd_24_a_grant_without_equals_sign_is_refused(suite: &Suite<'_>) -> Verdict {
    refused(suite, &["db", "9", "db9"])?;
    let file = suite.file("file", "x")?;
    let run = suite.ww().flags(["--with-fd", "fine=9", "--with-fd", "wrong"]).place(9, &file).probe(["facts"]).run()?;
    run.refuses(2, "fd flag processing failed", "wrong")?;
    let line = run.first_line();
    let after = line.split_once("wrong").map_or("", |(_, rest)| rest);
    run.holds("the line gives a cause after the flag", after.chars().filter(|char| char.is_alphabetic()).count() > 1)?;
    Ok(())
}

fn fd_25_a_grant_without_a_name_is_refused(suite: &Suite<'_>) -> Verdict {
    refused(suite, &["=9"])
}

fn fd_26_an_ill_formed_name_is_refused(suite: &Suite<'_>) -> Verdict {
    refused(suite, &["1db=9", "d-b=9", "d b=9", "dö=9", "d.b=9", " db=9", "db =9"])
}

fn fd_27_two_names_of_one_variable_are_refused(suite: &Suite<'_>) -> Verdict {
    let file = suite.file("file", "x")?;
    for [one, two] in [["db", "DB"], ["db", "db"], ["Cache_1", "cAche_1"]] {
        let run = suite.ww().grant(one, 9).grant(two, 8).place(9, &file).place(8, &file).probe(["facts"]).run()?;
        run.refuses(2, "fd flag processing failed", two)?;
    }
    Ok(())
}

fn fd_28_a_number_that_isnt_one_is_refused(suite: &Suite<'_>) -> Verdict {
    refused(suite, &["db=", "db=nine", "db=9x", "db= 9", "db=9 ", "db=+9", "db=0x9", "db=9.0", "db==9"])
}

fn fd_29_a_negative_number_is_refused(suite: &Suite<'_>) -> Verdict {
    refused(suite, &["db=-1", "db=-9", "db=-0"])
}

fn fd_30_a_number_too_large_is_refused(suite: &Suite<'_>) -> Verdict {
    refused(suite, &["db=2147483648", "db=4294967305", "db=18446744073709551625", "db=99999999999999999999999999"])
}

fn fd_31_a_descriptor_that_isnt_open_is_refused(suite: &Suite<'_>) -> Verdict {
    refused(suite, &["db=8", "db=10", "db=999", "db=2147483647"])
}

fn fd_32_what_the_host_opened_itself_is_refused(suite: &Suite<'_>) -> Verdict {
    let values: Vec<String> = (3..=8).chain(10..=14).map(|number| format!("db={number}")).collect();
    refused(suite, &values.iter().map(String::as_str).collect::<Vec<_>>())
}
