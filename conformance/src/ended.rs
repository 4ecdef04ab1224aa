//! A run that has ended, and the checks on how.
//!
//! What must stay true: every failure carries the command line, the exit and what was said.

use std::fmt::{Debug, Display};
use std::fs;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use serde::de::DeserializeOwned;

use crate::facts::Facts;
use crate::launch::Report;
use crate::suite::{Notes, Suite};
use crate::verdict::{RAN, Stop, Verdict, checked, fail, same};

/// How much of a stream a failure shows, in bytes.
const SHOWN: usize = 600;

/// What came of a run.
#[derive(Clone, Debug)]
pub struct Ended {
    pub(crate) line: String,
    /// What the case has seen so far.
    pub(crate) notes: Rc<Notes>,
    /// Whether the source's words alone count: then exit codes and the form of messages don't.
    pub(crate) by_source: bool,
    /// How it ended, and what it left for a moment or for good.
    pub report: Report,
    /// Its standard output.
    pub stdout: Vec<u8>,
    /// Its standard error.
    pub stderr: Vec<u8>,
    /// Files that are there now and weren't before.
    pub files: Vec<PathBuf>,
}

impl Ended {
    pub(crate) fn note_leaks(&self, suite: &Suite<'_>, files_may_stay: bool) {
        for stray in &self.report.killed {
            suite.notes().leaked(format!("process {} ({}) outlived `{}`", stray.pid, stray.name, self.line));
        }
        if self.report.code.is_some() {
            for stray in &self.report.left {
                suite.notes().leaked(format!("process {} ({}) was left by `{}`", stray.pid, stray.name, self.line));
            }
        }
        for name in self.report.files.iter().filter(|_| !files_may_stay) {
            suite.notes().leaked(format!("{name} was left on its own file system by `{}`", self.line));
        }
        for path in self.files.iter().filter(|_| !files_may_stay) {
            suite.notes().came(path, &self.line);
        }
    }

    /// Adds what happened to a failure.
    fn explain<T>(&self, verdict: Verdict<T>) -> Verdict<T> {
        verdict.map_err(|stop| match stop {
            Stop::Fail(what) if what.contains(RAN) => Stop::Fail(what),
            Stop::Fail(what) => Stop::Fail(format!("{what}\n{}", self.story())),
            other => other,
        })
    }

    /// How it ended, in words.
    #[must_use]
    pub fn end(&self) -> String {
        match (&self.report.code, &self.report.signal) {
            _ if self.report.flooded => "killed by the watchdog: it forked without end".to_owned(),
            _ if self.report.overdue => "killed by the watchdog: it took too long".to_owned(),
            (Some(code), _) => format!("exit code {code}"),
            (_, signal) => format!("signal {}", signal.unwrap_or(0)),
        }
    }

    /// The run in a few lines.
    #[must_use]
    pub fn story(&self) -> String {
        let shown = |bytes: &[u8]| {
            let text = bytes[..bytes.len().min(SHOWN)].escape_ascii().to_string();
            let text = text.replace("\\n", "\n          ").replace("\\\"", "\"").replace("\\'", "'");
            if bytes.len() > SHOWN { format!("{text}… ({} bytes)", bytes.len()) } else { text }
        };
        let end = self.end();
        format!(
            "     ran: {}\n   ended: {end}\n  stdout: {}\n  stderr: {}",
            self.line,
            shown(&self.stdout),
            shown(&self.stderr)
        )
    }

    /// Checks the exit code. The source says nothing of exit codes (ruling 8 does): where its words
    /// alone count, any will do that tells a success of the cell from a failure of the host.
    ///
    /// # Errors
    /// A failure, where it is another, or a signal or the watchdog ended the run.
    pub fn exits(&self, code: i32) -> Verdict<&Self> {
        checked();
        if self.by_source && !self.report.overdue && self.report.code.is_some() {
            return Ok(self);
        }
        if self.report.code == Some(code) && !self.report.overdue {
            return Ok(self);
        }
        self.explain(fail(format!("exit code {code}"), self.end()))
    }

    /// Checks that standard output is exactly this.
    ///
    /// # Errors
    /// A failure, where it is anything else.
    pub fn prints(&self, text: impl AsRef<[u8]>) -> Verdict<&Self> {
        checked();
        let text = text.as_ref();
        if self.stdout == text {
            return Ok(self);
        }
        self.explain(fail(format!("standard output {:?}", text.escape_ascii().to_string()), "another"))
    }

