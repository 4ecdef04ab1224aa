//! Any arguments: their number, their order, their bytes.

use proptest::collection::vec;
use proptest::prelude::{BoxedStrategy, Just, Strategy, prop_oneof};

use crate::facts::escaped;
use crate::property::{Kept, Word, kept, property};
use crate::suite::Suite;
use crate::verdict::Verdict;

/// An argument: any bytes but NUL, and what looks like something else.
fn argument() -> BoxedStrategy<Word> {
    let special = ["", "-", "--", "--env", "--with-fd", "--help", "=", "*", "$HOME", "a b", "\n", "\\"];
    prop_oneof![
        6 => vec(1..=255_u8, 0..12).prop_map(Word),
        3 => proptest::sample::select(special.to_vec()).prop_map(Word::from),
        1 => (1..=255_u8, 0..3000_usize).prop_map(|(byte, length)| Word(vec![byte; length])),
    ]
    .boxed()
}

pub(super) fn cli_02_any_arguments_arrive(suite: &Suite<'_>) -> Verdict {
    const KEPT: Kept = kept!(cli_02_any_arguments_arrive);
    let one = (0..300_usize, argument());
    // Many that are alike save for one: more of chance would take longer to make smaller than to find.
    let many = (0..300_usize, one).prop_map(|(count, (at, odd))| {
        let mut all: Vec<Word> = (0..count).map(|nth| Word::from(format!("{nth}"))).collect();
        all.insert(at % (count + 1), odd);
        all
    });
    let tries = [(48, vec(argument(), 0..12).boxed()), (12, many.boxed()), (1, Just(vec![]).boxed())];
    property(suite, KEPT, tries, |args: &Vec<Word>| {
        let run = suite.ww().probe([&b"facts"[..]]).flags(args).run()?;
        let facts = run.facts()?;
        let wanted = std::iter::once("facts".to_owned()).chain(args.iter().map(escaped)).collect();
        run.same("arguments", facts.argv.iter().skip(1).cloned().collect::<Vec<_>>(), wanted)?;
        if suite.judges("EXEC-05") {
            run.same("its own name", facts.argv[0].clone(), escaped(suite.probe().as_os_str().as_encoded_bytes()))?;
        }
        Ok(())
    })
}
