//! Every cell against every peer: four libraries of Cap'n Proto on one side, two of libp2p on the other.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::invocation::Invocation;
use crate::languages::Language;
use crate::live::Live;
use crate::registry::{Case, case};
use crate::suite::Suite;
use crate::verdict::{Stop, Verdict, holds, same};
use crate::visit::Hosting;

pub(crate) const CASES: &[Case] = &[
    case!(p2p_30_peers_of_all_kinds_share_a_cell_in_cpp),
    case!(p2p_30_peers_of_all_kinds_share_a_cell_in_go),
    case!(p2p_30_peers_of_all_kinds_share_a_cell_in_python),
    case!(p2p_30_peers_of_all_kinds_share_a_cell_in_rust),
    case!(p2p_30_the_shortest_cells_serve_the_shortest_peers),
];

const CELLS: [Language; 4] = [Language::Cpp, Language::Go, Language::Python, Language::Rust];
const PEERS: [Language; 2] = [Language::Go, Language::Rust];
/// How long calls may take to be at the cell.
const SOON: Duration = Duration::from_secs(20);
/// An identity CID, and what is inside.
const INSIDE: (&str, &str) = ("/ipfs/bafkqac3imvwgy3zmebrwk3dm", "hello, cell");

fn p2p_30_peers_of_all_kinds_share_a_cell_in_cpp(suite: &Suite<'_>) -> Verdict {
    share(suite, Language::Cpp)
}

fn p2p_30_peers_of_all_kinds_share_a_cell_in_go(suite: &Suite<'_>) -> Verdict {
    share(suite, Language::Go)
}

fn p2p_30_peers_of_all_kinds_share_a_cell_in_python(suite: &Suite<'_>) -> Verdict {
    share(suite, Language::Python)
}

fn p2p_30_peers_of_all_kinds_share_a_cell_in_rust(suite: &Suite<'_>) -> Verdict {
    share(suite, Language::Rust)
}

fn hosted<'a>(suite: &'a Suite<'a>, language: Language, name: &str, words: &[&str]) -> Verdict<Hosting<'a>> {
    let mut hosting = suite.host(suite.ww(), |run| suite.cell_in(language, name, run, words))?;
    hosting.addresses = hosting.told()?;
    Ok(hosting)
}

/// A peer of a language at a cell, with verbs to do one after the other.
fn peer<'a>(suite: &'a Suite<'a>, language: Language, at: &str, verbs: &[&str]) -> Verdict<Invocation<'a>> {
    suite.peer_in(language, "peer", &[&[at], verbs].concat())
}

/// What a peer said, a line a verb.
fn facts(output: &[u8]) -> Verdict<Vec<Value>> {
    let text = String::from_utf8_lossy(output);
    let lines = text.lines().map(serde_json::from_str).collect::<Result<_, _>>();
    lines.map_err(|fault| Stop::Harness(format!("the peer prints JSON: {fault}: {text}")))
}

/// Has a peer do its verbs, and gives what each came to.
fn does(suite: &Suite<'_>, language: Language, at: &str, verbs: &[&str]) -> Verdict<Vec<Value>> {
    let run = peer(suite, language, at, verbs)?.run()?;
    run.exits(0)?.is_silent()?;
    facts(&run.stdout)
}

/// A peer that does its verbs, and stays until its input ends.
fn stays<'a>(suite: &'a Suite<'a>, language: Language, at: &str, verbs: &[&str]) -> Verdict<Live<'a>> {
    let live = peer(suite, language, at, &[verbs, &["hold"]].concat())?.with_input().start()?;
    live.says("\"hold\"")?;
    Ok(live)
}

