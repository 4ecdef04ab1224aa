//! The built-in clauses load and hang together, and `docs/spec.md` is what they give.

use std::collections::BTreeSet;
use std::path::Path;

use ww_conformance::clauses::{Area, CLAUSES_TOML, Specification, prose};

#[test]
fn the_built_in_clauses_load_and_use_every_heading_and_ruling() {
    let spec = Specification::parse(CLAUSES_TOML).unwrap();
    let used: BTreeSet<&str> = spec.clauses().iter().map(|clause| clause.source.as_str()).collect();
    for section in spec.sections() {
        assert!(used.contains(section.as_str()), "no clause comes from the heading {section:?}");
    }
    for ruling in spec.rulings() {
        let name = format!("ruling {}", ruling.number);
        assert!(used.contains(name.as_str()), "no clause comes from {name}");
    }
    for area in Area::ALL {
        assert!(spec.in_area(*area).next().is_some(), "{area} has no clause");
    }
}

#[test]
fn the_built_in_disputes_name_both_readings_and_the_layout_that_decides() {
    let spec = Specification::embedded();
    let disputes: Vec<&str> = spec.clauses().iter().filter_map(|clause| clause.disputed.as_deref()).collect();
    assert!(!disputes.is_empty());
    for readings in disputes {
        assert!(
            readings.contains("layout") && readings.contains("first grant") && readings.contains("RPC socket"),
            "{readings}"
        );
    }
}

#[test]
fn the_document_is_what_the_clauses_give() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/spec.md");
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        committed == prose::document(Specification::embedded()),
        "docs/spec.md is stale: run `cargo run -p ww-conformance --example spec -- docs/spec.md`"
    );
}

#[test]
fn every_link_of_the_document_leads_to_a_clause() {
    let document = prose::document(Specification::embedded());
    let targets: Vec<&str> = document.split("](#").skip(1).map(|rest| rest.split(')').next().unwrap()).collect();
    assert_eq!(targets.len(), Specification::embedded().numbers().len());
    for target in targets {
        assert!(document.contains(&format!("\n### {}\n", target.to_uppercase())), "no heading for #{target}");
    }
}
