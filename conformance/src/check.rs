//! Tells a bad adapter from a bad implementation, by a few runs of a program that prints what it sees.
//!
//! What must stay true: a finding says who is to change something: the adapter, where it says what
//! isn't so; the implementation, where the adapter is right and no cell comes of it; or the machine.

use serde_json::Value;

use crate::adapter::{Adapter, Layout};
use crate::clauses::Profile;
use crate::facts::{Facts, identity};
use crate::invocation::Invocation;
use crate::setup::Setup;
use crate::suite::Suite;
use crate::verdict::{Stop, Verdict};

/// What was found out about one thing that an adapter says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding {
    /// It is so.
    Fine(String),
    /// The adapter says what isn't so.
    Adapter(String),
    /// The adapter may be right, and the implementation doesn't do it.
    Implementation(String),
    /// It can't be found out here.
    Harness(String),
}

use Finding::{Fine, Harness, Implementation};

/// Tries each thing that the adapter says; the first that keeps the others from being tried ends it.
#[must_use]
pub fn check(setup: &Setup) -> Vec<(&'static str, Finding)> {
    let adapter = setup.adapter();
    let suite = match Suite::new(setup, adapter.layout, None) {
        Ok(suite) => suite,
        Err(fault) => return vec![("files", Harness(fault.to_string()))],
    };
    if let Err(stop) = suite.user_of(adapter.user) {
        return vec![("user", Harness(stop.to_string()))];
    }
    let mut findings = vec![("command", settled(command(&suite)))];
    if !matches!(findings[0].1, Fine(_)) {
        return findings;
    }
    if adapter.profiles.contains(&Profile::Fds) {
        findings.push(("layout", settled(layout(&suite, &[], adapter.layout))));
        if let Some(flag) = &adapter.layout_flag {
            for one in Layout::ALL {
                findings.push(("layout-flag", settled(layout(&suite, &[flag, one.name()], one))));
            }
        }
    }
    if let Some(flag) = &adapter.ipfs_timeout_flag {
        findings.push(("ipfs-timeout-flag", settled(taken(&suite, &[flag, "5s"]))));
    }
    if adapter.profiles.contains(&Profile::Status) {
        findings.push(("profile status", settled(status(&suite))));
    }
    for (profile, words) in &adapter.arguments {
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let finding = settled(taken(&suite, &words));
        findings.push((
            "arguments",
            match finding {
                Finding::Adapter(why) => Finding::Adapter(format!("of {profile}: {why}")),
                other => other,
            },
        ));
    }
    findings
}

/// A stop of the harness while something was tried.
fn settled(verdict: Verdict<Finding>) -> Finding {
    verdict.unwrap_or_else(|stop| match stop {
        Stop::Fail(why) => Implementation(why),
        other => Harness(other.to_string()),
    })
}

/// The facts of a run, or what it did instead, in one line.
fn facts(run: Invocation<'_>) -> Verdict<Result<Facts, String>> {
    let ended = run.probe(["facts"]).run()?;
    Ok(match ended.json() {
        Ok(facts) => Ok(facts),
        Err(_) => Err(ended.story().split_whitespace().collect::<Vec<_>>().join(" ")),
    })
}

fn command(suite: &Suite<'_>) -> Verdict<Finding> {
    let adapter = suite.setup().adapter();
    let told = match facts(suite.ww()) {
        Ok(Ok(_)) => return Ok(Fine("a cell ran and told what it sees".into())),
        Ok(Err(told)) => told,
        Err(Stop::Harness(why)) => return Ok(Finding::Adapter(format!("it can't be started: {why}"))),
        Err(other) => return Err(other),
    };
    // The commonest slip is a missing or doubled `run`.
    let program = adapter.command.first().cloned().unwrap_or_default();
    for words in [vec![program.clone(), "run".into()], vec![program]] {
        if words != adapter.command {
            let other = suite.setup().judging(Adapter { command: words.clone(), ..adapter.clone() });
            let other =
                Suite::new(&other, adapter.layout, None).map_err(Stop::from).and_then(|suite| facts(suite.ww()));
            if matches!(other, Ok(Ok(_))) {
                let (right, wrong) = (words.join(" "), adapter.command.join(" "));
                return Ok(Finding::Adapter(format!("`{right}` starts a cell, and `{wrong}` doesn't: {told}")));
            }
        }
    }
    Ok(Implementation(format!("it starts no cell that tells what it sees: {told}")))
}

/// Whether an option is taken.
fn taken(suite: &Suite<'_>, words: &[&str]) -> Verdict<Finding> {
    Ok(match facts(suite.ww().flags(words))? {
        Ok(_) => Fine(format!("{} is taken", words.join(" "))),
        Err(told) => Finding::Adapter(format!("`{}` isn't taken: {told}", words.join(" "))),
    })
}

/// Where grants and socket lie.
fn layout(suite: &Suite<'_>, words: &[&str], wanted: Layout) -> Verdict<Finding> {
    let file = suite.file("grant", "x")?;
    let told = match facts(suite.ww().flags(words).grant("a", 9).place(9, &file))? {
        Ok(told) => told,
        Err(told) if words.is_empty() => {
            return Ok(Finding::Adapter(format!("it claims fds, and a grant isn't taken: {told}")));
        }
        Err(told) => return Ok(Finding::Adapter(format!("`{}` isn't taken: {told}", words.join(" ")))),
    };
    let own = identity(&file)?;
    let lies = |layout: Layout| told.identity(layout.grant(1)) == Some(own);
    let what = if words.is_empty() { "a run without a choice".to_owned() } else { format!("`{}`", words.join(" ")) };
    Ok(match Layout::ALL.into_iter().find(|layout| lies(*layout)) {
        Some(found) if found == wanted => Fine(format!("{what} has grants as {} says", found.name())),
        Some(found) => Finding::Adapter(format!("{what} has grants as {} says, not {}", found.name(), wanted.name())),
        None => Implementation(format!("{what} has the first grant neither at fd 4 nor at fd 3")),
    })
}

fn status(suite: &Suite<'_>) -> Verdict<Finding> {
    let file = suite.file("status", "")?;
    if let Err(told) = facts(suite.ww().flags(["--status-fd", "9"]).place(9, &file))? {
        return Ok(Finding::Adapter(format!("it claims status, and `--status-fd` isn't taken: {told}")));
    }
    let text = std::fs::read_to_string(suite.path("files/status"))?;
    let event = |line: &str| serde_json::from_str::<Value>(line).ok()?.get("event").cloned();
    Ok(match text.lines().next().and_then(event) {
        Some(_) => Fine("--status-fd has lines of JSON".into()),
        None => Implementation(format!("--status-fd is taken, and has no line of JSON: {text:?}")),
    })
}
