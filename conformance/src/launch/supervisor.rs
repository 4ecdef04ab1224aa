//! The launcher: one process a run, which starts the command, watches it and clears up after it.
//!
//! What it does: it becomes the reaper of whatever the command leaves, reports start, stops and
//! end, then waits for what is left to go, and kills it where it doesn't.
//! What must stay true: it has one thread; it keeps none of the descriptors that it was sent; it
//! ends only when nothing that the command started is left.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::signal::{SigSet, Signal, kill};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{Pid, pipe2, setsid};
use rustix::process::{PidfdFlags, pidfd_open};

use super::channel::Channel;
use super::{Event, LaunchError, Order, Plan, Stray, child, tmpfs};
use crate::sys;

/// The launcher's `main`: its standard input is the channel.
#[must_use]
pub fn main() -> ExitCode {
    match supervise() {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => {
            eprintln!("ww-launcher: {fault}");
            ExitCode::FAILURE
        }
    }
}

fn fault(what: &'static str) -> impl Fn(Errno) -> LaunchError {
    move |errno| LaunchError::Channel(format!("{what}: {errno}"))
}

fn supervise() -> Result<(), LaunchError> {
    nix::sys::prctl::set_child_subreaper(true).map_err(fault("prctl"))?;
    // It is no leader when the suite starts it, and if it is, it is in a session of its own.
    setsid().ok();
    let socket = std::io::stdin().as_fd().try_clone_to_owned();
    let channel = Channel::over(socket.map_err(|cause| LaunchError::Channel(cause.to_string()))?);
    let Some((plan, sent)) = channel.receive::<Plan>()? else {
        return Ok(());
    };
    let mut children = SigSet::empty();
    children.add(Signal::SIGCHLD);
    children.thread_block().map_err(fault("sigprocmask"))?;
    let news =
        SignalFd::with_flags(&children, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK).map_err(fault("signalfd"))?;
    if let Some(fault) = plan.tmpfs.as_ref().and_then(|own| tmpfs::make(own).err()) {
        let errno = fault.raw_os_error().unwrap_or(0);
        return channel.send(&Event::Refused { stage: "mount a file system of its own".into(), errno }, &[]);
    }
    match start(&plan, sent)? {
        Err((stage, errno)) => channel.send(&Event::Refused { stage, errno }, &[]),
        Ok(command) => {
            let handle = rustix::process::Pid::from_raw(command.as_raw())
                .and_then(|pid| pidfd_open(pid, PidfdFlags::empty()).ok())
                .ok_or(LaunchError::Silent)?;
            channel.send(&Event::Started { pid: command.as_raw() }, &[handle.as_fd()])?;
            drop(handle);
            Watch { channel, news, command, plan }.to_the_end()
        }
    }
}

/// Starts the command; what failed and why comes as (stage, errno).
fn start(plan: &Plan, sent: Vec<OwnedFd>) -> Result<Result<Pid, (String, i32)>, LaunchError> {
    let (told, tell) = pipe2(OFlag::O_CLOEXEC).map_err(fault("pipe2"))?;
    let Some(command) = sys::fork().map_err(fault("fork"))? else {
        drop(told);
        let ((stage, errno), tell) = child::become_command(plan, sent, tell);
        File::from(tell).write_all(format!("{} {stage}", errno as i32).as_bytes()).ok();
        std::process::exit(125)
    };
    drop((tell, sent));
    let mut refusal = String::new();
    File::from(told).read_to_string(&mut refusal).ok();
    Ok(match refusal.split_once(' ') {
        Some((errno, stage)) => Err((stage.to_owned(), errno.parse().unwrap_or(0))),
        None => Ok(command),
    })
}

/// How many processes of one run are taken for a fork bomb.
const MOST: usize = 5_000;
/// How often a run that goes on is looked at for that.
const GLANCE: Duration = Duration::from_millis(250);

/// How many processes and threads this machine has: the fourth word of `/proc/loadavg`, after the slash.
fn processes() -> usize {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let count = text.split(' ').nth(3).and_then(|word| word.split_once('/'));
    count.and_then(|(_, all)| all.parse().ok()).unwrap_or(0)
}

/// How the command ended: by exit code or by signal.
type End = (Option<i32>, Option<i32>);

struct Watch {
    channel: Channel,
    news: SignalFd,
    command: Pid,
    plan: Plan,
}

impl Watch {
    fn to_the_end(&self) -> Result<(), LaunchError> {
        let deadline = Instant::now() + Duration::from_millis(self.plan.deadline_ms);
        let usual = processes();
        let (mut overdue, mut flooded) = (false, false);
        let (code, signal) = loop {
            if let Some(end) = self.reap()? {
                break end;
            }
            let ordered = self.wait(deadline.saturating_duration_since(Instant::now()).min(GLANCE));
            flooded = processes() > usual + MOST && descendants().len() > MOST;
            if ordered || flooded || Instant::now() >= deadline {
                overdue = !ordered;
                break self.kill_command();
            }
        };
        // A suite that went away hears nothing; what is left is cleared up all the same.
        self.channel.send(&Event::Ended { code, signal, overdue, flooded }, &[]).ok();
        let left = descendants();
        let grace = if overdue { 0 } else { self.plan.grace_ms };
        self.wait_for_orphans(Duration::from_millis(grace));
        let killed = kill_descendants();
        let peak_kib = getrusage(UsageWho::RUSAGE_CHILDREN).map_or(0, |usage| usage.max_rss());
        let files = self.plan.tmpfs.as_ref().map(tmpfs::left).unwrap_or_default();
        self.channel.send(&Event::Settled { left, killed, files, peak_kib }, &[]).ok();
        Ok(())
    }