fn share(suite: &Suite<'_>, cell: Language) -> Verdict {
    let hosting = hosted(suite, cell, "cell", &["serve"])?;
    hosting.live.says("\"serve\"")?;
    let at = hosting.address()?.to_owned();
    for language in PEERS {
        one_peer(suite, language, &at)?;
    }
    for (from, to) in [(Language::Go, Language::Rust), (Language::Rust, Language::Go)] {
        handed_on(suite, from, to, &at)?;
    }
    let waits = PEERS.map(|language| peer(suite, language, &at, &["wait", "name"])?.start());
    let until = Instant::now() + suite.patience(SOON);
    while does(suite, Language::Rust, &at, &["waiting"])?[1]["ok"] != json!(waits.len()) {
        holds("the cell has every peer's call", Instant::now() < until, &at)?;
    }
    let said = does(suite, Language::Go, &at, &["exit", "7"])?;
    same("kind of a call whose cell ended", &said[1]["kind"], &json!("disconnected"))?;
    for live in waits {
        let ended = live?.finish()?;
        let said = facts(&ended.stdout)?;
        let kinds: Vec<&Value> = said.iter().skip(1).map(|fact| &fact["kind"]).collect();
        same("kinds of calls whose cell ended", kinds, vec![&json!("disconnected"); 2])?;
    }
    hosting.finish()?.exits(7)?;
    Ok(())
}

/// All that one peer can do by itself, in both directions.
fn one_peer(suite: &Suite<'_>, language: Language, at: &str) -> Verdict {
    let verbs = [
        ["name"].as_slice(),
        &["echo", "0"],
        &["echo", "300000"],
        &["child", "a/b/c"],
        &["call", "50"],
        &["get", "nobody", "1"],
        &["cancel", "5"],
        &["waiting"],
        &["cat", INSIDE.0],
        &["cat", "nonsense"],
    ]
    .concat();
    let said = does(suite, language, at, &verbs)?;
    let id = at.rsplit('/').next().unwrap_or_default();
    same("whom the peer met", said[0]["ok"]["peer"].as_str(), Some(id))?;
    let came: Vec<&Value> = said.iter().skip(1).map(|fact| &fact["ok"]).collect();
    let wanted = [
        json!(""),
        json!({ "length": 0, "same": true }),
        json!({ "length": 300_000, "same": true }),
        json!("a/b/c"),
        json!({ "sum": 2500, "heard": 50, "ordered": true }),
        Value::Null,
        json!({ "before": 0, "during": 5, "after": 0 }),
        json!(0),
        json!({ "length": INSIDE.1.len(), "body": INSIDE.1 }),
        Value::Null,
    ];
    same(format!("what a peer in {language:?} has"), came, wanted.iter().collect())?;
    for (at, text) in [(6, "nobody put nobody"), (10, "system.IPFS.cat: ")] {
        let (kind, error) = (&said[at]["kind"], said[at]["error"].as_str().unwrap_or_default());
        holds(format!("the cell's exception, {text:?}"), kind == "failed" && error.contains(text), &said[at])?;
    }
    Ok(())
}

/// A capability of one peer, handed to another by the cell, is called and answers; then its peer leaves.
fn handed_on(suite: &Suite<'_>, from: Language, to: Language, at: &str) -> Verdict {
    let name = format!("{from:?}");
    let mut giver = stays(suite, from, at, &["put", &name, "1000"])?;
    let said = does(suite, to, at, &["get", &name, "7"])?;
    same(format!("what {from:?} answers {to:?}"), &said[1]["ok"], &json!(1007))?;
    giver.end_input();
    giver.finish()?.exits(0)?;
    let said = does(suite, to, at, &["get", &name, "7", "name"])?;
    holds("a capability whose peer left is an exception", said[1].get("error").is_some(), &said[1])?;
    same("what the cell answers then", &said[2]["ok"], &json!(""))
}

fn p2p_30_the_shortest_cells_serve_the_shortest_peers(suite: &Suite<'_>) -> Verdict {
    for cell in CELLS {
        let hosting = hosted(suite, cell, "shortest", &[])?;
        let at = hosting.address()?;
        for language in PEERS {
            let run = suite.peer_in(language, "shortest", &[at, INSIDE.0])?.run()?;
            run.exits(0)?.prints(format!("{}\n", INSIDE.1))?;
        }
        hosting.live.signal(nix::sys::signal::Signal::SIGTERM);
        hosting.finish()?.is_silent()?;
    }
    Ok(())
}
