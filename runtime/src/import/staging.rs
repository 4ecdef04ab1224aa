//! The directory beside the target in which everything is written, and the move to where it belongs.
//!
//! - What it does: makes `.ww-import-…` in the target's own directory, mode 0700; moves what is in it; removes it.
//! - What must stay true: it is locked for as long as its process lives: one that nobody locks is of an import that was
//!   killed, and the next import there removes it. Nothing is replaced but by a single rename.
//! - Serves: STORE-10, STORE-11, STORE-27, STORE-30.

use std::ffi::{CStr, CString};
use std::fs::{Permissions, set_permissions};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use nix::dir::Dir;
use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, AtFlags, Flock, FlockArg, OFlag, openat, renameat};
use nix::sys::stat::{Mode, SFlag, fchmod, fstat, fstatat, mkdirat};
use nix::unistd::{UnlinkatFlags, geteuid, linkat, unlinkat};

use super::write::Spot;
use super::{ImportError, Target};
use crate::remove;
use crate::sys::rename;

/// What the name of each begins with.
const PREFIX: &str = ".ww-import-";
/// How often what is at the target may change while it is looked at.
const TRIES: u32 = 100;
/// What is written, in it.
const NEW: &CStr = c"new";
/// How a directory is opened that may be somebody else's.
const FOLDER: OFlag = OFlag::O_DIRECTORY.union(OFlag::O_NOFOLLOW).union(OFlag::O_CLOEXEC);

/// The directory, and where what is in it goes.
pub(super) struct Staging {
    target: Target,
    folder: OwnedFd,
    name: CString,
    directory: Flock<OwnedFd>,
}

impl Staging {
    /// Makes it. Removes those of imports that were killed.
    pub(super) fn beside(target: &Target) -> Result<Staging, ImportError> {
        let failed = |source| ImportError::Write { path: target.shown.clone(), source };
        let folder = open_folder(&target.folder).map_err(failed)?;
        sweep(&folder);
        let (name, directory) = made(&folder).map_err(failed)?;
        Ok(Staging { target: target.clone(), folder, name, directory })
    }

    /// The directory.
    fn directory(&self) -> BorrowedFd<'_> {
        self.directory.as_fd()
    }

    /// Fails where it is clear that nothing can come of it, before anything is fetched.
    pub(super) fn expects(&self, force: bool) -> Result<(), ImportError> {
        match self.there().map_err(|source| self.failed(source))? {
            Some(directory) if !force => Err(self.in_the_way(directory)),
            _ => Ok(()),
        }
    }

    /// Whether something is at the target, and whether it is a directory.
    fn there(&self) -> io::Result<Option<bool>> {
        is_directory(&self.folder, &self.target.name)
    }

    fn in_the_way(&self, directory: bool) -> ImportError {
        let target = self.target.shown.clone();
        if directory { ImportError::DirectoryThere { target } } else { ImportError::There { target } }
    }

    /// Moves what was written to the target.
    pub(super) fn put(&self, force: bool) -> Result<(), ImportError> {
        let failed = |source| self.failed(source);
        let comes = is_directory(self.directory(), NEW).map_err(failed)?.unwrap_or_default();
        let mut tries = 0;
        loop {
            let there = self.there().map_err(failed)?;
            let moved = match there {
                None => self.settle(comes),
                Some(there) if !force => return Err(self.in_the_way(there)),
                Some(there) if there != comes => {
                    let kind = |directory| if directory { "a directory" } else { "not a directory" };
                    let target = self.target.shown.clone();
                    return Err(ImportError::Kind { target, there: kind(there), comes: kind(comes) });
                }
                Some(true) => self.exchange(),
                Some(false) => renameat(self.directory(), NEW, &self.folder, &*self.target.name).map_err(Into::into),
            };
            match moved {
                // It came, or went, meanwhile: look again.
                Err(fault)
                    if matches!(fault.kind(), io::ErrorKind::AlreadyExists | io::ErrorKind::NotFound)
                        && tries < TRIES =>
                {
                    tries += 1;
                }
                moved => return moved.map_err(failed),
            }
        }
    }

    /// Has a directory and the one at the target change places.
    fn exchange(&self) -> io::Result<()> {
        let name = &*self.target.name;
        let exchange = || rename::exchange((&self.directory(), NEW), (&self.folder, name));
        match exchange() {
            // Who moves a directory into another one must be able to write in it (rename(2)); its owner may see to that.
            Err(fault) if fault.kind() == io::ErrorKind::PermissionDenied => {
                let held = openat(&self.folder, name, FOLDER | OFlag::O_PATH, Mode::empty())?;
                let (path, mode) = (format!("/proc/self/fd/{}", held.as_raw_fd()), fstat(&held)?.st_mode & 0o7777);
                set_permissions(&path, Permissions::from_mode(mode | 0o200)).map_err(|_| fault)?;
                let moved = exchange();
                if moved.is_err() {
                    let _ = set_permissions(&path, Permissions::from_mode(mode));
                }
                moved
            }
            moved => moved,
        }
    }

    /// Moves it to where nothing is.
    fn settle(&self, directory: bool) -> io::Result<()> {
        let name = &*self.target.name;
        match rename::move_to((&self.directory(), NEW), (&self.folder, name)) {
            // A file system that knows no such flag (NFS, some of FUSE). A link replaces nothing either, nor does a
            // rename of a directory replace anything but an empty one.
            Err(fault) if fault.raw_os_error() == Some(libc::EINVAL) => match directory {
                true => Ok(renameat(self.directory(), NEW, &self.folder, name)?),
                false => Ok(linkat(self.directory(), NEW, &self.folder, name, AtFlags::empty())?),
            },
            moved => moved,
        }
    }

    /// Where the tree is written until it is moved.
    pub(super) fn spot(&self) -> Spot<'_> {
        Spot { directory: self.directory(), name: NEW, shown: &self.target.shown }
    }

    /// The target can't be written.
    pub(super) fn failed(&self, source: io::Error) -> ImportError {
        self.spot().failed(b"", source)
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        clear(&self.folder, &self.name, self.directory.as_fd());
    }
}

