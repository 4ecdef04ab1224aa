//! Command lines: each in a document parses, and the guide names every verb and option.

use std::collections::BTreeSet;
use std::process::Command;

use regex::Regex;

use super::{GUIDE, apart, documents, text};

/// The lines of a document that a reader would type, one string a command.
fn typed(text: &str) -> Vec<String> {
    let (prose, blocks) = apart(text);
    let spans = Regex::new("`([^`\n]+)`").expect("a pattern");
    let mut lines: Vec<String> = spans.captures_iter(&prose).map(|span| span[1].to_owned()).collect();
    for (language, block) in blocks {
        let block = block.replace("\\\n", " ");
        for line in block.lines() {
            match (language.as_str(), line.trim_start()) {
                ("yaml", more) if more.starts_with("--") => {
                    lines.last_mut().expect("a line before").push_str(&format!(" {more}"));
                }
                ("sh" | "yaml", line) => lines.push(line.to_owned()),
                ("", line) if line.starts_with("$ ") => lines.push(line.to_owned()),
                _ => {}
            }
        }
    }
    lines
}

/// The words after each `ww-conformance` on a line.
fn calls(line: &str) -> Vec<Vec<String>> {
    let line = Regex::new(r"\$\{\{[^}]*\}\}").expect("a pattern").replace_all(line, "X");
    let words = shlex::split(&line).unwrap_or_else(|| line.split_whitespace().map(str::to_owned).collect());
    let mut calls = Vec::new();
    for at in 0..words.len() {
        let named = at > 0 && ["-p", "--package"].contains(&words[at - 1].as_str());
        if words[at] == "ww-conformance" && !named {
            let end = |word: &&String| ["|", ">", ">>", ";", "&&", "||", "2>&1"].contains(&word.as_str());
            let call: Vec<String> = words[at + 1..].iter().take_while(|word| !end(word)).cloned().collect();
            calls.extend((!call.is_empty()).then_some(call));
        }
    }
    calls
}

fn help(verb: &[&str]) -> String {
    let said = Command::new(env!("CARGO_BIN_EXE_ww-conformance")).args(verb).arg("--help").output().expect("the suite");
    assert!(said.status.success(), "{verb:?}: {}", String::from_utf8_lossy(&said.stderr));
    String::from_utf8_lossy(&said.stdout).into_owned()
}

/// The commands of a `--help`.
fn verbs(help: &str) -> Vec<String> {
    let commands = help.split("Commands:\n").nth(1).unwrap_or_default().split("\n\n").next().unwrap_or_default();
    let words = commands.lines().filter_map(|line| line.split_whitespace().next());
    words.filter(|word| *word != "help").map(str::to_owned).collect()
}

/// The options of a `--help`, short and long.
fn options(help: &str) -> BTreeSet<String> {
    let option = Regex::new(r"(?m)^ +(?:(-\w), )?(--[a-z-]+)|^ +(-\w)\b").expect("a pattern");
    let found = option.captures_iter(help);
    found.flat_map(|one| (1..4).filter_map(|at| Some(one.get(at)?.as_str().to_owned())).collect::<Vec<_>>()).collect()
}

/// Every verb, those with one below included.
fn every_verb() -> Vec<Vec<String>> {
    let mut all = Vec::new();
    for verb in verbs(&help(&[])) {
        all.extend(verbs(&help(&[&verb])).into_iter().map(|below| vec![verb.clone(), below]));
        all.push(vec![verb]);
    }
    all
}

#[test]
fn every_command_line_parses() {
    let every: Vec<(Vec<String>, BTreeSet<String>)> = every_verb()
        .into_iter()
        .map(|verb| (verb.clone(), options(&help(&verb.iter().map(String::as_str).collect::<Vec<_>>()))))
        .collect();
    let mut seen = 0;
    for document in documents() {
        for line in typed(&text(&document)) {
            for call in calls(&line) {
                // `adapter check` before `adapter`, as the longer one comes first.
                let known = every.iter().find(|(verb, _)| call.starts_with(verb));
                let (_, options) = known.unwrap_or_else(|| panic!("{document}: no such verb: {line}"));
                for word in call.iter().filter(|word| word.len() > 1 && word.starts_with('-')) {
                    let option = word.split('=').next().unwrap_or_default();
                    assert!(options.contains(option), "{document}: no option {option}: {line}");
                }
                seen += 1;
            }
        }
    }
    assert!(seen > 30, "only {seen} command lines were found");
}

#[test]
fn every_verb_and_option_is_documented() {
    let guide = text(GUIDE);
    for verb in every_verb() {
        let words: Vec<&str> = verb.iter().map(String::as_str).collect();
        assert!(guide.contains(&words.join(" ")), "{GUIDE} doesn't name {words:?}");
        for option in options(&help(&words)).into_iter().filter(|option| option.starts_with("--") && option != "--help")
        {
            let named = Regex::new(&format!(r"{option}\b")).expect("a pattern");
            assert!(named.is_match(&guide), "{GUIDE} doesn't name {option} of {words:?}");
        }
    }
}
