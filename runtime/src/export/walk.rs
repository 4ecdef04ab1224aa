//! What is at a path, in the order in which it is put together.
//!
//! - What it does: reads directories, opens files, and says what comes one after another: a directory's entries
//!   between its beginning and its end, a file's leaves likewise.
//! - What must stay true: nothing but regular files is opened, and no symlink below a PATH is followed. Entries come
//!   sorted by the bytes of their names. Where nobody listens any more it ends.
//! - Serves: STORE-08, -20, -22.

use std::ffi::OsString;
use std::fs::{self, File, FileType, Metadata};
use std::io::{self, Read};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::SyncSender;

use nix::errno::Errno;
use nix::unistd::{Whence, lseek};

use super::error::shown;
use super::exclude::Pattern;
use super::leaves::{Closed, Leaf, Leaves};
use super::{ExportError, Input};
use crate::content::import::Shape;
use crate::content::import::dagpb::ROOM;

/// What comes next.
pub(super) enum Event {
    /// A directory begins.
    Directory {
        name: Box<[u8]>,
        path: PathBuf,
    },
    /// It ends.
    End,
    Symlink {
        name: Box<[u8]>,
        path: PathBuf,
        target: Vec<u8>,
    },
    /// A file begins; what it was when it was opened, if it is one that can change.
    File {
        name: Box<[u8]>,
        path: PathBuf,
        opened: Option<(Arc<File>, Metadata)>,
    },
    /// A leaf of it, of so many bytes.
    Leaf(Leaf, usize),
    /// So many leaves of it that have nothing but zeros, each of so many bytes.
    Zeros {
        leaves: u64,
        length: usize,
    },
    /// It ends.
    EndFile,
}

/// Who walks.
pub(super) struct Walk<'a> {
    pub(super) shape: Shape,
    pub(super) exclude: &'a [Pattern],
    pub(super) leaves: &'a Leaves,
    pub(super) events: SyncSender<Result<Event, ExportError>>,
}

/// Why a walk ends early.
enum Stop {
    /// Something is wrong, which is to be told.
    Fault(ExportError),
    /// Nobody listens.
    Closed,
}

impl From<Closed> for Stop {
    fn from(_: Closed) -> Stop {
        Stop::Closed
    }
}

impl From<ExportError> for Stop {
    fn from(fault: ExportError) -> Stop {
        Stop::Fault(fault)
    }
}

