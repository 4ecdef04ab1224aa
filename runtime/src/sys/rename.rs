//! Renaming with flags (renameat2(2), Linux 3.15), which not every C library has.

use std::ffi::CStr;
use std::io;
use std::os::fd::{AsFd, AsRawFd};

use super::raw::{call, fd, path};

/// A name in a directory.
pub type Place<'a> = (&'a dyn AsFd, &'a CStr);

/// Moves what is at one place to another, where nothing is.
///
/// # Errors
/// EEXIST where something is there; EINVAL where the file system doesn't know how.
pub fn move_to(from: Place<'_>, to: Place<'_>) -> io::Result<()> {
    rename(from, to, libc::RENAME_NOREPLACE)
}

/// Has what is at two places change them, at once.
///
/// # Errors
/// ENOENT where one has nothing; EINVAL where the file system doesn't know how.
pub fn exchange(one: Place<'_>, other: Place<'_>) -> io::Result<()> {
    rename(one, other, libc::RENAME_EXCHANGE)
}

fn rename(from: Place<'_>, to: Place<'_>, flags: libc::c_uint) -> io::Result<()> {
    let [old, new] = [from, to].map(|(folder, _)| fd(folder.as_fd().as_raw_fd()));
    let arguments = [old, path(from.1), new, path(to.1), flags as usize, 0];
    // SAFETY: two descriptors and two C strings that the caller lends for as long, and flags.
    unsafe { call(libc::SYS_renameat2, arguments) }.map(drop).map_err(io::Error::from_raw_os_error)
}
