//! Any ill-formed grant or entry, among right ones: refused, and the first is named.

use std::collections::BTreeSet;

use proptest::collection::vec;
use proptest::prelude::{BoxedStrategy, Just, Strategy, any, prop_oneof};
use proptest::sample::select;
use serde::{Deserialize, Serialize};

use super::model;
use crate::ended::Ended;
use crate::property::{Kept, Word, kept, property};
use crate::suite::Suite;
use crate::verdict::{Stop, Verdict};

/// How many inputs with an ill-formed grant are tried: there are many kinds, and nothing starts.
const GRANTS: u32 = 160;
/// How many inputs with an ill-formed entry are tried.
const ENTRIES: u32 = 64;

/// The numbers above the standard ones that are open in the caller.
const OPEN: [i32; 4] = [5, 9, 20, 77];

/// Words as the command line has them, right ones and wrong ones.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Grants {
    values: Vec<Word>,
    open: Vec<i32>,
}

/// Entries, and whether they stand in `WW_ENV`; else each is an `--env`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entries {
    in_ww_env: bool,
    entries: Vec<Word>,
}

fn joined(name: impl AsRef<[u8]>, number: impl AsRef<[u8]>) -> Word {
    Word([name.as_ref(), b"=", number.as_ref()].concat())
}

fn name() -> impl Strategy<Value = String> {
    "[A-Za-z_][A-Za-z0-9_]{0,5}"
}

fn open() -> impl Strategy<Value = String> {
    select([&OPEN[..], &[0, 1, 2]].concat()).prop_map(|number| number.to_string())
}

/// One grant that is refused, of each kind that has a clause; two where it takes two.
fn wrong() -> BoxedStrategy<Vec<Word>> {
    // A dash in front would be an option, and a letter that may stand there would make nothing wrong.
    let ill = || prop_oneof![2 => Just(b'-'), 2 => select(b" \t\n".to_vec()), 2 => select(b"./+:@\xff\x7f".to_vec()), 1 => any::<u8>()];
    let with = |text: String, at: usize, letter: u8, fine: fn(u8) -> bool| {
        let mut text = text.into_bytes();
        let at = at % (text.len() + 1);
        let replaced = letter == 0 || fine(letter) || (at == 0 && letter == b'-');
        text.insert(at, if replaced { b'.' } else { letter });
        text
    };
    let bad_name = (name(), 0..8_usize, ill(), open()).prop_map(move |(name, at, letter, number)| {
        joined(with(name, at, letter, |letter| letter.is_ascii_alphanumeric() || b"_=".contains(&letter)), number)
    });
    let bad_number = (name(), open(), 0..8_usize, ill()).prop_map(move |(name, number, at, letter)| {
        joined(name, with(number, at, letter, |letter| letter.is_ascii_digit()))
    });
    let odd = select(vec![
        "", "nine", "+9", "0x9", "=9", "9=", "\u{ff19}", "\u{0669}", "9,5", "1e1", "--9", "9 ", "9\t", " 9",
    ]);
    let negative = prop_oneof![open(), "[0-9]{1,12}"].prop_map(|number| format!("-{number}"));
    // What an open number becomes where it is cut to 32 or 64 bits is among those that are too large.
    let cut = (select(OPEN.to_vec()), select(vec![32, 64]))
        .prop_map(|(number, bits)| ((1_u128 << bits) + u128::from(number.unsigned_abs())).to_string());
    let large = prop_oneof![((1_u64 << 31)..).prop_map(|number| number.to_string()), cut, "[1-9][0-9]{20,40}"];
    let closed = prop_oneof![3 => 3..64_i32, 1 => 64..i32::MAX]
        .prop_map(|number| if OPEN.contains(&number) { number + 1 } else { number }.to_string());
    let numbers = prop_oneof![2 => odd.prop_map(str::to_owned), 1 => negative, 2 => large, 2 => closed];
    let one = prop_oneof![
        1 => "[A-Za-z0-9_.]{0,6}".prop_map(Word::from),
        1 => open().prop_map(|number| joined("", number)),
        2 => bad_name,
        1 => ("[0-9][A-Za-z0-9_]{0,4}", open()).prop_map(|(name, number)| joined(name, number)),
        1 => bad_number,
        6 => (name(), numbers).prop_map(|(name, number)| joined(name, number)),
    ];
    let again = (name(), any::<bool>(), open(), open()).prop_map(|(name, same, one, two)| {
        let flip = |letter: char| {
            if letter.is_ascii_lowercase() { letter.to_ascii_uppercase() } else { letter.to_ascii_lowercase() }
        };
        let other = if same { name.clone() } else { name.chars().map(flip).collect() };
        vec![joined(name, one), joined(other, two)]
    });
    prop_oneof![8 => one.prop_map(|value| vec![value]), 1 => again].boxed()
}

