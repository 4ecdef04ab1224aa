//! Having the kernel begin to write a file to the disk (sync_file_range(2)), so that who waits for the whole later waits less.

use std::fs::File;
use std::os::fd::AsRawFd;

use super::raw::{call, fd};

/// Begins to write a part of a file; waits for nothing, and promises nothing: a refusal costs time later and nothing else.
pub fn begin(file: &File, offset: u64, length: u64) {
    let flags = libc::SYNC_FILE_RANGE_WRITE as usize;
    let arguments = [fd(file.as_raw_fd()), offset as usize, length as usize, flags, 0, 0];
    // SAFETY: a descriptor that is open as long as `file` is lent, and integers.
    let _ = unsafe { call(libc::SYS_sync_file_range, arguments) };
}
