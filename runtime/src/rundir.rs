//! A run's own directory for the program that it fetched: private to the run, and gone when the run ends.
//!
//! What must stay true: a directory that nobody locks belongs to a run that was killed, and the next run removes
//! it. The lock lives as long as the run's process.
//! Clauses: IPFS-*, SIG-*.

use std::fs::{self, File};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use nix::fcntl::{Flock, FlockArg};
use nix::sys::statvfs::{FsFlags, statvfs};
use nix::unistd::geteuid;
use tempfile::TempDir;

const PREFIX: &str = "ww-run-";
const PROGRAM: &str = "program";

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
    _lock: Flock<OwnedFd>,
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
        loop {
            // Without it, whoever the umask lets in could read the program, or put another in its place.
            let private = fs::Permissions::from_mode(0o700);
            let mut builder = tempfile::Builder::new();
            let directory = builder.prefix(PREFIX).permissions(private).tempdir_in(&parent).map_err(unusable)?;
            // Another run's sweep may have come between the making and the lock: then it is gone, so again.
            match lock(directory.path()).map_err(unusable)? {
                Some(lock) => return Ok(RunDir { directory, _lock: lock }),
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

    /// The program's path.
    pub fn path(&self) -> PathBuf {
        self.directory.path().join(PROGRAM)
    }
}

/// Removes what runs that were killed left behind. What can't be removed now is left to the next run.
pub fn sweep() {
    let Ok(entries) = fs::read_dir(std::env::temp_dir()) else { return };
    for entry in entries.flatten().filter(|entry| entry.file_name().as_encoded_bytes().starts_with(PREFIX.as_bytes())) {
        let path = entry.path();
        let ours = path.symlink_metadata().is_ok_and(|found| found.is_dir() && found.uid() == geteuid().as_raw());
        if ours && let Ok(Some(_lock)) = lock(&path) {
            let _ = fs::remove_file(path.join(PROGRAM));
            let _ = fs::remove_dir(&path);
        }
    }
}

/// Locks a directory; `None` where somebody else has it locked or it is gone.
fn lock(path: &Path) -> io::Result<Option<Flock<OwnedFd>>> {
    let opened = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        other => other?,
    };
    match Flock::lock(OwnedFd::from(opened), FlockArg::LockExclusiveNonblock) {
        Ok(lock) => Ok(path.symlink_metadata().is_ok().then_some(lock)),
        Err((_, nix::errno::Errno::EWOULDBLOCK)) => Ok(None),
        Err((_, errno)) => Err(errno.into()),
    }
}
