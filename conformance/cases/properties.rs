//! Properties: rules that hold for any grants, environment and arguments, tried with generated
//! ones; what fails is made as small as it can be.

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::ffi::OsStrExt;

use proptest::collection::vec;
use proptest::prelude::{Just, Strategy, any, prop_oneof};
use proptest::sample::select;
use proptest::test_runner::{Config, TestCaseError, TestError, TestRunner};

use crate::facts::{escaped, identity};
use crate::registry::{Case, case};
use crate::suite::Suite;
use crate::verdict::{Stop, Verdict, holds, same};

pub(crate) const CASES: &[Case] = &[
    case!(fd_08_any_grants_lie_where_the_layout_says)
        .also(&["FD-02", "FD-03", "FD-06", "FD-10", "FD-14", "FD-15", "FD-21"])
        .each_layout(),
    case!(env_07_any_environment_is_as_its_entries_say)
        .also(&["ENV-01", "ENV-02", "ENV-04", "ENV-05", "ENV-06", "ENV-10"]),
    case!(cli_02_any_arguments_arrive),
];

/// How many inputs are tried.
const TRIES: u32 = 24;

/// Tries a property; a failure names the smallest input that shows it.
fn property<S: Strategy>(strategy: S, check: impl Fn(&S::Value) -> Verdict) -> Verdict
where
    S::Value: Clone + std::fmt::Debug,
{
    let config = Config { cases: TRIES, max_shrink_iters: 300, failure_persistence: None, ..Config::default() };
    let trouble = std::cell::RefCell::new(None);
    let outcome = TestRunner::new(config).run(&strategy, |input| match check(&input) {
        Err(Stop::Fail(what)) => Err(TestCaseError::fail(what)),
        Err(other) => {
            *trouble.borrow_mut() = Some(other);
            Ok(())
        }
        Ok(()) => Ok(()),
    });
    match (outcome, trouble.into_inner()) {
        (Err(TestError::Fail(what, input)), _) => Err(Stop::Fail(format!("{what}\nsmallest input: {input:?}"))),
        (Err(TestError::Abort(why)), _) => Err(Stop::Harness(why.to_string())),
        (Ok(()), Some(stop)) => Err(stop),
        (Ok(()), None) => Ok(()),
    }
}

/// Grants whose names make different variables, of numbers that may repeat and collide.
fn grants() -> impl Strategy<Value = Vec<(String, i32)>> {
    vec(("[A-Za-z_][A-Za-z0-9_]{0,6}", 3..24_i32), 0..9).prop_map(|mut grants| {
        let mut seen = BTreeSet::new();
        grants.retain(|(name, _)| seen.insert(name.to_uppercase()));
        grants
    })
}

fn fd_08_any_grants_lie_where_the_layout_says(suite: &Suite<'_>) -> Verdict {
    property((grants(), vec(3..40_i32, 0..4)), |(grants, strangers)| {
        let layout = suite.layout();
        let count = i32::try_from(grants.len()).unwrap_or(i32::MAX);
        let mut run = suite.ww();
        for number in strangers {
            run = run.place(*number, &suite.file("stranger", "x")?);
        }
        let mut files = BTreeMap::new();
        for (name, number) in grants {
            let file = suite.file(&format!("f{number}"), "x")?;
            run = run.grant(name, *number).place(*number, &file);
            files.insert(*number, identity(&file)?);
        }
        let run = run.probe(["facts"]).run()?;
        let facts = run.facts()?;
        for (nth, (name, number)) in (1..).zip(grants) {
            let variable = format!("WW_FD_{}", name.to_uppercase());
            run.same(&variable, facts.number(&variable), Some(layout.grant(nth)))?;
            run.same(
                format!("what {variable} leads to"),
                facts.identity(layout.grant(nth)),
                files.get(number).copied(),
            )?;
        }
        run.same("WW_RPC_FD", facts.number("WW_RPC_FD"), Some(layout.rpc(count)))?;
        let socket = facts.fd(layout.rpc(count)).is_some_and(|fd| fd.is_connected_stream());
        run.holds("WW_RPC_FD leads to the RPC socket", socket)?;
        run.same("open descriptors", facts.numbers(), (0..=3 + count).collect())?;
        Ok(())
    })
}

