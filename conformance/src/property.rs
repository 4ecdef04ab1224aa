//! Properties: a rule that holds for any input, tried with inputs that were kept and with generated ones.
//!
//! What it does: [`property`] tries a case's kept inputs first, then generated ones; one that fails is
//! made as small as it can be, and the failure says how to have it again: the input as JSON, the seed,
//! and the line that keeps it for ever in `cases/kept/`.
//! What must stay true: which inputs are tried is decided by the run's seed and the case's name alone;
//! only a failure of the implementation is made smaller, a fault of the harness ends the case at once.
//! Clauses it serves: those of the cases in `cases/properties/`.

mod word;

use std::fmt::Debug;
use std::time::{Duration, Instant};

use proptest::strategy::{BoxedStrategy, Strategy, ValueTree};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::suite::Suite;
use crate::verdict::{Stop, Verdict};

pub use word::{IllFormed, Word};

/// How often a smaller input is looked for, at most.
const SHRINK_STEPS: u32 = 400;

/// How long a smaller input is looked for, at most: an implementation that hangs takes its whole
/// deadline each time.
const SHRINK_TIME: Duration = Duration::from_secs(20);

/// How often the smallest input is run again, to tell what happens always from what happens sometimes.
pub const AGAIN: u32 = 3;

/// A case's name, and the inputs that were kept for it: `cases/kept/<name>.json`.
#[derive(Clone, Copy, Debug)]
pub struct Kept {
    /// The case's name.
    pub case: &'static str,
    /// The file's content: a list of `{"found": "how", "input": …}`.
    pub text: &'static str,
}

/// The [`Kept`] inputs of a case, by its name.
macro_rules! kept {
    ($case:ident) => {
        $crate::property::Kept {
            case: stringify!($case),
            text: include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/cases/kept/", stringify!($case), ".json")),
        }
    };
}
pub(crate) use kept;

/// One kept input, and how it was found.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry<I> {
    found: String,
    input: I,
}

/// A kind of input and how many of it are tried.
pub type Tries<I> = (u32, BoxedStrategy<I>);

/// Tries a property with the kept inputs, then with so many generated ones of each kind.
///
/// # Errors
/// The smallest input that shows a failure, or whatever else ended a try.
pub fn property<I>(
    suite: &Suite<'_>,
    kept: Kept,
    tries: impl IntoIterator<Item = Tries<I>>,
    check: impl Fn(&I) -> Verdict,
) -> Verdict
where
    I: Clone + Debug + Serialize + DeserializeOwned,
{
    let entries: Vec<Entry<I>> = serde_json::from_str(kept.text).map_err(|fault| {
        Stop::Harness(format!("cases/kept/{}.json isn't a list of kept inputs: {fault}", kept.case))
    })?;
    for Entry { found, input } in entries {
        if let Some(what) = failure(check(&input))? {
            return Err(Stop::Fail(format!("{what}\nkept input: {}\n found by: {found}", json(&input)?)));
        }
    }
    let seed = suite.seed();
    let mut runner = runner(seed, kept.case);
    let mut nth = 0;
    for (count, strategy) in tries {
        for _ in 0..count {
            nth += 1;
            let tree = strategy.new_tree(&mut runner).map_err(|why| Stop::Harness(format!("no input: {why}")))?;
            if let Some(what) = failure(check(&tree.current()))? {
                let smallest = smallest(tree, what, |input| failure(check(input)))?;
                let mut again = 0;
                for _ in 0..AGAIN {
                    again += u32::from(failure(check(&smallest.input))?.is_some());
                }
                return Err(Stop::Fail(told(kept, seed, nth, &smallest, again)?));
            }
        }
    }
    Ok(())
}

/// What failed, where something did; anything else that isn't a pass is handed on.
fn failure(verdict: Verdict) -> Verdict<Option<String>> {
    match verdict {
        Ok(()) => Ok(None),
        Err(Stop::Fail(what)) => Ok(Some(what)),
        Err(other) => Err(other),
    }
}

