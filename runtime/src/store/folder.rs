//! A directory of the store, by its descriptor: every file in it is named by one component, and no link is followed.
//!
//! What must stay true: what is opened is a regular file in this very directory, whatever was put there in its place: a
//! link isn't followed, a fifo doesn't block. What is published is whole: it got its bytes under another name.
//! Serves: ruling 16, 20.

use std::fs::{File, Metadata};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

use nix::dir::Dir;
use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, openat, renameat};
use nix::sys::stat::{Mode, mkdirat};
use nix::unistd::{UnlinkatFlags, fsync, linkat, unlinkat};

/// How many names of one directory are looked at: more than a store of this kind can come to.
const NAMES_MAX: usize = 1 << 20;

/// A directory that is open.
#[derive(Debug)]
pub(super) struct Folder {
    fd: File,
    path: PathBuf,
}

impl Folder {
    /// Opens the store's own directory, through links: where it lies is the user's word.
    pub(super) fn open(path: &Path) -> io::Result<Folder> {
        let flags = OFlag::O_DIRECTORY | OFlag::O_RDONLY | OFlag::O_CLOEXEC;
        let fd = nix::fcntl::open(path, flags, Mode::empty())?.into();
        Ok(Folder { fd, path: path.to_owned() })
    }

    /// Opens a directory in this one.
    pub(super) fn child(&self, name: &str) -> io::Result<Folder> {
        let flags = OFlag::O_DIRECTORY | OFlag::O_RDONLY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        let fd = openat(&self.fd, name, flags, Mode::empty())?.into();
        Ok(Folder { fd, path: self.path.join(name) })
    }

    /// The same, made first where it isn't there, for the user alone.
    pub(super) fn made(&self, name: &str) -> io::Result<Folder> {
        match self.child(name) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            other => return other,
        }
        match mkdirat(&self.fd, name, Mode::S_IRWXU) {
            Ok(()) | Err(Errno::EEXIST) => self.child(name),
            Err(errno) => Err(errno.into()),
        }
    }

    /// A file in it, to be read.
    pub(super) fn file(&self, name: &str) -> io::Result<File> {
        let flags = OFlag::O_RDONLY | OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC;
        match openat(&self.fd, name, flags, Mode::empty()) {
            // A link, or a socket.
            Err(Errno::ELOOP | Errno::ENXIO) => Err(io::Error::new(io::ErrorKind::InvalidInput, "not a file")),
            opened => regular(opened?),
        }
    }

    /// A new file in it.
    pub(super) fn create(&self, name: &str, mode: u32) -> io::Result<File> {
        let flags = OFlag::O_RDWR | OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        Ok(openat(&self.fd, name, flags, Mode::from_bits_truncate(mode))?.into())
    }

    /// A file in it that may be there already, to be locked.
    pub(super) fn lockable(&self, name: &str) -> io::Result<File> {
        let flags = OFlag::O_RDWR | OFlag::O_CREAT | OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC;
        regular(openat(&self.fd, name, flags, Mode::S_IRUSR | Mode::S_IWUSR)?)
    }

    /// The names in it, in no order; not those that begin with a dot.
    pub(super) fn names(&self) -> io::Result<Vec<String>> {
        self.names_that(|_| true)
    }

    /// Those of them that are wanted, however many others there are.
    pub(super) fn names_that(&self, wanted: impl Fn(&str) -> bool) -> io::Result<Vec<String>> {
        let mut directory = Dir::openat(&self.fd, ".", OFlag::O_DIRECTORY | OFlag::O_CLOEXEC, Mode::empty())?;
        let mut names = Vec::new();
        for entry in directory.iter().take(NAMES_MAX) {
            // A name that isn't text is none of ours.
            if let Ok(name) = entry?.file_name().to_str()
                && !name.starts_with('.')
                && wanted(name)
            {
                names.push(name.to_owned());
            }
        }
        Ok(names)
    }

    /// What is known of a file in it; `None` where it isn't there or isn't a file.
    pub(super) fn look(&self, name: &str) -> io::Result<Option<Metadata>> {
        match self.file(name) {
            Ok(file) => file.metadata().map(Some),
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::InvalidInput) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Gives a file another name, maybe in another directory, over what has that name.
    pub(super) fn rename(&self, name: &str, to: &Folder, new: &str) -> io::Result<()> {
        Ok(renameat(&self.fd, name, &to.fd, new)?)
    }

    /// Gives a file in it one more name; that there is such a file is no error.
    pub(super) fn link(&self, name: &str, new: &str) -> io::Result<()> {
        match linkat(&self.fd, name, &self.fd, new, AtFlags::empty()) {
            Ok(()) | Err(Errno::EEXIST) => Ok(()),
            Err(errno) => Err(errno.into()),
        }
    }

    /// Removes a file from it; that it isn't there is no error.
    pub(super) fn remove(&self, name: &str) -> io::Result<()> {
        match unlinkat(&self.fd, name, UnlinkatFlags::NoRemoveDir) {
            Ok(()) | Err(Errno::ENOENT) => Ok(()),
            Err(errno) => Err(errno.into()),
        }
    }

    /// Has its names survive a power cut.
    pub(super) fn sync(&self) -> io::Result<()> {
        Ok(fsync(self.fd.as_fd())?)
    }

    /// What is known of it.
    pub(super) fn metadata(&self) -> io::Result<Metadata> {
        self.fd.metadata()
    }

    /// Makes it the user's alone.
    pub(super) fn close_to_others(&self) -> io::Result<()> {
        Ok(nix::sys::stat::fchmod(&self.fd, Mode::S_IRWXU)?)
    }

    /// Bytes of the filesystem that it is on.
    pub(super) fn filesystem(&self) -> io::Result<u64> {
        let known = nix::sys::statvfs::fstatvfs(&self.fd)?;
        Ok(known.blocks().saturating_mul(known.fragment_size()))
    }

    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

fn regular(fd: OwnedFd) -> io::Result<File> {
    let file = File::from(fd);
    if file.metadata()?.is_file() { Ok(file) } else { Err(io::Error::new(io::ErrorKind::InvalidInput, "not a file")) }
}
