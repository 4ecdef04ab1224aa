//! The zoo is in order: its README is what it prints, each of its names stands once, each control is used,
//! and every clause that has a case has a fault. `ww-conformance zoo` runs it.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use ww_conformance::clauses::Specification;
use ww_conformance::coverage::Coverage;
use ww_conformance::zoo::Zoo;

fn beside() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_ww-faulty")).parent().expect("a folder")
}

fn zoo() -> Zoo {
    Zoo::open(beside()).expect("the zoo's list")
}

#[test]
fn the_readme_is_what_it_prints() {
    let printed = Command::new(env!("CARGO_BIN_EXE_ww-faulty")).arg("--readme").output().expect("the zoo");
    let differs = "it differs: cargo run -p ww-conformance --bin ww-faulty -- --readme > conformance/zoo/README.md";
    assert!(printed.stdout == include_bytes!("../zoo/README.md"), "{differs}");
}

#[test]
fn each_name_stands_once_and_each_control_is_used() {
    let zoo = zoo();
    let names: BTreeSet<&str> = zoo.faults().iter().map(|fault| fault.name.as_str()).collect();
    assert_eq!(names.len(), zoo.faults().len());
    let used: BTreeSet<String> = zoo.faults().iter().filter_map(|fault| fault.control.clone()).collect();
    assert_eq!(&used, zoo.controls());
}

#[test]
fn every_clause_with_a_case_has_a_fault() {
    let zoo = zoo();
    let tried: BTreeSet<String> =
        zoo.faults().iter().flat_map(|fault| fault.clauses.iter().map(ToString::to_string)).collect();
    let coverage = Coverage::of(Specification::embedded()).expect("cases cite clauses that exist");
    let decided: BTreeSet<String> = coverage.covered.keys().map(ToString::to_string).collect();
    assert_eq!(decided.difference(&tried).collect::<Vec<_>>(), Vec::<&String>::new(), "clauses without a fault");
    assert_eq!(tried.difference(&decided).collect::<Vec<_>>(), Vec::<&String>::new(), "clauses without a case");
}
