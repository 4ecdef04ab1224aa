//! The cell's root, mounted by the init: the host's parts are taken while it is still the caller, the rest is
//! made as the cell's user.
//!
//! What must stay true: a part of the host is made read-only before it has a place, so it is never there
//! writable. All by the mount API of Linux 5.12 (open_tree, mount_setattr, move_mount, fsopen).

use std::ffi::{CStr, CString};
use std::os::fd::RawFd;

use super::raw::{self, EMPTY, Errno, call, fd, path};
use super::report::{Failure, Stage};
use crate::jail::grant::Access;
use crate::jail::view::{Granted, View, What};

const OPEN_TREE_CLONE: usize = 1;
const MOVE_MOUNT_F_EMPTY_PATH: usize = 4;
const FSOPEN_CLOEXEC: usize = 1;
const FSMOUNT_CLOEXEC: usize = 1;
const FSCONFIG_SET_STRING: usize = 1;
const FSCONFIG_CMD_CREATE: usize = 6;
const MOVE_MOUNT_T_EMPTY_PATH: usize = 0x40;
const MOUNT_ATTR_IDMAP: u64 = 0x10_0000;

/// `MOUNT_ATTR_*` of a mount (mount_setattr(2)).
pub(super) type Attributes = u64;
const RDONLY: Attributes = 1;
const NOSUID: Attributes = 2;
const NODEV: Attributes = 4;
const NOEXEC: Attributes = 8;
const EMPTY_PATH: usize = libc::AT_EMPTY_PATH as usize;
const RECURSIVE: usize = libc::AT_RECURSIVE as usize;
const CLOEXEC: usize = libc::O_CLOEXEC as usize;

/// Takes the host's parts of the view: one detached, read-only mount for each entry that has one.
pub(super) fn take(view: &View, parts: &mut [RawFd]) -> Result<(), Failure> {
    for (index, (entry, part)) in view.entries.iter().zip(parts).enumerate() {
        let (from, recursive, attributes) = match &entry.what {
            What::Tree(from) => (from, true, RDONLY | NOSUID | NODEV),
            What::File { from, .. } => (from, false, RDONLY | NOSUID | NODEV),
            What::Device(from) => (from, false, RDONLY | NOSUID | NOEXEC),
            What::Granted(Granted { mount: Some(mount), .. }) => {
                *part = *mount;
                continue;
            }
            What::Granted(Granted { from, directory, access, .. }) => (from, *directory, attributes_of(*access)),
            What::Directory | What::Link(_) | What::Text(_) | What::Scratch { .. } | What::Processes => continue,
        };
        let taken = open_tree(from, recursive).and_then(|mount| {
            set_attributes(mount, attributes, recursive)?;
            Ok(mount)
        });
        *part = taken.map_err(Failure::on(Stage::Take, index))?;
        if let What::File { identity: Some(identity), .. } | What::Granted(Granted { identity, .. }) = &entry.what {
            let found = identify(*part).map_err(Failure::on(Stage::Take, index))?;
            if found != *identity {
                return Err(Failure::on(Stage::Swapped, index)(libc::ESTALE));
            }
        }
    }
    Ok(())
}

/// What holds for a grant's mount.
pub(super) fn attributes_of(access: Access) -> Attributes {
    match access {
        Access::Read => RDONLY | NOSUID | NODEV,
        Access::Write => NOSUID | NODEV,
    }
}

/// Mounts an empty root over the old one and makes it the working directory.
pub(super) fn make_root() -> Result<RawFd, Errno> {
    let root = mount(c"tmpfs", &[(c"size", c"1m"), (c"nr_inodes", c"1k"), (c"mode", c"0755")], NOSUID | NODEV)?;
    place(root, libc::AT_FDCWD, c"/")?;
    Ok(root)
}

/// Puts every entry of the view into the root.
pub(super) fn furnish(root: RawFd, view: &View, parts: &[RawFd]) -> Result<(), Failure> {
    for (index, (entry, part)) in view.entries.iter().zip(parts).enumerate() {
        furnish_one(root, &entry.at, &entry.what, *part).map_err(Failure::on(Stage::Place, index))?;
    }
    set_attributes(root, RDONLY | NOSUID | NODEV, false).map_err(Failure::at(Stage::Root))
}

