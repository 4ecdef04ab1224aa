//! One attack of the RPC probe on the host: made in a run of its own, with what the host said to it and took meanwhile.
//!
//! What must stay true: an attack that wasn't made isn't taken for one that failed: the probe says how much was taken;
//! what is measured of the host is measured from outside, from its idle state on.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use serde::Deserialize;

use super::host::Host;
use crate::cases::ipfs::nobody;
use crate::ended::Ended;
use crate::invocation::Invocation;
use crate::suite::Suite;
use crate::verdict::{Stop, Verdict};

/// What a host may take above its idle state: 20 MB.
const MOST_KIB: i64 = 20_000_000 / 1024;
/// The exit code of a cell that has done its attack.
pub(super) const DONE: i32 = 5;

/// What the host said to an attack.
#[derive(Debug, Deserialize)]
pub(super) struct Heard {
    pub(super) kinds: BTreeMap<String, u64>,
    pub(super) ended: bool,
    pub(super) why: Option<String>,
    pub(super) last: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct Told {
    pub(super) taken: u64,
    pub(super) heard: Heard,
}

/// One attack that was made.
pub(super) struct Attacked {
    pub(super) told: Told,
    pub(super) run: Ended,
    /// How much more memory the host had at most, in KiB.
    grown: i64,
    /// How many descriptors more the host had open, where that can be known.
    pub(super) opened: Option<i64>,
}

impl Attacked {
    pub(super) fn count(&self, kind: &str) -> u64 {
        self.told.heard.kinds.get(kind).copied().unwrap_or(0)
    }

    /// Checks that the session ended, or didn't.
    pub(super) fn ends(&self, name: &str, ended: bool) -> Verdict<&Self> {
        self.run.same(format!("the session ends at {name}"), self.told.heard.ended, ended)?;
        Ok(self)
    }

    /// Checks that so many messages of a kind were heard.
    pub(super) fn hears(&self, name: &str, kind: &str, count: u64) -> Verdict<&Self> {
        self.run.same(format!("`{kind}` at {name}"), self.count(kind), count)?;
        Ok(self)
    }

    pub(super) fn keeps_its_memory(&self, name: &str) -> Verdict<&Self> {
        let grown = self.grown;
        self.run.holds(format!("{name} costs the host at most 20 MB ({grown} KiB)"), grown < MOST_KIB)?;
        Ok(self)
    }
}

pub(super) fn program<'a>(suite: &'a Suite<'_>) -> Verdict<&'a Path> {
    suite.setup().rpc_probe().ok_or_else(|| Stop::Harness("there is no RPC probe".into()))
}

pub(super) fn attacker<'a>(suite: &'a Suite<'_>, run: Invocation<'a>, name: &str) -> Verdict<Invocation<'a>> {
    Ok(run.binary(program(suite)?, ["attack", name]).with_input().at_most(Duration::from_secs(120)))
}

/// Makes an attack. One that is `unread` says when no more is taken, and reads from then on.
pub(super) fn made<'a>(suite: &'a Suite<'_>, run: Invocation<'a>, name: &str, unread: bool) -> Verdict<Attacked> {
    let mut run = attacker(suite, run, name)?.start()?;
    run.hears("idle", 1)?;
    let host = Host::of(run.pid(), program(suite)?);
    let (idle, open) = (host.memory()?, host.descriptors());
    run.say("\n")?;
    if unread {
        run.hears("full", 1)?;
        run.say("\n")?;
    }
    run.hears("done", 1)?;
    let grown = host.most_memory()? - idle;
    let opened = host.descriptors().zip(open).map(|(now, before)| now - before);
    run.say("\n")?;
    let run = run.finish()?;
    run.exits(DONE)?.is_silent()?;
    let said = String::from_utf8_lossy(&run.stdout).into_owned();
    let told = said.lines().find_map(|line| line.strip_prefix("done "));
    let told = serde_json::from_str(told.ok_or_else(|| Stop::Harness(format!("the probe said {said}")))?)?;
    Ok(Attacked { told, run, grown, opened })
}

pub(super) fn attack(suite: &Suite<'_>, name: &str) -> Verdict<Attacked> {
    made(suite, alone(suite)?, name, false)
}

/// A run without a daemon: what is asked for is inside of its CID.
pub(super) fn alone<'a>(suite: &'a Suite<'_>) -> Verdict<Invocation<'a>> {
    Ok(suite.ww().flags(["--ipfs", &nobody()?]))
}
