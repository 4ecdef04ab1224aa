//! Puts a filter on: the cell's while its init builds the view, the host's before it listens to the cell.
//!
//! What must stay true: `no_new_privs` is set before, without which the kernel takes no filter from who has no
//! privilege, and a setuid program could be misled by one (seccomp(2)). No flag is passed: SPEC_ALLOW would take
//! off, before Linux 5.16, what the kernel does against speculation in processes that nobody trusts.
//! Clauses: JAIL-04, JAIL-19 to JAIL-21.

use std::io;
use std::sync::atomic::{AtomicU32, Ordering};

use super::raw::{self, Errno, call};
use crate::jail::Filter;
use crate::jail::seccomp::tree::Instruction;

// The kernel reads our instructions as its own: a test compares the fields.
const _: () = assert!(size_of::<Instruction>() == size_of::<libc::sock_filter>());

/// Filters this thread, all that it starts, and all that it executes.
pub(super) fn install(filter: Filter) -> Result<(), Errno> {
    let program = libc::sock_fprog {
        len: filter.program.len() as u16,
        filter: filter.program.as_ptr().cast_mut().cast::<libc::sock_filter>(),
    };
    let (operation, address) = (libc::SECCOMP_SET_MODE_FILTER as usize, &raw const program as usize);
    // SAFETY: `program` is alive and names a static array of as many instructions as it says, which the kernel
    // copies and doesn't write to.
    unsafe { call(libc::SYS_seccomp, [operation, 0, address, 0, 0, 0]) }.map(drop)
}

/// How many filters this process has put on itself: the others over it are somebody else's.
static OWN: AtomicU32 = AtomicU32::new(0);

/// Filters the host, which has one thread: threads that come after are filtered as it is.
pub fn confine(filter: Filter) -> io::Result<()> {
    let confined = raw::prctl(libc::PR_SET_NO_NEW_PRIVS, 1).and_then(|()| install(filter));
    confined.map_err(io::Error::from_raw_os_error)?;
    OWN.fetch_add(1, Ordering::Relaxed);
    Ok(())
}

/// How many times [`confine`] has been called in this process.
pub(super) fn own_filters() -> u32 {
    OWN.load(Ordering::Relaxed)
}
