//! A run's own directory for the program or the tree that it fetched, for a cell without a view, and for the name of its
//! cgroup: private to the run, and gone when the run ends.
//!
//! What must stay true: a directory that nobody locks belongs to a run that was killed, and the next run removes
//! it. The lock lives as long as the run's process.
//! Clauses: IPFS-*, SIG-*.

use std::ffi::{CStr, OsStr};
use std::fs::{self, File};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
use std::path::{Component, Path, PathBuf};
use std::sync::Once;

use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg, OFlag, open};
use nix::sys::stat::Mode;
use nix::sys::statvfs::{FsFlags, statvfs};
use nix::unistd::geteuid;
use tempfile::TempDir;

use crate::jail::Identity;
use crate::remove;

const PREFIX: &str = "ww-run-";
const PROGRAM: &str = "program";
/// A tree of IPFS's that the cell is shown.
const TREE: &CStr = c"tree";
/// The cell's own directory, where it has no view.
const WORK: &str = "work";
/// A link to the run's cgroup, which only says where that is.
const CGROUP: &str = "cgroup";
/// What the name of every such cgroup begins with.
pub const CGROUP_PREFIX: &str = "ww-";

/// Why a run can't have its directory, or can't fill it.
#[derive(Debug, thiserror::Error)]
pub enum RunDirError {
    /// The directory or the file in it can't be made.
    #[error("cannot use the temporary directory {}", path.display())]
    Unusable {
        /// Where it would have been.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// Programs can't be executed from there.
    #[error("the temporary directory {} is mounted noexec: set TMPDIR to another", .0.display())]
    NoExec(PathBuf),
}

/// The directory, and the program in it.
#[derive(Debug)]
pub struct RunDir {
    directory: TempDir,
    /// Held for as long as this is.
    lock: Flock<OwnedFd>,
}

impl RunDir {
    /// Makes it below `TMPDIR` (`/tmp`), for the caller alone.
    pub fn create() -> Result<RunDir, RunDirError> {
        let parent = std::env::temp_dir();
        let unusable = |source| RunDirError::Unusable { path: parent.clone(), source };
        // Made absolute, because the init looks the program up by its path.
        let parent = fs::canonicalize(&parent).map_err(unusable)?;
        let flags = statvfs(&parent).map_err(|errno| unusable(errno.into()))?.flags();
        if flags.contains(FsFlags::ST_NOEXEC) {
            return Err(RunDirError::NoExec(parent));
        }
        sweep();
        RunDir::made_in(&parent)
    }

    /// One that names a cgroup of the run's: should the run be killed, the next one removes that too.
    pub fn naming(cgroup: &Path) -> Result<RunDir, RunDirError> {
        let run = RunDir::made_in(&std::env::temp_dir())?;
        let path = run.directory.path().join(CGROUP);
        symlink(cgroup, &path).map_err(|source| RunDirError::Unusable { path, source })?;
        Ok(run)
    }

    fn made_in(parent: &Path) -> Result<RunDir, RunDirError> {
        let unusable = |source| RunDirError::Unusable { path: parent.to_owned(), source };
        loop {
            // Without it, whoever the umask lets in could read the program, or put another in its place.
            let private = fs::Permissions::from_mode(0o700);
            let mut builder = tempfile::Builder::new();
            let directory = builder.prefix(PREFIX).permissions(private).tempdir_in(parent).map_err(unusable)?;
            // Another run's sweep may have come between the making and the lock: then it is gone, so again.
            match lock(directory.path()).map_err(unusable)? {
                Some(lock) => return Ok(RunDir { directory, lock }),
                None => continue,
            }
        }
    }

    /// The program's file, new and empty.
    pub fn program(&self) -> Result<File, RunDirError> {
        let path = self.path();
        File::create_new(&path).map_err(|source| RunDirError::Unusable { path, source })
    }

    /// Makes the program executable, for the cell's user too.
    pub fn finish(&self, program: File) -> Result<(), RunDirError> {
        let made = program.set_permissions(fs::Permissions::from_mode(0o555));
        made.map_err(|source| RunDirError::Unusable { path: self.path(), source })
    }

    /// Lets the cell's group, and nobody else, walk in: where root's cell is another user.
    pub fn let_in(&self, identity: &Identity) -> Result<(), RunDirError> {
        if !identity.drops_groups {
            return Ok(());
        }
        let path = self.directory.path();
        let opened = chown(path, None, Some(identity.host_gid))
            .and_then(|()| fs::set_permissions(path, fs::Permissions::from_mode(0o710)));
        opened.map_err(|source| RunDirError::Unusable { path: path.to_owned(), source })
    }

