//! Peers that mean ill: what they take of the host, and what others notice of them.

use std::fs;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use crate::cases::p2p_served::MEMORY;
use crate::registry::{Case, case};
use crate::suite::Suite;
use crate::verdict::{Verdict, holds, same};
use crate::visit::Hosting;

pub(crate) const CASES: &[Case] = &[
    case!(self_06_connections_that_say_nothing).also(&["P2P-10", "P2P-13"]),
    case!(self_06_garbage_below_noise).also(&["P2P-10"]),
    case!(self_06_garbage_in_noise).also(&["P2P-10"]),
    case!(self_06_garbage_in_yamux).also(&["P2P-10"]),
    case!(self_06_streams_without_end).also(&["P2P-10", "P2P-13"]),
    case!(self_06_garbage_in_rpc).long().also(&["P2P-10"]),
    case!(self_06_messages_that_never_end).also(&["P2P-10"]),
    case!(self_06_messages_of_zeros).also(&["P2P-10"]),
    case!(self_06_answers_that_are_never_read).also(&["P2P-10"]),
    case!(p2p_10_storms_of_connections_leave_time_for_others).also(&["SELF-06"]),
    case!(p2p_12_what_says_nothing_is_closed).long(),
    case!(p2p_13_one_peers_sessions_leave_room_for_others),
    case!(p2p_21_an_idle_connection_is_closed).long(),
    case!(p2p_22_a_peer_that_is_gone_is_dropped).long(),
];

/// How long others may wait for a first answer meanwhile, and for each after that: what they notice of it, on a machine
/// that is busy besides.
const FIRST: u64 = 8_000_000;
const NEXT: u64 = 4_000_000;
/// How long the host is looked at.
const WHILE: Duration = Duration::from_secs(2);

/// Has hostile peers of these kinds come one after the other, and looks at the host and its other peers meanwhile.
fn endures(suite: &Suite<'_>, kinds: &[[&str; 2]]) -> Verdict {
    endures_at(suite, &[], kinds)
}

/// The same of a host with these flags.
pub(super) fn endures_at(suite: &Suite<'_>, flags: &[&str], kinds: &[[&str; 2]]) -> Verdict {
    let hosting = suite.long_hosting(flags, &["serve"])?;
    hosting.answers(&["echo", "100000"], true.into())?;
    let waits = hosting.visitor(&["hold"])?;
    waits.ready()?;
    let idle = hosting.memory()?;
    for kind in kinds {
        let what = kind.join(" ");
        let hostile = hosting.visitor(kind)?;
        hostile.ready()?;
        let most = hosting.most_memory(WHILE)?;
        let honest = hosting.peer(&["latency", "20"])?;
        let time = |key: &str| honest[key].as_u64().unwrap_or(u64::MAX);
        let well = time("first_us") < FIRST && time("max_us") < NEXT;
        holds(format!("{what}: another peer is served meanwhile, and soon"), well, &honest)?;
        hosting.answers(&["waiting"], 1.into())?;
        let most = most.max(hosting.memory()?);
        hostile.leave()?;
        if suite.judges("SELF-06") {
            let above = most.saturating_sub(idle);
            holds(format!("{what}: the host is below 20 MB above its idle state"), above < MEMORY, above)?;
        }
        rests(&hosting, &what)?;
    }
    hosting.answers(&["echo", "100000"], true.into())?;
    let held = waits.leave()?;
    same("a peer that was there all the time still waits", held["held"].as_bool(), Some(true))?;
    hosting.finish()?.exits(0)?.is_silent()?;
    Ok(())
}

/// Checks that the host takes no time once nobody wants anything of it.
fn rests(hosting: &Hosting<'_>, after: &str) -> Verdict {
    let began = Instant::now();
    loop {
        let before = ticks(hosting.live.pid());
        std::thread::sleep(Duration::from_millis(300));
        // A tick is 10 ms (proc_pid_stat(5)).
        let busy = ticks(hosting.live.pid()) - before;
        if busy < 10 {
            return Ok(());
        }
        if began.elapsed() > Duration::from_secs(15) {
            return holds(format!("{after}: the host rests when they have left"), false, busy);
        }
    }
}

fn ticks(pid: i32) -> u64 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let fields: Vec<&str> = stat.rsplit_once(") ").map(|(_, rest)| rest.split(' ').collect()).unwrap_or_default();
    let field = |at: usize| fields.get(at).and_then(|field| field.parse::<u64>().ok()).unwrap_or(0);
    field(11) + field(12)
}

fn self_06_connections_that_say_nothing(suite: &Suite<'_>) -> Verdict {
    endures(suite, &[["silent", "300"], ["loris", "300"]])
}

