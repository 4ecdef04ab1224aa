//! The coverage gate: what has to be decided has a case, and was decided by checks that were made.

use ww_conformance::clauses::{CLAUSES_TOML, ClauseId, Specification};
use ww_conformance::coverage::{Coverage, Gate};
use ww_conformance::reviewed;

fn id(text: &str) -> ClauseId {
    text.parse().expect("an id")
}

#[test]
fn every_clause_that_needs_a_case_has_one() {
    let coverage = Coverage::of(Specification::embedded()).expect("every case cites clauses that exist");
    let uncovered: Vec<String> = coverage.uncovered.iter().map(ToString::to_string).collect();
    assert!(uncovered.is_empty(), "clauses without a case: {uncovered:?}");
    assert!(coverage.covered.len() > 190, "{}", coverage.covered.len());
}

#[test]
fn somebody_has_looked_at_every_clauses_cases() {
    let changed = reviewed::changed(Specification::embedded().clauses());
    assert_eq!(changed, vec![], "look at their cases, then: ww-conformance coverage --reviewed ID");
}

#[test]
fn a_clause_that_reads_differently_is_to_be_looked_at_again() {
    let said = "Every argument after `<binary>` reaches the cell in its order";
    assert!(CLAUSES_TOML.contains(said));
    let reworded = CLAUSES_TOML.replace(said, "Most arguments after `<binary>` reach the cell in their order");
    let specification = Specification::parse(&reworded).expect("a specification");
    assert_eq!(reviewed::changed(specification.clauses()), vec![id("CLI-02")]);
    let gate = Gate::of(&specification, &[]).expect("cases cite clauses that exist");
    assert_eq!((gate.unreviewed.clone(), gate.is_open()), (vec![id("CLI-02")], false));
}

#[test]
fn an_active_clause_needs_its_check() {
    // The last one once more, under a number that no case cites.
    let last = &CLAUSES_TOML[CLAUSES_TOML.rfind("[[clause]]").expect("a clause")..];
    let id_line = last.lines().find(|line| line.starts_with("id = ")).expect("its id");
    let text = format!("{CLAUSES_TOML}\n{}", last.replacen(id_line, "id = \"SELF-99\"", 1));
    let specification = Specification::parse(&text).expect("a specification");
    let coverage = Coverage::of(&specification).expect("cases cite clauses that exist");
    assert_eq!(coverage.uncovered, vec![id("SELF-99")]);
}
