//! Bounds that were asked for: `--timeout`, `--memory`, `--pids`.
//!
//! The probe's bombs take no more than they are told to, so that an implementation without bounds costs its
//! machine no more than that.

use std::fs;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::adapter::Caller;
use crate::ended::Ended;
use crate::registry::{Case, case};
use crate::suite::Suite;
use crate::verdict::{Stop, Verdict, fail, holds, same};

pub(crate) const CASES: &[Case] = &[
    case!(limit_06_sigterm_comes_and_then_sigkill),
    case!(limit_06_who_ends_at_sigterm_isnt_waited_for),
    case!(limit_06_a_stopped_cell_ends_too),
    case!(limit_06_what_it_started_ends_with_it),
    case!(limit_07_is_124_however_it_ended),
    case!(limit_07_who_is_in_time_keeps_their_code),
    case!(limit_08_memory_of_one_process),
    case!(limit_08_memory_of_all_together),
    case!(limit_09_processes_are_counted),
    case!(limit_09_threads_are_counted),
    case!(limit_09_other_runs_dont_count),
    case!(limit_10_what_is_ill_formed_is_a_usage_error),
    case!(limit_10_units_of_time),
    case!(limit_10_units_of_size),
    case!(limit_12_without_cgroups_memory_isnt_promised),
];

/// How long a run whose time is over may take to end when nothing keeps it.
const SOON: Duration = Duration::from_secs(4);

/// After how long a run is hung: these take seconds on purpose.
const PATIENCE: Duration = Duration::from_secs(90);

/// How long a run took that `--timeout` is to end.
pub(super) fn timed(suite: &Suite<'_>, time: &str, probe: &[&str]) -> Verdict<(Ended, Duration)> {
    let start = Instant::now();
    let run = suite.ww().flags(["--timeout", time]).at_most(PATIENCE).probe(probe).with_input().start()?;
    // Standard input stays open until the run has ended by itself.
    let ended = run.ends_within(20_000);
    let took = start.elapsed();
    let run = run.finish()?;
    run.holds("--timeout ends the run", ended)?;
    Ok((run, took))
}

fn limit_06_sigterm_comes_and_then_sigkill(suite: &Suite<'_>) -> Verdict {
    let start = Instant::now();
    let run =
        suite.ww().flags(["--timeout", "1s"]).at_most(PATIENCE).probe(["catch", "0", "15"]).with_input().start()?;
    run.hears("ready", 1)?;
    run.hears("caught 15", 1)?;
    let heard = start.elapsed();
    holds("SIGTERM comes when the time is over", heard >= Duration::from_secs(1), heard)?;
    let ended = run.ends_within(15_000);
    let took = start.elapsed();
    run.finish()?.holds("SIGKILL comes", ended)?;
    let late = Duration::from_secs(6)..Duration::from_secs(11);
    holds("SIGKILL comes 5 s after SIGTERM, which comes after 1", late.contains(&took), took)
}

fn limit_06_who_ends_at_sigterm_isnt_waited_for(suite: &Suite<'_>) -> Verdict {
    let (run, took) = timed(suite, "500ms", &["pause"])?;
    run.prints("ready\n")?;
    holds("the run ends with the cell", took < SOON, took)
}

fn limit_06_a_stopped_cell_ends_too(suite: &Suite<'_>) -> Verdict {
    let (run, took) = timed(suite, "500ms", &["stop-self"])?;
    run.holds("it ran", run.stdout.starts_with(b"ready\n"))?;
    holds("a stopped cell hears SIGTERM at once", took < SOON, took)
}

fn limit_06_what_it_started_ends_with_it(suite: &Suite<'_>) -> Verdict {
    let (run, _) = timed(suite, "500ms", &["grandchild"])?;
    run.prints("ready\n")?;
    same("processes that are left", run.report.left.len() + run.report.killed.len(), 0)
}

/// The `exited` line of a run whose time is over, and how it ended.
fn told(suite: &Suite<'_>, probe: &[&str]) -> Verdict<Value> {
    let file = suite.file("status", "")?;
    let run = suite.ww().flags(["--timeout", "500ms", "--status-fd", "9"]).place(9, &file);
    let run = run.at_most(PATIENCE).probe(probe).with_input().start()?;
    holds("--timeout ends the run", run.ends_within(20_000), probe)?;
    run.finish()?.exits(124)?;
    let text = fs::read_to_string(suite.path("files/status"))?;
    let last = text.lines().last().map(serde_json::from_str);
    match last {
        Some(Ok(line)) => Ok(line),
        other => fail("an `exited` line", format!("{other:?}: {text:?}")),
    }
}

