//! Two implementations, the same generated inputs: where they differ, shrunk to the smallest difference.
//!
//! What it does: [`compare`] draws whole invocations ([`Input`]), runs each under both sides, and
//! compares what was observed, aspect by aspect; what differs is made as small as it can be.
//! What must stay true: both sides are given the same; what an implementation may choose (pids, inodes,
//! limits, the wording of a message beyond its phrase) is never compared; neither side is taken for
//! right.
//! Clauses it serves: none is judged; it shows where two readings of them part.

mod generate;
mod input;
mod observed;
mod place;
mod shell;
mod told;

use std::collections::BTreeSet;
use std::sync::Arc;

use proptest::strategy::{BoxedStrategy, Strategy, ValueTree};

pub use input::{Flag, Input, Named, Program, What};
pub use observed::{ASPECTS, aspects};

pub use crate::property::AGAIN;
use crate::property::{runner, smallest};
use crate::runner::StopSign;
use crate::setup::Setup;
use crate::verdict::{Stop, Verdict};
use observed::Observed;
use place::Side;

/// What is tried, and what doesn't count.
#[derive(Clone, Debug)]
pub struct Options {
    /// What the inputs are drawn by.
    pub seed: u64,
    /// How many are tried.
    pub tries: u32,
    /// Aspects that are left out, by their names in [`aspects`].
    pub ignore: BTreeSet<String>,
    /// After how many differences it ends; two that differ in the same aspects count as one.
    pub most: usize,
    /// Ends it before the next input, once it is raised.
    pub sign: Option<Arc<StopSign>>,
}

impl Default for Options {
    fn default() -> Self {
        Self { seed: 0, tries: 256, ignore: BTreeSet::new(), most: 1, sign: None }
    }
}

/// One aspect in which the sides differ, and what each side shows.
pub type Differing = (&'static str, String, String);

/// The smallest input that was found to show a difference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The input.
    pub input: Input,
    /// What differs: the aspect, then A, then B.
    pub aspects: Vec<Differing>,
    /// A line for a shell that shows it, for A and for B.
    pub commands: [String; 2],
    /// What the inputs were drawn by.
    pub seed: u64,
    /// Which input showed it, counted from 1; 0 is one that was given.
    pub tries: u32,
    /// In how many steps it was made smaller.
    pub steps: u32,
    /// How often it was seen again, of [`AGAIN`] times.
    pub again: u32,
}

impl Difference {
    /// The names of the aspects that differ.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        self.aspects.iter().map(|(name, ..)| *name)
    }
}

/// What came of a comparison.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Comparison {
    /// What the inputs were drawn by.
    pub seed: u64,
    /// How many inputs were tried.
    pub tried: u32,
    /// In how many of them the sides agreed.
    pub agreed: u32,
    /// The differences, each in other aspects than those before.
    pub differences: Vec<Difference>,
}

/// The first difference, as small as it can be.
///
/// # Errors
/// A fault of the harness.
pub fn diff(a: &Setup, b: &Setup, options: &Options) -> Verdict<Option<Difference>> {
    let found = compare(a, b, &Options { most: 1, ..options.clone() })?;
    Ok(found.differences.into_iter().next())
}

/// Compares until so many differences are found, or the tries are over.
///
/// # Errors
/// A fault of the harness.
pub fn compare(a: &Setup, b: &Setup, options: &Options) -> Verdict<Comparison> {
    let inputs = generate::inputs(&[a.adapter(), b.adapter()]);
    search(a, b, options, &inputs)
}

/// Runs one input under both sides, as [`Difference::input`] gives it.
///
/// # Errors
/// A fault of the harness.
pub fn one(a: &Setup, b: &Setup, input: &Input, ignore: &BTreeSet<String>) -> Verdict<Option<Difference>> {
    let sides = [Side::new(a, a)?, Side::new(b, a)?];
    let differing = differing(&sides, input, ignore)?;
    let told = |aspects| told(&sides, input.clone(), aspects, ignore);
    if differing.is_empty() { Ok(None) } else { told(differing).map(Some) }
}

fn search(a: &Setup, b: &Setup, options: &Options, inputs: &BoxedStrategy<Input>) -> Verdict<Comparison> {
    let sides = [Side::new(a, a)?, Side::new(b, a)?];
    let mut runner = runner(options.seed, "diff");
    let mut found = Comparison { seed: options.seed, tried: 0, agreed: 0, differences: Vec::new() };
    let mut known: BTreeSet<Vec<&str>> = BTreeSet::new();
    let raised = || options.sign.as_ref().is_some_and(|sign| sign.is_raised());
    while found.tried < options.tries && found.differences.len() < options.most && !raised() {
        found.tried += 1;
        let tree = inputs.new_tree(&mut runner).map_err(|why| Stop::Harness(format!("no input: {why}")))?;
        let first = differing(&sides, &tree.current(), &options.ignore)?;
        if first.is_empty() {
            found.agreed += 1;
            continue;
        }
        let among = names(&first);
        if known.contains(&among) {
            continue;
        }
        // A smaller input may differ in fewer aspects, but in no others: it is the same difference.
        let smallest = smallest(tree, first, |input| {
            let now = differing(&sides, input, &options.ignore)?;
            let shown = names(&now);
            let same = !now.is_empty() && shown.iter().all(|name| among.contains(name)) && !known.contains(&shown);
            Ok(same.then_some(now))
        })?;
        known.insert(names(&smallest.shows));
        known.insert(among);
        let mut difference = told(&sides, smallest.input, smallest.shows, &options.ignore)?;
        (difference.seed, difference.tries, difference.steps) = (options.seed, found.tried, smallest.steps);
        found.differences.push(difference);
    }
    Ok(found)
}

fn names(differing: &[Differing]) -> Vec<&'static str> {
    differing.iter().map(|(name, ..)| *name).collect()
}

fn differing(sides: &[Side<'_>; 2], input: &Input, ignore: &BTreeSet<String>) -> Verdict<Vec<Differing>> {
    let [a, b] = [sides[0].observe(input)?, sides[1].observe(input)?];
    Ok(Observed::differing(&a, &b).into_iter().filter(|(name, ..)| !ignore.contains(*name)).collect())
}

fn told(
    sides: &[Side<'_>; 2],
    input: Input,
    aspects: Vec<Differing>,
    ignore: &BTreeSet<String>,
) -> Verdict<Difference> {
    let mut again = 0;
    for _ in 0..AGAIN {
        again += u32::from(names(&differing(sides, &input, ignore)?) == names(&aspects));
    }
    let commands = [shell::line(&sides[0], &input), shell::line(&sides[1], &input)];
    Ok(Difference { input, aspects, commands, seed: 0, tries: 0, steps: 0, again })
}
