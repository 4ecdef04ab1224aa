//! Takes a tree away, however deep: two descriptors at a time, no path, no link followed, no mount crossed.
//!
//! - What must stay true: nothing outside of the tree is touched, whatever is in it. Directories that their owner closed
//!   are opened for it: an import has made such ones.
//! - Serves: STORE-10, STORE-11.

use std::ffi::{CStr, CString};
use std::fs::{Permissions, set_permissions};
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::PermissionsExt;

use nix::dir::{Dir, Type};
use nix::errno::Errno;
use nix::fcntl::{OFlag, OpenHow, ResolveFlag, openat, openat2};
use nix::sys::stat::{FileStat, Mode, fstat};
use nix::unistd::{UnlinkatFlags, unlinkat};

/// A directory on the way down to where the work is.
struct Above {
    /// The name of the one below it.
    name: CString,
    /// What else is to be removed in it.
    left: Vec<CString>,
    device: u64,
    inode: u64,
}

/// Removes what has a name in a directory, with all that is in it; nothing there is no error.
pub(crate) fn whole(directory: BorrowedFd<'_>, name: &CStr) -> io::Result<()> {
    match unlinkat(directory, name, UnlinkatFlags::NoRemoveDir) {
        Err(Errno::EISDIR | Errno::EPERM) => {}
        Err(Errno::ENOENT) | Ok(()) => return Ok(()),
        Err(errno) => return Err(errno.into()),
    }
    all_in(opened(directory, name)?.as_fd())?;
    Ok(unlinkat(directory, name, UnlinkatFlags::RemoveDir)?)
}

/// Removes all that is in a directory, which stays.
pub(crate) fn all_in(top: BorrowedFd<'_>) -> io::Result<()> {
    let mut here = opened(top, c".")?;
    let mut above: Vec<Above> = Vec::new();
    let mut left = emptied(&here)?;
    loop {
        if let Some(name) = left.pop() {
            let below = opened(here.as_fd(), &name)?;
            let FileStat { st_dev, st_ino, .. } = fstat(&here)?;
            above.push(Above { name, left, device: st_dev, inode: st_ino });
            left = emptied(&below)?;
            here = below;
        } else if let Some(parent) = above.pop() {
            here = up(&here, &parent)?;
            unlinkat(&here, &*parent.name, UnlinkatFlags::RemoveDir)?;
            left = parent.left;
        } else {
            return Ok(());
        }
    }
}

/// The directory above, if it is the one that we came from.
fn up(here: &OwnedFd, parent: &Above) -> io::Result<OwnedFd> {
    let up = openat(here, c"..", OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC, Mode::empty())?;
    let found = fstat(&up)?;
    match (found.st_dev, found.st_ino) == (parent.device, parent.inode) {
        true => Ok(up),
        false => Err(io::Error::other("a directory was moved while it was removed")),
    }
}

/// Opens a directory of this one for reading, writing and walking through.
fn opened(here: BorrowedFd<'_>, name: &CStr) -> io::Result<OwnedFd> {
    let how = |flags| {
        let resolve = ResolveFlag::RESOLVE_BENEATH | ResolveFlag::RESOLVE_NO_SYMLINKS | ResolveFlag::RESOLVE_NO_XDEV;
        OpenHow::new().flags(flags | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC).resolve(resolve)
    };
    let held = openat2(here, name, how(OFlag::O_PATH))?;
    if fstat(&held)?.st_mode & 0o700 != 0o700 {
        // Where it isn't ours, the kernel says no, here or below.
        let _ = set_permissions(format!("/proc/self/fd/{}", held.as_raw_fd()), Permissions::from_mode(0o700));
    }
    Ok(openat2(here, name, how(OFlag::O_RDONLY))?)
}

/// Removes what isn't a directory; gives the names of those that are.
fn emptied(here: &OwnedFd) -> io::Result<Vec<CString>> {
    let mut left = Vec::new();
    let mut listed = Dir::openat(here, c".", OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC, Mode::empty())?;
    for entry in listed.iter() {
        let entry = entry?;
        let name = entry.file_name();
        if matches!(name.to_bytes(), b"." | b"..") {
            continue;
        }
        if entry.file_type() == Some(Type::Directory) {
            left.push(name.to_owned());
            continue;
        }
        match unlinkat(here, name, UnlinkatFlags::NoRemoveDir) {
            // A file system that doesn't say what is a directory.
            Err(Errno::EISDIR | Errno::EPERM) if entry.file_type().is_none() => left.push(name.to_owned()),
            Err(Errno::ENOENT) => {}
            removed => removed?,
        }
    }
    Ok(left)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn a_tree_goes_whole_and_nothing_else_does() {
        let top = tempfile::tempdir().unwrap();
        let (tree, other) = (top.path().join("tree"), top.path().join("other"));
        fs::create_dir_all(tree.join("a/b/c")).unwrap();
        fs::create_dir(&other).unwrap();
        fs::write(other.join("kept"), "x").unwrap();
        fs::write(tree.join("a/b/f"), "x").unwrap();
        symlink(&other, tree.join("a/link")).unwrap();
        symlink("nowhere", tree.join("a/b/dangling")).unwrap();
        for closed in ["a/b/c", "a/b", "a"] {
            fs::set_permissions(tree.join(closed), Permissions::from_mode(0o000)).unwrap();
        }
        all_in(fs::File::open(&tree).unwrap().as_fd()).unwrap();
        assert_eq!(fs::read_dir(&tree).unwrap().count(), 0);
        assert_eq!(fs::read_to_string(other.join("kept")).unwrap(), "x");
    }

    #[test]
    fn depth_costs_neither_descriptors_nor_stack() {
        let top = tempfile::tempdir().unwrap();
        let mut here = openat(fs::File::open(top.path()).unwrap(), c".", OFlag::O_DIRECTORY, Mode::empty()).unwrap();
        for _ in 0..4_000 {
            nix::sys::stat::mkdirat(&here, c"d", Mode::S_IRWXU).unwrap();
            here = openat(&here, c"d", OFlag::O_DIRECTORY, Mode::empty()).unwrap();
        }
        all_in(fs::File::open(top.path()).unwrap().as_fd()).unwrap();
        assert_eq!(fs::read_dir(top.path()).unwrap().count(), 0);
    }
}
