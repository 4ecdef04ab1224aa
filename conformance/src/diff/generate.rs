//! Invocations of chance, most of them right, some wrong: what two implementations may disagree about.
//!
//! What must stay true: nothing is drawn that a side doesn't claim; a part that is made smaller becomes
//! what an ordinary call has.

use proptest::collection::vec;
use proptest::option::weighted;
use proptest::prelude::{BoxedStrategy, Just, Strategy, any, prop_oneof};
use proptest::sample::{select, subsequence};

use super::input::{Flag, Input, Named, Program, What};
use crate::adapter::Adapter;
use crate::clauses::Profile;
use crate::property::Word;

/// Signals that a caller may ignore: HUP, INT, PIPE, TERM, CHLD.
const IGNORED: [i32; 5] = [1, 2, 13, 15, 17];

/// Names of grants; few enough that two may lead to one variable.
const NAMES: [&str; 14] = ["a", "b", "c", "d", "e", "f", "g", "h", "_", "B", "db", "x_9", "Cache", "_1"];

/// How a grant may be written so that it is refused, or nearly so.
const ILL_FORMED: [Form; 16] = [
    "N=0D", "N", "=D", "", "1N=D", "N-x=D", "N x=D", "N=", "N=x", "N=-D", "N= D", "N=D ", "N=+D", "N==D", "N=W", "N=99",
];

/// What a flag is drawn as, before the numbers that are open are known.
#[derive(Clone, Debug)]
enum Drawn {
    Flag(Flag),
    /// A name, how name and number are put together, and which of the open numbers.
    Grant(&'static str, Form, usize),
}

/// How a grant is written; `N` stands for the name, `D` for a number that is open, `W` for one that
/// becomes it where it is cut to 32 bits.
type Form = &'static str;

/// Inputs for two implementations, of what both claim.
pub(super) fn inputs(adapters: &[&Adapter; 2]) -> BoxedStrategy<Input> {
    let both = |profile| adapters.iter().all(|adapter| adapter.profiles.contains(&profile));
    let mut kinds = vec![(6, env().prop_map(|entry| Drawn::Flag(Flag::Env(entry))).boxed()), (1, odd_word())];
    if both(Profile::Fds) {
        let grant = |form: BoxedStrategy<Form>| {
            (select(NAMES.to_vec()), form, 0..8_usize).prop_map(|(name, form, at)| Drawn::Grant(name, form, at))
        };
        kinds.push((6, grant(Just("N=D").boxed()).boxed()));
        kinds.push((2, grant(select(ILL_FORMED.to_vec()).boxed()).boxed()));
    }
    if both(Profile::Fds) && adapters.iter().all(|adapter| adapter.layout_flag.is_some()) {
        let name = prop_oneof![8 => select(vec!["grants-first", "rpc-first"]), 1 => select(vec!["", "sideways"])];
        kinds.push((2, name.prop_map(|name| Drawn::Flag(Flag::Layout(name.into()))).boxed()));
    }
    if both(Profile::Ipfs) {
        let text =
            prop_oneof![2 => Just("/ip4/127.0.0.1/tcp/9/http"), 1 => select(vec!["", "nonsense", "/ip4/1/tcp/9"])];
        kinds.push((1, text.prop_map(|text| Drawn::Flag(Flag::Ipfs(text.into()))).boxed()));
    }
    let flags = vec(proptest::strategy::Union::new_weighted(kinds), 0..7);
    let open = vec(3..24_i32, 0..5).prop_map(|mut numbers| {
        numbers.sort_unstable();
        numbers.dedup();
        numbers
    });
    let caller = (
        weighted(
            0.3,
            vec(env(), 0..4).prop_map(|entries| Word(entries.iter().map(Word::bytes).collect::<Vec<_>>().join(&b','))),
        ),
        // Each ordinary first: that is what it becomes when it is made smaller.
        prop_oneof![12 => Just(vec![]), 1 => subsequence(vec![0, 1, 2], 1..3)],
        weighted(0.1, select(vec![0, 0o077, 0o027])),
        prop_oneof![9 => Just(vec![]), 1 => subsequence(IGNORED.to_vec(), 1..3)],
    );
    (flags, open, caller, program(), vec(argument(), 0..4))
        .prop_map(|(flags, open, (ww_env, closed, umask, ignored), program, args)| {
            let flags = flags.into_iter().map(|flag| settled(flag, &open)).collect();
            let alone = matches!(program.what, What::Exit(_) | What::Signal(_) | What::Absent);
            let args = if alone { vec![] } else { args };
            Input { flags, ww_env, open, closed, umask, ignored, program, args }
        })
        .boxed()
}

fn settled(flag: Drawn, open: &[i32]) -> Flag {
    match flag {
        Drawn::Flag(flag) => flag,
        Drawn::Grant(name, form, at) => {
            let numbers = if open.is_empty() { &[0, 1, 2] } else { open };
            let number = i64::from(numbers[at % numbers.len()]);
            let wide = (number + (1 << 32)).to_string();
            Flag::Grant(form.replace('D', &number.to_string()).replace('W', &wide).replace('N', name).into())
        }
    }
}

fn env() -> BoxedStrategy<Word> {
    let key = || select(vec!["A", "B", "HOST_ONE", "LACKING", "a.b", "\u{e9}"]);
    let byte = prop_oneof![4 => b'!'..=b'z', 2 => select(b" \n\\".to_vec()), 2 => 1..=255_u8];
    let set = (key(), vec(byte, 0..6)).prop_map(|(key, value)| Word([key.as_bytes(), b"=", &value].concat()));
    let wrong = select(vec!["=x", "=", "WW_RPC_FD=9", "WW_FD_A", "WW_FD_=1", ""]);
    prop_oneof![8 => set, 3 => key().prop_map(Word::from), 1 => wrong.prop_map(Word::from)].boxed()
}

fn odd_word() -> BoxedStrategy<Drawn> {
    let words = ["--", "--no-such-option", "--env", "--with-fd", "-x"];
    select(words.to_vec()).prop_map(|word| Drawn::Flag(Flag::Word(word.into()))).boxed()
}

fn program() -> impl Strategy<Value = Program> {
    let what = prop_oneof![
        24 => Just(What::Facts),
        3 => any::<u8>().prop_map(What::Exit),
        3 => select(vec![1_u8, 2, 3, 6, 9, 11, 13, 15]).prop_map(What::Signal),
        3 => Just(What::Script),
        6 => select(vec![What::Missing, What::Directory, What::NotExecutable, What::Text, What::EmptyFile]),
        3 => select(vec![What::NoInterpreter, What::EmptyPath, What::Absent]),
    ];
    let named = prop_oneof![
        6 => Just(Named::Relative),
        2 => Just(Named::Absolute),
        1 => Just(Named::Bare),
        1 => Just(Named::Odd),
    ];
    (what, named).prop_map(|(what, named)| Program { what, named })
}

fn argument() -> impl Strategy<Value = Word> {
    let special = ["", "--", "-", "--env", "--help", "a b", "\n", "*"];
    prop_oneof![2 => vec(1..=255_u8, 0..5).prop_map(Word), 1 => select(special.to_vec()).prop_map(Word::from)]
}