/// One entry of the environment, as an entry of `WW_ENV` or a flag, in that order.
#[derive(Clone, Debug)]
enum Entry {
    Set(String, Vec<u8>),
    Pass(String),
}

/// Keys that meet often, two of which the host has.
fn key() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => select(vec!["A", "B", "a", "HOST_ONE", "HOST_TWO", "WW", "WW_FD", "PATH"]).prop_map(str::to_owned),
        1 => "[A-Za-z0-9_.+/ äé-]{1,8}".prop_filter("a key of its own", |key| !key.starts_with('-')),
    ]
}

fn entry(value: impl Strategy<Value = Vec<u8>>) -> impl Strategy<Value = Entry> {
    prop_oneof![
        3 => (key(), value).prop_map(|(key, value)| Entry::Set(key, value)),
        1 => key().prop_map(Entry::Pass),
    ]
}

/// Bytes that a variable may have; those that `WW_ENV` may have, without its separator.
fn bytes(separator: Option<u8>) -> impl Strategy<Value = Vec<u8>> {
    let allowed = move |byte: &u8| *byte != 0 && Some(*byte) != separator;
    vec(prop_oneof![any::<u8>(), Just(b'='), Just(b','), Just(b'\n')], 0..12)
        .prop_map(move |text| text.into_iter().filter(allowed).collect())
}

fn env_07_any_environment_is_as_its_entries_say(suite: &Suite<'_>) -> Verdict {
    let input = (vec(entry(bytes(Some(b','))), 0..5), vec(entry(bytes(None)), 0..8));
    property(input, |(listed, flagged)| {
        let host = BTreeMap::from([("HOST_ONE", &b"one"[..]), ("HOST_TWO", b"two, \xff"), ("PATH", b"/usr/bin:/bin")]);
        let text = |entry: &Entry| match entry {
            Entry::Set(key, value) => [key.as_bytes(), b"=", value].concat(),
            Entry::Pass(key) => key.as_bytes().to_vec(),
        };
        let mut run = host.iter().fold(suite.ww(), |run, (key, value)| run.env(key, value));
        run = run.env("WW_ENV", listed.iter().map(text).collect::<Vec<_>>().join(&b','));
        run = run.flags(flagged.iter().flat_map(|entry| [b"--env".to_vec(), text(entry)]));
        let mut wanted = BTreeMap::new();
        for entry in listed.iter().chain(flagged) {
            match entry {
                Entry::Set(key, value) => _ = wanted.insert(key.clone(), value.clone()),
                Entry::Pass(key) => {
                    // Without a value of the host's the entry is left out: an earlier one stands.
                    if let Some(value) = host.get(key.as_str()) {
                        wanted.insert(key.clone(), value.to_vec());
                    }
                }
            }
        }
        let mut wanted: Vec<String> =
            wanted.iter().map(|(key, value)| escaped([key.as_bytes(), b"=", value].concat())).collect();
        wanted.push("WW_RPC_FD=3".to_owned());
        wanted.sort();
        let run = run.probe(["facts"]).run()?;
        let mut env = run.facts()?.env;
        env.sort();
        run.same("environment", env, wanted)?;
        Ok(())
    })
}

fn cli_02_any_arguments_arrive(suite: &Suite<'_>) -> Verdict {
    property(vec(bytes(None), 0..12), |args| {
        let run = suite.ww().probe([&b"facts"[..]]).flags(args).run()?;
        let facts = run.facts()?;
        run.same("arguments", facts.rest().to_vec(), args.iter().map(escaped).collect())?;
        same("its own name", facts.argv[0].as_bytes(), suite.probe().as_os_str().as_bytes())?;
        holds("nothing of ww's own among them", facts.argv.len() == args.len() + 2, &facts.argv)
    })
}
