//! One command line with the state that it is started in, put together step by step.
//!
//! What it does: a case says what differs from an ordinary call; [`Invocation::run`] waits for the
//! end, [`Invocation::start`] gives a run to talk to.
//! What must stay true: the suite keeps no copy of a descriptor that it placed unless the case
//! does; standard output and error are taken in unless the case placed something else there.

mod begun;

use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::adapter::{Caller, Timeouts};
use crate::launch::{Limit, Plan, RefusedCall, Tmpfs};
use crate::suite::Suite;
use crate::verdict::Stop;

/// A command that isn't started yet.
#[derive(Debug)]
pub struct Invocation<'a> {
    pub(crate) suite: &'a Suite<'a>,
    pub(crate) plan: Plan,
    pub(crate) placed: Vec<(i32, OwnedFd)>,
    pub(crate) closed: Vec<i32>,
    pub(crate) feeds_input: bool,
    /// Why it can't be started.
    pub(crate) trouble: Option<Stop>,
    /// Whether it is a run of the implementation, whose leftovers count.
    pub(crate) judged: bool,
    pub(crate) leaves_files: bool,
}

impl<'a> Invocation<'a> {
    pub(crate) fn new<W: AsRef<[u8]>>(suite: &'a Suite<'a>, words: impl IntoIterator<Item = W>) -> Self {
        let adapter = suite.setup().adapter();
        let plan = Plan {
            argv: words.into_iter().map(|word| word.as_ref().to_vec()).collect(),
            cwd: Some(suite.path("cwd")),
            umask: 0o022,
            deadline_ms: adapter.timeouts.run_ms,
            grace_ms: adapter.timeouts.grace_ms,
            ..Plan::default()
        };
        let mut run = Self {
            suite,
            plan,
            placed: Vec::new(),
            closed: Vec::new(),
            feeds_input: false,
            trouble: None,
            judged: false,
            leaves_files: false,
        };
        run = run.env("PATH", "/usr/local/bin:/usr/bin:/bin");
        for (key, place) in [("HOME", "home"), ("TMPDIR", "tmp"), ("XDG_RUNTIME_DIR", "run")] {
            run = run.env(key, suite.path(place).as_os_str().as_encoded_bytes());
        }
        // What one run has kept in its store, another one of the same case would not ask for.
        run = run.env("XDG_DATA_HOME", suite.fresh_data().as_os_str().as_encoded_bytes());
        for (key, value) in &adapter.env {
            run = run.env(key, value);
        }
        run.by(adapter.user)
    }

    pub(crate) fn of_implementation(mut self) -> Self {
        self.judged = true;
        self
    }

    /// Adds words to the command line.
    #[must_use]
    pub fn flags<W: AsRef<[u8]>>(mut self, words: impl IntoIterator<Item = W>) -> Self {
        self.plan.argv.extend(words.into_iter().map(|word| word.as_ref().to_vec()));
        self
    }

    /// Adds the probe as `<binary>`, with arguments.
    #[must_use]
    pub fn probe<W: AsRef<[u8]>>(self, args: impl IntoIterator<Item = W>) -> Self {
        let probe = self.suite.probe();
        self.binary(probe, args)
    }

    /// Adds `<binary>` and its arguments.
    #[must_use]
    pub fn binary<W: AsRef<[u8]>>(self, path: impl AsRef<Path>, args: impl IntoIterator<Item = W>) -> Self {
        self.flags([path.as_ref().as_os_str().as_encoded_bytes()]).flags(args)
    }

    /// Adds `--with-fd NAME=NUMBER`.
    #[must_use]
    pub fn grant(self, name: &str, number: i32) -> Self {
        self.flags(["--with-fd", &format!("{name}={number}")])
    }

    /// Places a file in the command under a number. What was placed there before is replaced.
    #[must_use]
    pub fn place(mut self, number: i32, file: &impl AsFd) -> Self {
        self.placed.retain(|(other, _)| *other != number);
        match file.as_fd().try_clone_to_owned() {
            Ok(copy) => self.placed.push((number, copy)),
            Err(fault) => self.trouble = Some(fault.into()),
        }
        self
    }

    /// Leaves 0, 1 or 2 closed in the command.
    #[must_use]
    pub fn close(mut self, number: i32) -> Self {
        self.closed.push(number);
        self
    }

    /// Gives the command a pipe as standard input that [`Live`](crate::live::Live) writes to.
    #[must_use]
    pub fn with_input(mut self) -> Self {
        self.feeds_input = true;
        self
    }

