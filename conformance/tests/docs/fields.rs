//! Fields: each that a real run writes is documented, and each that is documented is written.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use regex::Regex;
use serde_json::{Value, json};
use ww_conformance::launch::{Limit, RefusedCall, Tmpfs, User};
use ww_conformance::results::{self, Line, NodeUsed, Results};

use super::{REFERENCE, apart, section, text};

/// The paths of everything in a value that has no parts of its own: `suite.name`.
pub fn leaves(value: &Value, path: &str, found: &mut BTreeSet<String>) {
    // Its keys are data.
    let is_map = path == "counts" || path == "adapter";
    match value {
        Value::Object(fields) if !fields.is_empty() && !is_map => {
            for (key, value) in fields {
                leaves(value, &if path.is_empty() { key.clone() } else { format!("{path}.{key}") }, found);
            }
        }
        Value::Array(items) if !items.is_empty() => items.iter().for_each(|item| leaves(item, path, found)),
        _ => _ = found.insert(path.to_owned()),
    }
}

/// `a.b.c`, `b.c` and `c`.
fn suffixes(path: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(path), |path| path.split_once('.').map(|(_, rest)| rest))
}

/// Each field is documented in a section, and each that is documented is one.
fn compare(what: &str, section: &str, fields: &BTreeSet<String>) {
    for field in fields.iter().filter(|field| *field != "type") {
        let named = suffixes(field).any(|name| section.contains(&format!("`{name}`")));
        assert!(named, "{REFERENCE} doesn't document {field} of {what}");
    }
    let cell = Regex::new("(?m)^\\| (`[^|]*`) \\|.*\\|.*\\|$").expect("a pattern");
    let name = Regex::new("`([^`]+)`").expect("a pattern");
    // A field that has parts is known by theirs.
    let is = |suffix: &str, name: &str| {
        suffix == name || suffix.strip_prefix(name).is_some_and(|rest| rest.starts_with('.'))
    };
    for row in cell.captures_iter(section) {
        for documented in name.captures_iter(&row[1]) {
            let known = fields.iter().flat_map(|field| suffixes(field)).any(|suffix| is(suffix, &documented[1]));
            assert!(known, "{REFERENCE} documents {} of {what}, which isn't there", &documented[1]);
        }
    }
}

/// A run of a faulty `fixtures/minimal-ww`: its results, and the bundle of a failure.
fn judged() -> (Results, Value) {
    let folder = tempfile::TempDir::new().expect("a folder");
    let path = |name: &str| folder.path().join(name);
    let sound = text("fixtures/minimal-ww/ww");
    let faulty = sound.replace("**grants}", "**dict(reversed(grants.items()))}");
    assert_ne!(sound, faulty);
    fs::write(path("ww"), faulty).expect("the implementation");
    fs::set_permissions(path("ww"), fs::Permissions::from_mode(0o755)).expect("its mode");
    fs::write(path("adapter.toml"), text("fixtures/minimal-ww/adapter.toml")).expect("the adapter");
    fs::write(path("expect.toml"), "[[expect]]\ncase = 'nothing'\nreason = 'a'\nlink = 'b'\n").expect("the list");
    let said = Command::new(env!("CARGO_BIN_EXE_ww-conformance"))
        .args(["run", "fd_06_grants_count_among_themselves", "--shard", "1/1", "--adapter"])
        .arg(path("adapter.toml"))
        .arg("--expect")
        .arg(path("expect.toml"))
        .arg("--report")
        .arg(path("report"))
        .output()
        .expect("the suite");
    assert_eq!(said.status.code(), Some(1), "{said:?}");
    let results = Results::read(&path("report/results.jsonl")).expect("results");
    let bundle = path("report").join(results.cases[0].bundle.as_ref().expect("a bundle")).join("bundle.json");
    (results, serde_json::from_slice(&fs::read(bundle).expect("the bundle")).expect("JSON"))
}

#[test]
fn every_field_of_the_results_is_documented() {
    let reference = text(REFERENCE);
    let (mut results, mut bundle) = judged();
    let node = NodeUsed { kind: "binary".into(), version: "0.40.0".into() };
    results.end.as_mut().expect("an end").nodes.push(node);
    let mut stream = Vec::new();
    results::write(&results, &mut stream).expect("a stream");
    for kind in ["run", "clause", "case", "stale", "end"] {
        let section = section(&reference, &format!("### `{kind}`"));
        let mut fields = BTreeSet::new();
        for line in String::from_utf8_lossy(&stream).lines() {
            let value: Value = serde_json::from_str(line).expect("JSON");
            if value["type"] == kind {
                leaves(&value, "", &mut fields);
            }
        }
        assert!(!fields.is_empty(), "the run has no line of the type {kind}");
        compare(kind, section, &fields);
        let (_, examples) = apart(section);
        let example: Value = serde_json::from_str(&examples[0].1).expect("an example");
        assert_eq!(example["type"], kind);
        serde_json::from_value::<Line>(example).unwrap_or_else(|fault| panic!("the example of {kind}: {fault}"));
    }
    let plan = &mut bundle["commands"][0]["plan"];
    plan["user"] = json!(User { uid: 1, gid: 1, groups: vec![] });
    plan["limits"] = json!([Limit { resource: 7, soft: None, hard: None }]);
    plan["refused"] = json!([RefusedCall { number: 1, flags: None, errno: 1 }]);
    plan["tmpfs"] = json!(Tmpfs { at: "/".into(), bytes: 1, noexec: false, read_only: false, holds: vec![] });
    let mut fields = BTreeSet::new();
    leaves(&bundle, "", &mut fields);
    compare("bundle.json", section(&reference, "## bundle.json"), &fields);
}
