//! Writes what is at an IPFS path into the staging directory: files, directories and symlinks, as they are there.
//!
//! - What it does: goes from directory to directory, some entries of each at a time.
//! - What must stay true: everything is made anew, in a directory that is open, by a single name (`name`), so that no link
//!   and no name leads anywhere. Bytes, entries, the length of paths and what is in memory have their limits. Modes and
//!   times of directories come last: one that may not be written to still has to be filled.
//! - Serves: STORE-09, STORE-10, STORE-12, STORE-28, STORE-29, STORE-31.

mod known;
mod name;

use std::cell::{Cell, RefCell};
use std::ffi::CStr;
use std::fs::{File, Permissions};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::PermissionsExt;

use futures::stream::{self, StreamExt};
use nix::fcntl::{OFlag, OpenHow, ResolveFlag, openat, openat2};
use nix::sys::stat::{Mode, UtimensatFlags, mkdirat, utimensat};
use nix::sys::time::TimeSpec;
use nix::unistd::symlinkat;
use tokio::task::coop::consume_budget;

use known::Known;

use super::ImportError;
use super::staging::{NEW, Staging};
use crate::content::node::{Attributes, Time};
use crate::content::tree::{FileAt, Item, ItemKind};
use crate::content::{Cid, Content, ContentError, ContentPath};

/// How many entries of a directory are on their way at once.
const AT_ONCE: usize = 8;
/// The most entries of all directories together. It bounds what a small DAG of directories that repeat can come to.
const ENTRIES: usize = 1 << 20;
/// The longest path below the target, in bytes: with what is before it, PATH_MAX has room for it.
const PATH: usize = 4000;
/// The most memory that directories which wait, or are known, take, in bytes.
const WAITING: usize = 128 << 20;

/// The bits that new files of this process don't get. To be asked for while there is one thread.
pub(super) fn umask() -> Mode {
    let umask = nix::sys::stat::umask(Mode::empty());
    nix::sys::stat::umask(umask);
    umask
}

/// A tree on its way to the disk.
pub(super) struct Writing<'a> {
    content: &'a Content,
    path: &'a ContentPath,
    staging: &'a Staging,
    executable: bool,
    umask: Mode,
    max_size: u64,
    left: Cell<u64>,
    known: RefCell<Known>,
    waiting: Cell<usize>,
    /// Directories that get a mode or a time when all is there.
    dressed: RefCell<Vec<(Vec<u8>, Attributes)>>,
}

/// A directory whose entries aren't there yet.
struct Pending {
    /// The names that lead to it from the target.
    within: Vec<u8>,
    cid: Cid,
}

/// What is to be done with the tree's root when it is at its place: a directory that may not be written to can't be moved.
pub(super) struct Root(Option<(OwnedFd, Attributes)>, Mode);

impl Root {
    /// Gives it its mode and time.
    pub(super) fn finish(self) -> io::Result<()> {
        self.0.map_or(Ok(()), |(directory, attributes)| dress(&File::from(directory), attributes, false, self.1))
    }
}

