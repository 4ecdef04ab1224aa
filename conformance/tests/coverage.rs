//! Every clause that is judged by now and can be decided by a case has one.

use ww_conformance::clauses::Specification;
use ww_conformance::coverage::Coverage;

#[test]
fn every_clause_that_needs_a_case_has_one() {
    let coverage = Coverage::of(Specification::embedded()).expect("every case cites clauses that exist");
    println!(
        "{} covered, {} pending, {} excluded, {} uncovered",
        coverage.covered.len(),
        coverage.pending.len(),
        coverage.excluded.len(),
        coverage.uncovered.len()
    );
    let uncovered: Vec<String> = coverage.uncovered.iter().map(ToString::to_string).collect();
    assert!(uncovered.is_empty(), "clauses without a case: {uncovered:?}");
}
