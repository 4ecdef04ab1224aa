//! The cell's process, made by the guard: with clone(2), because filters as containers have them answer ENOSYS to
//! clone3, and the levels without namespaces are for such places.
//!
//! What must stay true: the guard has memory of its own and one thread, which sleeps until the cell has executed its
//! program (CLONE_VFORK).

use std::ffi::{c_int, c_void};
use std::os::fd::RawFd;

use nix::sys::wait::waitpid;
use nix::unistd::Pid;

use super::super::cell::{Orders, Spawned, execute, filter};
use super::super::raw;
use super::super::report::{Failure, Stage};
use super::super::running::retry;
use super::restrict;

/// Bytes of stack for the steps between the clone and the exec.
const STACK: usize = 128 << 10;

struct Errand<'a> {
    orders: &'a Orders<'a>,
    failure: Option<Failure>,
}

/// Starts the program; returns once it has been executed.
pub(super) fn spawn(orders: &Orders<'_>) -> Result<Spawned, Failure> {
    let mut stack = vec![0u128; STACK / size_of::<u128>()];
    let mut errand = Errand { orders, failure: None };
    let mut pidfd: RawFd = -1;
    let flags = libc::CLONE_VM | libc::CLONE_VFORK | libc::CLONE_PIDFD | libc::SIGCHLD;
    let top = stack.as_mut_ptr_range().end.cast::<c_void>();
    // SAFETY: the stack grows down from one past its end, which is aligned to 16 as u128 is. `stack`, `errand` and
    // `pidfd` stay in this frame until clone returns, and CLONE_VFORK lets it return only when the child has executed
    // the program or is gone.
    let pid = unsafe { libc::clone(live, top, flags, (&raw mut errand).cast(), &raw mut pidfd) };
    if pid == -1 {
        let errno = std::io::Error::last_os_error().raw_os_error().unwrap_or(libc::EIO);
        return Err(Failure::at(Stage::Fork)(errno));
    }
    // SAFETY: a local that the child may have written to through the pointer it was given; the child is gone.
    match unsafe { (&raw const errand.failure).read_volatile() } {
        Some(failure) => {
            // While it is unreaped its process group lives, and the terminal that it took is that group's.
            let _ = retry(|| waitpid(Pid::from_raw(pid), None));
            Err(failure)
        }
        None => Ok(Spawned { pid, pidfd }),
    }
}

extern "C" fn live(errand: *mut c_void) -> c_int {
    // SAFETY: `spawn` passed a pointer to its own `errand` and waits; nobody else has it.
    let errand = unsafe { &mut *errand.cast::<Errand<'_>>() };
    let jail = errand.orders.jail;
    let restricted = restrict(jail.level, &jail.identity).and_then(|()| filter(jail));
    if let Err(failure) = restricted.and_then(|()| execute(errand.orders)) {
        errand.failure = Some(failure);
    }
    raw::exit()
}
