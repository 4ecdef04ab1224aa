//! Sources that are broken, each in every way: nothing of theirs runs, and they keep no other source from serving.

use std::io::Write;
use std::time::{Duration, Instant};

use crate::cases::ipfs::nobody;
use crate::cases::ipfs_faults::hasty;
use crate::cases::sources::{PHRASE, script};
use crate::fake::{Fake, Fault, broken_daemon, broken_gateway, gateway, honest_gateway};
use crate::registry::{Case, case};
use crate::suite::Suite;
use crate::verdict::{Verdict, holds};

pub(crate) const CASES: &[Case] = &[
    case!(store_35_nothing_of_a_broken_gateway_runs).also(&["EXIT-11"]),
    case!(store_35_nothing_of_a_broken_daemon_runs).also(&["EXIT-11"]),
    case!(store_37_a_broken_daemon_keeps_no_gateway_from_serving),
    case!(store_37_a_broken_gateway_keeps_no_other_from_serving),
    case!(store_38_a_slow_source_is_not_waited_for),
    case!(store_39_one_that_lied_is_not_asked_again),
];

/// A URL of a host that no resolver knows (RFC 6761 §6.4).
const UNKNOWN: &str = "http://gateway.invalid:8080";

/// How a source is broken, the flags that name it, and what stands behind them.
type Broken = (String, Vec<String>, Option<Fake>);

fn flag(name: &str, value: impl Into<String>) -> Vec<String> {
    vec![name.into(), value.into()]
}

/// A gateway broken in each way, and one that can't be reached.
fn gateways(suite: &Suite<'_>) -> Verdict<Vec<Broken>> {
    let node = suite.node()?;
    let broken = |fault| -> Verdict<Broken> {
        let fake = broken_gateway(node, fault)?;
        Ok((format!("a gateway: {fault:?}"), flag("--gateway", fake.url()), Some(fake)))
    };
    let mut all = Fault::ALL.into_iter().map(broken).collect::<Verdict<Vec<_>>>()?;
    all.push(("a gateway: an unknown host".into(), flag("--gateway", UNKNOWN), None));
    let port = nobody()?.rsplit('/').next().unwrap_or_default().to_owned();
    all.push(("a gateway: refused".into(), flag("--gateway", format!("http://127.0.0.1:{port}")), None));
    Ok(all)
}

/// A daemon broken in each way, and one that can't be reached.
fn daemons(suite: &Suite<'_>) -> Verdict<Vec<Broken>> {
    let node = suite.node()?;
    let broken = |fault| -> Verdict<Broken> {
        let fake = broken_daemon(node, fault)?;
        Ok((format!("a daemon: {fault:?}"), flag("--ipfs", fake.endpoint()), Some(fake)))
    };
    let mut all = Fault::ALL.into_iter().map(broken).collect::<Verdict<Vec<_>>>()?;
    all.push(("a daemon: an unknown host".into(), flag("--ipfs", UNKNOWN), None));
    all.push(("a daemon: refused".into(), flag("--ipfs", nobody()?), None));
    Ok(all)
}

/// Runs with each of these flags, some at once as all wait more than they work; nothing may run.
fn all_refused(suite: &Suite<'_>, broken: &[Broken], path: &str) -> Verdict {
    for some in broken.chunks(5) {
        let mut started = Vec::new();
        for (what, flags, _) in some {
            let by_gateway = flags[0] == "--gateway";
            let run = suite.ww().flags(if by_gateway { flag("--ipfs", nobody()?) } else { vec![] }).flags(flags);
            // What another one has isn't what this one left: that is looked for in the end.
            started.push((what, hasty(suite, run).may_leave_files().binary(path, ["a", "b c"]).start()?));
        }
        for (what, run) in started {
            let run = run.finish()?;
            run.holds(what, run.report.code == Some(1))?;
            run.refuses(1, PHRASE, path)?;
        }
    }
    left_nothing(suite)
}

fn left_nothing(suite: &Suite<'_>) -> Verdict {
    let left: Vec<_> = std::fs::read_dir(suite.path("tmp"))?.flatten().map(|entry| entry.path()).collect();
    holds("nothing is left of all", left.is_empty(), left)
}

