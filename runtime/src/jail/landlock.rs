//! What Landlock allows the cell: all that is in its own root, and of the host's files only what was granted.
//!
//! A granted directory is a way into the host's tree: without a rule for it, `openat(fd, "..")` would lead
//! anywhere (a directory as standard input gets no rule, so nothing can be opened through it).
//! The numbers are the kernel's: linux/landlock.h.

use std::os::fd::RawFd;

/// Reading a file.
const READ_FILE: u64 = 1 << 2;
/// Writing to a file.
const WRITE_FILE: u64 = 1 << 1;
/// Listing a directory.
const READ_DIR: u64 = 1 << 3;
/// Truncating a file, from ABI 3 on.
const TRUNCATE: u64 = 1 << 14;
/// ioctl on a device that the cell opens itself, from ABI 5 on.
const IOCTL_DEV: u64 = 1 << 15;
/// No connection to abstract sockets and no signal to processes outside, from ABI 6 on.
const SCOPES: u64 = 0b11;

/// A ruleset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Landlock {
    /// Every access that the kernel can tell apart: what has no rule is refused.
    pub handled: u64,
    /// `LANDLOCK_SCOPE_*`.
    pub scoped: u64,
    /// What may be done with what a descriptor of the host leads to.
    pub rules: Vec<Rule>,
}

/// What may be done with the file or the tree behind a descriptor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rule {
    /// The host's descriptor.
    pub fd: RawFd,
    /// `LANDLOCK_ACCESS_FS_*`.
    pub allowed: u64,
}

/// What an inherited descriptor is, as far as Landlock has to know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Inherited {
    /// A directory.
    Directory,
    /// A file or a device, and whether it is open for reading and for writing.
    File {
        /// Open for reading.
        read: bool,
        /// Open for writing.
        write: bool,
    },
    /// A pipe, a socket: nothing that has a place in a tree.
    Other,
}

impl Landlock {
    /// The ruleset for a kernel with this ABI, for standard streams and grants as they were inherited.
    /// A file may be opened again (`/dev/stdin`, `/dev/fd/4`) the way it is open already, and no other way.
    pub fn new(abi: u32, streams: &[(RawFd, Inherited)], grants: &[(RawFd, Inherited)]) -> Landlock {
        let rights = match abi {
            0 | 1 => 13,
            2 => 14,
            3 | 4 => 15,
            _ => 16,
        };
        let handled = (1 << rights) - 1;
        let files = streams.iter().chain(grants).filter_map(|(fd, inherited)| match inherited {
            Inherited::File { read, write } => {
                let reading = if *read { READ_FILE } else { 0 };
                let writing = if *write { WRITE_FILE | TRUNCATE } else { 0 };
                Some(Rule { fd: *fd, allowed: (reading | writing | IOCTL_DEV) & handled })
            }
            Inherited::Directory | Inherited::Other => None,
        });
        let trees = grants.iter().filter(|grant| grant.1 == Inherited::Directory);
        let trees = trees.map(|(fd, _)| Rule { fd: *fd, allowed: READ_FILE | READ_DIR });
        Landlock { handled, scoped: if abi >= 6 { SCOPES } else { 0 }, rules: files.chain(trees).collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fd_a_directory_can_be_read_and_nothing_else() {
        let landlock = Landlock::new(7, &[], &[(5, Inherited::Directory)]);
        assert_eq!(landlock.rules, [Rule { fd: 5, allowed: READ_FILE | READ_DIR }]);
    }

    #[test]
    fn stdio_a_directory_as_stdin_opens_nothing() {
        assert_eq!(Landlock::new(7, &[(0, Inherited::Directory)], &[]).rules, []);
    }

    #[test]
    fn stdio_a_write_only_stream_cannot_be_opened_for_reading() {
        let landlock = Landlock::new(7, &[(1, Inherited::File { read: false, write: true })], &[]);
        assert_eq!(landlock.rules[0].allowed & READ_FILE, 0);
    }

    #[test]
    fn only_rights_that_the_kernel_knows() {
        let landlock = Landlock::new(1, &[(1, Inherited::File { read: true, write: true })], &[]);
        assert_eq!(landlock.handled, 0x1fff);
        assert_eq!(landlock.rules[0].allowed & !landlock.handled, 0);
        assert_eq!(landlock.scoped, 0);
    }
}
