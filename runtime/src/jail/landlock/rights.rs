//! The rights that Landlock knows, and which ABI brought each. The numbers are the kernel's: linux/landlock.h.
//!
//! What must stay true: nothing that a kernel of that ABI doesn't know is asked of it, for it would refuse all;
//! from a later kernel than the last one here, what is known here.

/// Executing a file.
pub(super) const EXECUTE: u64 = 1 << 0;
/// Writing to a file.
pub(super) const WRITE_FILE: u64 = 1 << 1;
/// Reading a file.
pub(super) const READ_FILE: u64 = 1 << 2;
/// Listing a directory.
pub(super) const READ_DIR: u64 = 1 << 3;
/// Removing directories and files.
const REMOVE: u64 = 1 << 4 | 1 << 5;
/// Making directories, files, sockets, fifos and links; not devices (6 and 11).
const MAKE: u64 = 1 << 7 | 1 << 8 | 1 << 9 | 1 << 10 | 1 << 12;
/// Linking and renaming from one directory into another, from ABI 2 on.
const REFER: u64 = 1 << 13;
/// Truncating a file, from ABI 3 on.
pub(super) const TRUNCATE: u64 = 1 << 14;
/// ioctl on a device that the cell opens itself, from ABI 5 on.
pub(super) const IOCTL_DEV: u64 = 1 << 15;
/// Connecting to a socket in the file system that was made outside, from ABI 9 on.
pub(super) const CONNECT: u64 = 1 << 16;

/// Changing what is in a directory.
pub(super) const MAKING: u64 = REMOVE | MAKE | REFER;
/// The rights that a rule on a file may name.
pub(super) const OF_FILES: u64 = EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE | IOCTL_DEV | CONNECT;

/// What a kernel can tell apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Rights {
    pub(super) files: u64,
    pub(super) network: u64,
    pub(super) scopes: u64,
}

impl Rights {
    /// All that a kernel of this ABI knows.
    pub(super) fn of_abi(abi: u32) -> Rights {
        let files = match abi {
            0 | 1 => 13,
            2 => 14,
            3 | 4 => 15,
            5..=8 => 16,
            9.. => 17,
        };
        // TCP, from ABI 4 on; UDP, from ABI 10 on: to bind and to connect.
        let network = match abi {
            0..=3 => 0,
            4..=9 => 2,
            10.. => 4,
        };
        // No connection to abstract sockets and no signal to processes outside.
        let scopes = if abi >= 6 { 2 } else { 0 };
        let first = |bits: u32| (1 << bits) - 1;
        Rights { files: first(files), network: first(network), scopes: first(scopes) }
    }
}
