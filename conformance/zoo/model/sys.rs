//! What a process inherits, read and set: the only module of the zoo with `unsafe`.
#![expect(
    unsafe_code,
    reason = "sigaction, Landlock, and lseek of a number, have no safe form; kept in this one module"
)]

use std::fs;
use std::io;
use std::os::fd::AsRawFd;

use nix::sys::resource::{RLIM_INFINITY, Resource, getrlimit, setrlimit};
use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, SigmaskHow, Signal, sigaction, sigprocmask};
use serde::{Deserialize, Serialize};

use super::Wrong;

/// What the caller had set, as far as a host itself has to change it.
#[derive(Default, Serialize, Deserialize)]
pub struct State {
    blocked: Vec<i32>,
    /// The soft limit of open files.
    files: u64,
}

impl State {
    /// As this process has it.
    pub fn taken() -> Self {
        let mut mask = SigSet::empty();
        sigprocmask(SigmaskHow::SIG_BLOCK, None, Some(&mut mask)).ok();
        let files = getrlimit(Resource::RLIMIT_NOFILE).map_or(RLIM_INFINITY, |limit| limit.0);
        Self { blocked: mask.iter().map(|signal| signal as i32).collect(), files }
    }

    /// In the host: its own children must be waited for, and nothing is blocked.
    pub fn forget(&mut self, wrong: Wrong) {
        for signal in Signal::iterator().filter(|signal| *signal != Signal::SIGPIPE) {
            if signal == Signal::SIGCHLD || !wrong.is("signals-ignored") {
                default(signal);
            }
        }
        if !wrong.is("signals-blocked") {
            self.blocked.clear();
        }
        // Room for what is moved out of the way.
        if let Ok((_, hard)) = getrlimit(Resource::RLIMIT_NOFILE) {
            setrlimit(Resource::RLIMIT_NOFILE, hard, hard).ok();
        }
    }

    /// In the process that becomes the cell.
    pub fn in_cell(&self, wrong: Wrong) {
        if !wrong.is("signals-ignored") {
            let kept = |signal: &Signal| *signal == Signal::SIGPIPE && wrong.is("pipe-signal-ignored");
            Signal::iterator().filter(|signal| !kept(signal)).for_each(default);
        }
        let blocked = self.blocked.iter().filter_map(|signal| Signal::try_from(*signal).ok());
        sigprocmask(SigmaskHow::SIG_SETMASK, Some(&blocked.collect()), None).ok();
    }

    /// Soft limits that don't depend on the caller's: a stack as usual, of all else as much as may be had.
    pub fn usual_limits(&self, wrong: Wrong) {
        let all = [
            (Resource::RLIMIT_NOFILE, RLIM_INFINITY),
            (Resource::RLIMIT_STACK, 8 << 20),
            (Resource::RLIMIT_FSIZE, RLIM_INFINITY),
            (Resource::RLIMIT_CPU, RLIM_INFINITY),
            (Resource::RLIMIT_DATA, RLIM_INFINITY),
        ];
        if !wrong.is("core-kept") {
            setrlimit(Resource::RLIMIT_CORE, 0, 0).ok();
        }
        for (resource, usual) in all {
            let kept = match resource {
                Resource::RLIMIT_NOFILE => wrong.is("limits-kept") || wrong.is("limit-of-files-kept"),
                Resource::RLIMIT_STACK => wrong.is("limits-kept") || wrong.is("limit-of-stack-kept"),
                _ => wrong.is("limits-kept"),
            };
            let usual = if kept && resource == Resource::RLIMIT_NOFILE { self.files } else { usual };
            if let (true, Ok((_, hard))) = (!kept || resource == Resource::RLIMIT_NOFILE, getrlimit(resource)) {
                setrlimit(resource, usual.min(hard), hard).ok();
            }
        }
    }
}

fn default(signal: Signal) {
    let action = SigAction::new(SigHandler::SigDfl, SaFlags::empty(), SigSet::empty());
    // SAFETY: the default runs no code of ours. SIGKILL and SIGSTOP, which can't be set, have it.
    unsafe { sigaction(signal, &action) }.ok();
}

/// The numbers that are open.
pub fn open_numbers() -> Vec<i32> {
    let entries = fs::read_dir("/proc/self/fd").into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
}

/// Landlock, as its first version has it: all that is below `/` is allowed, and of what lies elsewhere what these
/// descriptors allow (linux/landlock.h).
pub fn landlock(descriptors: &[(i32, u64)]) -> io::Result<()> {
    #[repr(C, packed)]
    struct Beneath {
        allowed: u64,
        number: i32,
    }
    let all: u64 = 0x1fff;
    let done = |answer: libc::c_long| if answer < 0 { Err(io::Error::last_os_error()) } else { Ok(answer as i32) };
    let root = fs::File::open("/")?;
    // SAFETY: one attribute of eight bytes, passed with its size.
    let ruleset = done(unsafe { libc::syscall(libc::SYS_landlock_create_ruleset, &raw const all, 8, 0) })?;
    for (number, allowed) in [(root.as_raw_fd(), all)].iter().chain(descriptors) {
        let rule = Beneath { allowed: *allowed, number: *number };
        // SAFETY: a rule of type 1 is laid out as above. One that can't be made (a pipe has no place) isn't needed.
        unsafe { libc::syscall(libc::SYS_landlock_add_rule, ruleset, 1, &raw const rule, 0) };
    }
    // SAFETY: integers.
    done(unsafe { libc::syscall(libc::SYS_landlock_restrict_self, ruleset, 0) })?;
    // SAFETY: nothing else knows the number.
    unsafe { libc::close(ruleset) };
    Ok(())
}

/// How a number is open: O_RDONLY, O_WRONLY or O_RDWR.
pub fn mode(number: i32) -> i32 {
    // SAFETY: F_GETFL takes numbers.
    unsafe { libc::fcntl(number, libc::F_GETFL) & libc::O_ACCMODE }
}

/// Sets a file back to its start.
pub fn rewind(number: i32) {
    // SAFETY: lseek takes a number, and refuses one that isn't open or can't be sought.
    unsafe { libc::lseek(number, 0, libc::SEEK_SET) };
}