/// What of it can't be removed now is left to the next import.
fn clear(folder: &OwnedFd, name: &CStr, directory: BorrowedFd<'_>) {
    if remove::all_in(directory).is_ok() {
        let _ = unlinkat(folder, name, UnlinkatFlags::RemoveDir);
    }
}

fn open_folder(path: &Path) -> io::Result<OwnedFd> {
    // Who may write in a directory needn't be able to read it.
    Ok(openat(AT_FDCWD, path, OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC, Mode::empty())?)
}

/// Whether something is there, and whether it is a directory. A link is what it is.
fn is_directory(folder: impl AsFd, name: &CStr) -> io::Result<Option<bool>> {
    match fstatat(folder, name, AtFlags::AT_SYMLINK_NOFOLLOW) {
        Ok(found) => Ok(Some(found.st_mode & SFlag::S_IFMT.bits() == SFlag::S_IFDIR.bits())),
        Err(Errno::ENOENT) => Ok(None),
        Err(errno) => Err(errno.into()),
    }
}

fn made(folder: &OwnedFd) -> io::Result<(CString, Flock<OwnedFd>)> {
    loop {
        let name = CString::new(format!("{PREFIX}{:016x}", RandomState::new().build_hasher().finish()))?;
        match mkdirat(folder, &*name, Mode::S_IRWXU) {
            Err(Errno::EEXIST) => continue,
            made => made?,
        }
        // Another import may take it for one of a process that was killed: then it is gone, or going.
        let directory = match openat(folder, &*name, FOLDER | OFlag::O_RDONLY, Mode::empty()) {
            Err(Errno::ENOENT) => continue,
            opened => opened?,
        };
        // Whatever the umask took away.
        fchmod(&directory, Mode::S_IRWXU)?;
        if let Some(locked) = lock(directory)?
            && fstat(&*locked)?.st_nlink > 0
        {
            return Ok((name, locked));
        }
    }
}

fn lock(directory: OwnedFd) -> io::Result<Option<Flock<OwnedFd>>> {
    match Flock::lock(directory, FlockArg::LockExclusiveNonblock) {
        Ok(locked) => Ok(Some(locked)),
        Err((_, Errno::EWOULDBLOCK)) => Ok(None),
        Err((_, errno)) => Err(errno.into()),
    }
}

/// Removes what imports that were killed left, of this user's.
fn sweep(folder: &OwnedFd) {
    let listed = Dir::openat(folder, c".", OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC, Mode::empty());
    let Ok(mut listed) = listed else { return };
    for entry in listed.iter().flatten() {
        let name = entry.file_name();
        let ours = name.to_bytes().strip_prefix(PREFIX.as_bytes());
        if ours.is_some_and(|rest| rest.len() == 16 && rest.iter().all(u8::is_ascii_hexdigit))
            && let Ok(directory) = openat(folder, name, FOLDER | OFlag::O_RDONLY, Mode::empty())
            && fstat(&directory).is_ok_and(|found| found.st_uid == geteuid().as_raw() && found.st_mode & 0o777 == 0o700)
            && let Ok(Some(locked)) = lock(directory)
        {
            clear(folder, name, locked.as_fd());
        }
    }
}
