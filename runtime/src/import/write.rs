//! Writes what is at an IPFS path into the staging directory: files, directories and symlinks, as they are there.
//!
//! - What it does: goes from directory to directory, some entries of each at a time.
//! - What must stay true: everything is made anew, in a directory that is open, by a single name (`name`), so that no link
//!   and no name leads anywhere. Bytes, entries, the length of paths and what is in memory have their limits. Modes and
//!   times of directories come last: one that may not be written to still has to be filled.
//! - Serves: STORE-09, STORE-10, STORE-12, STORE-28, STORE-29, STORE-31.

mod dress;
mod known;
mod name;

use std::cell::{Cell, RefCell};
use std::ffi::CStr;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use futures::stream::{self, StreamExt};
use nix::fcntl::{OFlag, OpenHow, ResolveFlag, openat, openat2};
use nix::sys::stat::{Mode, mkdirat};
use nix::unistd::symlinkat;
use tokio::task::coop::consume_budget;

pub(super) use dress::{Dress, umask};
use known::Known;

use super::ImportError;
use crate::content::node::Attributes;
use crate::content::tree::{FileAt, Item, ItemKind};
use crate::content::{Cid, Content, ContentError, ContentPath, NodeKind};

/// How many entries of a directory are on their way at once.
const AT_ONCE: usize = 8;
/// The most entries of all directories together. It bounds what a small DAG of directories that repeat can come to.
const ENTRIES: usize = 1 << 20;
/// The longest path below the target, in bytes: with what is before it, PATH_MAX has room for it.
const PATH: usize = 4000;
/// The most memory that directories which wait, or are known, take, in bytes.
const WAITING: usize = 128 << 20;

/// Where a tree is written: a name in a directory that is open, where nothing is.
#[derive(Clone, Copy)]
pub(crate) struct Spot<'a> {
    pub(crate) directory: BorrowedFd<'a>,
    pub(crate) name: &'a CStr,
    /// What messages call it.
    pub(crate) shown: &'a str,
}

impl Spot<'_> {
    /// What can't be written, by the names that lead to it from there.
    pub(super) fn failed(&self, within: &[u8], source: io::Error) -> ImportError {
        let below = if within.is_empty() { String::new() } else { format!("/{}", String::from_utf8_lossy(within)) };
        ImportError::Write { path: format!("{}{below}", self.shown), source }
    }
}

/// A tree on its way to the disk.
pub(super) struct Writing<'a> {
    content: &'a Content,
    path: &'a ContentPath,
    spot: Spot<'a>,
    dress: Dress,
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
pub(super) struct Root(Option<(OwnedFd, Attributes)>, Dress);

impl Root {
    /// Gives it its mode and time.
    pub(super) fn finish(self) -> io::Result<()> {
        self.0.map_or(Ok(()), |(directory, attributes)| self.1.directory(&File::from(directory), attributes))
    }
}

impl<'a> Writing<'a> {
    pub(super) fn new(
        content: &'a Content,
        path: &'a ContentPath,
        spot: Spot<'a>,
        dress: Dress,
        max_size: u64,
    ) -> Writing<'a> {
        let (left, known, waiting) = (Cell::new(max_size), RefCell::default(), Cell::default());
        let dressed = RefCell::default();
        Writing { content, path, spot, dress, max_size, left, known, waiting, dressed }
    }

    /// Writes all of it.
    pub(super) async fn all(&self) -> Result<Root, ImportError> {
        let failed = |source| ImportError::of_content(&self.path.to_string(), source);
        let _eager = self.content.eager();
        let cid = self.content.resolve(self.path).await.map_err(failed)?;
        self.content.ahead(&cid, self.max_size).await.map_err(failed)?;
        let Spot { directory, name, .. } = self.spot;
        let mut waiting: Vec<Pending> = self.item(directory, name, Vec::new(), cid).await?.into_iter().collect();
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
        let failed = |source| self.spot.failed(&within, source);
        match item.kind {
            ItemKind::File(file) => {
                let flags = OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
                let made = openat(directory, name, flags, self.dress.new_file());
                let made = File::from(made.map_err(|errno| failed(errno.into()))?);
                self.fill(&file, &made, &within).await?;
                self.dress.file(&made, item.attributes).map_err(failed)?;
                Ok(None)
            }
            // Whoever looks there would follow it.
            ItemKind::Symlink(_) if within.is_empty() && !self.dress.takes_link() => {
                Err(self.unavailable(&within, NodeKind::Symlink.into()))
            }
            ItemKind::Symlink(to) => {
                let to = name::target(to).map_err(|why| self.refused(&within, why))?;
                let made = symlinkat(&*to, &directory, name)
                    .and_then(|()| self.dress.link(directory.as_fd(), name, item.attributes));
                made.map(|()| None).map_err(|errno| failed(errno.into()))
            }
            ItemKind::Directory => {
                mkdirat(directory, name, Mode::from_bits_truncate(0o777)).map_err(|errno| failed(errno.into()))?;
                if self.dress.comes_after(item.attributes) {
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
            Err(ContentError::Write(source)) => Err(self.spot.failed(within, source)),
            Err(ContentError::TooLarge { .. }) => Err(self.too_large(within)),
            Err(source) => Err(self.unavailable(within, source)),
        }
    }

    /// A directory that was made, by the names that lead to it.
    fn opened(&self, within: &[u8]) -> Result<OwnedFd, ImportError> {
        let top = self.spot.name.to_bytes();
        let path = if within.is_empty() { top.to_vec() } else { [top, b"/", within].concat() };
        let resolve = ResolveFlag::RESOLVE_BENEATH | ResolveFlag::RESOLVE_NO_SYMLINKS | ResolveFlag::RESOLVE_NO_XDEV;
        let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        let opened = openat2(self.spot.directory, &*path, OpenHow::new().flags(flags).resolve(resolve));
        opened.map_err(|errno| self.spot.failed(within, errno.into()))
    }

    /// Gives directories their modes and times, those inside first, and all but the root.
    fn dress_all(&self) -> Result<Root, ImportError> {
        for (within, attributes) in self.dressed.take().into_iter().rev() {
            let directory = self.opened(&within)?;
            if within.is_empty() {
                return Ok(Root(Some((directory, attributes)), self.dress));
            }
            let dressed = self.dress.directory(&File::from(directory), attributes);
            dressed.map_err(|source| self.spot.failed(&within, source))?;
        }
        Ok(Root(None, self.dress))
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