    /// Checks that nothing was said on standard error, which only ruling 9 asks for.
    ///
    /// # Errors
    /// A failure, where something was.
    pub fn is_silent(&self) -> Verdict<&Self> {
        checked();
        if self.by_source || self.stderr.is_empty() {
            return Ok(self);
        }
        self.explain(fail("nothing on standard error", "something"))
    }

    /// The first line of standard error.
    #[must_use]
    pub fn first_line(&self) -> String {
        let line = self.stderr.split(|byte| *byte == b'\n').next().unwrap_or(&[]);
        String::from_utf8_lossy(line).into_owned()
    }

    /// Checks a refusal as a whole: the exit code, a first line that begins with `ww: ` and this
    /// phrase and names this, and that nothing ran. Where the source's words alone count: that it
    /// failed, that the phrase was said, and that nothing ran.
    ///
    /// # Errors
    /// A failure that says which of these doesn't hold.
    pub fn refuses(&self, code: i32, phrase: &str, what: &str) -> Verdict<&Self> {
        self.exits(code)?.nothing_ran()?;
        if self.by_source {
            self.holds("it fails", self.report.code != Some(0))?;
            let said = String::from_utf8_lossy(&self.stderr);
            return self.holds(format!("{phrase:?} on standard error"), said.contains(phrase));
        }
        let line = self.first_line();
        let begins = if phrase.is_empty() { "ww: ".to_owned() } else { format!("ww: {phrase}: ") };
        if !line.starts_with(&begins) {
            return self.explain(fail(format!("a line that begins {begins:?}"), format!("{line:?}")));
        }
        if !line.contains(what) {
            return self.explain(fail(format!("a line that names {what:?}"), format!("{line:?}")));
        }
        Ok(self)
    }

    /// Notes that the case takes it for a refusal.
    pub(crate) fn is_a_refusal(&self) {
        self.notes.refused();
    }

    /// Checks that nothing ran: nothing on standard output, no process left.
    ///
    /// # Errors
    /// A failure, where something is.
    pub fn nothing_ran(&self) -> Verdict<&Self> {
        checked();
        self.is_a_refusal();
        if self.stdout.is_empty() && self.report.left.is_empty() {
            return Ok(self);
        }
        self.explain(fail("nothing ran: no output, no process", "something did"))
    }

    /// The probe's facts, after a success without a word of the host.
    ///
    /// # Errors
    /// A failure, where the run failed, said something, or printed anything else.
    pub fn facts(&self) -> Verdict<Facts> {
        self.exits(0)?.is_silent()?;
        self.json()
    }

    /// The facts that the probe wrote to a file, by its verb `facts-to`, where its standard output
    /// isn't to be had.
    ///
    /// # Errors
    /// A failure, where the run failed or there are none.
    pub fn facts_in(&self, path: &Path) -> Verdict<Facts> {
        checked();
        self.exits(0)?;
        match serde_json::from_slice(&fs::read(path)?) {
            Ok(facts) => Ok(facts),
            Err(fault) => self.explain(fail("the probe's facts in a granted file", fault)),
        }
    }

    /// Standard output as one value of JSON.
    ///
    /// # Errors
    /// A failure, where it is anything else.
    pub fn json<T: DeserializeOwned>(&self) -> Verdict<T> {
        checked();
        match serde_json::from_slice(&self.stdout) {
            Ok(value) => Ok(value),
            Err(fault) => self.explain(fail("one line of JSON on standard output", fault)),
        }
    }

    /// What a verb of the probe printed: its value, or the errno that it met.
    ///
    /// # Errors
    /// A failure, where it printed anything else.
    pub fn deed(&self) -> Verdict<Result<serde_json::Value, i32>> {
        self.exits(0)?;
        let value: serde_json::Value = self.json()?;
        if let Some(done) = value.get("ok") {
            return Ok(Ok(done.clone()));
        }
        match value.get("errno").and_then(serde_json::Value::as_i64) {
            Some(errno) => Ok(Err(i32::try_from(errno).unwrap_or(0))),
            None => self.explain(fail("a deed of the probe", value)),
        }
    }

    /// Checks that two values are the same; a failure tells the run's story.
    ///
    /// # Errors
    /// A failure, where they aren't.
    pub fn same<T: PartialEq + Debug>(&self, what: impl Display, got: T, wanted: T) -> Verdict<&Self> {
        self.explain(same(what, got, wanted)).map(|()| self)
    }

    /// Checks that something holds; a failure tells the run's story.
    ///
    /// # Errors
    /// A failure, where it doesn't.
    pub fn holds(&self, what: impl Display, truth: bool) -> Verdict<&Self> {
        checked();
        if truth { Ok(self) } else { self.explain(fail(what, "it doesn't hold")) }
    }
}
