//! What a hostile cell costs the host: memory, descriptors, time of a processor, and never more than its own session.

use std::time::Duration;

use super::attack::{DONE, alone, attack, attacker, made, program};
use super::host::Host;
use crate::suite::Suite;
use crate::verdict::{Verdict, holds};

pub(super) fn self_04_floods_cost_the_host_no_memory(suite: &Suite<'_>) -> Verdict {
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

pub(super) fn self_04_what_was_answered_is_let_go_of(suite: &Suite<'_>) -> Verdict {
    taken(suite, "long-paths", 24_000_000)
}

pub(super) fn self_04_large_messages_are_held_one_at_a_time(suite: &Suite<'_>) -> Verdict {
    taken(suite, "largest-calls", 56_000_000)
}

pub(super) fn self_04_what_nobody_reads_costs_the_host_no_memory(suite: &Suite<'_>) -> Verdict {
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

pub(super) fn self_04_what_nobody_lets_go_of_is_bounded(suite: &Suite<'_>) -> Verdict {
    for name in ["failures-unfinished", "bootstraps-unfinished", "redirections", "calls-on-calls"] {
        let attacked = attack(suite, name)?;
        attacked.keeps_its_memory(name)?;
        let heard = &attacked.told.heard;
        let told = !heard.ended || heard.why.as_deref().is_some_and(|why| !why.is_empty());
        attacked.run.holds(format!("a session that {name} ends says why"), told)?;
    }
    Ok(())
}

pub(super) fn self_05_what_isnt_the_protocol_ends_the_session_alone(suite: &Suite<'_>) -> Verdict {
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

pub(super) fn self_05_descriptors_are_never_kept(suite: &Suite<'_>) -> Verdict {
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

pub(super) fn self_09_a_silent_cell_costs_no_time(suite: &Suite<'_>) -> Verdict {
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
