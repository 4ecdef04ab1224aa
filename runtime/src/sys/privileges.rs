//! Becoming nobody in particular: the cell's user, without a capability, a key or a way to get one; and the host, which
//! needs no privilege any more once the cell is on its way.
//!
//! Clauses: JAIL-02, JAIL-03, SELF-08.

use std::io;

use nix::unistd::geteuid;

use super::raw::{self, Errno, call};
use crate::jail::{Identity, Level};

/// The last capability number asked about; the kernel says EINVAL past its own last.
const CAPABILITIES: usize = 63;

/// Becomes the cell's user. The raw calls change this process alone; libc's would look for other threads.
pub(super) fn become_cell(identity: &Identity) -> Result<(), Errno> {
    let (uid, gid) = (identity.uid as usize, identity.gid as usize);
    // SAFETY: integers only.
    unsafe {
        if identity.drops_groups {
            call(libc::SYS_setgroups, [0; 6])?;
        }
        call(libc::SYS_setresgid, [gid, gid, gid, 0, 0, 0])?;
        call(libc::SYS_setresuid, [uid, uid, uid, 0, 0, 0])?;
    }
    Ok(())
}

/// Joins a session keyring of its own: the caller's keys stay the caller's (session-keyring(7)).
pub(super) fn leave_keyring() -> Result<(), Errno> {
    const KEYCTL_JOIN_SESSION_KEYRING: usize = 1;
    // SAFETY: a null name asks for a new anonymous keyring.
    match unsafe { call(libc::SYS_keyctl, [KEYCTL_JOIN_SESSION_KEYRING, 0, 0, 0, 0, 0]) } {
        // Where the kernel has no keyrings, or a filter above us closes the call, the cell can't reach one.
        Ok(_) | Err(libc::ENOSYS | libc::EPERM) => Ok(()),
        Err(errno) => Err(errno),
    }
}

/// Empties the bounding set.
pub(super) fn bound_capabilities() -> Result<(), Errno> {
    for capability in 0..=CAPABILITIES {
        match raw::prctl(libc::PR_CAPBSET_DROP, capability) {
            Ok(()) => {}
            Err(libc::EINVAL) => break,
            Err(errno) => return Err(errno),
        }
    }
    Ok(())
}

/// No new privileges, and no capability in the sets that count without one.
pub(super) fn drop_capabilities() -> Result<(), Errno> {
    raw::prctl(libc::PR_SET_NO_NEW_PRIVS, 1)?;
    set_capabilities(0)
}

/// The capabilities below 32 that are in force from now on; none is passed on (capget(2)).
fn set_capabilities(kept: u32) -> Result<(), Errno> {
    const CAPABILITY_VERSION_3: u32 = 0x2008_0522;
    let header = [CAPABILITY_VERSION_3, 0];
    // Effective, permitted, inheritable; then the same of the numbers from 32 on.
    let sets = [kept, kept, 0, 0, 0, 0];
    // SAFETY: version 3 takes a header of two words and three words for each half of the sets, all in this frame.
    unsafe { call(libc::SYS_capset, [header.as_ptr() as usize, sets.as_ptr() as usize, 0, 0, 0, 0]) }.map(drop)
}

/// The host lays down what it needed for the start: capabilities, and the chance to get some. Nobody traces it any
/// more, nor reads its memory (prctl(2), PR_SET_DUMPABLE).
///
/// As root it is still the owner of the cell's user namespace, and of its files: it can signal the cell, wait for it and
/// clean up without a capability (user_namespaces(7)). Where the cell has no namespace and is another user, that takes
/// three. At `none` the cell is the caller itself, against whom there is nothing to guard.
pub fn disarm(level: Level) -> io::Result<()> {
    const DAC_OVERRIDE: u32 = 1 << 1;
    const FOWNER: u32 = 1 << 3;
    const KILL: u32 = 1 << 5;
    let disarm = || {
        raw::prctl(libc::PR_SET_DUMPABLE, 0)?;
        raw::prctl(libc::PR_SET_NO_NEW_PRIVS, 1)?;
        let needed = match level {
            Level::Restricted if geteuid().is_root() => DAC_OVERRIDE | FOWNER | KILL,
            Level::None if geteuid().is_root() => return Ok(()),
            _ => 0,
        };
        set_capabilities(needed)
    };
    disarm().map_err(io::Error::from_raw_os_error)
}
