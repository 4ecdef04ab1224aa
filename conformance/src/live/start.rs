//! The start of a command that was put together: what is still free is given pipes, all is noted, and
//! the launcher gets it.

use std::fs::File;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

use nix::fcntl::OFlag;
use nix::unistd::pipe2;

use super::Live;
use crate::capture::Capture;
use crate::ended::Ended;
use crate::invocation::Invocation;
use crate::launch::Launch;
use crate::record::{self, Placed, Record, Target};
use crate::suite::Suite;
use crate::verdict::{Stop, Verdict};

impl<'a> Invocation<'a> {
    /// Starts it.
    ///
    /// # Errors
    /// A fault of the harness.
    pub fn start(mut self) -> Verdict<Live<'a>> {
        if let Some(stop) = self.trouble {
            return Err(stop);
        }
        let free = |run: &Self, number| !run.closed.contains(&number) && run.placed.iter().all(|(at, _)| *at != number);
        let mut input = None;
        if free(&self, 0) {
            if self.feeds_input {
                let (theirs, ours) = pipe2(OFlag::O_CLOEXEC)?;
                self.placed.push((0, theirs));
                input = Some(File::from(ours));
            } else {
                self.placed.push((0, File::open("/dev/null")?.into()));
            }
        }
        let mut taken = [None, None];
        for number in [1, 2] {
            if free(&self, number) {
                let (ours, theirs) = pipe2(OFlag::O_CLOEXEC)?;
                self.placed.push((number, theirs));
                taken[number as usize - 1] = Some(Capture::of(ours));
            }
        }
        self.plan.fds = self.placed.iter().enumerate().map(|(at, (number, _))| (*number, at)).collect();
        let captured = [taken[0].is_some(), taken[1].is_some()];
        let placed = self.placed.iter().map(|(number, fd)| Placed {
            number: *number,
            to: match number {
                1 | 2 if captured[*number as usize - 1] => Target::Captured,
                _ => record::target(fd),
            },
        });
        let placed = placed.collect();
        let at = self.suite.notes().ran(Record { plan: self.plan.clone(), placed, judged: self.judged, end: None });
        if self.judged && self.suite.is_sketch() {
            return Err(Stop::NotVerifiable("only sketched".into()));
        }
        let before = self.suite.files();
        let fds: Vec<BorrowedFd<'_>> = self.placed.iter().map(|(_, fd)| fd.as_fd()).collect();
        let launch = Launch::start(self.suite.setup().launcher(), &self.plan, &fds)?;
        drop(fds);
        self.placed.clear();
        let [stdout, stderr] = taken;
        let most = Duration::from_millis(self.plan.deadline_ms);
        Ok(Live { launch, input, stdout, stderr, at, before, most, invocation: self })
    }

    /// Starts it and waits for its end.
    ///
    /// # Errors
    /// A fault of the harness.
    pub fn run(self) -> Verdict<Ended> {
        self.start()?.finish()
    }
}

impl<'a> Suite<'a> {
    /// Where the case saw a refusal: checks that a sound program runs. A refusal says something only
    /// beside a run that isn't refused.
    ///
    /// # Errors
    /// A failure, where nothing runs at all.
    pub(crate) fn runs_what_is_sound(&'a self) -> Verdict {
        if !self.notes().has_refusals() {
            return Ok(());
        }
        self.ww().probe(["print", "sound"]).run()?.prints("sound")?;
        Ok(())
    }
}
