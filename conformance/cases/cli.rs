//! The command line: what is the host's, what is the cell's, and what is refused.

use std::net::TcpListener;
use std::os::unix::ffi::OsStrExt;

use crate::ended::Ended;
use crate::facts::escaped;
use crate::registry::{Case, case};
use crate::suite::Suite;
use crate::verdict::{Verdict, fail, same};

pub(crate) const CASES: &[Case] = &[
    case!(cli_01_run_starts_a_program).also(&["EXEC-01"]),
    case!(cli_02_arguments_arrive_byte_for_byte),
    case!(cli_03_options_after_the_program_are_its_own),
    case!(cli_04_two_dashes_end_the_options),
    case!(cli_05_a_program_is_needed),
    case!(cli_06_an_unknown_option_is_refused),
    case!(cli_07_an_option_without_its_value_is_refused),
    case!(cli_08_usage_errors_come_before_anything_is_done),
    case!(cli_09_the_first_usage_error_is_reported),
    case!(cli_10_ten_thousand_arguments_arrive),
    case!(cli_11_too_much_for_the_kernel_is_an_error),
    case!(cli_11_a_large_environment_arrives_whole_or_not_at_all),
];

/// A CID that parses; no node has it.
pub(crate) const NOWHERE: &str = "/ipfs/QmYwAPJzv5CZsnA625s3Xf2nemtYgPpHdWEz79ojWnPbdG";

fn cli_01_run_starts_a_program(suite: &Suite<'_>) -> Verdict {
    suite.ww().probe(["print", "it runs"]).run()?.exits(0)?.prints("it runs")?.is_silent()?;
    Ok(())
}

fn cli_02_arguments_arrive_byte_for_byte(suite: &Suite<'_>) -> Verdict {
    let args: [&[u8]; 8] = [b"", b"two words", b"\n", b"\xff\xfe\x01", b" ", b"'\"\\$HOME", b"", "ü".as_bytes()];
    let run = suite.ww().probe([&[&b"facts"[..]], &args[..]].concat()).run()?;
    run.same("arguments", run.facts()?.rest(), &args.map(escaped)[..])?;
    Ok(())
}

fn cli_03_options_after_the_program_are_its_own(suite: &Suite<'_>) -> Verdict {
    let args = ["--help", "-h", "--env", "A=1", "--with-fd", "db=9", "--", "--ipfs", "--version", "-x", "--"];
    let run = suite.ww().probe([&["facts"], &args[..]].concat()).run()?;
    let facts = run.facts()?;
    run.same("arguments", facts.rest(), &args.map(str::to_owned)[..])?;
    run.same("open descriptors", facts.numbers(), vec![0, 1, 2, 3])?;
    run.same("variables", facts.values("A"), vec![])?;
    Ok(())
}

fn cli_04_two_dashes_end_the_options(suite: &Suite<'_>) -> Verdict {
    let run = suite.ww().flags(["--env", "A=1", "--"]).probe(["facts", "x"]).run()?;
    let facts = run.facts()?;
    run.same("its own name", facts.argv[0].as_bytes(), suite.probe().as_os_str().as_bytes())?;
    run.same("arguments", facts.rest(), &["x".to_owned()][..])?;
    suite.probe_at("cwd/--env")?;
    let run = suite.ww().flags(["--", "--env", "facts", "A=1"]).run()?;
    run.same("arguments", run.facts()?.rest(), &["A=1".to_owned()][..])?;
    Ok(())
}

fn cli_05_a_program_is_needed(suite: &Suite<'_>) -> Verdict {
    suite.ww().run()?.refuses(2, "", "")?;
    suite.ww().flags(["--env", "A=1"]).run()?.refuses(2, "", "")?;
    suite.ww().flags(["--"]).run()?.refuses(2, "", "")?;
    Ok(())
}

fn cli_06_an_unknown_option_is_refused(suite: &Suite<'_>) -> Verdict {
    for option in ["--unknown-option", "-Q", "--with-fds", "--Env"] {
        suite.ww().flags([option]).probe(["facts"]).run()?.refuses(2, "", option)?;
    }
    Ok(())
}