    /// Makes what lies on descriptor 0 the controlling terminal of the command, which leads a
    /// session of its own.
    #[must_use]
    pub fn in_terminal(mut self) -> Self {
        self.plan.terminal = true;
        self
    }

    /// Sets a variable of the caller, in place of one of the same key.
    #[must_use]
    pub fn env(mut self, key: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> Self {
        let start = [key.as_ref(), b"="].concat();
        self.plan.env.retain(|entry| !entry.starts_with(&start));
        self.plan.env.push([&start, value.as_ref()].concat());
        self
    }

    /// Starts in another directory.
    #[must_use]
    pub fn cwd(mut self, path: impl Into<PathBuf>) -> Self {
        self.plan.cwd = Some(path.into());
        self
    }

    /// Ignores a signal.
    #[must_use]
    pub fn ignoring(mut self, signal: i32) -> Self {
        self.plan.ignored.push(signal);
        self
    }

    /// Blocks a signal.
    #[must_use]
    pub fn blocking(mut self, signal: i32) -> Self {
        self.plan.blocked.push(signal);
        self
    }

    /// Sets the umask, which is 022 otherwise.
    #[must_use]
    pub fn umask(mut self, mask: u32) -> Self {
        self.plan.umask = mask;
        self
    }

    /// Sets a limit of setrlimit(2), soft and hard.
    #[must_use]
    pub fn limit(mut self, resource: u32, soft: u64, hard: Option<u64>) -> Self {
        self.plan.limits.push(Limit { resource, soft: Some(soft), hard });
        self
    }

    /// Lowers the soft limit of a resource to this, and leaves the hard one.
    #[must_use]
    pub fn soft_limit(self, resource: u32, soft: u64) -> Self {
        match crate::sys::hard_limit(resource) {
            Ok(hard) => self.limit(resource, soft, hard),
            Err(fault) => Self { trouble: Some(fault.into()), ..self },
        }
    }

    /// Refuses system calls to the command and all that it starts.
    #[must_use]
    pub fn refusing(mut self, calls: impl IntoIterator<Item = RefusedCall>) -> Self {
        self.plan.refused.extend(calls);
        self
    }

    /// The words of the command line so far.
    #[must_use]
    pub fn words(&self) -> &[Vec<u8>] {
        &self.plan.argv
    }

    /// Mounts a file system of its own for the run; needs root.
    #[must_use]
    pub fn tmpfs(mut self, tmpfs: Tmpfs) -> Self {
        self.plan.tmpfs = Some(tmpfs);
        if !nix::unistd::geteuid().is_root() {
            self.trouble = Some(Stop::NotVerifiable("only root can mount a file system for a run".into()));
        }
        self
    }

    /// Runs it as another caller than the adapter says.
    #[must_use]
    pub fn by(mut self, caller: Caller) -> Self {
        match self.suite.user_of(caller) {
            Ok(user) => self.plan.user = user,
            Err(stop) => self.trouble = Some(stop),
        }
        self
    }

    /// Gives the caller these supplementary groups; needs root.
    #[must_use]
    pub fn groups(mut self, groups: &[u32]) -> Self {
        let mut user = self.plan.user.take().unwrap_or(crate::launch::User { uid: 0, gid: 0, groups: vec![] });
        user.groups = groups.to_vec();
        self.plan.user = Some(user);
        if !nix::unistd::geteuid().is_root() {
            self.trouble = Some(Stop::NotVerifiable("only root can choose its groups".into()));
        }
        self
    }

    /// Takes it for hung after so long where one run may take the usual 30 s, and after more or less where
    /// the adapter gives runs more or less: for a run that has more to do than others.
    #[must_use]
    pub fn at_most(self, most: Duration) -> Self {
        let usual = Timeouts::default().run_ms;
        let run = self.suite.setup().adapter().timeouts.run_ms;
        let most = u64::try_from(most.as_millis()).unwrap_or(u64::MAX);
        self.deadline_ms(most.saturating_mul(run) / usual)
    }

    /// Takes it for hung after so many milliseconds.
    #[must_use]
    pub fn deadline_ms(mut self, most: u64) -> Self {
        self.plan.deadline_ms = most;
        self
    }

    /// Lets files stay behind: for a host that is killed before it can clear up.
    #[must_use]
    pub fn may_leave_files(mut self) -> Self {
        self.leaves_files = true;
        self
    }
}