/// The same, with an honest gateway after: each runs.
fn all_served(suite: &Suite<'_>, broken: &[Broken], path: &str) -> Verdict {
    let honest = honest_gateway(suite.node()?)?;
    for some in broken.chunks(5) {
        let mut started = Vec::new();
        for (what, flags, _) in some {
            let by_gateway = flags[0] == "--gateway";
            let run = suite.ww().flags(if by_gateway { flag("--ipfs", nobody()?) } else { vec![] }).flags(flags);
            let run = run.flags(["--gateway", &honest.url()]);
            // What another one has isn't what this one left: that is looked for in the end.
            started.push((what, hasty(suite, run).may_leave_files().binary(path, ["a", "b c"]).start()?));
        }
        for (what, run) in started {
            let run = run.finish()?;
            run.holds(what, run.report.code == Some(0))?;
            run.prints("ran a b c\n")?.is_silent()?;
        }
    }
    left_nothing(suite)?;
    holds("the honest gateway was asked", honest.connections() >= broken.len(), honest.connections())
}

fn store_35_nothing_of_a_broken_gateway_runs(suite: &Suite<'_>) -> Verdict {
    all_refused(suite, &gateways(suite)?, &script(suite.node()?, 3)?)
}

fn store_35_nothing_of_a_broken_daemon_runs(suite: &Suite<'_>) -> Verdict {
    all_refused(suite, &daemons(suite)?, &script(suite.node()?, 3)?)
}

fn store_37_a_broken_daemon_keeps_no_gateway_from_serving(suite: &Suite<'_>) -> Verdict {
    all_served(suite, &daemons(suite)?, &script(suite.node()?, 3)?)
}

fn store_37_a_broken_gateway_keeps_no_other_from_serving(suite: &Suite<'_>) -> Verdict {
    all_served(suite, &gateways(suite)?, &script(suite.node()?, 3)?)
}

fn store_38_a_slow_source_is_not_waited_for(suite: &Suite<'_>) -> Verdict {
    let node = suite.node()?;
    // Several levels, so that not all blocks can be asked for at once.
    let path = script(node, 400)?;
    let honest = honest_gateway(node)?;
    let mut started = Vec::new();
    let began = Instant::now();
    for fault in Fault::SLOW {
        let (daemon, gateway) = (broken_daemon(node, fault)?, broken_gateway(node, fault)?);
        let of = |flags: Vec<String>| {
            let run = suite.ww().may_leave_files().flags(flags).flags(["--gateway", &honest.url()]);
            run.binary(&path, ["x"])
        };
        started.push((fault, of(flag("--ipfs", daemon.endpoint())).start()?, daemon));
        let flags = [flag("--ipfs", nobody()?), flag("--gateway", gateway.url())].concat();
        started.push((fault, of(flags).start()?, gateway));
    }
    for (fault, run, _fake) in started {
        let run = run.finish()?;
        run.holds(format!("{fault:?}"), run.report.code == Some(0))?;
        run.prints("ran x\n")?;
    }
    // A silent source is given up after 30 s; a few seconds are for the machine.
    let most = suite.patience(Duration::from_secs(15));
    holds(format!("all have run within {most:?}"), began.elapsed() < most, began.elapsed())
}

fn store_39_one_that_lied_is_not_asked_again(suite: &Suite<'_>) -> Verdict {
    let node = suite.node()?;
    let path = script(node, 40)?;
    let honest = honest_gateway(node)?;
    // It gives the first block, so that others are asked of it, and lies from then on.
    let told = std::sync::atomic::AtomicUsize::new(0);
    let liar = gateway(node, move |_, mut answer, stream| {
        if told.fetch_add(1, std::sync::atomic::Ordering::Relaxed) > 0
            && let Some(last) = answer.body.last_mut()
        {
            *last ^= 1;
        }
        stream.write_all(&answer.bytes())
    })?;
    let run = suite.ww().flags(["--ipfs", &nobody()?, "--gateway", &liar.url(), "--gateway", &honest.url()]);
    run.binary(&path, ["x"]).run()?.exits(0)?.prints("ran x\n")?;
    let asked = liar.targets().len();
    // As many as one may have asked for before the first lie was found out.
    holds("of 41 blocks it is asked for a few", (2..=20).contains(&asked), asked)
}
