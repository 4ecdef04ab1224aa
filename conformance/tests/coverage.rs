//! Every clause that is judged by now and can be decided by a case has one.

use ww_conformance::clauses::Specification;
use ww_conformance::coverage::Coverage;

/// Clauses whose cases need the IPFS node or a cell that speaks RPC, and come with these. One that
/// has got its case must go from here.
const AWAITED: &str = "
    EP-01 EP-02 EP-03 EP-04 EP-05 EP-06 EP-07 EP-08 EP-09 PATH-01 PATH-02
    IPFS-01 IPFS-02 IPFS-03 IPFS-04 IPFS-05 IPFS-06 IPFS-07 IPFS-08 IPFS-09 IPFS-10 IPFS-11 IPFS-12
    IPFS-13 IPFS-14 IPFS-15 IPFS-16 IPFS-17 IPFS-18 IPFS-19 IPFS-20 IPFS-21 IPFS-22 IPFS-23 IPFS-24
    IPFS-25 IPFS-26 IPFS-27 EXIT-10 EXIT-11 MSG-03 SIG-06
    RPC-03 RPC-04 RPC-05 RPC-10 RPC-11 RPC-12 RPC-13 RPC-14 RPC-15 RPC-16 RPC-17 RPC-18 RPC-19 RPC-20 RPC-21
    SELF-01 SELF-02 SELF-03
";

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
    assert_eq!(uncovered, AWAITED.split_whitespace().collect::<Vec<_>>(), "clauses without a case");
}