impl Walk<'_> {
    /// Walks one input after another.
    pub(super) fn all(&self, inputs: &[(Box<[u8]>, &Input)]) {
        for (name, input) in inputs {
            let walked = match input {
                Input::Stdin => self.stream(name.clone(), Path::new("-"), &mut io::stdin().lock()),
                Input::Path(path) => self.path(name.clone(), path),
            };
            match walked {
                Ok(()) => {}
                Err(Stop::Closed) => return,
                Err(Stop::Fault(fault)) => {
                    // Where it isn't heard, another fault was first.
                    let _ = self.events.send(Err(fault));
                    return;
                }
            }
        }
    }

    fn path(&self, name: Box<[u8]>, path: &Path) -> Result<(), Stop> {
        let status = fs::symlink_metadata(path).map_err(|fault| ExportError::read(path, fault))?;
        self.entry(name, path, status.file_type(), &mut Vec::new(), &mut Vec::new())
    }

    fn say(&self, event: Event) -> Result<(), Stop> {
        self.events.send(Ok(event)).map_err(|_| Stop::Closed)
    }

    /// What is at `path`. `above` is what is above it, `below` the names from the PATH to it.
    fn entry(
        &self,
        name: Box<[u8]>,
        path: &Path,
        kind: FileType,
        above: &mut Vec<(u64, u64)>,
        below: &mut Vec<Box<[u8]>>,
    ) -> Result<(), Stop> {
        if kind.is_dir() {
            self.directory(name, path, above, below)
        } else if kind.is_symlink() {
            let target = fs::read_link(path).map_err(|fault| ExportError::read(path, fault))?;
            self.say(Event::Symlink { name, path: path.into(), target: target.into_os_string().into_vec() })
        } else if kind.is_file() {
            self.file(name, path)
        } else {
            Err(ExportError::Kind { path: shown(path), kind: named(kind) }.into())
        }
    }

    fn directory(
        &self,
        name: Box<[u8]>,
        path: &Path,
        above: &mut Vec<(u64, u64)>,
        below: &mut Vec<Box<[u8]>>,
    ) -> Result<(), Stop> {
        let fault = |fault| ExportError::read(path, fault);
        let status = fs::symlink_metadata(path).map_err(fault)?;
        let identity = (status.dev(), status.ino());
        if above.contains(&identity) {
            return Err(ExportError::Cycle { path: shown(path) }.into());
        }
        self.say(Event::Directory { name, path: path.into() })?;
        let mut entries: Vec<(OsString, FileType)> = Vec::new();
        for entry in fs::read_dir(path).map_err(fault)? {
            let entry = entry.map_err(fault)?;
            let kind = entry.file_type().map_err(|fault| ExportError::read(&entry.path(), fault))?;
            entries.push((entry.file_name(), kind));
        }
        entries.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
        above.push(identity);
        let mut child = path.to_path_buf();
        for (name, kind) in entries {
            child.push(&name);
            let name: Box<[u8]> = name.as_bytes().into();
            below.push(name.clone());
            if !self.is_excluded(below, kind.is_dir()) {
                self.entry(name, &child, kind, above, below)?;
            }
            below.pop();
            child.pop();
        }
        above.pop();
        self.say(Event::End)
    }

    fn is_excluded(&self, below: &[Box<[u8]>], directory: bool) -> bool {
        if self.exclude.is_empty() {
            return false;
        }
        let names: Vec<&[u8]> = below.iter().map(|name| &name[..]).collect();
        self.exclude.iter().any(|pattern| pattern.is_for(&names, directory))
    }

    fn file(&self, name: Box<[u8]>, path: &Path) -> Result<(), Stop> {
        let fault = |fault| ExportError::read(path, fault);
        // What was a regular file may be a fifo by now, which would be waited for, or a symlink.
        let flags = libc::O_NOFOLLOW | libc::O_NONBLOCK | libc::O_NOCTTY;
        let mut file = File::options().read(true).custom_flags(flags).open(path).map_err(fault)?;
        let status = file.metadata().map_err(fault)?;
        if !status.is_file() {
            return Err(ExportError::Changed { path: shown(path) }.into());
        }
        // Those of /proc have no size until they are read.
        if status.len() == 0 {
            return self.stream(name, path, &mut file);
        }
        let (size, sparse) = (status.len(), status.blocks() < status.len().div_ceil(512));
        let file = Arc::new(file);
        self.say(Event::File { name, path: path.into(), opened: Some((Arc::clone(&file), status)) })?;
        let leaf = self.shape.leaf as u64;
        let mut at = 0;
        while at < size {
            let hole = if sparse { hole(&file, at, size).map_err(fault)? } else { 0 };
            if hole >= leaf.min(size - at) {
                let leaves = hole / leaf;
                if leaves > 0 {
                    self.say(Event::Zeros { leaves, length: self.shape.leaf })?;
                }
                at += leaves * leaf;
                if at < size && hole - leaves * leaf == size - at {
                    self.say(Event::Zeros { leaves: 1, length: (size - at) as usize })?;
                    at = size;
                }
                continue;
            }
            let length = leaf.min(size - at);
            let leaf = self.leaves.read(&file, at, length as usize)?;
            self.say(Event::Leaf(leaf, length as usize))?;
            at += length;
        }
        self.say(Event::EndFile)
    }

    /// A file of unknown size.
    fn stream(&self, name: Box<[u8]>, path: &Path, from: &mut dyn Read) -> Result<(), Stop> {
        let fault = |fault| ExportError::read(path, fault);
        self.say(Event::File { name, path: path.into(), opened: None })?;
        let mut any = false;
        loop {
            let mut buffer = self.leaves.buffer();
            let read = from.take(self.shape.leaf as u64).read_to_end(&mut buffer).map_err(fault)?;
            // One leaf at least, which may be empty.
            if read == 0 && any {
                break;
            }
            any = true;
            debug_assert_eq!(buffer.len(), ROOM + read);
            let leaf = self.leaves.hash(buffer)?;
            self.say(Event::Leaf(leaf, ROOM + read))?;
            if read < self.shape.leaf {
                break;
            }
        }
        self.say(Event::EndFile)
    }
}

/// How many bytes from `at` on have never been written (lseek(2), `SEEK_DATA`).
fn hole(file: &File, at: u64, size: u64) -> io::Result<u64> {
    let offset = i64::try_from(at).map_err(io::Error::other)?;
    match lseek(file, offset, Whence::SeekData) {
        Ok(data) => Ok((data as u64).min(size) - at),
        // Nothing but a hole to the end.
        Err(Errno::ENXIO) => Ok(size - at),
        // A file system that doesn't know.
        Err(Errno::EINVAL | Errno::EOPNOTSUPP) => Ok(0),
        Err(errno) => Err(errno.into()),
    }
}

fn named(kind: FileType) -> &'static str {
    if kind.is_fifo() {
        "a fifo"
    } else if kind.is_socket() {
        "a socket"
    } else if kind.is_block_device() || kind.is_char_device() {
        "a device"
    } else {
        "something else"
    }
}
