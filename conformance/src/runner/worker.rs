//! The runner's side of one case: it starts the process, answers it, and ends it.

use std::io;
use std::os::fd::AsFd;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use rustix::process::{PidfdFlags, pidfd_open};

use super::{CASE, Done, FromCase, Order, StopSign, Task, ToCase};
use crate::launch::{Channel, LaunchError};
use crate::node::NodeError;
use crate::verdict::Stop;

/// How long a case's process may take to go once it has said its verdict.
const LEAVING: Duration = Duration::from_secs(10);

/// Runs one case; nothing where the sign was raised before it ended.
pub(super) fn run(task: &Task, stop: &StopSign) -> Option<Done> {
    if let Some(why) = &task.trial.not_applicable {
        return Some(Done::at_once(Stop::NotApplicable(why.clone())));
    }
    let started = Instant::now();
    let done = match Case::start(task) {
        Ok(case) => case.watch(task, stop),
        Err(fault) => Ok(Some(Done::at_once(Stop::from(fault)))),
    };
    let done = done.unwrap_or_else(|fault| Some(Done::at_once(Stop::from(fault))))?;
    let ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    Some(Done { ms, ..done })
}

/// The process of a case; it and its process group are gone with this value.
struct Case {
    channel: Channel,
    process: Child,
    // How it ended, once it was waited for.
    ended: io::Result<Option<ExitStatus>>,
}

/// What was waited for.
enum News {
    Message,
    Stopped,
    Overdue,
}

impl Case {
    fn start(task: &Task) -> Result<Self, LaunchError> {
        let (channel, theirs) = Channel::pair()?;
        let program = program(task);
        let process = Command::new(&program)
            .arg(CASE)
            .stdin(Stdio::from(theirs))
            .stdout(Stdio::null())
            .process_group(0)
            .spawn()
            .map_err(|cause| LaunchError::Start { path: program, cause })?;
        let case = Self { channel, process, ended: Ok(None) };
        let order = Order {
            case: task.trial.case.name.into(),
            clauses: task.trial.clauses.clone(),
            profile: task.trial.profile,
            layout: task.trial.layout,
            adapter: task.setup.adapter().clone(),
            parts: task.setup.parts().clone(),
            seed: task.setup.seed(),
            bundle: task.bundle.clone(),
            sketch: task.sketch,
        };
        case.channel.send(&ToCase::Run(Box::new(order)), &[])?;
        Ok(case)
    }

    fn watch(mut self, task: &Task, stop: &StopSign) -> Result<Option<Done>, LaunchError> {
        let most = Duration::from_millis(task.setup.adapter().timeouts.case_ms);
        let deadline = Instant::now() + most;
        loop {
            match self.wait(stop, deadline.saturating_duration_since(Instant::now())) {
                News::Stopped => return Ok(None),
                News::Overdue => {
                    let why = format!("the case was killed by the watchdog after {} s", most.as_secs_f32());
                    return Ok(Some(Done::at_once(Stop::Harness(why))));
                }
                News::Message => {}
            }
            match self.channel.receive::<FromCase>()? {
                Some((FromCase::Node(ask), _)) => {
                    let answer = match task.sketch {
                        true => Err(NodeError::None("nothing is started for a sketch".into())),
                        false => task.setup.nodes().answer(ask),
                    };
                    self.channel.send(&ToCase::Node(answer), &[])?;
                }
                Some((FromCase::Done(done), _)) => {
                    self.leave();
                    return Ok(Some(*done));
                }
                None => {
                    self.leave();
                    let why = format!("the case's process ended without a verdict: {}", self.end());
                    return Ok(Some(Done::at_once(Stop::Harness(why))));
                }
            }
        }
    }

    fn wait(&self, stop: &StopSign, most: Duration) -> News {
        let timeout = PollTimeout::try_from(most).unwrap_or(PollTimeout::MAX);
        let mut both =
            [PollFd::new(self.channel.as_fd(), PollFlags::POLLIN), PollFd::new(stop.as_fd(), PollFlags::POLLIN)];
        poll(&mut both, timeout).ok();
        let has = |at: usize| both[at].revents().is_some_and(|events| !events.is_empty());
        match (has(1), has(0)) {
            (true, _) => News::Stopped,
            (_, true) => News::Message,
            _ => News::Overdue,
        }
    }

    /// Kills what is left of its process group, and says how the process ended. The group first: once the
    /// process is waited for, its number may be another's.
    fn end(&mut self) -> String {
        if let Ok(Some(before)) = self.ended {
            return before.to_string();
        }
        // Its launchers, which lead sessions of their own, end when their channels do.
        killpg(Pid::from_raw(self.process.id().cast_signed()), Signal::SIGKILL).ok();
        self.ended = self.process.wait().map(Some);
        match &self.ended {
            Ok(end) => end.map_or_else(String::new, |end| end.to_string()),
            Err(fault) => fault.to_string(),
        }
    }

    /// Waits for a process that has nothing more to do, but not for ever.
    fn leave(&self) {
        let pid = rustix::process::Pid::from_raw(self.process.id().cast_signed());
        if let Some(handle) = pid.and_then(|pid| pidfd_open(pid, PidfdFlags::empty()).ok()) {
            let mut one = [PollFd::new(handle.as_fd(), PollFlags::POLLIN)];
            poll(&mut one, PollTimeout::try_from(LEAVING).unwrap_or(PollTimeout::MAX)).ok();
        }
    }
}

impl Drop for Case {
    fn drop(&mut self) {
        self.end();
    }
}

/// The suite's own program, which lies beside the launcher.
fn program(task: &Task) -> PathBuf {
    task.setup.launcher().with_file_name("ww-conformance")
}