fn limit_07_is_124_however_it_ended(suite: &Suite<'_>) -> Verdict {
    for (probe, signal) in [
        (&["pause"][..], json!(15)),
        (&["catch-exit", "0", "15"], json!(null)),
        (&["catch-exit", "3", "15"], json!(null)),
        (&["catch", "0", "15"], json!(9)),
    ] {
        let line = told(suite, probe)?;
        same("the code that is told", &line["code"], &json!(124))?;
        same("the signal that is told", &line["signal"], &signal)?;
    }
    Ok(())
}

fn limit_07_who_is_in_time_keeps_their_code(suite: &Suite<'_>) -> Verdict {
    for code in [0, 7, 124, 143] {
        suite.ww().flags(["--timeout", "1m"]).probe(["exit", &code.to_string()]).run()?.exits(code)?.is_silent()?;
    }
    suite.ww().flags(["--timeout", "1m"]).probe(["signal", "15"]).run()?.exits(143)?;
    Ok(())
}

/// How many MiB a bomb got; none, where it was killed.
pub(super) fn got(run: &Ended) -> Verdict<u64> {
    match run.report.code {
        Some(0) => run.deed().map(|deed| deed.ok().and_then(|value| value.as_u64()).unwrap_or(0)),
        _ => run.holds("the cell was killed, or said what it got", run.report.code == Some(137)).map(|_| 0),
    }
}

/// A run with `--memory`, of root where the suite is: where it isn't, this machine may have nothing for it.
pub(super) fn with_memory(suite: &Suite<'_>, size: &str, probe: &[&str]) -> Verdict<Ended> {
    let run = suite.ww().flags(["--memory", size]);
    let run = if nix::unistd::geteuid().is_root() { run.by(Caller::Root) } else { run };
    let run = run.probe(probe).run()?;
    if run.report.code == Some(1) && run.stdout.is_empty() && run.first_line().contains("--memory") {
        return Err(Stop::NotVerifiable(format!("--memory can't be enforced here: {}", run.first_line())));
    }
    Ok(run)
}

fn limit_08_memory_of_one_process(suite: &Suite<'_>) -> Verdict {
    for how in ["private", "shared", "file"] {
        let run = with_memory(suite, "64M", &["memory", how, "1", "40"])?;
        run.same("what fits is had", run.deed()?, Ok(json!(40)))?;
        let run = with_memory(suite, "64M", &["memory", how, "1", "128"])?;
        holds(format!("128 MiB ({how}) don't fit into 64M"), got(&run)? <= 64, run.story())?;
    }
    Ok(())
}

fn limit_08_memory_of_all_together(suite: &Suite<'_>) -> Verdict {
    let run = with_memory(suite, "64M", &["memory", "private", "4", "8"])?;
    run.same("what fits is had", run.deed()?, Ok(json!(32)))?;
    let run = with_memory(suite, "64M", &["memory", "private", "4", "40"])?;
    holds("four times 40 MiB don't fit into 64M", got(&run)? <= 64, run.story())
}

fn limit_09_processes_are_counted(suite: &Suite<'_>) -> Verdict {
    for most in [10, 100] {
        let run = suite.ww().flags(["--pids", &most.to_string()]).probe(["processes", "200"]).run()?;
        let children = run.deed()?.ok().and_then(|value| value.as_u64()).unwrap_or(0);
        run.holds(format!("{children} children are what {most} leave"), (most / 2..most).contains(&children))?;
    }
    Ok(())
}

fn limit_09_threads_are_counted(suite: &Suite<'_>) -> Verdict {
    let run = suite.ww().flags(["--pids", "20"]).probe(["threads", "200"]).run()?;
    let threads = run.deed()?.ok().and_then(|value| value.as_u64()).unwrap_or(0);
    run.holds(format!("{threads} threads are what 20 leave"), (10..20).contains(&threads))?;
    Ok(())
}

