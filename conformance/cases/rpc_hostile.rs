//! A cell that is hostile on the RPC socket: what it sends, how much of it, and whether or not it reads.
//!
//! What it does: each attack of the RPC probe in a run of its own; what is measured of the host is measured from
//! outside, from its idle state on.
//! What must stay true: an attack that wasn't made isn't taken for one that failed: the probe says how much was taken.

#[path = "rpc_hostile/host.rs"]
mod host;

use std::net::TcpListener;
use std::path::Path;
use std::time::Duration;

use serde::Deserialize;

use crate::cases::ipfs::nobody;
use crate::ended::Ended;
use crate::invocation::Invocation;
use crate::registry::{Case, case};
use crate::suite::Suite;
use crate::verdict::{Stop, Verdict, holds};
use host::Host;

pub(crate) const CASES: &[Case] = &[
    case!(rpc_29_a_message_has_9_mib_at_most),
    case!(rpc_50_the_host_says_why_it_hangs_up),
    case!(rpc_51_descriptors_end_the_session),
    case!(rpc_52_what_is_canceled_is_answered),
    case!(rpc_53_a_redirected_call_is_done),
    case!(rpc_54_an_unknown_type_is_unimplemented),
    case!(rpc_55_capabilities_of_calls_are_released),
    case!(rpc_56_nothing_is_asked_of_the_cell),
    case!(rpc_57_who_doesnt_read_is_waited_for),
    case!(self_04_floods_cost_the_host_no_memory),
    case!(self_04_what_was_answered_is_let_go_of),
    case!(self_04_large_messages_are_held_one_at_a_time),
    case!(self_04_what_nobody_reads_costs_the_host_no_memory),
    case!(self_04_what_nobody_lets_go_of_is_bounded),
    case!(self_05_what_isnt_the_protocol_ends_the_session_alone),
    case!(self_05_descriptors_are_never_kept),
    case!(self_09_a_silent_cell_costs_no_time),
];

/// What a host may take above its idle state: 20 MB.
const MOST_KIB: i64 = 20_000_000 / 1024;
/// The exit code of a cell that has done its attack.
const DONE: i32 = 5;

/// What the host said to an attack.
#[derive(Debug, Deserialize)]
struct Heard {
    kinds: std::collections::BTreeMap<String, u64>,
    ended: bool,
    why: Option<String>,
    last: String,
}

#[derive(Debug, Deserialize)]
struct Told {
    taken: u64,
    heard: Heard,
}

/// One attack that was made.
struct Attacked {
    told: Told,
    run: Ended,
    grown: i64,
    opened: Option<i64>,
}

impl Attacked {
    fn count(&self, kind: &str) -> u64 {
        self.told.heard.kinds.get(kind).copied().unwrap_or(0)
    }

    /// Checks that the session ended, or didn't.
    fn ends(&self, name: &str, ended: bool) -> Verdict<&Self> {
        self.run.same(format!("the session ends at {name}"), self.told.heard.ended, ended)?;
        Ok(self)
    }

    /// Checks that so many messages of a kind were heard.
    fn hears(&self, name: &str, kind: &str, count: u64) -> Verdict<&Self> {
        self.run.same(format!("`{kind}` at {name}"), self.count(kind), count)?;
        Ok(self)
    }

    fn keeps_its_memory(&self, name: &str) -> Verdict<&Self> {
        let grown = self.grown;
        self.run.holds(format!("{name} costs the host at most 20 MB ({grown} KiB)"), grown < MOST_KIB)?;
        Ok(self)
    }
}

fn program<'a>(suite: &'a Suite<'_>) -> Verdict<&'a Path> {
    suite.setup().rpc_probe().ok_or_else(|| Stop::Harness("there is no RPC probe".into()))
}

fn attacker<'a>(suite: &'a Suite<'_>, run: Invocation<'a>, name: &str) -> Verdict<Invocation<'a>> {
    Ok(run.binary(program(suite)?, ["attack", name]).with_input().at_most(Duration::from_secs(120)))
}

/// Makes an attack. One that is `unread` says when no more is taken, and reads from then on.
fn made<'a>(suite: &'a Suite<'_>, run: Invocation<'a>, name: &str, unread: bool) -> Verdict<Attacked> {
    let mut run = attacker(suite, run, name)?.start()?;
    run.hears("idle", 1)?;
    let host = Host::of(run.pid(), program(suite)?);
    let (idle, open) = (host.memory()?, host.descriptors());
    run.say("\n")?;
    if unread {
        run.hears("full", 1)?;
        run.say("\n")?;
    }
    run.hears("done", 1)?;
    let grown = host.most_memory()? - idle;
    let opened = host.descriptors().zip(open).map(|(now, before)| now - before);
    run.say("\n")?;
    let run = run.finish()?;
    run.exits(DONE)?.is_silent()?;
    let said = String::from_utf8_lossy(&run.stdout).into_owned();
    let told = said.lines().find_map(|line| line.strip_prefix("done "));
    let told = serde_json::from_str(told.ok_or_else(|| Stop::Harness(format!("the probe said {said}")))?)?;
    Ok(Attacked { told, run, grown, opened })
}

