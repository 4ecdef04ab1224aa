//! Standard streams, and what else of its caller a cell doesn't inherit.

use std::io::{Seek, SeekFrom};

use nix::fcntl::OFlag;
use nix::unistd::pipe2;

use crate::facts::identity;
use crate::registry::{Case, case};
use crate::suite::Suite;
use crate::verdict::{Verdict, same};

pub(crate) const CASES: &[Case] = &[
    case!(stdio_01_standard_input_is_the_callers),
    case!(stdio_02_standard_output_is_the_callers).also(&["STDIO-03"]),
    case!(stdio_04_streams_are_the_same_open_files),
    case!(stdio_05_closed_streams_are_null),
    case!(stdio_09_signals_are_as_by_default),
    case!(stdio_10_the_umask_is_022),
    case!(stdio_11_supplementary_groups_dont_come_along),
    case!(stdio_12_soft_limits_dont_come_along),
];

fn stdio_01_standard_input_is_the_callers(suite: &Suite<'_>) -> Verdict {
    let mut run = suite.ww().probe(["cat-fd", "0"]).with_input().start()?;
    run.say("one\n")?;
    run.say("two")?;
    let run = run.finish()?;
    run.same("what the cell read", run.deed()?, Ok("one\\ntwo".into()))?;
    let large = "0123456789abcdef".repeat(64 * 1024);
    let file = suite.file("large", &large)?;
    suite.ww().flags(["/bin/cat"]).place(0, &file).run()?.exits(0)?.prints(&large)?;
    Ok(())
}

fn stdio_02_standard_output_is_the_callers(suite: &Suite<'_>) -> Verdict {
    suite.ww().probe(["print", "out, no line break"]).run()?.exits(0)?.prints("out, no line break")?.is_silent()?;
    let run = suite.ww().probe(["print-error", "err, no line break"]).run()?;
    run.exits(0)?.prints("")?;
    // That the host says nothing of its own is a ruling's word.
    let text = b"err, no line break";
    let alone = !suite.judges("MSG-09") || run.stderr.len() == text.len();
    run.holds("the cell's words on standard error", run.stderr.ends_with(text) && alone)?;
    Ok(())
}

fn stdio_04_streams_are_the_same_open_files(suite: &Suite<'_>) -> Verdict {
    let mut input = suite.file("input", "0123456789")?;
    input.seek(SeekFrom::Start(4))?;
    let (output, errors) = (suite.file("output", "")?, pipe2(OFlag::O_CLOEXEC)?);
    let run = suite.ww().probe(["facts"]).place(0, &input).place(1, &output).place(2, &errors.1).run()?;
    let facts = run.facts_in(&suite.path("files/output"))?;
    run.same("fd 0", facts.identity(0), Some(identity(&input)?))?;
    run.same("fd 1", facts.identity(1), Some(identity(&output)?))?;
    run.same("fd 2", facts.identity(2), Some(identity(&errors.1)?))?;
    run.same("offset of fd 0", facts.fd(0).and_then(|fd| fd.offset), Some(4))?;
    suite.ww().probe(["seek-fd", "0", "9"]).place(0, &input).run()?.deed()?.ok();
    same("offset that the cell set", input.stream_position()?, 9)
}

fn stdio_05_closed_streams_are_null(suite: &Suite<'_>) -> Verdict {
    let to = suite.layout().grant(1).to_string();
    for closed in [&[0][..], &[1], &[2], &[0, 1], &[1, 2], &[0, 2], &[0, 1, 2]] {
        let report = suite.file("report", "")?;
        let run = suite.ww().grant("report", 9).place(9, &report).probe(["facts-to", &to]);
        let run = closed.iter().fold(run, |run, number| run.close(*number)).run()?;
        let facts = run.facts_in(&suite.path("files/report"))?;
        for number in closed {
            let null = facts.fd(*number).is_some_and(|fd| fd.is_null());
            run.holds(format!("fd {number} is /dev/null where {closed:?} were closed"), null)?;
        }
        run.same("open descriptors", facts.numbers(), vec![0, 1, 2, 3, 4])?;
    }
    Ok(())
}

fn stdio_09_signals_are_as_by_default(suite: &Suite<'_>) -> Verdict {
    let plain = suite.ww().probe(["facts"]);
    let all = (1..=31).filter(|signal| ![libc::SIGKILL, libc::SIGSTOP].contains(signal));
    let run = all.fold(plain, |run, signal| run.ignoring(signal).blocking(signal)).run()?;
    let signals = run.facts()?.signals;
    run.same("ignored", signals.ignored, vec![])?.same("blocked", signals.blocked, vec![])?;
    run.same("caught", signals.caught, vec![])?;
    Ok(())
}

fn stdio_10_the_umask_is_022(suite: &Suite<'_>) -> Verdict {
    for mask in [0o022, 0, 0o077, 0o777] {
        let run = suite.ww().umask(mask).probe(["facts"]).run()?;
        run.same(format!("umask, the caller's being {mask:o}"), run.facts()?.umask, 0o022)?;
    }
    Ok(())
}

fn stdio_11_supplementary_groups_dont_come_along(suite: &Suite<'_>) -> Verdict {
    let run = suite.ww().groups(&[4, 24, 27, 1234]).probe(["facts"]).run()?;
    let facts = run.facts()?;
    // The kernel shows a group that the cell's namespace doesn't know as 65534.
    let own = facts.ids.gid;
    let foreign: Vec<u32> =
        facts.groups.unwrap_or(vec![u32::MAX]).into_iter().filter(|group| !own.contains(group)).collect();
    run.same("groups besides its own", foreign, vec![])?;
    Ok(())
}

fn stdio_12_soft_limits_dont_come_along(suite: &Suite<'_>) -> Verdict {
    let usual = suite.ww().probe(["facts"]).run()?.facts()?.limits;
    let lowered = [
        ("nofile", libc::RLIMIT_NOFILE, 64),
        ("stack", libc::RLIMIT_STACK, 1 << 20),
        ("fsize", libc::RLIMIT_FSIZE, 1 << 30),
        ("cpu", libc::RLIMIT_CPU, 1000),
        ("data", libc::RLIMIT_DATA, 1 << 30),
    ];
    for (name, resource, value) in lowered {
        let run = suite.ww().soft_limit(resource, value).probe(["facts"]).run()?;
        let soft = |limits: &std::collections::BTreeMap<_, Option<[i64; 2]>>| {
            limits.get(name).copied().flatten().map(|limit| limit[0])
        };
        run.same(format!("soft limit `{name}`"), soft(&run.facts()?.limits), soft(&usual))?;
    }
    Ok(())
}