    /// Takes every change of state that there is; the command's end, once it has come.
    fn reap(&self) -> Result<Option<End>, LaunchError> {
        let flags = WaitPidFlag::WNOHANG | WaitPidFlag::WUNTRACED | WaitPidFlag::WCONTINUED;
        loop {
            match waitpid(None, Some(flags)) {
                Ok(WaitStatus::Exited(pid, code)) if pid == self.command => return Ok(Some((Some(code), None))),
                Ok(WaitStatus::Signaled(pid, signal, _)) if pid == self.command => {
                    return Ok(Some((None, Some(signal as i32))));
                }
                Ok(WaitStatus::Stopped(pid, signal)) if pid == self.command => {
                    self.channel.send(&Event::Stopped { signal: signal as i32 }, &[])?;
                }
                Ok(WaitStatus::Continued(pid)) if pid == self.command => {
                    self.channel.send(&Event::Continued, &[])?;
                }
                Ok(WaitStatus::StillAlive) => return Ok(None),
                // A signal without a name in this library (a real-time one) ends it as well.
                Err(Errno::EINVAL) => return Ok(Some((None, None))),
                Err(errno) => return Err(fault("waitpid")(errno)),
                Ok(_) => {}
            }
        }
    }

    /// Waits for news of children, at most so long; true when the suite wants everything dead.
    fn wait(&self, most: Duration) -> bool {
        let timeout = PollTimeout::try_from(most).unwrap_or(PollTimeout::MAX);
        let mut both =
            [PollFd::new(self.news.as_fd(), PollFlags::POLLIN), PollFd::new(self.channel.as_fd(), PollFlags::POLLIN)];
        poll(&mut both, timeout).ok();
        let ordered = both[1].revents().is_some_and(|events| !events.is_empty());
        while let Ok(Some(_)) = self.news.read_signal() {}
        ordered && !matches!(self.channel.receive::<Order>(), Ok(Some((order, _))) if order != Order::Kill)
    }

    fn kill_command(&self) -> End {
        kill(self.command, Signal::SIGKILL).ok();
        match waitpid(self.command, None) {
            Ok(WaitStatus::Exited(_, code)) => (Some(code), None),
            Ok(WaitStatus::Signaled(_, signal, _)) => (None, Some(signal as i32)),
            _ => (None, None),
        }
    }

    /// Reaps what was left to this process until nothing is, or the time is over.
    fn wait_for_orphans(&self, most: Duration) {
        let deadline = Instant::now() + most;
        loop {
            match waitpid(None, Some(WaitPidFlag::WNOHANG)) {
                Err(_) => return,
                Ok(WaitStatus::StillAlive) => {
                    if self.wait(deadline.saturating_duration_since(Instant::now())) || Instant::now() >= deadline {
                        return;
                    }
                }
                Ok(_) => {}
            }
        }
    }
}

/// Kills what is left, and what that starts meanwhile, until nothing is; gives what it killed. For a
/// process that is the reaper of what it started, and waits for no child elsewhere.
pub(crate) fn kill_descendants() -> Vec<Stray> {
    let mut killed: BTreeMap<i32, Stray> = BTreeMap::new();
    loop {
        match waitpid(None, Some(WaitPidFlag::WNOHANG)) {
            Ok(WaitStatus::StillAlive) => {}
            // What is dead is reaped before anything is looked at again: there may be thousands.
            Ok(_) => continue,
            Err(_) => break,
        }
        for stray in descendants() {
            kill(Pid::from_raw(stray.pid), Signal::SIGKILL).ok();
            killed.entry(stray.pid).or_insert(stray);
        }
        // Orphans come to this process when their parent dies, so some child's end is next.
        if waitpid(None, None).is_err() {
            break;
        }
    }
    killed.into_values().collect()
}

/// Every living process below this one; zombies are dead.
fn descendants() -> Vec<Stray> {
    if matches!(waitpid(None, Some(WaitPidFlag::WNOHANG)), Err(Errno::ECHILD)) {
        return Vec::new();
    }
    let mut below: BTreeMap<i32, Vec<(Stray, bool)>> = BTreeMap::new();
    for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let read = || {
            let pid = entry.file_name().to_str()?.parse().ok()?;
            let text = fs::read_to_string(entry.path().join("stat")).ok()?;
            let (name, rest) = text.split_once('(')?.1.rsplit_once(") ")?;
            let mut fields = rest.split(' ');
            let dead = matches!(fields.next()?, "Z" | "X");
            Some((fields.next()?.parse().ok()?, Stray { pid, name: name.to_owned() }, dead))
        };
        if let Some((parent, process, dead)) = read() {
            below.entry(parent).or_default().push((process, dead));
        }
    }
    let mut found = Vec::new();
    let mut open = vec![Pid::this().as_raw()];
    while let Some(parent) = open.pop() {
        for (process, dead) in below.remove(&parent).unwrap_or_default() {
            open.push(process.pid);
            if !dead {
                found.push(process);
            }
        }
    }
    found
}
