//! Peers that visit a run: one that does one thing there, and one that stays.
//!
//! What it does: [`Hosting::peer`] has a peer do one thing, [`Hosting::visitor`] has one stay, both by the peer's program.
//! What must stay true: a peer that can't do what it was asked to says so, and only a case judges that.

use std::time::Duration;

use serde_json::Value;

use super::Hosting;
use crate::invocation::Invocation;
use crate::live::Live;
use crate::suite::Suite;
use crate::verdict::{Stop, Verdict, fail, holds};

/// A peer that stays.
#[derive(Debug)]
pub struct Visitor<'a>(Live<'a>);

impl<'a> Suite<'a> {
    fn peer_command(&'a self, words: &[&str]) -> Verdict<Invocation<'a>> {
        let peer = self.setup().peer().ok_or_else(|| Stop::Harness("there is no peer".into()))?;
        Ok(self.command([peer.as_os_str().as_encoded_bytes()]).flags(words))
    }

    /// What the peer's program says of a seed: its `id`, or the line of a file for `--identity`, its `key`.
    ///
    /// # Errors
    /// A fault of the harness.
    pub fn peer_says(&'a self, what: &str, seed: &str) -> Verdict<String> {
        let said = self.peer_command(&[what, seed])?.run()?;
        Ok(String::from_utf8_lossy(&said.stdout).trim().to_owned())
    }

    /// Has a peer visit an address.
    ///
    /// # Errors
    /// A fault of the harness.
    pub fn peer_at(&'a self, address: &str, words: &[&str]) -> Verdict<Value> {
        let run = self
            .peer_command(&[&as_key(words)[..], &[address], without_key(words)].concat())?
            .at_most(Duration::from_secs(90))
            .run()?;
        if run.report.overdue && run.stdout.is_empty() {
            return fail(format!("a peer's `{}` comes to an end", words.join(" ")), "it waited until it was killed");
        }
        last_line(&run.stdout)
    }
}

impl<'a> Hosting<'a> {
    /// Has a peer do one thing, and gives what came of it. Words may begin with `--key SEED`.
    ///
    /// # Errors
    /// A fault of the harness.
    pub fn peer(&self, words: &[&str]) -> Verdict<Value> {
        self.suite.peer_at(self.address()?, words)
    }

    /// Checks that a peer's call gives this.
    ///
    /// # Errors
    /// A failure, where it doesn't.
    pub fn answers(&self, words: &[&str], wanted: Value) -> Verdict {
        let said = self.peer(words)?;
        holds(format!("a peer's `{}` gives {wanted}", words.join(" ")), said["ok"] == wanted, said)
    }

    /// Has a peer come and stay.
    ///
    /// # Errors
    /// A fault of the harness.
    pub fn visitor(&self, words: &[&str]) -> Verdict<Visitor<'a>> {
        self.visitor_at(self.address()?, words)
    }

    /// The same, at one of its addresses.
    ///
    /// # Errors
    /// A fault of the harness.
    pub fn visitor_at(&self, address: &str, words: &[&str]) -> Verdict<Visitor<'a>> {
        let words = [&as_key(words)[..], &[address], without_key(words)].concat();
        Ok(Visitor(self.suite.peer_command(&words)?.at_most(Duration::from_secs(150)).with_input().start()?))
    }
}

impl Visitor<'_> {
    /// Waits until it is there.
    ///
    /// # Errors
    /// A failure, where it says otherwise.
    pub fn ready(&self) -> Verdict {
        self.0.hears("\"ready\"", 1)
    }

    /// Its process.
    #[must_use]
    pub fn pid(&self) -> i32 {
        self.0.pid()
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: nix::sys::signal::Signal) {
        self.0.signal(signal);
    }

    /// Tells it to leave, and gives what it found.
    ///
    /// # Errors
    /// A fault of the harness.
    pub fn leave(mut self) -> Verdict<Value> {
        self.0.end_input();
        self.found()
    }

    /// Waits until it has seen the end of what it waits for, and gives what it found.
    ///
    /// # Errors
    /// A failure, where it doesn't end.
    pub fn found(self) -> Verdict<Value> {
        self.0.output_ends(Duration::from_secs(150))?;
        let said = self.0.output();
        self.0.finish()?;
        last_line(&said)
    }
}

fn as_key<'w>(words: &[&'w str]) -> Vec<&'w str> {
    if words.first() == Some(&"--key") { words[..2].to_vec() } else { vec![] }
}

fn without_key<'s, 'w>(words: &'s [&'w str]) -> &'s [&'w str] {
    if words.first() == Some(&"--key") { &words[2..] } else { words }
}

fn last_line(said: &[u8]) -> Verdict<Value> {
    let text = String::from_utf8_lossy(said);
    let line = text.lines().last().unwrap_or_default();
    serde_json::from_str(line).map_err(|fault| Stop::Harness(format!("the peer said {text:?}: {fault}")))
}
