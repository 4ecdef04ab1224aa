//! System calls by number: what the init and the cell may use between the fork and the exec.
//!
//! What must stay true: nothing here allocates, locks or touches anything but `errno`.

use std::ffi::{CStr, c_long};
use std::os::fd::RawFd;

/// An error number (errno(3)).
pub(super) type Errno = i32;

/// The empty path, for calls that take a descriptor alone.
pub(super) const EMPTY: &CStr = c"";

/// Makes a system call.
///
/// # Safety
/// The arguments must be what the call of that number asks for; pointers must be valid for it.
pub(super) unsafe fn call(number: c_long, args: [usize; 6]) -> Result<usize, Errno> {
    let [a, b, c, d, e, f] = args;
    // SAFETY: the caller vouches for the arguments; those past the call's own are ignored by the kernel.
    let result = unsafe { libc::syscall(number, a, b, c, d, e, f) };
    if result == -1 { Err(errno()) } else { Ok(result as usize) }
}

/// The error of the last libc call on this thread.
pub(super) fn errno() -> Errno {
    // SAFETY: glibc's errno is a thread-local integer that is always there. The cell shares its init's
    // thread-local memory until it execs, but the init sleeps that long (CLONE_VFORK).
    unsafe { *libc::__errno_location() }
}

/// A path as an argument of [`call`].
pub(super) fn path(path: &CStr) -> usize {
    path.as_ptr() as usize
}

/// A descriptor as an argument of [`call`]; `AT_FDCWD` too.
pub(super) fn fd(fd: RawFd) -> usize {
    fd as isize as usize
}

/// Closes a descriptor that the caller opened.
pub(super) fn close(number: RawFd) {
    // SAFETY: the init and the cell close numbers only, none is owned by a Rust value in their process.
    unsafe { libc::close(number) };
}

/// Closes every descriptor from `first` to `last` (close_range(2), Linux 5.9).
pub(super) fn close_range(first: RawFd, last: RawFd) -> Result<(), Errno> {
    if first > last {
        return Ok(());
    }
    // SAFETY: three integers. Whose descriptors these are is the caller's to know.
    unsafe { call(libc::SYS_close_range, [first as usize, last as usize, 0, 0, 0, 0]) }.map(drop)
}

/// `prctl` with one argument.
pub(super) fn prctl(option: i32, argument: usize) -> Result<(), Errno> {
    // SAFETY: the options used here take an integer; no memory is named.
    unsafe { call(libc::SYS_prctl, [option as usize, argument, 0, 0, 0, 0]) }.map(drop)
}
