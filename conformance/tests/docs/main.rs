//! The documents say what is so: each command line in them parses, each link leads somewhere, and every field,
//! flag and variable that there is stands in them.
//!
//! What must stay true: what is compared comes from the suite itself (`--help`, the sources, a real run), never
//! from a list here.

mod fields;
mod lines;
mod pages;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use regex::Regex;
use ww_conformance::adapter::{Adapter, TEMPLATE};
use ww_conformance::clauses::Profile;
use ww_conformance::diff::aspects;
use ww_conformance::outcome::Outcome;

const GUIDE: &str = "docs/conformance.md";
const REFERENCE: &str = "docs/conformance/results.md";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn text(document: &str) -> String {
    fs::read_to_string(root().join(document)).unwrap_or_else(|fault| panic!("{document}: {fault}"))
}

/// Every document that people write, by its path in the repository.
fn documents() -> Vec<String> {
    let mut found: Vec<String> = ["README.md", "CONTRIBUTING.md", "conformance/README.md"].map(str::to_owned).into();
    let mut folders = vec!["docs".to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(root().join(&folder)).expect("a folder of documents").flatten() {
            let path = format!("{folder}/{}", entry.file_name().to_string_lossy());
            match entry.path() {
                place if place.is_dir() => folders.push(path),
                _ if path.ends_with(".md") => found.push(path),
                _ => {}
            }
        }
    }
    found
}

/// A document's prose, and its fenced blocks with their languages.
fn apart(text: &str) -> (String, Vec<(String, String)>) {
    let (mut prose, mut blocks, mut open) = (String::new(), Vec::new(), None::<(String, String)>);
    for line in text.lines() {
        match (line.trim_start().strip_prefix("```"), &mut open) {
            (Some(_), Some(_)) => blocks.extend(open.take()),
            (Some(language), None) => open = Some((language.to_owned(), String::new())),
            (None, Some((_, block))) => *block += &format!("{line}\n"),
            (None, None) => prose += &format!("{line}\n"),
        }
    }
    assert!(open.is_none(), "a block has no end");
    (prose, blocks)
}

/// What follows a heading, up to the next one of its level or above.
fn section<'t>(text: &'t str, heading: &str) -> &'t str {
    let from = text.find(&format!("\n{heading}\n")).unwrap_or_else(|| panic!("no heading {heading:?}"));
    let rest = &text[from + heading.len() + 2..];
    let marks = heading.split(' ').next().unwrap_or_default().len();
    let ends = (1..=marks).filter_map(|marks| rest.find(&format!("\n{} ", "#".repeat(marks))));
    &rest[..ends.min().unwrap_or(rest.len())]
}

#[test]
fn every_link_leads_somewhere() {
    let link = Regex::new(r"\]\(([^)\s]+)\)").expect("a pattern");
    for document in documents() {
        let (prose, _) = apart(&text(&document));
        for target in link.captures_iter(&prose).map(|found| found[1].to_owned()) {
            if target.contains("://") {
                continue;
            }
            let (path, anchor) = target.split_once('#').unwrap_or((&target, ""));
            let folder = root().join(&document).parent().map(Path::to_owned).unwrap_or_default();
            let place = if path.is_empty() { root().join(&document) } else { folder.join(path) };
            assert!(place.exists(), "{document}: {target} leads nowhere");
            if !anchor.is_empty() {
                let (prose, _) = apart(&fs::read_to_string(&place).expect("a document"));
                let mut headings = prose.lines().filter(|line| line.starts_with('#')).map(slug);
                assert!(headings.any(|heading| heading == anchor), "{document}: no heading for {target}");
            }
        }
    }
}

/// A heading as GitHub names it in links.
fn slug(heading: &str) -> String {
    let plain = heading.trim_start_matches('#').trim().to_lowercase();
    let kept = plain.chars().filter(|char| char.is_alphanumeric() || [' ', '-', '_'].contains(char));
    kept.map(|char| if char == ' ' { '-' } else { char }).collect()
}

#[test]
fn every_word_is_documented() {
    let (guide, reference) = (text(GUIDE), text(REFERENCE));
    let adapter = serde_json::to_value(Adapter::bare()).expect("an adapter");
    let mut all = BTreeSet::new();
    fields::leaves(&adapter, "", &mut all);
    let about = section(&guide, "## The adapter");
    for field in all.iter().filter_map(|field| field.rsplit('.').next()) {
        let named = about.contains(&format!("`{field}`")) || about.contains(&format!("`[{field}]`"));
        assert!(named && TEMPLATE.contains(field), "{GUIDE} or the template doesn't document {field} of an adapter");
    }
    let outcomes = Outcome::ALL.iter().map(|outcome| outcome.word().to_owned());
    let words =
        outcomes.chain(Profile::ALL.iter().map(ToString::to_string)).chain(aspects().iter().map(|a| (*a).into()));
    for word in words {
        assert!(guide.contains(&format!("`{word}`")), "{GUIDE} doesn't explain {word}");
    }
    for outcome in Outcome::ALL {
        assert!(reference.contains(&format!("`\"{}\"`", outcome.word())), "{REFERENCE} doesn't name {outcome}");
    }
}

#[test]
fn every_variable_is_documented() {
    let named = Regex::new(r#"(?:\b(?:var|var_os|variable|folder|set)\("([A-Z_]+)"\)|variable: "([A-Z_]+)")"#)
        .expect("a pattern");
    let (mut folders, mut found) = (vec![root().join("conformance/src")], BTreeSet::new());
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("the sources").flatten() {
            if entry.path().is_dir() {
                folders.push(entry.path());
            } else if let Ok(source) = fs::read_to_string(entry.path()) {
                let names = named
                    .captures_iter(&source)
                    .filter_map(|one| one.get(1).or(one.get(2)).map(|name| name.as_str().to_owned()));
                found.extend(names);
            }
        }
    }
    assert!(found.contains("IPFS_BIN") && found.contains("WW_PROBE"), "{found:?}");
    let guide = text(GUIDE);
    let about = section(&guide, "## Environment variables");
    for variable in found {
        assert!(about.contains(&format!("`{variable}`")), "{GUIDE} doesn't explain {variable}");
    }
}