fn furnish_one(root: RawFd, at: &CStr, what: &What, part: RawFd) -> Result<(), Errno> {
    match what {
        What::Directory => make_directory(root, at),
        What::Link(to) => {
            // SAFETY: both strings are CStrings of the view, which outlives this call.
            unsafe { call(libc::SYS_symlinkat, [path(to), fd(root), path(at), 0, 0, 0]) }.map(drop)
        }
        What::Text(text) => make_file(root, at, text),
        What::Tree(_) => make_directory(root, at).and_then(|()| place(part, root, at)),
        What::File { .. } | What::Device(_) => make_file(root, at, &[]).and_then(|()| place(part, root, at)),
        What::Granted(Granted { made, directory, .. }) => {
            match (made, directory) {
                (true, true) => make_directory(root, at)?,
                (true, false) => make_file(root, at, &[])?,
                (false, _) => {}
            }
            place_over(part, root, at)
        }
        What::Scratch { options } => {
            make_directory(root, at)?;
            place(scratch(options)?, root, at)
        }
        What::Processes => {
            make_directory(root, at)?;
            let options = [(c"subset", c"pid"), (c"hidepid", c"ptraceable")];
            place(mount(c"proc", &options, NOSUID | NODEV | NOEXEC)?, root, at)
        }
    }
}

/// Makes the new root the only one: the old one is stacked below it, then let go (pivot_root(2), NOTES).
pub(super) fn pivot(root: RawFd) -> Result<(), Errno> {
    // SAFETY: integers and the constant ".".
    unsafe {
        call(libc::SYS_fchdir, [fd(root), 0, 0, 0, 0, 0])?;
        call(libc::SYS_pivot_root, [path(c"."), path(c"."), 0, 0, 0, 0])?;
        call(libc::SYS_umount2, [path(c"."), libc::MNT_DETACH as usize, 0, 0, 0, 0])?;
    }
    Ok(())
}

/// Takes what a descriptor of this process leads to, with what is mounted beneath it.
pub(super) fn open_tree_of(number: RawFd, recursive: bool) -> Result<RawFd, Errno> {
    let flags = OPEN_TREE_CLONE | CLOEXEC | EMPTY_PATH | if recursive { RECURSIVE } else { 0 };
    // SAFETY: integers and the constant empty path.
    unsafe { call(libc::SYS_open_tree, [fd(number), path(EMPTY), flags, 0, 0, 0]) }.map(|fd| fd as RawFd)
}

fn open_tree(from: &CStr, recursive: bool) -> Result<RawFd, Errno> {
    let flags = OPEN_TREE_CLONE | CLOEXEC | if recursive { RECURSIVE } else { 0 };
    // SAFETY: `from` is a CString of the view, which outlives this call.
    unsafe { call(libc::SYS_open_tree, [fd(libc::AT_FDCWD), path(from), flags, 0, 0, 0]) }.map(|fd| fd as RawFd)
}

/// Sets what holds for a mount that has no place yet.
pub(super) fn set_attributes(mount: RawFd, attributes: Attributes, recursive: bool) -> Result<(), Errno> {
    // Private: nothing that the host mounts later shows up.
    let private = libc::MS_PRIVATE;
    change(mount, libc::mount_attr { attr_set: attributes, attr_clr: 0, propagation: private, userns_fd: 0 }, recursive)
}

/// Shows the owners of files as a user namespace maps them (an idmapped mount).
pub(super) fn map_owners(mount: RawFd, recursive: bool, users: RawFd) -> Result<(), Errno> {
    let userns_fd = users as u64;
    change(mount, libc::mount_attr { attr_set: MOUNT_ATTR_IDMAP, attr_clr: 0, propagation: 0, userns_fd }, recursive)
}

fn change(mount: RawFd, wanted: libc::mount_attr, recursive: bool) -> Result<(), Errno> {
    let flags = EMPTY_PATH | if recursive { RECURSIVE } else { 0 };
    let address = &raw const wanted as usize;
    // SAFETY: `wanted` lives to the end of this function and is passed with its true size.
    unsafe { call(libc::SYS_mount_setattr, [fd(mount), path(EMPTY), flags, address, size_of::<libc::mount_attr>(), 0]) }
        .map(drop)
}

