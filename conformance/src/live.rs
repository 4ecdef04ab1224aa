//! A run that is going on: what it says is waited for, what it is told is sent.
//!
//! What must stay true: a wait ends with what is waited for, with the end of the stream, or when
//! the run is overdue; never by a guess.

mod start;

use std::fs::File;
use std::io::Write;
use std::os::fd::AsFd;
use std::path::PathBuf;
use std::rc::Rc;
use std::time::Duration;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::Signal;

use crate::adapter::Origins;
use crate::capture::Capture;
use crate::ended::Ended;
use crate::invocation::Invocation;
use crate::launch::Launch;
use crate::verdict::{Stop, Verdict, checked, fail};

/// A command that was started.
#[derive(Debug)]
pub struct Live<'a> {
    pub(crate) launch: Launch,
    pub(crate) input: Option<File>,
    pub(crate) stdout: Option<Capture>,
    pub(crate) stderr: Option<Capture>,
    pub(crate) at: usize,
    pub(crate) before: Vec<PathBuf>,
    pub(crate) most: Duration,
    pub(crate) invocation: Invocation<'a>,
}

impl Live<'_> {
    /// The pid of the command, which is the host where it is a run of the implementation.
    #[must_use]
    pub fn pid(&self) -> i32 {
        self.launch.pid()
    }

    /// Sends the host a signal.
    pub fn signal(&self, signal: Signal) {
        self.launch.signal(signal);
    }

    /// Writes to standard input.
    ///
    /// # Errors
    /// Where the other end is closed, as a failure.
    pub fn say(&mut self, text: &str) -> Verdict {
        match self.input.as_mut().map(|input| input.write_all(text.as_bytes())) {
            Some(Ok(())) => Ok(()),
            other => fail("the cell reads its standard input", format!("{other:?}")),
        }
    }

    /// Ends standard input.
    pub fn end_input(&mut self) {
        self.input = None;
    }

    /// Waits until standard output has this many lines that are `line`, or begin with it and a blank.
    ///
    /// # Errors
    /// A failure, where the output ends or the run is overdue before.
    pub fn hears(&self, line: &str, times: usize) -> Verdict {
        checked();
        let count = |text: &[u8]| count(text, line) >= times;
        match &self.stdout {
            Some(stdout) if stdout.wait(self.most, count) => Ok(()),
            stdout => {
                let said = stdout.as_ref().map(Capture::so_far).unwrap_or_default();
                fail(format!("`{line}` on standard output, {times} time(s)"), said.escape_ascii())
            }
        }
    }

    /// Waits until standard output has this text in it.
    ///
    /// # Errors
    /// A failure, where the output ends or the run is overdue before.
    pub fn says(&self, text: &str) -> Verdict {
        checked();
        let has = |said: &[u8]| said.windows(text.len()).any(|part| part == text.as_bytes());
        match &self.stdout {
            Some(stdout) if stdout.wait(self.most, has) => Ok(()),
            _ => fail(format!("{text:?} on standard output"), self.output().escape_ascii()),
        }
    }

    /// Waits until the command is stopped, as by job control.
    ///
    /// # Errors
    /// A failure, where it ends instead.
    pub fn stops(&mut self) -> Verdict {
        checked();
        if self.launch.stopped()? { Ok(()) } else { fail("the host stops", "it ended") }
    }

    /// What standard output is so far.
    #[must_use]
    pub fn output(&self) -> Vec<u8> {
        self.stdout.as_ref().map(Capture::so_far).unwrap_or_default()
    }

    /// Waits until standard output has ended, while the run goes on.
    ///
    /// # Errors
    /// A failure, where it doesn't end.
    pub fn output_ends(&self, within: Duration) -> Verdict {
        checked();
        match &self.stdout {
            Some(stdout) if stdout.wait_for_end(within) => Ok(()),
            _ => fail("the reader of standard output sees its end", format!("none within {within:?}")),
        }
    }

    /// Waits until nobody has the other end of standard input open any more.
    ///
    /// # Errors
    /// A failure, where somebody has for so long.
    pub fn input_is_dropped(&self, within: Duration) -> Verdict {
        let Some(input) = &self.input else {
            return Err(Stop::Harness("the run has no piped input".into()));
        };
        let mut one = [PollFd::new(input.as_fd(), PollFlags::empty())];
        poll(&mut one, PollTimeout::try_from(within).unwrap_or(PollTimeout::MAX))?;
        match one[0].revents() {
            Some(events) if events.contains(PollFlags::POLLERR) => {
                checked();
                Ok(())
            }
            _ => fail("the writer to standard input sees that it is closed", format!("nothing within {within:?}")),
        }
    }

    /// Whether the host has ended within so many milliseconds.
    #[must_use]
    pub fn ends_within(&self, milliseconds: u16) -> bool {
        self.launch.ends_within(milliseconds)
    }

    /// Ends standard input and waits for the end of the run.
    ///
    /// # Errors
    /// A fault of the harness.
    pub fn finish(mut self) -> Verdict<Ended> {
        self.input = None;
        let report = self.launch.finish()?;
        let suite = self.invocation.suite;
        let grace = Duration::from_millis(suite.setup().adapter().timeouts.grace_ms);
        let all = |name: &str, capture: Option<Capture>| {
            let Some(capture) = capture else { return vec![] };
            // Everything that the run started is dead by now: whoever has it open was handed it.
            if !capture.wait_for_end(grace) {
                suite.notes().leaked(format!("{name} is still open elsewhere: {}", capture.holders().join(", ")));
                return capture.so_far();
            }
            capture.all()
        };
        let (stdout, stderr) = (all("standard output", self.stdout), all("standard error", self.stderr));
        let files = suite.files().into_iter().filter(|path| !self.before.contains(path)).collect();
        let by_source = suite.setup().adapter().origin == Origins::Source;
        let notes = Rc::clone(suite.notes());
        let ended = Ended { line: suite.notes().line_of(self.at), notes, by_source, report, stdout, stderr, files };
        suite.notes().ended(self.at, (&ended).into());
        if self.invocation.judged {
            ended.note_leaks(suite, self.invocation.leaves_files);
        }
        Ok(ended)
    }
}

fn count(text: &[u8], line: &str) -> usize {
    let is = |said: &&[u8]| {
        let said = said.strip_suffix(b"\r").unwrap_or(said);
        said.strip_prefix(line.as_bytes()).is_some_and(|rest| rest.is_empty() || rest[0] == b' ')
    };
    text.split(|byte| *byte == b'\n').filter(is).count()
}
