//! What a peer finds: the cell's bootstrap capability, and all that Cap'n Proto lets it do with that.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::clauses::Profile;
use crate::registry::{Case, case};
use crate::suite::Suite;
use crate::verdict::{Verdict, holds, same};

pub(crate) const CASES: &[Case] = &[
    case!(p2p_01_a_peer_is_served_while_the_cell_runs),
    case!(p2p_02_the_bootstrap_capability_is_the_cells),
    case!(rpc_22_a_cell_may_offer_a_bootstrap_capability).needs(Profile::P2p),
    case!(p2p_09_a_cell_that_exports_nothing_gives_an_exception),
    case!(p2p_11_identify_tells_who_and_what),
    case!(p2p_14_the_cells_end_is_told).also(&["P2P-27"]),
    case!(p2p_15_calls_go_both_ways),
    case!(p2p_16_a_capability_of_one_peer_reaches_another),
    case!(p2p_17_what_a_peer_cancels_is_cancelled_in_the_cell),
    case!(p2p_18_a_cell_may_export_late),
    case!(p2p_27_a_cell_that_dies_in_a_call_gives_an_exception),
    case!(p2p_28_a_thousand_peers_are_served).also(&["SELF-06"]),
];

/// What the host may have above its idle state (ruling 20).
pub(crate) const MEMORY: u64 = 20_000_000;

fn p2p_01_a_peer_is_served_while_the_cell_runs(suite: &Suite<'_>) -> Verdict {
    let hosting = suite.hosting(&[], &["serve"], "ready")?;
    let address = hosting.address()?.to_owned();
    for _ in 0..3 {
        hosting.answers(&["echo", "100"], true.into())?;
    }
    hosting.answers(&["echo", "1000000"], true.into())?;
    hosting.finish()?.exits(0)?.is_silent()?;
    let after = suite.peer_at(&address, &["echo", "10"])?;
    holds("no peer is served after the cell's end", after.get("refused").is_some(), after)
}

fn p2p_02_the_bootstrap_capability_is_the_cells(suite: &Suite<'_>) -> Verdict {
    let hosting = suite.hosting(&[], &["serve"], "ready")?;
    hosting.answers(&["echo", "10"], true.into())?;
    hosting.answers(&["names", "a", "b"], "a/b".into())?;
    // It is the cell that ends.
    let said = hosting.peer(&["exit", "7"])?;
    holds("the cell that is told to end doesn't answer", said.get("ok").is_none(), said)?;
    hosting.finish()?.exits(7)?;
    Ok(())
}

fn rpc_22_a_cell_may_offer_a_bootstrap_capability(suite: &Suite<'_>) -> Verdict {
    let hosting = suite.hosting(&[], &["serve"], "ready")?;
    hosting.answers(&["names", "x"], "x".into())?;
    // The cell serves and is served on one connection.
    hosting.answers(&["cat", "/ipfs/bafkqac3imvwgy3zmebrw63tt"], "hello, cons".into())?;
    hosting.finish()?.exits(0)?.is_silent()?;
    Ok(())
}

fn p2p_09_a_cell_that_exports_nothing_gives_an_exception(suite: &Suite<'_>) -> Verdict {
    for serve in ["serve-nothing", "serve-closed"] {
        let hosting = suite.hosting(&[], &[serve], "ready")?;
        for _ in 0..2 {
            let began = Instant::now();
            let said = hosting.peer(&["echo", "10"])?;
            let text = said["error"].as_str().unwrap_or_default();
            let says = ["export", "bootstrap", "closed"].iter().any(|word| text.contains(word));
            holds(format!("{serve}: an exception that says that the cell exports nothing"), says, &said)?;
            holds("at once", began.elapsed() < Duration::from_secs(8), began.elapsed())?;
        }
        hosting.finish()?.exits(0)?.is_silent()?;
    }
    Ok(())
}

fn p2p_11_identify_tells_who_and_what(suite: &Suite<'_>) -> Verdict {
    let hosting = suite.hosting(&[], &["serve"], "ready")?;
    let found = hosting.peer(&["identify"])?;
    let address = hosting.address()?.to_owned();
    let (at, peer) = address.split_once("/p2p/").unwrap_or((&address, ""));
    same("the id of the key", found["peer"].as_str(), Some(peer))?;
    let has = |key: &str, value: &str| found[key].as_array().is_some_and(|all| all.iter().any(|one| *one == *value));
    holds("`/ww/0.1.0` among the protocols", has("protocols", "/ww/0.1.0"), &found)?;
    holds("the address that was told", has("addrs", at) || has("addrs", &address), &found)?;
    for other in ["/ww/0.2.0", "/ww/0.1", "/x/1.0.0"] {
        let said = hosting.peer(&["speak", other])?;
        same(format!("a stream of {other} is opened"), said["opened"].as_bool(), Some(false))?;
        same("one of /ww/0.1.0 on the same connection", said["ww"].as_bool(), Some(true))?;
    }
    hosting.finish()?.exits(0)?;
    Ok(())
}

