//! A cell that is hostile on the RPC socket: what it sends, how much of it, and whether or not it reads.
//!
//! What it does: each attack of the RPC probe in a run of its own ([`attack`]); here is what the host says to it, and in
//! [`cost`] what the host pays for it.
//! What must stay true: an attack that wasn't made isn't taken for one that failed: the probe says how much was taken.

#[path = "rpc_hostile/attack.rs"]
mod attack;
#[path = "rpc_hostile/cost.rs"]
mod cost;
#[path = "rpc_hostile/host.rs"]
mod host;

use std::net::TcpListener;

use crate::registry::{Case, case};
use crate::suite::Suite;
use crate::verdict::Verdict;
use attack::{alone, attack, made};
use cost::{
    self_04_floods_cost_the_host_no_memory, self_04_large_messages_are_held_one_at_a_time,
    self_04_what_nobody_lets_go_of_is_bounded, self_04_what_nobody_reads_costs_the_host_no_memory,
    self_04_what_was_answered_is_let_go_of, self_05_descriptors_are_never_kept,
    self_05_what_isnt_the_protocol_ends_the_session_alone, self_09_a_silent_cell_costs_no_time,
};

pub(crate) const CASES: &[Case] = &[
    case!(rpc_29_a_message_has_9_mib_at_most),
    case!(rpc_50_the_host_says_why_it_hangs_up),
    case!(rpc_51_descriptors_end_the_session),
    case!(rpc_52_what_is_canceled_is_answered),
    case!(rpc_53_a_redirected_call_is_done),
    case!(rpc_54_an_unknown_type_is_unimplemented),
    case!(rpc_55_capabilities_of_calls_are_released),
    case!(rpc_56_nothing_is_asked_of_the_cell),
    case!(rpc_57_who_doesnt_read_is_waited_for).long(),
    case!(self_04_floods_cost_the_host_no_memory).long(),
    case!(self_04_what_was_answered_is_let_go_of),
    case!(self_04_large_messages_are_held_one_at_a_time),
    case!(self_04_what_nobody_reads_costs_the_host_no_memory).long(),
    case!(self_04_what_nobody_lets_go_of_is_bounded),
    case!(self_05_what_isnt_the_protocol_ends_the_session_alone),
    case!(self_05_descriptors_are_never_kept),
    case!(self_09_a_silent_cell_costs_no_time).long(),
];

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
