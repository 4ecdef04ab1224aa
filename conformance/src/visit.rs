//! A cell that peers visit: a run whose addresses are told, and what it takes of the machine.
//!
//! What it does: [`Hosting`] is a run that listens; who visits it is in `peer`.
//! What must stay true: where the addresses are is what the adapter says.

mod peer;

use std::fs;
use std::time::Duration;

use nix::fcntl::OFlag;
use nix::unistd::pipe2;
use serde_json::Value;

use crate::adapter::Addresses;
use crate::capture::Capture;
use crate::ended::Ended;
use crate::invocation::Invocation;
use crate::live::Live;
use crate::suite::Suite;
use crate::verdict::{Stop, Verdict, checked, fail};

pub use peer::Visitor;

/// How long a host may take to listen.
const SOON: Duration = Duration::from_secs(10);
/// The number of the status descriptor.
const STATUS: i32 = 9;

/// Finds addresses in what was said.
type Found = Box<dyn Fn(&[u8]) -> Vec<String>>;

/// A run that listens for peers.
#[derive(Debug)]
pub struct Hosting<'a> {
    suite: &'a Suite<'a>,
    /// The run.
    pub live: Live<'a>,
    status: Option<Capture>,
    /// Where it listens, the first that it told first.
    pub addresses: Vec<String>,
}

impl<'a> Suite<'a> {
    /// A run of the RPC probe, which serves peers as its words say, with further flags; waits until it listens and the
    /// cell has said `hears`.
    ///
    /// # Errors
    /// A failure, where no address is told.
    pub fn hosting(&'a self, flags: &[&str], words: &[&str], hears: &str) -> Verdict<Hosting<'a>> {
        let mut hosting = self.begin_hosting(self.ww().flags(flags), words)?;
        hosting.live.hears(hears, 1)?;
        hosting.addresses = hosting.told()?;
        Ok(hosting)
    }

    /// The same of a run that may take longer than others: what it waits for takes its time.
    ///
    /// # Errors
    /// As [`Suite::hosting`].
    pub fn long_hosting(&'a self, flags: &[&str], words: &[&str]) -> Verdict<Hosting<'a>> {
        let run = self.ww().flags(flags).at_most(Duration::from_secs(280));
        let mut hosting = self.begin_hosting(run, words)?;
        hosting.live.hears("ready", 1)?;
        hosting.addresses = hosting.told()?;
        Ok(hosting)
    }

    /// The same of a run that isn't waited for.
    ///
    /// # Errors
    /// A fault of the harness.
    pub fn begin_hosting(&'a self, run: Invocation<'a>, words: &[&str]) -> Verdict<Hosting<'a>> {
        let probe = self.setup().rpc_probe().ok_or_else(|| Stop::Harness("there is no RPC probe".into()))?;
        self.host(run, |run| Ok(run.binary(probe, words)))
    }

    /// A run that tells where it listens, of a cell that `cell` adds to its command line.
    ///
    /// # Errors
    /// A fault of the harness.
    pub fn host(
        &'a self,
        run: Invocation<'a>,
        cell: impl FnOnce(Invocation<'a>) -> Verdict<Invocation<'a>>,
    ) -> Verdict<Hosting<'a>> {
        let by_status = self.setup().adapter().addresses == Some(Addresses::StatusFd);
        let (reader, writer) = pipe2(OFlag::O_CLOEXEC)?;
        let run = match by_status {
            true => run.flags(["--status-fd", &STATUS.to_string()]).place(STATUS, &writer),
            false => run,
        };
        let live = cell(run)?.with_input().start()?;
        let status = by_status.then(|| Capture::of(reader));
        Ok(Hosting { suite: self, live, status, addresses: vec![] })
    }
}

impl<'a> Hosting<'a> {
    /// Waits for the addresses.
    ///
    /// # Errors
    /// A failure, where none is told.
    pub fn told(&self) -> Verdict<Vec<String>> {
        checked();
        let adapter = self.suite.setup().adapter();
        let (capture, found): (_, Found) = match (&adapter.addresses, &self.status) {
            (Some(Addresses::StatusFd), Some(status)) => (Some(status), Box::new(listening)),
            (Some(Addresses::Stderr(pattern)), _) => {
                let pattern = regex::Regex::new(pattern)?;
                let found = move |text: &[u8]| {
                    let text = String::from_utf8_lossy(text).into_owned();
                    pattern.captures_iter(&text).map(|found| found["addr"].to_owned()).collect()
                };
                (self.live.stderr.as_ref(), Box::new(found))
            }
            _ => {
                return Err(Stop::NotVerifiable("the adapter doesn't say how addresses are told (`addresses`)".into()));
            }
        };
        let Some(capture) = capture else { return Err(Stop::Harness("nobody takes the addresses in".into())) };
        if capture.wait(self.suite.patience(SOON), |text| !found(text).is_empty()) {
            return Ok(found(&capture.so_far()));
        }
        fail("the host tells where it listens", capture.so_far().escape_ascii())
    }

    /// The status lines so far.
    #[must_use]
    pub fn lines(&self) -> Vec<Value> {
        let text = self.status.as_ref().map(Capture::so_far).unwrap_or_default();
        text.split(|byte| *byte == b'\n').filter_map(|line| serde_json::from_slice(line).ok()).collect()
    }

    /// The first address.
    ///
    /// # Errors
    /// A failure, where there is none.
    pub fn address(&self) -> Verdict<&str> {
        self.addresses.first().map_or_else(|| fail("an address", "none"), |address| Ok(address.as_str()))
    }

    /// Bytes that the host has in memory: its process and those that it started, but the cell.
    ///
    /// # Errors
    /// Where they can't be read.
    pub fn memory(&self) -> Verdict<u64> {
        let cell = self.lines().iter().find_map(|line| line["pid"].as_i64());
        Ok(memory_of(self.live.pid(), cell).unwrap_or(0))
    }

    /// The most that the host has in memory while `during` goes on, looked at as long as that.
    ///
    /// # Errors
    /// Where they can't be read.
    pub fn most_memory(&self, during: Duration) -> Verdict<u64> {
        let until = std::time::Instant::now() + during;
        let mut most = 0;
        while std::time::Instant::now() < until {
            most = most.max(self.memory()?);
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(most)
    }

    /// Ends the cell, and waits for the end of the run.
    ///
    /// # Errors
    /// A fault of the harness.
    pub fn finish(self) -> Verdict<Ended> {
        self.live.finish()
    }
}

/// The addresses of a `listening` line.
fn listening(text: &[u8]) -> Vec<String> {
    let whole = text.iter().rposition(|byte| *byte == b'\n').map_or(&[][..], |at| &text[..at]);
    let lines = whole.split(|byte| *byte == b'\n').filter_map(|line| serde_json::from_slice::<Value>(line).ok());
    let line = lines.into_iter().find(|line| line["event"] == "listening").unwrap_or_default();
    let addresses = line["addrs"].as_array().into_iter().flatten();
    addresses.filter_map(|address| address.as_str().map(str::to_owned)).collect()
}

fn memory_of(pid: i32, cell: Option<i64>) -> Option<u64> {
    if Some(i64::from(pid)) == cell {
        return Some(0);
    }
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let own = line.and_then(|value| value.split_whitespace().next()?.parse::<u64>().ok()).unwrap_or(0) * 1024;
    let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
    let children = children.split_whitespace().filter_map(|pid| pid.parse().ok());
    Some(own + children.filter_map(|child| memory_of(child, cell)).sum::<u64>())
}
