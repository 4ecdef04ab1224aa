//! A child that tries one thing and says how it went with its exit code.

use std::io::{self, Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;

use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::Pid;

use super::super::maps;
use super::super::raw::{self, Errno, call};
use super::super::running::retry;
use super::super::sole::SoleThread;
use super::unshare;
use crate::jail::Identity;

/// Does `steps` in a child.
pub(super) fn in_child(sole: &SoleThread, steps: impl FnOnce() -> Result<(), Errno>) -> Result<(), Errno> {
    ended(fork(sole, steps)?)
}

/// Does `steps` in a child in namespaces of its own, as `identity` where one is given.
pub(super) fn in_namespaces(
    sole: &SoleThread,
    namespaces: i32,
    identity: Option<&Identity>,
    steps: impl FnOnce() -> Result<(), Errno>,
) -> Result<(), Errno> {
    let failed = |fault: io::Error| fault.raw_os_error().unwrap_or(libc::EIO);
    let (mut ours, mut theirs) = UnixStream::pair().map_err(failed)?;
    let here = ours.as_raw_fd();
    let child = fork(sole, || {
        // Else it would wait for ever for what this process hangs up without having said.
        raw::close(here);
        unshare(namespaces)?;
        theirs.write_all(&[1]).map_err(failed)?;
        theirs.read_exact(&mut [0]).map_err(failed)?;
        if let Some(identity) = identity {
            become_user(identity)?;
        }
        // A pid namespace is the children's.
        if namespaces & libc::CLONE_NEWPID != 0 { ended(fork(sole, steps)?) } else { steps() }
    })?;
    drop(theirs);
    // Where the child ended early, its exit code says why.
    if ours.read_exact(&mut [0]).is_ok() {
        let mapped = identity.map_or(Ok(()), |identity| maps::write(child, identity));
        let told = mapped.and_then(|()| ours.write_all(&[1]));
        drop(ours);
        let ended = ended(child);
        return told.map_err(failed).and(ended);
    }
    ended(child)
}

fn become_user(identity: &Identity) -> Result<(), Errno> {
    let (uid, gid) = (identity.uid as usize, identity.gid as usize);
    // SAFETY: integers; the raw calls change this process alone, which has one thread.
    unsafe {
        call(libc::SYS_setresgid, [gid, gid, gid, 0, 0, 0])?;
        call(libc::SYS_setresuid, [uid, uid, uid, 0, 0, 0]).map(drop)
    }
}

fn fork(_: &SoleThread, steps: impl FnOnce() -> Result<(), Errno>) -> Result<Pid, Errno> {
    // SAFETY: the token proves that no other thread holds a lock in the child's copy; the child never returns from
    // here, so no value of the parent's is dropped twice.
    match unsafe { libc::fork() } {
        -1 => Err(io::Error::last_os_error().raw_os_error().unwrap_or(libc::EIO)),
        0 => {
            let _ = raw::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL as usize);
            let code = steps().err().unwrap_or(0);
            // SAFETY: ends this process without running the parent's destructors, of which this memory is a copy.
            unsafe { libc::_exit(code) }
        }
        pid => Ok(Pid::from_raw(pid)),
    }
}

/// Waits for a trial: its exit code is an error number, and all of Linux's fit. A filter may have killed it.
fn ended(child: Pid) -> Result<(), Errno> {
    match retry(|| waitpid(child, None)) {
        Ok(WaitStatus::Exited(_, 0)) => Ok(()),
        Ok(WaitStatus::Exited(_, errno)) => Err(errno),
        Ok(_) => Err(libc::EPERM),
        Err(errno) => Err(errno as Errno),
    }
}
