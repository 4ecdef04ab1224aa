//! Landlock, applied: by the cell's own process, when its view is the only root there is (landlock(7)).
//!
//! What must stay true: a rule is on a place of the cell's view or on a descriptor that the host was handed, never
//! on a path of the host's.

use std::os::fd::RawFd;

use super::raw::{Errno, call, close, fd, path};
use crate::jail::Landlock;
use crate::jail::landlock::{On, Rule};

/// The Landlock ABI of this kernel, or how it refuses to have one (landlock(7)).
pub fn landlock_abi() -> Result<u32, Errno> {
    const VERSION: usize = 1;
    // SAFETY: asked for the version, the call takes no attributes.
    let version = unsafe { call(libc::SYS_landlock_create_ruleset, [0, 0, VERSION, 0, 0, 0]) };
    version.map(|version| u32::try_from(version).unwrap_or(u32::MAX))
}

/// Restricts this process, and all that it starts, to what the rules allow.
pub(super) fn restrict(landlock: &Landlock) -> Result<(), Errno> {
    /// linux/landlock.h: struct landlock_ruleset_attr. An older kernel wants what it doesn't know to be zero, a
    /// newer one takes it to be.
    #[repr(C)]
    struct Attributes {
        handled_access_fs: u64,
        handled_access_net: u64,
        scoped: u64,
    }
    let attributes = Attributes {
        handled_access_fs: landlock.handled,
        handled_access_net: landlock.network,
        scoped: landlock.scoped,
    };
    let (address, size) = (&raw const attributes as usize, size_of::<Attributes>());
    // SAFETY: `attributes` is alive and passed with its size; the other arguments are integers.
    let ruleset = unsafe { call(libc::SYS_landlock_create_ruleset, [address, size, 0, 0, 0, 0])? } as RawFd;
    for rule in &landlock.rules {
        add(ruleset, rule)?;
    }
    // No flags: what a program is refused after it was executed isn't logged by default (ABI 7).
    // SAFETY: integers. Whether the ruleset stays open makes no difference to this process.
    unsafe { call(libc::SYS_landlock_restrict_self, [fd(ruleset), 0, 0, 0, 0, 0])? };
    close(ruleset);
    Ok(())
}

fn add(ruleset: RawFd, rule: &Rule) -> Result<(), Errno> {
    match &rule.on {
        On::Place(place) => {
            let flags = (libc::O_PATH | libc::O_CLOEXEC) as usize;
            // SAFETY: `place` is a CString of the ruleset, which outlives this call.
            let opened = unsafe { call(libc::SYS_openat, [fd(libc::AT_FDCWD), path(place), flags, 0, 0, 0])? };
            let added = allow(ruleset, opened as RawFd, rule.allowed);
            close(opened as RawFd);
            added
        }
        On::Descriptor(number) => match allow(ruleset, *number, rule.allowed) {
            // A file that is in no tree (deleted, on an internal mount) needs no rule to be kept.
            Err(libc::EBADFD) => Ok(()),
            other => other,
        },
    }
}

fn allow(ruleset: RawFd, below: RawFd, access: u64) -> Result<(), Errno> {
    const PATH_BENEATH: usize = 1;
    /// linux/landlock.h: struct landlock_path_beneath_attr.
    #[repr(C, packed)]
    struct Beneath {
        allowed_access: u64,
        parent_fd: i32,
    }
    let beneath = Beneath { allowed_access: access, parent_fd: below };
    let address = &raw const beneath as usize;
    // SAFETY: `beneath` is alive and laid out as the header says.
    unsafe { call(libc::SYS_landlock_add_rule, [fd(ruleset), PATH_BENEATH, address, 0, 0, 0]) }.map(drop)
}