fn p2p_14_the_cells_end_is_told(suite: &Suite<'_>) -> Verdict {
    let hosting = suite.hosting(&[], &["serve"], "ready")?;
    let (waits, idles) = (hosting.visitor(&["hold"])?, hosting.visitor(&["idle"])?);
    waits.ready()?;
    idles.ready()?;
    let began = Instant::now();
    hosting.finish()?.exits(0)?.is_silent()?;
    holds("the host exits within a second", began.elapsed() < Duration::from_secs(1), began.elapsed())?;
    let said = waits.found()?;
    holds("the call that went on fails with an exception", said["error"].is_string(), said)?;
    let said = idles.found()?;
    same("the connection is closed", said["closed"].as_bool(), Some(true))?;
    holds("at once", began.elapsed() < Duration::from_secs(8), began.elapsed())
}

fn p2p_15_calls_go_both_ways(suite: &Suite<'_>) -> Verdict {
    let hosting = suite.hosting(&[], &["serve"], "ready")?;
    for times in [0, 1, 20] {
        // The peer answers n with 2n + 1; the sum of the first n odd numbers is n squared.
        let wanted = json!({ "sum": times * times, "heard": times });
        hosting.answers(&["call", &times.to_string()], wanted)?;
    }
    hosting.answers(&["names", "a", "b", "c", "d", "e"], "a/b/c/d/e".into())?;
    hosting.finish()?.exits(0)?;
    Ok(())
}

fn p2p_16_a_capability_of_one_peer_reaches_another(suite: &Suite<'_>) -> Verdict {
    let hosting = suite.hosting(&[], &["serve"], "ready")?;
    let owner = hosting.visitor(&["put", "mine"])?;
    owner.ready()?;
    for _ in 0..3 {
        hosting.answers(&["get", "mine"], 41.into())?;
    }
    let none = hosting.peer(&["get", "nobody's"])?;
    holds("what nobody put is an exception", none["error"].is_string(), none)?;
    let said = owner.leave()?;
    same("calls that its owner heard", said["ok"]["heard"].as_u64(), Some(3))?;
    let gone = hosting.peer(&["get", "mine"])?;
    holds("when its owner has left, a call of it fails", gone["error"].is_string(), gone)?;
    hosting.answers(&["echo", "10"], true.into())?;
    hosting.finish()?.exits(0)?;
    Ok(())
}

fn p2p_17_what_a_peer_cancels_is_cancelled_in_the_cell(suite: &Suite<'_>) -> Verdict {
    let hosting = suite.hosting(&[], &["serve"], "ready")?;
    hosting.answers(&["wait-then-cancel"], json!({ "before": 0, "during": 1, "after": 0 }))?;
    let waits = hosting.visitor(&["hold"])?;
    waits.ready()?;
    until(|| hosting.answers(&["waiting"], 1.into()))?;
    waits.leave()?;
    until(|| hosting.answers(&["waiting"], 0.into()))?;
    hosting.finish()?.exits(0)?;
    Ok(())
}

/// Tries until it holds, for ten seconds at most.
fn until(holds: impl Fn() -> Verdict) -> Verdict {
    let began = Instant::now();
    loop {
        match holds() {
            Err(_) if began.elapsed() < Duration::from_secs(10) => {}
            other => return other,
        }
    }
}

fn p2p_18_a_cell_may_export_late(suite: &Suite<'_>) -> Verdict {
    let hosting = suite.hosting(&[], &["serve-late", "1500"], "late")?;
    let early: Vec<_> = (0..3).map(|_| hosting.visitor(&["names", "a"])).collect::<Verdict<_>>()?;
    for peer in early {
        let said = peer.found()?;
        holds("a peer that came early is answered", said["ok"] == "a", said)?;
    }
    hosting.live.hears("ready", 1)?;
    hosting.answers(&["names", "b"], "b".into())?;
    hosting.finish()?.exits(0)?;
    Ok(())
}

fn p2p_27_a_cell_that_dies_in_a_call_gives_an_exception(suite: &Suite<'_>) -> Verdict {
    let hosting = suite.hosting(&[], &["serve"], "ready")?;
    let waits = hosting.visitor(&["hold"])?;
    waits.ready()?;
    until(|| hosting.answers(&["waiting"], 1.into()))?;
    let began = Instant::now();
    let said = hosting.peer(&["exit", "9"])?;
    holds("the call that the cell dies in fails with an exception", said["error"].is_string(), said)?;
    let said = waits.found()?;
    holds("and so does another's", said["error"].is_string(), said)?;
    holds("at once", began.elapsed() < Duration::from_secs(8), began.elapsed())?;
    hosting.finish()?.exits(9)?;
    Ok(())
}

fn p2p_28_a_thousand_peers_are_served(suite: &Suite<'_>) -> Verdict {
    let hosting = suite.long_hosting(&[], &["serve"])?;
    hosting.answers(&["echo", "10"], true.into())?;
    let idle = hosting.memory()?;
    let crowd = hosting.visitor(&["crowd", "1000"])?;
    crowd.ready()?;
    let most = hosting.most_memory(Duration::from_millis(500))?;
    hosting.answers(&["waiting"], 1000.into())?;
    let said = crowd.leave()?;
    same(
        "peers that are connected, wait, and are answered",
        [&said["connected"], &said["waiting"], &said["answered"]],
        [&json!(1000); 3],
    )?;
    if suite.judges("SELF-06") {
        let above = most.saturating_sub(idle);
        holds("the host is below 20 MB above its idle state", above < MEMORY, format!("{above} bytes above"))?;
    }
    until(|| hosting.answers(&["waiting"], 0.into()))?;
    hosting.finish()?.exits(0)?;
    Ok(())
}
