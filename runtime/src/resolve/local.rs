//! A program on this machine: found, looked at, and shown to the cell where it stands.
//!
//! Root's cells are another user's: what that user can't read, or what lies behind a directory that the init
//! can't enter without root's powers, is copied for the run.

use std::fs::{File, Metadata};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path};

use nix::fcntl::AtFlags;
use nix::sys::statvfs::{FsFlags, statvfs};
use nix::unistd::{AccessFlags, faccessat};

use super::{Image, NotExecutable, ResolveError, in_view};
use crate::jail::{Identity, view};
use crate::rundir::{RunDir, RunDirError};

pub(super) fn image(path: &Path, identity: &Identity, caller: u32) -> Result<Image, ResolveError> {
    let named = || match path.as_os_str().is_empty() {
        true => "''".to_owned(),
        false => path.display().to_string(),
    };
    let lost = |source| ResolveError::Path { path: named(), source };
    let real = path.canonicalize().map_err(lost)?;
    let found = real.metadata().map_err(lost)?;
    executable(&real, &found).map_err(|source| ResolveError::NotExecutable { path: named(), source })?;

    let name = path.file_name().or(real.file_name()).unwrap_or(real.as_os_str()).as_bytes().to_vec();
    let part_of_system = view::shows(&real);
    if identity.differs_from(caller) {
        let readable = identity.can_run(found.uid(), found.gid(), found.mode());
        if !readable || !(part_of_system || init_reaches(&real, caller)) {
            return copy(&real, &name).map_err(|source| ResolveError::Copy { path: named(), source });
        }
    }
    if part_of_system {
        let program = in_view(if is_plain(path) { path } else { &real }).map_err(lost)?;
        return Ok(Image { program, on_host: real, shown: None, kept: None });
    }
    Image::shown(real, &name).map_err(lost)
}

fn executable(path: &Path, found: &Metadata) -> Result<(), NotExecutable> {
    if found.is_dir() {
        return Err(NotExecutable::Directory);
    }
    if !found.is_file() {
        return Err(NotExecutable::Special);
    }
    if statvfs(path).is_ok_and(|file_system| file_system.flags().contains(FsFlags::ST_NOEXEC)) {
        return Err(NotExecutable::NoExec);
    }
    faccessat(nix::fcntl::AT_FDCWD, path, AccessFlags::X_OK, AtFlags::AT_EACCESS).map_err(|_| NotExecutable::Permission)
}

/// Whether the path, as written, means the same in the view: absolute, in the system, without `.` and `..`.
fn is_plain(path: &Path) -> bool {
    view::shows(path) && path.components().all(|part| matches!(part, Component::RootDir | Component::Normal(_)))
}

/// Whether a process of the caller's that has none of root's powers can walk there.
fn init_reaches(path: &Path, caller: u32) -> bool {
    path.ancestors().skip(1).all(|directory| {
        directory.metadata().is_ok_and(|found| {
            let shift = if found.uid() == caller { 6 } else { 0 };
            (found.mode() >> shift) & 1 == 1
        })
    })
}

fn copy(from: &Path, name: &[u8]) -> Result<Image, RunDirError> {
    let directory = RunDir::create()?;
    let mut program = directory.program()?;
    let failed = |source| RunDirError::Unusable { path: directory.path(), source };
    File::open(from).and_then(|mut source| io::copy(&mut source, &mut program)).map_err(failed)?;
    directory.finish(program)?;
    Image::kept(directory, name)
}