/// The source of chance for a name under a seed: the same on every machine and in every order of cases.
pub(crate) fn runner(seed: u64, name: &str) -> TestRunner {
    // FNV-1a over the name, then SplitMix64: both are written down, so that they stay what they are.
    let start = name
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3));
    let mut state = seed ^ start;
    let mut bytes = Vec::with_capacity(32);
    for _ in 0..4 {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut part = state;
        part = (part ^ (part >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        part = (part ^ (part >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bytes.extend((part ^ (part >> 31)).to_le_bytes());
    }
    let config = Config { failure_persistence: None, ..Config::default() };
    TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &bytes))
}

/// The smallest input that was found, what it shows, and in how many steps.
#[derive(Debug)]
pub(crate) struct Smallest<I, F> {
    pub(crate) input: I,
    pub(crate) shows: F,
    pub(crate) steps: u32,
}

/// Looks for smaller inputs that show the same kind of thing; `shows` is what the tree's own does.
pub(crate) fn smallest<T: ValueTree, F>(
    mut tree: T,
    shows: F,
    check: impl Fn(&T::Value) -> Verdict<Option<F>>,
) -> Verdict<Smallest<T::Value, F>> {
    let deadline = Instant::now() + SHRINK_TIME;
    let mut best = Smallest { input: tree.current(), shows, steps: 0 };
    let mut more = tree.simplify();
    while more && best.steps < SHRINK_STEPS && Instant::now() < deadline {
        best.steps += 1;
        let input = tree.current();
        more = match check(&input)? {
            Some(shows) => {
                best = Smallest { input, shows, steps: best.steps };
                tree.simplify()
            }
            None => tree.complicate(),
        };
    }
    Ok(best)
}

pub(crate) fn json<I: Serialize>(input: &I) -> Verdict<String> {
    Ok(serde_json::to_string(input)?)
}

fn told<I: Serialize>(kept: Kept, seed: u64, nth: u32, found: &Smallest<I, String>, again: u32) -> Verdict<String> {
    let entry = json(&Entry { found: format!("seed {seed}: say by what"), input: &found.input })?;
    Ok(format!(
        "{}\nsmallest input: {}\nseed {seed}, input {nth}, made smaller in {} steps, \
         seen again {again} of {AGAIN} times\nto have it tried always, add to conformance/cases/kept/{}.json:\n  {entry}",
        found.shows,
        json(&found.input)?,
        found.steps,
        kept.case,
    ))
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::any;

    use super::*;

    fn drawn(seed: u64, name: &str) -> Vec<u8> {
        vec(any::<u8>(), 16).new_tree(&mut runner(seed, name)).expect("a value").current()
    }

    #[test]
    fn inputs_depend_on_seed_and_name_alone() {
        assert_eq!(drawn(1, "fd_08"), drawn(1, "fd_08"));
        assert_ne!(drawn(1, "fd_08"), drawn(2, "fd_08"));
        assert_ne!(drawn(1, "fd_08"), drawn(1, "fd_07"));
    }

    #[test]
    fn the_smallest_is_found() {
        let mut runner = runner(7, "numbers");
        let (strategy, big) =
            (vec(0..1000_u32, 0..20), |list: &Vec<u32>| Ok(list.iter().any(|n| *n > 41).then_some(())));
        let tree = std::iter::repeat_with(|| strategy.new_tree(&mut runner).expect("a value"))
            .find(|tree| big(&tree.current()) == Ok(Some(())))
            .expect("one in any ten");
        assert_eq!(smallest(tree, (), big).expect("no fault").input, [42]);
    }

    #[test]
    fn a_fault_of_the_harness_ends_it() {
        let tree = vec(any::<u8>(), 9).new_tree(&mut runner(7, "fault")).expect("a value");
        let ended = smallest(tree, (), |_| Err(Stop::Harness("out of files".into())));
        assert_eq!(ended.err(), Some(Stop::Harness("out of files".into())));
    }
}
