//! Any environment: what its entries make of it, in `WW_ENV` and by `--env`.

use std::collections::BTreeMap;

use proptest::collection::vec;
use proptest::prelude::{Just, Strategy, any, prop_oneof};
use proptest::sample::select;
use serde::{Deserialize, Serialize};

use super::model;
use crate::facts::escaped;
use crate::property::{Kept, Word, kept, property};
use crate::suite::Suite;
use crate::verdict::Verdict;

/// `WW_ENV`, where it is set, and the values of `--env` in order.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entries {
    ww_env: Option<Word>,
    flags: Vec<Word>,
}

/// Variables of the host that entries without a value ask for.
const HOST: [(&str, &[u8]); 3] = [("HOST_ONE", b"one"), ("HOST_TWO", b" two, \xff="), ("HOST_EMPTY", b"")];

/// A key that many entries have: the host's, and some of its own.
fn frequent() -> impl Strategy<Value = Vec<u8>> {
    select(vec!["A", "B", "a", "HOST_ONE", "HOST_TWO", "HOST_EMPTY", "WW", "WW_FD", "WW_RPC_FDS", "PATH"])
        .prop_map(|key| key.as_bytes().to_vec())
}

/// Any key that Unix allows, save what isn't a word of its own: a dash in front would be an option, and
/// capitals might be a variable that the machine of this run has.
fn odd() -> impl Strategy<Value = Vec<u8>> {
    vec(prop_oneof![any::<u8>(), b'a'..=b'z', Just(b' '), Just(b'.')], 1..8).prop_map(|mut key| {
        key.retain(|byte| !matches!(byte, 0 | b'=' | b','));
        if key.first().is_none_or(|byte| *byte == b'-' || byte.is_ascii_uppercase()) {
            key.insert(0, b'k');
        }
        key
    })
}

/// Any value that Unix allows.
fn value() -> impl Strategy<Value = Vec<u8>> {
    let byte = prop_oneof![4 => any::<u8>(), 1 => select(b"=,\n\\\"' \t$".to_vec())];
    let long = (any::<u8>(), 0..3000_usize).prop_map(|(byte, length)| vec![byte; length]);
    prop_oneof![8 => vec(byte, 0..12), 1 => long].prop_map(|mut value| {
        value.retain(|byte| *byte != 0);
        value
    })
}

fn entry() -> impl Strategy<Value = Vec<u8>> {
    let key = || prop_oneof![3 => frequent(), 1 => odd()];
    prop_oneof![3 => (key(), value()).prop_map(|(key, value)| [&key, &b"="[..], &value].concat()), 1 => key()]
}

fn entries() -> impl Strategy<Value = Entries> {
    // A piece between two commas has none of its own, and may be empty.
    let piece = prop_oneof![6 => entry(), 1 => Just(vec![])].prop_map(|mut piece| {
        piece.retain(|byte| *byte != b',');
        piece
    });
    let ww_env = vec(piece, 0..5).prop_map(|pieces| Word(pieces.join(&b',')));
    (proptest::option::weighted(0.8, ww_env), vec(entry().prop_map(Word), 0..8))
        .prop_map(|(ww_env, flags)| Entries { ww_env, flags })
}

pub(super) fn env_07_any_environment_is_as_its_entries_say(suite: &Suite<'_>) -> Verdict {
    const KEPT: Kept = kept!(env_07_any_environment_is_as_its_entries_say);
    property(suite, KEPT, [(72, entries().boxed())], |input: &Entries| {
        let path: (&str, &[u8]) = ("PATH", b"/usr/bin:/bin");
        let run = HOST.iter().chain([&path]).fold(suite.ww(), |run, (key, value)| run.env(key, value));
        let run = input.ww_env.iter().fold(run, |run, text| run.env("WW_ENV", text));
        let run = run.flags(input.flags.iter().flat_map(|entry| [&b"--env"[..], entry.bytes()]));
        let host: BTreeMap<_, _> =
            HOST.iter().chain([&path]).map(|(key, value)| (key.as_bytes().to_vec(), value.to_vec())).collect();
        let listed = input.ww_env.as_ref().map_or(&b""[..], Word::bytes);
        let wanted = model::environment(listed, input.flags.iter().map(Word::bytes), &host);
        let mut wanted: Vec<String> =
            wanted.iter().map(|(key, value)| escaped([&key[..], b"=", value].concat())).collect();
        wanted.push("WW_RPC_FD=3".to_owned());
        wanted.sort();
        let run = run.probe(["facts"]).run()?;
        let mut env = run.facts()?.env;
        env.sort();
        run.same("environment", env, wanted)?;
        Ok(())
    })
}
