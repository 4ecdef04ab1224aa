//! Modes and times of what is written: as the content has them, or as a cell needs them.
//!
//! - What must stay true: no set-user-ID, set-group-ID or sticky bit comes from content. What a cell is shown is the same
//!   whoever runs it and whenever, and its user can read all of it.
//! - Serves: STORE-12, STORE-32, STORE-53.

use std::ffi::CStr;
use std::fs::{File, Permissions};
use std::io;
use std::os::fd::BorrowedFd;
use std::os::unix::fs::PermissionsExt;

use nix::sys::stat::{Mode, UtimensatFlags, futimens, utimensat};
use nix::sys::time::TimeSpec;

use crate::content::node::{Attributes, Time};

const OMIT: TimeSpec = TimeSpec::UTIME_OMIT;
/// The time of what has none, where it is to be the same each time: 0 means to some programs that there is nothing.
const EARLY: Time = Time { seconds: 1, nanoseconds: 0 };

/// The bits that new files of this process don't get. To be asked for while there is one thread.
pub(crate) fn umask() -> Mode {
    let umask = nix::sys::stat::umask(Mode::empty());
    nix::sys::stat::umask(umask);
    umask
}

/// What modes and times are to be.
#[derive(Clone, Copy)]
pub(crate) enum Dress {
    /// What the umask leaves of the content's own, and new files' where it has none.
    Content {
        /// Whether files become executable for whoever may read them.
        executable: bool,
        umask: Mode,
    },
    /// All can be read by everybody. A file whose content says that nobody executes it can't be executed, any other can;
    /// what has no time is as old as can be.
    Cell,
}

impl Dress {
    /// The mode that a file is made with.
    pub(super) fn new_file(self) -> Mode {
        let executable = matches!(self, Dress::Content { executable: true, .. });
        Mode::from_bits_truncate(if executable { 0o777 } else { 0o666 })
    }

    /// Whether a symlink may be at the top.
    pub(super) fn takes_link(self) -> bool {
        matches!(self, Dress::Content { .. })
    }

    /// Whether a directory's mode and time are to be set when all is in it.
    pub(super) fn comes_after(self, attributes: Attributes) -> bool {
        matches!(self, Dress::Cell) || attributes != Attributes::default()
    }

    /// A file that is filled.
    pub(super) fn file(self, file: &File, attributes: Attributes) -> io::Result<()> {
        let mode = match self {
            Dress::Content { executable, umask } => attributes.mode.map(|mode| {
                let readable = if executable { mode & 0o444 } else { 0 };
                (mode | readable >> 2) as u32 & 0o777 & !umask.bits()
            }),
            Dress::Cell if attributes.mode.is_some_and(|mode| mode & 0o111 == 0) => Some(0o644),
            Dress::Cell => Some(0o755),
        };
        self.set(file, mode, attributes)
    }

    /// A directory that is filled.
    pub(super) fn directory(self, directory: &File, attributes: Attributes) -> io::Result<()> {
        let mode = match self {
            Dress::Content { umask, .. } => attributes.mode.map(|mode| mode as u32 & 0o777 & !umask.bits()),
            Dress::Cell => Some(0o755),
        };
        self.set(directory, mode, attributes)
    }

    /// A symlink, by its name.
    pub(super) fn link(self, directory: BorrowedFd<'_>, name: &CStr, attributes: Attributes) -> nix::Result<()> {
        match self.time(attributes) {
            Some(time) => utimensat(directory, name, &OMIT, &spec(time), UtimensatFlags::NoFollowSymlink),
            None => Ok(()),
        }
    }

    fn set(self, file: &File, mode: Option<u32>, attributes: Attributes) -> io::Result<()> {
        if let Some(mode) = mode {
            file.set_permissions(Permissions::from_mode(mode))?;
        }
        if let Some(time) = self.time(attributes) {
            futimens(file, &OMIT, &spec(time))?;
        }
        Ok(())
    }

    fn time(self, attributes: Attributes) -> Option<Time> {
        match self {
            Dress::Content { .. } => attributes.mtime,
            Dress::Cell => Some(attributes.mtime.unwrap_or(EARLY)),
        }
    }
}

fn spec(time: Time) -> TimeSpec {
    TimeSpec::new(time.seconds, time.nanoseconds.into())
}