fn attack(suite: &Suite<'_>, name: &str) -> Verdict<Attacked> {
    made(suite, alone(suite)?, name, false)
}

/// A run without a daemon: what is asked for is inside of its CID.
fn alone<'a>(suite: &'a Suite<'_>) -> Verdict<Invocation<'a>> {
    Ok(suite.ww().flags(["--ipfs", &nobody()?]))
}

fn rpc_29_a_message_has_9_mib_at_most(suite: &Suite<'_>) -> Verdict {
    let name = "a-call-of-9-mib";
    attack(suite, name)?.ends(name, false)?.hears(name, "return results", 1)?;
    for name in ["a-word-too-many", "a-prefix-of-4-gib", "a-prefix-of-32-gib"] {
        attack(suite, name)?.ends(name, true)?.hears(name, "abort", 1)?;
    }
    Ok(())
}

fn rpc_50_the_host_says_why_it_hangs_up(suite: &Suite<'_>) -> Verdict {
    for name in ["a-return-never-asked-for", "a-release-of-nothing", "a-call-to-no-capability", "512-segments"] {
        let attacked = attack(suite, name)?;
        attacked.ends(name, true)?;
        let heard = &attacked.told.heard;
        attacked.run.same(format!("the last message at {name}"), heard.last.as_str(), "abort")?;
        let why = heard.why.as_deref().unwrap_or("");
        attacked.run.holds(format!("it says why at {name}: {why}"), !why.is_empty() && !why.contains('\n'))?;
    }
    Ok(())
}

fn rpc_51_descriptors_end_the_session(suite: &Suite<'_>) -> Verdict {
    for name in ["a-descriptor", "a-descriptor-late"] {
        attack(suite, name)?.ends(name, true)?.hears(name, "return results", 0)?.hears(name, "abort", 1)?;
    }
    Ok(())
}

fn rpc_52_what_is_canceled_is_answered(suite: &Suite<'_>) -> Verdict {
    // Whoever connects there is never answered.
    let silent = TcpListener::bind("127.0.0.1:0")?;
    let endpoint = format!("/ip4/127.0.0.1/tcp/{}", silent.local_addr()?.port());
    let silent = || suite.ww().flags(["--ipfs", &endpoint]);
    let name = "one-that-waits";
    let attacked = made(suite, silent(), name, false)?;
    attacked.ends(name, false)?.hears(name, "return results", 1)?;
    let others = attacked.count("return canceled") + attacked.count("return exception");
    attacked.run.same("answers to the one that is canceled", others, 1)?;
    let name = "cancellations";
    let attacked = made(suite, silent(), name, false)?;
    attacked.ends(name, false)?;
    let others = attacked.count("return canceled") + attacked.count("return exception");
    attacked.run.same("answers to those that are canceled", others, 20_000)?;
    let name = "one-number-again-and-again";
    attack(suite, name)?.ends(name, false)?.hears(name, "return results", 10_000)?.hears(
        name,
        "return exception",
        10_000,
    )?;
    Ok(())
}

fn rpc_53_a_redirected_call_is_done(suite: &Suite<'_>) -> Verdict {
    let name = "redirected-one";
    attack(suite, name)?.ends(name, false)?.hears(name, "return elsewhere", 1)?.hears(name, "return results", 1)?;
    Ok(())
}

fn rpc_54_an_unknown_type_is_unimplemented(suite: &Suite<'_>) -> Verdict {
    let name = "an-unknown-type-and-a-call";
    attack(suite, name)?.ends(name, false)?.hears(name, "unimplemented", 1)?.hears(name, "return results", 1)?;
    Ok(())
}

fn rpc_55_capabilities_of_calls_are_released(suite: &Suite<'_>) -> Verdict {
    let name = "capabilities-of-failures";
    attack(suite, name)?.ends(name, false)?.hears(name, "release", 320_000)?.hears(name, "return exception", 5000)?;
    let name = "promises";
    attack(suite, name)?.ends(name, false)?.hears(name, "release", 20_000)?.hears(name, "return results", 20_000)?;
    Ok(())
}

fn rpc_56_nothing_is_asked_of_the_cell(suite: &Suite<'_>) -> Verdict {
    let name = "nothing";
    let attacked = attack(suite, name)?;
    attacked.ends(name, false)?;
    attacked.run.same("messages to a cell that asks nothing", attacked.told.heard.kinds.len(), 0)?;
    let name = "one-number-again-and-again";
    let attacked = attack(suite, name)?;
    let asked = attacked.told.heard.kinds.keys().filter(|kind| !kind.starts_with("return"));
    attacked.run.same("messages that answer nothing", asked.collect::<Vec<_>>(), vec![])?;
    Ok(())
}