    /// A directory in it that is the cell's.
    pub fn with_work(&self, identity: &Identity) -> Result<PathBuf, RunDirError> {
        self.let_in(identity)?;
        let path = self.directory.path().join(WORK);
        let unusable = |source| RunDirError::Unusable { path: path.clone(), source };
        fs::create_dir(&path).map_err(unusable)?;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).map_err(unusable)?;
        if identity.drops_groups {
            chown(&path, Some(identity.host_uid), Some(identity.host_gid)).map_err(unusable)?;
        }
        Ok(path)
    }

    /// Where a tree is to be written: the directory, open, and the name.
    pub fn tree(&self) -> (BorrowedFd<'_>, &'static CStr) {
        (self.lock.as_fd(), TREE)
    }

    /// The tree's path.
    pub fn tree_path(&self) -> PathBuf {
        self.directory.path().join(OsStr::from_bytes(TREE.to_bytes()))
    }

    /// The program's path.
    pub fn path(&self) -> PathBuf {
        self.directory.path().join(PROGRAM)
    }
}

/// Removes what runs that were killed left behind, once a process. What can't be removed now is left to the next run.
pub fn sweep() {
    static SWEPT: Once = Once::new();
    SWEPT.call_once(sweep_now);
}

fn sweep_now() {
    let Ok(entries) = fs::read_dir(std::env::temp_dir()) else { return };
    for entry in entries.flatten().filter(|entry| entry.file_name().as_encoded_bytes().starts_with(PREFIX.as_bytes())) {
        let path = entry.path();
        let ours = path.symlink_metadata().is_ok_and(|found| found.is_dir() && found.uid() == geteuid().as_raw());
        if ours && let Ok(Some(lock)) = lock(&path) {
            let _ = remove::whole(lock.as_fd(), TREE);
            // Here alone no mode is changed on the way: whose tree it is, nobody vouches for.
            let _ = fs::remove_dir_all(path.join(WORK));
            if let Ok(cgroup) = fs::read_link(path.join(CGROUP)) {
                remove_cgroup(&cgroup);
                let _ = fs::remove_file(path.join(CGROUP));
            }
            let _ = fs::remove_file(path.join(PROGRAM));
            let _ = fs::remove_dir(&path);
        }
    }
}

/// A cgroup is removed as an empty directory is, and only while no process is in it (cgroups(7)).
fn remove_cgroup(folder: &Path) {
    let named = folder.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(CGROUP_PREFIX.as_bytes()));
    let plain = folder.components().all(|part| part != Component::ParentDir);
    if named && plain && folder.starts_with("/sys/fs/cgroup") {
        let _ = fs::remove_dir(folder);
    }
}

/// A cell may have closed its directories to everybody, its own user too.
impl Drop for RunDir {
    fn drop(&mut self) {
        let _ = remove::whole(self.lock.as_fd(), TREE);
        clear(&self.directory.path().join(WORK));
    }
}

/// Removes a tree, through directories that their owner closed. Links in it aren't followed.
fn clear(path: &Path) {
    // Modes don't bind root, who mustn't change any on somebody else's word.
    if fs::remove_dir_all(path).is_ok() || !path.is_dir() || geteuid().is_root() {
        return;
    }
    let mut open = vec![path.to_owned()];
    while let Some(directory) = open.pop() {
        let _ = fs::set_permissions(&directory, fs::Permissions::from_mode(0o700));
        let entries = fs::read_dir(&directory).into_iter().flatten().flatten();
        open.extend(
            entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir())).map(|entry| entry.path()),
        );
    }
    let _ = fs::remove_dir_all(path);
}

/// Locks a directory; `None` where somebody else has it locked or it is gone. What was put into its place meanwhile, a
/// link or a fifo, isn't opened.
pub(crate) fn lock(path: &Path) -> io::Result<Option<Flock<OwnedFd>>> {
    let opened = match open(path, OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC, Mode::empty()) {
        Err(Errno::ENOENT) => return Ok(None),
        other => other?,
    };
    match Flock::lock(opened, FlockArg::LockExclusiveNonblock) {
        Ok(lock) => Ok(path.symlink_metadata().is_ok().then_some(lock)),
        Err((_, Errno::EWOULDBLOCK)) => Ok(None),
        Err((_, errno)) => Err(errno.into()),
    }
}