impl<'a> Writing<'a> {
    pub(super) fn new(
        content: &'a Content,
        path: &'a ContentPath,
        staging: &'a Staging,
        executable: bool,
        umask: Mode,
        max_size: u64,
    ) -> Writing<'a> {
        let (left, known, waiting) = (Cell::new(max_size), RefCell::default(), Cell::default());
        let dressed = RefCell::default();
        Writing { content, path, staging, executable, umask, max_size, left, known, waiting, dressed }
    }

    /// Writes all of it.
    pub(super) async fn all(&self) -> Result<Root, ImportError> {
        let failed = |source| ImportError::of_content(&self.path.to_string(), source);
        let _eager = self.content.eager();
        let cid = self.content.resolve(self.path).await.map_err(failed)?;
        let directory = self.staging.directory();
        let mut waiting: Vec<Pending> = self.item(directory, NEW, Vec::new(), cid).await?.into_iter().collect();
        while let Some(pending) = waiting.pop() {
            self.waiting.set(self.waiting.get() - pending.memory());
            let (directory, made) = (self.opened(&pending.within)?, self.content.entries(&pending.cid).await);
            let entries = made.map_err(|source| self.unavailable(&pending.within, source))?;
            self.known.borrow_mut().listed(&pending.cid, entries.len());
            self.few_enough()?;
            let write = |(name, cid)| self.entry(&directory, &pending.within, name, cid);
            let mut written = stream::iter(entries.iter()).map(write).buffer_unordered(AT_ONCE);
            while let Some(below) = written.next().await {
                waiting.extend(below?);
            }
        }
        self.dress_all()
    }

    async fn entry(
        &self,
        directory: &OwnedFd,
        within: &[u8],
        name: &[u8],
        cid: Cid,
    ) -> Result<Option<Pending>, ImportError> {
        // What is in the store is there at once: signals have their turn all the same.
        consume_budget().await;
        let within = if within.is_empty() { name.to_vec() } else { [within, b"/", name].concat() };
        let name = name::parsed(name).map_err(|why| self.refused(&within, why))?;
        if within.len() > PATH {
            return Err(self.refused(&within, "its path has more than 4000 bytes"));
        }
        self.item(directory, &name, within, cid).await
    }

    /// Writes what is at a CID, by a name, into a directory that is open.
    async fn item(
        &self,
        directory: impl AsFd,
        name: &CStr,
        within: Vec<u8>,
        cid: Cid,
    ) -> Result<Option<Pending>, ImportError> {
        // One that repeats isn't fetched, and hashed, as often.
        let known = self.known.borrow().attributes(&cid);
        let item = match known {
            Some(attributes) => Item { kind: ItemKind::Directory, attributes },
            None => self.content.item(&cid).await.map_err(|source| self.unavailable(&within, source))?,
        };
        let failed = |source| self.staging.failed(&within, source);
        match item.kind {
            ItemKind::File(file) => {
                let mode = if self.executable { 0o777 } else { 0o666 };
                let flags = OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
                let made = openat(directory, name, flags, Mode::from_bits_truncate(mode));
                let made = File::from(made.map_err(|errno| failed(errno.into()))?);
                self.fill(&file, &made, &within).await?;
                dress(&made, item.attributes, self.executable, self.umask).map_err(failed)?;
                Ok(None)
            }
            ItemKind::Symlink(to) => {
                let to = name::target(to).map_err(|why| self.refused(&within, why))?;
                let made = symlinkat(&*to, &directory, name).and_then(|()| match item.attributes.mtime {
                    Some(time) => utimensat(&directory, name, &OMIT, &spec(time), UtimensatFlags::NoFollowSymlink),
                    None => Ok(()),
                });
                made.map(|()| None).map_err(|errno| failed(errno.into()))
            }
            ItemKind::Directory => {
                mkdirat(directory, name, Mode::from_bits_truncate(0o777)).map_err(|errno| failed(errno.into()))?;
                if item.attributes != Attributes::default() {
                    self.dressed.borrow_mut().push((within.clone(), item.attributes));
                    self.add_waiting(within.len() + size_of::<(Vec<u8>, Attributes)>())?;
                }
                if self.known.borrow_mut().met(&cid, item.attributes) {
                    self.add_waiting(known::EACH)?;
                }
                self.few_enough()?;
                let pending = Pending { within, cid };
                self.add_waiting(pending.memory())?;
                Ok(Some(pending))
            }
        }
    }

    async fn fill(&self, file: &FileAt, into: &File, within: &[u8]) -> Result<(), ImportError> {
        let take = |size: u64| {
            let left = self.left.get().checked_sub(size).ok_or_else(|| self.too_large(within))?;
            self.left.set(left);
            Ok(left)
        };
        // What declares its size counts before a byte of it comes: others are on their way too.
        let most = match file.size() {
            Some(size) => take(size).map(|_| size)?,
            None => self.left.get(),
        };
        match self.content.fill(file, into, most).await {
            Ok(size) if file.size().is_none() => take(size).map(drop),
            Ok(_) => Ok(()),
            Err(ContentError::Write(source)) => Err(self.staging.failed(within, source)),
            Err(ContentError::TooLarge { .. }) => Err(self.too_large(within)),
            Err(source) => Err(self.unavailable(within, source)),
        }
    }

    /// A directory that was made, by the names that lead to it.
    fn opened(&self, within: &[u8]) -> Result<OwnedFd, ImportError> {
        let path = if within.is_empty() { NEW.to_bytes().to_vec() } else { [NEW.to_bytes(), b"/", within].concat() };
        let resolve = ResolveFlag::RESOLVE_BENEATH | ResolveFlag::RESOLVE_NO_SYMLINKS | ResolveFlag::RESOLVE_NO_XDEV;
        let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        let opened = openat2(self.staging.directory(), &*path, OpenHow::new().flags(flags).resolve(resolve));
        opened.map_err(|errno| self.staging.failed(within, errno.into()))
    }

    /// Gives directories their modes and times, those inside first, and all but the root.
    fn dress_all(&self) -> Result<Root, ImportError> {
        for (within, attributes) in self.dressed.take().into_iter().rev() {
            let directory = self.opened(&within)?;
            if within.is_empty() {
                return Ok(Root(Some((directory, attributes)), self.umask));
            }
            let dressed = dress(&File::from(directory), attributes, false, self.umask);
            dressed.map_err(|source| self.staging.failed(&within, source))?;
        }
        Ok(Root(None, self.umask))
    }

    /// What there will be, as far as it is known, counts before it is written.
    fn few_enough(&self) -> Result<(), ImportError> {
        match self.known.borrow().entries() > ENTRIES {
            true => Err(self.unavailable(b"", ContentError::Bomb("more than 1048576 entries"))),
            false => Ok(()),
        }
    }

    fn add_waiting(&self, bytes: usize) -> Result<(), ImportError> {
        self.waiting.set(self.waiting.get() + bytes);
        match self.waiting.get() > WAITING {
            true => Err(self.unavailable(b"", ContentError::Bomb("more directories than there is memory for"))),
            false => Ok(()),
        }
    }

    /// The IPFS path of what is below this one's.
    fn at(&self, within: &[u8]) -> String {
        match within {
            b"" => self.path.to_string(),
            within => format!("{}/{}", self.path, name::shown(within)),
        }
    }

    fn unavailable(&self, within: &[u8], source: ContentError) -> ImportError {
        ImportError::of_content(&self.at(within), source)
    }

    fn refused(&self, within: &[u8], why: &'static str) -> ImportError {
        ImportError::Entry { path: self.at(within), why }
    }

    fn too_large(&self, within: &[u8]) -> ImportError {
        ImportError::TooLarge { path: self.at(within), limit: self.max_size }
    }
}

impl Pending {
    fn memory(&self) -> usize {
        self.within.len() + size_of::<Pending>()
    }
}

const OMIT: TimeSpec = TimeSpec::UTIME_OMIT;

fn spec(time: Time) -> TimeSpec {
    TimeSpec::new(time.seconds, time.nanoseconds.into())
}

/// Gives what is open the mode and the time of its content's: of the mode, what the umask leaves of the permissions; no
/// set-user-ID, set-group-ID or sticky bit.
fn dress(file: &File, attributes: Attributes, executable: bool, umask: Mode) -> io::Result<()> {
    if let Some(mode) = attributes.mode {
        let readable = if executable { mode & 0o444 } else { 0 };
        let mode = (mode | readable >> 2) as u32 & 0o777 & !umask.bits();
        file.set_permissions(Permissions::from_mode(mode))?;
    }
    if let Some(time) = attributes.mtime {
        nix::sys::stat::futimens(file, &OMIT, &spec(time))?;
    }
    Ok(())
}