fn self_06_garbage_below_noise(suite: &Suite<'_>) -> Verdict {
    endures(suite, &[["garbage", "8"], ["noise-garbage", "8"]])
}

fn self_06_garbage_in_noise(suite: &Suite<'_>) -> Verdict {
    endures(suite, &[["noise-stall", "400"]])
}

fn self_06_garbage_in_yamux(suite: &Suite<'_>) -> Verdict {
    endures(suite, &[["yamux-garbage", "8"], ["yamux-huge", "8"]])
}

fn self_06_streams_without_end(suite: &Suite<'_>) -> Verdict {
    endures(suite, &[["yamux-streams", "4"], ["yamux-pings", "4"]])
}

fn self_06_garbage_in_rpc(suite: &Suite<'_>) -> Verdict {
    endures(suite, &[["rpc-garbage", "16"], ["rpc-huge", "16"], ["rpc-segments", "16"]])
}

fn self_06_messages_that_never_end(suite: &Suite<'_>) -> Verdict {
    endures(suite, &[["rpc-half", "20"]])
}

fn self_06_messages_of_zeros(suite: &Suite<'_>) -> Verdict {
    endures(suite, &[["rpc-bomb", "6"]])
}

fn self_06_answers_that_are_never_read(suite: &Suite<'_>) -> Verdict {
    endures(suite, &[["rpc-never-read", "20"]])
}

fn p2p_10_storms_of_connections_leave_time_for_others(suite: &Suite<'_>) -> Verdict {
    endures(suite, &[["storm", "8"]])
}

fn p2p_12_what_says_nothing_is_closed(suite: &Suite<'_>) -> Verdict {
    let hosting = suite.long_hosting(&[], &["serve"])?;
    for kind in ["ends-silent", "ends-loris", "ends-noise", "ends-stream"] {
        let said = hosting.peer(&[kind])?;
        let ms = said["ms"].as_u64().unwrap_or(u64::MAX);
        holds(format!("{kind}: the host closes it within 30 seconds"), ms < 30_000, said)?;
    }
    hosting.answers(&["echo", "10"], true.into())?;
    hosting.finish()?.exits(0)?;
    Ok(())
}

fn p2p_13_one_peers_sessions_leave_room_for_others(suite: &Suite<'_>) -> Verdict {
    let hosting = suite.hosting(&[], &["serve"], "ready")?;
    let said = hosting.peer(&["sessions", "4"])?;
    same("sessions on one connection that are served", said["answered"].as_u64(), Some(4))?;
    let many = hosting.visitor(&["sessions-stay", "400"])?;
    many.ready()?;
    hosting.answers(&["echo", "10"], true.into())?;
    let said = hosting.peer(&["sessions", "4"])?;
    same("sessions of another meanwhile", said["answered"].as_u64(), Some(4))?;
    many.leave()?;
    hosting.finish()?.exits(0)?;
    Ok(())
}

fn p2p_21_an_idle_connection_is_closed(suite: &Suite<'_>) -> Verdict {
    let hosting = suite.long_hosting(&[], &["serve"])?;
    let (idles, waits) = (hosting.visitor(&["idle"])?, hosting.visitor(&["hold"])?);
    idles.ready()?;
    waits.ready()?;
    let said = idles.found()?;
    same("the connection is closed within two minutes", said["closed"].as_bool(), Some(true))?;
    let held = waits.leave()?;
    same("one on which a call goes on is not", held["held"].as_bool(), Some(true))?;
    hosting.finish()?.exits(0)?;
    Ok(())
}

fn p2p_22_a_peer_that_is_gone_is_dropped(suite: &Suite<'_>) -> Verdict {
    let hosting = suite.long_hosting(&[], &["serve"])?;
    let (gone, stays) = (hosting.visitor(&["hold"])?, hosting.visitor(&["hold"])?);
    gone.ready()?;
    stays.ready()?;
    // A peer that is stopped acknowledges on TCP and answers nothing.
    gone.signal(Signal::SIGSTOP);
    let began = Instant::now();
    loop {
        let said = hosting.peer(&["waiting"])?;
        if said["ok"] == 1 {
            break;
        }
        let late = began.elapsed() > Duration::from_secs(120);
        holds("its call is cancelled within two minutes", !late, said)?;
        std::thread::sleep(Duration::from_millis(500));
    }
    let held = stays.leave()?;
    same("another peer's call goes on", held["held"].as_bool(), Some(true))?;
    gone.signal(Signal::SIGCONT);
    gone.found()?;
    hosting.finish()?.exits(0)?;
    Ok(())
}