fn rpc_57_who_doesnt_read_is_waited_for(suite: &Suite<'_>) -> Verdict {
    for (name, kind, count) in [
        ("calls-unread", "return results", 20_000),
        ("failures-unread", "return exception", 20_000),
        ("bootstraps-unread", "return results", 50_000),
    ] {
        made(suite, alone(suite)?, name, true)?.ends(name, false)?.hears(name, kind, count)?;
    }
    Ok(())
}

fn self_04_floods_cost_the_host_no_memory(suite: &Suite<'_>) -> Verdict {
    for (name, bytes) in [
        ("calls", 6_000_000),
        ("bootstraps", 4_000_000),
        ("finishes", 8_000_000),
        ("unknown-types", 1_600_000),
        ("resolves", 3_000_000),
        ("capabilities-of-failures", 6_000_000),
        ("promises", 4_000_000),
    ] {
        taken(suite, name, bytes)?;
    }
    Ok(())
}

/// Makes an attack that the host is to take whole.
fn taken(suite: &Suite<'_>, name: &str, bytes: u64) -> Verdict {
    let attacked = attack(suite, name)?;
    attacked.ends(name, false)?.keeps_its_memory(name)?;
    let taken = attacked.told.taken;
    attacked.run.holds(format!("all of {name} was taken ({taken} bytes)"), taken >= bytes)?;
    Ok(())
}

fn self_04_what_was_answered_is_let_go_of(suite: &Suite<'_>) -> Verdict {
    taken(suite, "long-paths", 24_000_000)
}

fn self_04_large_messages_are_held_one_at_a_time(suite: &Suite<'_>) -> Verdict {
    taken(suite, "largest-calls", 56_000_000)
}

fn self_04_what_nobody_reads_costs_the_host_no_memory(suite: &Suite<'_>) -> Verdict {
    for name in [
        "calls-unread",
        "failures-unread",
        "bootstraps-unread",
        "unknown-types-unread",
        "unknown-types-large",
        "resolves-unread",
        "capabilities-of-failures-unread",
        "redirections-unread",
        "largest-calls-unread",
    ] {
        made(suite, alone(suite)?, name, true)?.keeps_its_memory(name)?;
    }
    Ok(())
}

fn self_04_what_nobody_lets_go_of_is_bounded(suite: &Suite<'_>) -> Verdict {
    for name in ["failures-unfinished", "bootstraps-unfinished", "redirections", "calls-on-calls"] {
        let attacked = attack(suite, name)?;
        attacked.keeps_its_memory(name)?;
        let heard = &attacked.told.heard;
        let told = !heard.ended || heard.why.as_deref().is_some_and(|why| !why.is_empty());
        attacked.run.holds(format!("a session that {name} ends says why"), told)?;
    }
    Ok(())
}

fn self_05_what_isnt_the_protocol_ends_the_session_alone(suite: &Suite<'_>) -> Verdict {
    for name in [
        "garbage",
        "text",
        "no-segment",
        "512-segments",
        "four-billion-segments",
        "a-prefix-of-32-gib",
        "a-cycle",
        "a-cycle-of-unimplemented",
        "a-deep-message",
        "one-thing-4000-times",
        "a-far-pointer-to-nowhere",
        "a-list-as-root",
        "a-return-never-asked-for",
        "a-release-too-many",
        "a-disembargo-of-nothing",
        "a-disembargo-of-the-host",
        "one-question-twice",
    ] {
        attack(suite, name)?.ends(name, true)?.keeps_its_memory(name)?;
    }
    Ok(())
}

fn self_05_descriptors_are_never_kept(suite: &Suite<'_>) -> Verdict {
    for name in ["descriptors", "sockets", "nested-sockets"] {
        let attacked = attack(suite, name)?;
        attacked.keeps_its_memory(name)?;
        // Others than root can't count those of a host that can't be traced; there, the kernel's own count is enough:
        // a user who has too many on their way can send no more.
        if let Some(opened) = attacked.opened {
            attacked.run.holds(format!("{name} leaves nothing open ({opened} more)"), opened < 16)?;
        }
        attacked.ends(name, true)?;
    }
    Ok(())
}

/// How long a silent cell is watched, and what its host may take of a processor meanwhile.
const WATCHED: Duration = Duration::from_secs(2);
const BUSY: Duration = Duration::from_millis(200);

fn self_09_a_silent_cell_costs_no_time(suite: &Suite<'_>) -> Verdict {
    for name in ["nothing", "half-a-header", "half-a-message", "most-of-the-largest"] {
        let mut run = attacker(suite, alone(suite)?, name)?.start()?;
        run.hears("idle", 1)?;
        run.say("\n")?;
        run.hears("done", 1)?;
        let host = Host::of(run.pid(), program(suite)?);
        let before = host.time()?;
        // It is what is measured, and nothing that could be waited for.
        std::thread::sleep(WATCHED);
        let spent = host.time()? - before;
        run.say("\n")?;
        run.finish()?.exits(DONE)?.is_silent()?;
        holds(format!("a host is idle after {name}"), spent < BUSY, format!("{spent:?} within {WATCHED:?}"))?;
    }
    Ok(())
}