fn limit_09_other_runs_dont_count(suite: &Suite<'_>) -> Verdict {
    for caller in callers() {
        let bounded = || suite.ww().by(caller).flags(["--pids", "50"]);
        let alone = bounded().probe(["processes", "200"]).run()?.deed()?;
        let first = bounded().probe(["processes-held", "200"]).with_input().start()?;
        first.hears("holds", 1)?;
        let beside = bounded().probe(["processes", "200"]).run()?.deed()?;
        first.finish()?.exits(0)?;
        same("children of a run beside another", &beside, &alone)?;
        holds("it has some", alone.as_ref().is_ok_and(|count| count.as_u64() >= Some(25)), &alone)?;
    }
    Ok(())
}

/// Who a bound has to hold for: an ordinary user, and root where the suite is run by it.
pub(super) fn callers() -> impl Iterator<Item = Caller> {
    [Caller::Ordinary, Caller::Root].into_iter().take(1 + usize::from(nix::unistd::geteuid().is_root()))
}

fn limit_10_what_is_ill_formed_is_a_usage_error(suite: &Suite<'_>) -> Verdict {
    let times = ["", "s", "-1s", "1.5s", "1d", "1 s", "1S", "one", "1sm", "+1", "99999999999999999999"];
    let sizes = ["", "K", "-1", "1.5G", "1k", "1T", "1MB", "1 M", "0x10", "99999999999G"];
    let counts = ["", "-1", "1K", "1.5", "many", "99999999999999999999"];
    let all = [("--timeout", &times[..]), ("--memory", &sizes), ("--pids", &counts)];
    for (flag, value) in all.into_iter().flat_map(|(flag, values)| values.iter().map(move |value| (flag, value))) {
        // A value that looks like a flag has to stand in one word with its own.
        let word = format!("{flag}={value}");
        let words = if value.starts_with('-') { vec![word.as_str()] } else { vec![flag, value] };
        suite.ww().flags(words).probe(["print", "ran"]).run()?.refuses(2, "", flag)?;
    }
    Ok(())
}

fn limit_10_units_of_time(suite: &Suite<'_>) -> Verdict {
    for time in ["9000ms", "60", "60s", "1m", "1h", "2400h"] {
        suite.ww().flags(["--timeout", time]).probe(["print", "x"]).run()?.exits(0)?.prints("x")?.is_silent()?;
    }
    for (time, least) in [("300ms", 300), ("1", 1_000), ("1s", 1_000)] {
        let (_, took) = timed(suite, time, &["pause"])?;
        let wanted = Duration::from_millis(least)..Duration::from_millis(least) + SOON;
        holds(format!("--timeout {time} ends a run after {least} ms"), wanted.contains(&took), took)?;
    }
    Ok(())
}

fn limit_10_units_of_size(suite: &Suite<'_>) -> Verdict {
    // 250 MiB are more than 256 times a million bytes are.
    for size in ["256M", "262144K", "268435456"] {
        let run = with_memory(suite, size, &["memory", "private", "1", "248"])?;
        run.same(format!("248 MiB fit into {size}"), run.deed()?, Ok(json!(248)))?;
        let run = with_memory(suite, size, &["memory", "private", "1", "300"])?;
        holds(format!("300 MiB don't fit into {size}"), got(&run)? <= 256, run.story())?;
    }
    let run = with_memory(suite, "1G", &["memory", "private", "1", "300"])?;
    run.same("300 MiB fit into 1G", run.deed()?, Ok(json!(300)))?;
    Ok(())
}

fn limit_12_without_cgroups_memory_isnt_promised(suite: &Suite<'_>) -> Verdict {
    let hide = "mount -t tmpfs -o mode=755 none /sys/fs/cgroup && exec \"$@\"";
    let outer = ["/usr/bin/unshare", "--mount", "/bin/sh", "-c", hide, "sh"];
    for caller in callers() {
        let words = suite.ww().words().to_vec();
        let bounded = |mib: &str| {
            let run = match caller {
                Caller::Root => suite.command(outer).flags(&words).by(caller),
                _ => suite.ww().by(caller),
            };
            run.flags(["--memory", "64M"]).probe(["memory", "private", "1", mib]).run()
        };
        let run = bounded("32")?;
        if run.report.code == Some(1) {
            run.refuses(1, "", "--memory")?;
            continue;
        }
        // Who has another means may promise it, and has to keep it.
        run.same("64M are promised, and what fits is had", run.deed()?, Ok(json!(32)))?;
        let run = bounded("128")?;
        holds("64M are promised, and 128 MiB aren't had", got(&run)? <= 64, run.story())?;
    }
    Ok(())
}