fn cli_07_an_option_without_its_value_is_refused(suite: &Suite<'_>) -> Verdict {
    for option in ["--env", "--with-fd", "--ipfs"] {
        suite.ww().flags([option]).run()?.refuses(2, "", option)?;
    }
    Ok(())
}

fn cli_08_usage_errors_come_before_anything_is_done(suite: &Suite<'_>) -> Verdict {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    listener.set_nonblocking(true)?;
    let endpoint = format!("/ip4/127.0.0.1/tcp/{}/http", listener.local_addr()?.port());
    for wrong in [["--with-fd", "db"], ["--env", "=x"], ["--env", "WW_RPC_FD=1"], ["--unknown-option", "x"]] {
        let run = suite.ww().flags(["--ipfs", &endpoint]).flags(wrong).binary(NOWHERE, ["facts"]).run()?;
        run.refuses(2, if wrong[0] == "--with-fd" { "fd flag processing failed" } else { "" }, "")?;
        if let Ok((_, peer)) = listener.accept() {
            return fail(
                "nothing is dialled before a usage error is found",
                format!("a connection from {peer}: {wrong:?}"),
            );
        }
    }
    Ok(())
}

fn cli_09_the_first_usage_error_is_reported(suite: &Suite<'_>) -> Verdict {
    let wrong = [["--env", "=first"], ["--with-fd", "second"], ["--env", "WW_FD_THIRD=1"], ["--with-fd", "fourth=x"]];
    for (at, first) in wrong.iter().enumerate() {
        for then in wrong.iter().skip(at + 1).chain(&wrong[..at]) {
            let run = suite.ww().flags(first).flags(then).probe(["facts"]).run()?;
            let phrase = if first[0] == "--with-fd" { "fd flag processing failed" } else { "" };
            run.refuses(2, phrase, first[1])?;
            run.holds(format!("the line doesn't speak of {}", then[1]), !run.first_line().contains(then[1]))?;
        }
    }
    Ok(())
}

fn cli_10_ten_thousand_arguments_arrive(suite: &Suite<'_>) -> Verdict {
    let args: Vec<String> = (0..10_000).map(|at| format!("argument-{at}")).collect();
    let run = suite.ww().probe(["facts"]).flags(&args).run()?;
    let facts = run.facts()?;
    same("number of arguments", facts.rest().len(), args.len())?;
    same("first argument that differs", facts.rest().iter().zip(&args).find(|(got, sent)| got != sent), None)
}

/// Checks a refusal of what the kernel takes no more of, in whatever words.
fn is_too_much(run: &Ended) -> Verdict {
    run.refuses(126, "", "")?;
    let line = run.first_line().to_lowercase();
    let words = ["too long", "too large", "too big", "too much", "too many", "e2big", "exceed", "at most", "limit"];
    run.holds("the line says that it is too much", words.iter().any(|word| line.contains(word)))?;
    Ok(())
}

fn cli_11_too_much_for_the_kernel_is_an_error(suite: &Suite<'_>) -> Verdict {
    // One string of execve(2) is at most 128 KiB with its end. This name fits one with `=9`; the
    // variable that it makes, six bytes longer, doesn't.
    let name = "n".repeat(128 * 1024 - 4);
    let file = suite.file("file", "x")?;
    let run = suite.ww().flags(["--with-fd", &format!("{name}=9")]).place(9, &file).probe(["facts"]).run()?;
    is_too_much(&run)
}

fn cli_11_a_large_environment_arrives_whole_or_not_at_all(suite: &Suite<'_>) -> Verdict {
    // Arguments and environment together are at most a quarter of the stack's limit, 6 MiB at most:
    // they fit the host, which has much stack, and don't fit a cell that has the usual 8 MiB.
    let value = "x".repeat(120 * 1024);
    let mut run = suite.ww().limit(libc::RLIMIT_STACK, 512 << 20, Some(512 << 20));
    for at in 0..40 {
        run = run.flags(["--env", &format!("LARGE_{at}={value}")]);
    }
    let run = run.probe(["facts"]).run()?;
    if run.report.code == Some(0) {
        let whole = run.facts()?.env.iter().filter(|entry| entry.len() > value.len()).count();
        run.same("large variables that arrived", whole, 40)?;
        return Ok(());
    }
    is_too_much(&run)
}
