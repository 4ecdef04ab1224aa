//! The process that becomes the command: it makes itself as the plan says, then executes it.
//!
//! What must stay true: the command sees the descriptors of the plan and no other; a step that
//! fails is named over the pipe, and the command isn't run.

use std::convert::Infallible;
use std::ffi::CString;
use std::fs;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};

use nix::errno::Errno;
use nix::fcntl::{AtFlags, FcntlArg, OFlag, fcntl, open};
use nix::sys::signal::{SigSet, SigmaskHow, Signal, sigprocmask};
use nix::sys::stat::{Mode, umask};
use nix::unistd::{Gid, Pid, Uid, chdir, execve, execveat, setgroups, setpgid, setresgid, setresuid, setsid};

use super::Plan;
use crate::sys;

/// A step and what the kernel said of it.
pub(super) type Refusal = (&'static str, Errno);

/// Becomes the command; comes back only if a step failed.
pub(super) fn become_command(plan: &Plan, sent: Vec<OwnedFd>, pipe: OwnedFd) -> (Refusal, OwnedFd) {
    let floor = plan.fds.iter().map(|(number, _)| number + 1).max().unwrap_or(0).max(3);
    // The pipe first: with it above all numbers, every later failure can be told.
    let high = match lifted(&pipe, floor) {
        Ok(high) => high,
        Err(errno) => return (("lift the descriptors", errno), pipe),
    };
    drop(pipe);
    match arrange(plan, sent, floor) {
        Ok(never) => match never {},
        Err(refusal) => (refusal, high),
    }
}

fn arrange(plan: &Plan, sent: Vec<OwnedFd>, floor: i32) -> Result<Infallible, Refusal> {
    let step = |name: &'static str| move |errno: Errno| (name, errno);
    if plan.terminal {
        setsid().map_err(step("setsid"))?;
    } else {
        setpgid(Pid::from_raw(0), Pid::from_raw(0)).map_err(step("setpgid"))?;
    }
    descriptors(plan, sent, floor)?;
    let strings = |list: &[Vec<u8>]| -> Result<Vec<CString>, Refusal> {
        list.iter().map(|word| CString::new(word.clone()).map_err(|_| ("a NUL in a word", Errno::EINVAL))).collect()
    };
    let (argv, env) = (strings(&plan.argv)?, strings(&plan.env)?);
    let program = argv.first().ok_or(("an empty command", Errno::EINVAL))?;
    // Opened while it can be: another user may not reach the folder that it was built in.
    let handle = open(program.as_c_str(), OFlag::O_PATH | OFlag::O_CLOEXEC, Mode::empty());
    if plan.terminal {
        sys::take_terminal(0).map_err(step("take the terminal"))?;
    }
    if let Some(cwd) = &plan.cwd {
        chdir(cwd).map_err(step("chdir"))?;
    }
    umask(Mode::from_bits_truncate(plan.umask));
    if let Some(user) = &plan.user {
        let groups: Vec<Gid> = user.groups.iter().map(|group| Gid::from_raw(*group)).collect();
        setgroups(&groups).map_err(step("setgroups"))?;
        let (uid, gid) = (Uid::from_raw(user.uid), Gid::from_raw(user.gid));
        setresgid(gid, gid, gid).map_err(step("setresgid"))?;
        setresuid(uid, uid, uid).map_err(step("setresuid"))?;
    }
    for limit in &plan.limits {
        sys::limit(limit.resource, limit.soft, limit.hard).map_err(step("setrlimit"))?;
    }
    sys::dispositions(&plan.ignored).map_err(step("sigaction"))?;
    let mut mask = SigSet::empty();
    for signal in &plan.blocked {
        mask.add(Signal::try_from(*signal).map_err(step("sigprocmask"))?);
    }
    sigprocmask(SigmaskHow::SIG_SETMASK, Some(&mask), None).map_err(step("sigprocmask"))?;
    if !plan.refused.is_empty() {
        sys::refuse(&plan.refused).map_err(step("seccomp"))?;
    }
    match (execve(program, &argv, &env), handle) {
        (Err(Errno::EACCES), Ok(handle)) => {
            execveat(handle, c"", &argv, &env, AtFlags::AT_EMPTY_PATH).map_err(step("execveat"))
        }
        (outcome, _) => outcome.map_err(step("execve")),
    }
}

/// Puts each sent descriptor where the plan wants it, and sees to it that nothing else is left.
fn descriptors(plan: &Plan, sent: Vec<OwnedFd>, floor: i32) -> Result<(), Refusal> {
    let step = |name: &'static str| move |errno: Errno| (name, errno);
    let sources: Vec<OwnedFd> = sent
        .iter()
        .map(|source| lifted(source, floor))
        .collect::<Result<_, _>>()
        .map_err(step("lift the descriptors"))?;
    for number in 0..floor {
        sys::close(number);
    }
    // What was below the floor is closed by now; what was above is when it executes.
    for source in sent {
        if source.as_raw_fd() < floor {
            std::mem::forget(source);
        }
    }
    for (number, from) in &plan.fds {
        let source = sources.get(*from).ok_or(("a descriptor that wasn't sent", Errno::EBADF))?;
        sys::place(source.as_fd(), *number).map_err(step("dup2"))?;
    }
    for entry in fs::read_dir("/proc/self/fd").map_err(|_| ("read /proc/self/fd", Errno::ENOENT))?.flatten() {
        let number = entry.file_name().to_string_lossy().parse().unwrap_or(-1);
        if number >= floor {
            sys::close_on_exec(number);
        }
    }
    // They go when the command is executed: closing them here would be a close of 300 numbers
    // that exec does anyway.
    std::mem::forget(sources);
    Ok(())
}

fn lifted(source: &OwnedFd, floor: i32) -> Result<OwnedFd, Errno> {
    let number = fcntl(source, FcntlArg::F_DUPFD_CLOEXEC(floor))?;
    Ok(sys::received(vec![number]).remove(0))
}
