//! System calls by number: what the init and the cell may use until they execute something.
//!
//! What must stay true: nothing here allocates, locks or touches a thread-local: the host goes on in the same memory.

use std::ffi::{CStr, c_long};
use std::os::fd::RawFd;

pub(super) use super::report::Errno;
use super::trap::syscall;

/// The empty path, for calls that take a descriptor alone.
pub(super) const EMPTY: &CStr = c"";

/// Makes a system call.
///
/// # Safety
/// The arguments must be what the call of that number asks for; pointers must be valid for it.
pub(super) unsafe fn call(number: c_long, args: [usize; 6]) -> Result<usize, Errno> {
    // SAFETY: the caller vouches for the arguments; those past the call's own are ignored by the kernel.
    let result = unsafe { syscall(number, args) };
    if (-4095..0).contains(&result) { Err(-result as Errno) } else { Ok(result as usize) }
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
    // SAFETY: an integer. The init and the cell close numbers only, none is owned by a Rust value in their process.
    let _ = unsafe { call(libc::SYS_close, [fd(number), 0, 0, 0, 0, 0]) };
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

/// Sets the mode bits that new files of this process don't get (umask(2)).
pub(super) fn set_umask(mask: libc::mode_t) {
    // SAFETY: an integer; umask(2) can't fail.
    let _ = unsafe { call(libc::SYS_umask, [mask as usize, 0, 0, 0, 0, 0]) };
}

/// Ends this process without running a destructor, of which its memory, the host's, has many.
pub(super) fn exit() -> ! {
    loop {
        // SAFETY: an integer; it doesn't return.
        let _ = unsafe { call(libc::SYS_exit_group, [0; 6]) };
    }
}