/// Right ones, a wrong one, and whatever else after it.
fn mixed<T: Clone + std::fmt::Debug + 'static>(
    right: BoxedStrategy<T>,
    wrong: BoxedStrategy<Vec<T>>,
) -> impl Strategy<Value = Vec<T>> {
    let any = prop_oneof![2 => right.clone().prop_map(|one| vec![one]), 1 => wrong.clone()];
    (vec(right, 0..4), wrong, vec(any, 0..4))
        .prop_map(|(before, wrong, after)| [before, wrong, after.concat()].concat())
}

/// Checks a refusal: the code, how the line begins, that it names the one that was wrong first, and that
/// nothing ran. What a message can't repeat letter by letter isn't looked for.
fn names_it(run: &Ended, phrase: &str, clause: &str, wrong: &Word) -> Verdict {
    match run.refuses(2, phrase, wrong.repeatable().unwrap_or_default()) {
        Err(Stop::Fail(what)) => {
            Err(Stop::Fail(format!("{wrong:?} is refused by {clause}, as the first wrong one\n{what}")))
        }
        other => other.map(drop),
    }
}

fn nothing_wrong<T>() -> Verdict<T> {
    Err(Stop::Harness("an input of this property has nothing wrong in it".into()))
}

pub(super) fn fd_28_any_ill_formed_grant_is_refused(suite: &Suite<'_>) -> Verdict {
    const KEPT: Kept = kept!(fd_28_any_ill_formed_grant_is_refused);
    let right = (name(), open()).prop_map(|(name, number)| joined(name, number)).boxed();
    let grants = mixed(right, wrong()).prop_map(|values| Grants { values, open: OPEN.to_vec() });
    property(suite, KEPT, [(GRANTS, grants.boxed())], |input: &Grants| {
        let open: BTreeSet<i32> = input.open.iter().copied().collect();
        let Some((at, clause)) = model::first_refused(input.values.iter().map(Word::bytes), &open) else {
            return nothing_wrong();
        };
        let file = suite.file("open", "x")?;
        let run = open.iter().fold(suite.ww(), |run, number| run.place(*number, &file));
        let run = run.flags(input.values.iter().flat_map(|value| [&b"--with-fd"[..], value.bytes()]));
        names_it(&run.probe(["facts"]).run()?, "fd flag processing failed", clause, &input.values[at])
    })
}

pub(super) fn env_12_any_entry_that_cannot_be_trusted_is_refused(suite: &Suite<'_>) -> Verdict {
    const KEPT: Kept = kept!(env_12_any_entry_that_cannot_be_trusted_is_refused);
    let value = || {
        vec(1..=255_u8, 0..6).prop_map(|mut value| {
            value.retain(|byte| *byte != b',');
            value
        })
    };
    let right = ("[A-Za-z.]{1,4}", value()).prop_map(|(key, value)| joined(key, value)).boxed();
    let reserved = prop_oneof![1 => "WW_RPC_FD", 3 => "WW_FD_[A-Za-z0-9_.]{0,4}"];
    let wrong = prop_oneof![
        2 => value().prop_map(|value| joined("", value)),
        2 => (reserved.clone(), value()).prop_map(|(key, value)| joined(key, value)),
        1 => reserved.prop_map(Word::from),
    ];
    let entries = (any::<bool>(), mixed(right, wrong.prop_map(|entry| vec![entry]).boxed()))
        .prop_map(|(in_ww_env, entries)| Entries { in_ww_env, entries });
    property(suite, KEPT, [(ENTRIES, entries.boxed())], |input: &Entries| {
        let first = input.entries.iter().find_map(|entry| Some((entry, model::refused_entry(entry.bytes())?)));
        let Some((entry, clause)) = first else { return nothing_wrong() };
        let words: Vec<&[u8]> = input.entries.iter().map(Word::bytes).collect();
        let run = match input.in_ww_env {
            true => suite.ww().env("WW_ENV", words.join(&b',')),
            false => suite.ww().flags(words.iter().flat_map(|entry| [&b"--env"[..], entry])),
        };
        names_it(&run.probe(["facts"]).run()?, "", clause, entry)
    })
}