fn place(mount: RawFd, root: RawFd, at: &CStr) -> Result<(), Errno> {
    // SAFETY: `at` is a CString of the view or a constant; both outlive this call.
    unsafe { call(libc::SYS_move_mount, [fd(mount), path(EMPTY), fd(root), path(at), MOVE_MOUNT_F_EMPTY_PATH, 0]) }
        .map(drop)
}

/// Puts a mount over what the view has at a path, wherever links of the view's lead: never out of it.
fn place_over(mount: RawFd, root: RawFd, at: &CStr) -> Result<(), Errno> {
    // SAFETY: open_how is plain integers, for which all zero is valid.
    let mut how = unsafe { std::mem::zeroed::<libc::open_how>() };
    how.flags = (libc::O_PATH | libc::O_NOFOLLOW | libc::O_CLOEXEC) as u64;
    how.resolve = libc::RESOLVE_IN_ROOT | libc::RESOLVE_NO_MAGICLINKS;
    let (address, size) = (&raw const how as usize, size_of::<libc::open_how>());
    // SAFETY: `at` is a CString of the view, `how` lives in this frame and is passed with its size.
    unsafe {
        let over = call(libc::SYS_openat2, [fd(root), path(at), address, size, 0, 0])? as RawFd;
        let flags = MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH;
        let placed = call(libc::SYS_move_mount, [fd(mount), path(EMPTY), fd(over), path(EMPTY), flags, 0]);
        raw::close(over);
        placed.map(drop)
    }
}

fn scratch(options: &[(CString, CString)]) -> Result<RawFd, Errno> {
    mount_with(c"tmpfs", options.iter().map(|(key, value)| (key.as_c_str(), value.as_c_str())), NOSUID | NODEV)
}

fn mount(kind: &CStr, options: &[(&CStr, &CStr)], attributes: u64) -> Result<RawFd, Errno> {
    mount_with(kind, options.iter().copied(), attributes)
}

fn mount_with<'a>(
    kind: &CStr,
    options: impl Iterator<Item = (&'a CStr, &'a CStr)>,
    attributes: u64,
) -> Result<RawFd, Errno> {
    // SAFETY: every string is a constant or a CString of the view, and outlives the call it is passed to.
    unsafe {
        let context = call(libc::SYS_fsopen, [path(kind), FSOPEN_CLOEXEC, 0, 0, 0, 0])?;
        for (key, value) in options {
            call(libc::SYS_fsconfig, [context, FSCONFIG_SET_STRING, path(key), path(value), 0, 0])?;
        }
        call(libc::SYS_fsconfig, [context, FSCONFIG_CMD_CREATE, 0, 0, 0, 0])?;
        let mount = call(libc::SYS_fsmount, [context, FSMOUNT_CLOEXEC, attributes as usize, 0, 0, 0])?;
        raw::close(context as RawFd);
        Ok(mount as RawFd)
    }
}

fn make_directory(root: RawFd, at: &CStr) -> Result<(), Errno> {
    // SAFETY: `at` is a CString of the view, which outlives this call.
    unsafe { call(libc::SYS_mkdirat, [fd(root), path(at), 0o755, 0, 0, 0]) }.map(drop)
}

fn make_file(root: RawFd, at: &CStr, text: &[u8]) -> Result<(), Errno> {
    let flags = (libc::O_WRONLY | libc::O_CREAT | libc::O_EXCL | libc::O_CLOEXEC) as usize;
    // SAFETY: `at` and `text` belong to the view, which outlives these calls; the length is the slice's.
    unsafe {
        let file = call(libc::SYS_openat, [fd(root), path(at), flags, 0o444, 0, 0])?;
        if !text.is_empty() {
            call(libc::SYS_write, [file, text.as_ptr() as usize, text.len(), 0, 0, 0])?;
        }
        raw::close(file as RawFd);
    }
    Ok(())
}

/// The device and inode that a descriptor leads to.
pub(super) fn identify(mount: RawFd) -> Result<(u64, u64), Errno> {
    let mut stat = std::mem::MaybeUninit::<libc::stat>::uninit();
    // SAFETY: `stat` is as large as what fstat writes (on 64-bit machines libc's struct is the kernel's), and is read
    // only after fstat filled it.
    let stat = unsafe {
        call(libc::SYS_fstat, [fd(mount), stat.as_mut_ptr() as usize, 0, 0, 0, 0])?;
        stat.assume_init()
    };
    Ok((stat.st_dev, stat.st_ino))
}
