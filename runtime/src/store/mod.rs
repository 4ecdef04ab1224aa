//! The embedded store: blocks that were exported or fetched, on this machine's disk.
//!
//! - What it does: keeps blocks in packs (`pack`), which never change; finds them (`shelf`); keeps what was put until it is
//!   removed by name (`root`, `writer`) or unpinned (`pins`), and what was fetched as long as there is room (`cache`); checks and collects
//!   (`verify`, `collect`). Where it is says `place`; who may change it says `lock`.
//! - What must stay true: what is given was verified. A reader needs no lock, and never sees half of anything. A
//!   process that is killed leaves nothing that counts. Nothing is opened before the first use.
//! - Serves: rulings 7, 16, 20; clauses STORE-04, STORE-14 to -19.

mod begin;
mod cache;
mod collect;
mod copy;
mod error;
mod folder;
mod lock;
mod pack;
mod pins;
mod place;
mod report;
mod rewrite;
mod root;
mod shelf;
mod told;
mod verify;
mod writer;

use std::collections::HashSet;
use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::io::{self, Read};
use std::sync::{Arc, Mutex, PoisonError};

use crate::block::Cid;
use crate::block::{IDENTITY, Verifier};

pub use collect::Collected;
pub use error::StoreError;
pub use pack::BLOCK_MAX;
pub use place::{CACHE_LIMIT, Place, PlaceError, Variables};
pub use report::{Report, StoreArgs, StoreTask, perform};
pub use root::{Kept, Root};
pub use verify::Verified;
pub use writer::Writer;

use cache::Cache;
use folder::Folder;
use rewrite::Which;
use shelf::Shelf;

/// The store of a process. Clones are the same.
#[derive(Clone)]
pub struct Store(Arc<Parts>);

struct Parts {
    home: Arc<Folder>,
    kept: Shelf,
    cached: Shelf,
    gathered: Mutex<Cache>,
    /// What this process has met rotten: that the index names such a block says nothing.
    rotten: Mutex<HashSet<pack::Hash>>,
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Store").field(&self.0.home.path()).finish()
    }
}

impl Store {
    /// Opens it; makes it first where it isn't there.
    ///
    /// # Errors
    /// Where it can't be made or opened, is another user's, or isn't a store.
    pub fn open(place: &Place) -> Result<Store, StoreError> {
        let path = place.path();
        let unusable = |source: io::Error| match source.kind() {
            io::ErrorKind::ReadOnlyFilesystem => StoreError::ReadOnly(path.to_owned()),
            _ => StoreError::Unusable { path: path.to_owned(), source },
        };
        let home = match Folder::open(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                use std::os::unix::fs::DirBuilderExt;
                std::fs::DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(unusable)?;
                Folder::open(path)
            }
            other => other,
        };
        let home = Arc::new(home.map_err(unusable)?);
        begin::own(&home)?;
        let version = home.file("version").and_then(|file| {
            let mut text = String::new();
            file.take(64).read_to_string(&mut text).map(|_| text)
        });
        match version {
            Ok(text) if text == begin::VERSION => {}
            Ok(_) => return Err(begin::refused(&home, "it is of another version of ww")),
            Err(error) if error.kind() == io::ErrorKind::NotFound => begin::begin(&home)?,
            Err(error) => return Err(unusable(error)),
        }
        let kept = Shelf::new(home.child("kept").map_err(unusable)?);
        let cached = Shelf::new(home.child("cache").map_err(unusable)?);
        let gathered = Mutex::new(Cache::new(Arc::clone(&home), place.limit()));
        Ok(Store(Arc::new(Parts { home, kept, cached, gathered, rotten: Mutex::default() })))
    }

    /// A block, verified. One that is rotten is set aside, told once, and as if it weren't there.
    ///
    /// # Errors
    /// Where the system refuses to read. A store that is damaged is no error.
    pub fn get(&self, cid: &Cid) -> Result<Option<Vec<u8>>, StoreError> {
        if cid.hash().code() == IDENTITY {
            return Ok(Some(cid.hash().digest().to_vec()));
        }
        if let Some(block) = self.good(&self.0.kept, cid)? {
            return Ok(Some(block));
        }
        let waiting = self.gathered().block(cid.hash());
        if let Some(block) = waiting.filter(|block| is(cid, block)) {
            return Ok(Some(block));
        }
        self.good(&self.0.cached, cid)
    }

    /// Whether a block is there; only one that was met rotten is read to tell.
    ///
    /// # Errors
    /// As [`Store::get`].
    pub fn has(&self, cid: &Cid) -> Result<bool, StoreError> {
        let hash = cid.hash();
        if hash.code() == IDENTITY || self.gathered().has(hash) {
            return Ok(true);
        }
        let rotten = self.met_rotten().contains(hash);
        if rotten {
            return Ok(self.get(cid)?.is_some());
        }
        Ok(self.0.kept.find(hash, &[])?.is_some() || self.0.cached.find(hash, &[])?.is_some())
    }

    /// Takes a block that was fetched and verified, to be kept as long as there is room. Others see it after
    /// [`Store::flush`]. No room on the disk, or none to write to, is no error: then it isn't kept.
    ///
    /// # Errors
    /// Where something else goes wrong.
    pub fn cache(&self, cid: &Cid, block: &[u8]) -> Result<(), StoreError> {
        if cid.hash().code() == IDENTITY || self.has(cid)? {
            return Ok(());
        }
        self.gathered().put(cid, block)
    }

    /// The most bytes that what was cached may have; 0 where this process caches nothing more.
    pub fn room(&self) -> u64 {
        self.gathered().room()
    }

    /// Has other processes see what was cached until now, and makes room. Comes by itself when the store is dropped, and
    /// from time to time.
    ///
    /// # Errors
    /// As [`Store::cache`].
    pub fn flush(&self) -> Result<(), StoreError> {
        self.gathered().flush()?;
        // That nothing can be gathered, on a disk that is full or read-only, costs time and nothing else.
        let _ = self.gather(Which::Cached);
        Ok(())
    }

    /// Begins to store what is to be kept. Nothing is removed from the store as long as one is open: don't hold it longer than
    /// it takes.
    ///
    /// # Errors
    /// Where the store can't be written to.
    pub fn writer(&self) -> Result<Writer, StoreError> {
        Writer::begin(self.clone(), true)
    }

    /// What is kept, oldest first.
    ///
    /// # Errors
    /// Where a list of what is kept can't be read.
    pub fn roots(&self) -> Result<Vec<Kept>, StoreError> {
        root::all(&self.0.home)
    }

    /// Removes what is kept under each CID or name, and says what that was; all of them or none. The blocks go when garbage is
    /// collected.
    ///
    /// # Errors
    /// [`StoreError::Unknown`] where nothing is kept so.
    pub fn remove_all(&self, words: &[String]) -> Result<Vec<Kept>, StoreError> {
        let roots = self.roots()?;
        let mut gone: Vec<Kept> = Vec::new();
        for word in words {
            let cid = crate::block::parse_cid(word.strip_prefix("/ipfs/").unwrap_or(word));
            let meant = |kept: &&Kept| match &cid {
                Some(cid) if cid.hash() == kept.cid.hash() => true,
                _ => kept.name.as_deref() == Some(word),
            };
            let named: Vec<&Kept> = roots.iter().filter(meant).collect();
            if named.is_empty() {
                return Err(StoreError::Unknown(word.clone()));
            }
            for kept in named {
                if !gone.contains(kept) {
                    gone.push(kept.clone());
                }
            }
        }
        for kept in &gone {
            root::remove(&self.0.home, kept)?;
        }
        Ok(gone)
    }

    fn home(&self) -> &Folder {
        &self.0.home
    }

    fn shelf(&self, which: Which) -> &Shelf {
        match which {
            Which::Kept => &self.0.kept,
            Which::Cached => &self.0.cached,
        }
    }

    fn good(&self, shelf: &Shelf, cid: &Cid) -> Result<Option<Vec<u8>>, StoreError> {
        let mut rotten = Vec::new();
        while let Some(place) = shelf.find(cid.hash(), &rotten)? {
            match place.pack.section(place.offset) {
                Ok(found) if found.cid.hash() == cid.hash() && is(cid, &found.block) => {
                    shelf.used(&place);
                    return Ok(Some(found.block));
                }
                Ok(_) => {}
                Err(error) if is_damage(&error) => {}
                Err(error) => return Err(StoreError::io("read a block", self.0.home.path())(error)),
            }
            told::rotten(&self.0.home, shelf.path(), cid, &place);
            self.met_rotten().insert(*cid.hash());
            rotten.push(place.name);
        }
        Ok(None)
    }

    fn met_rotten(&self) -> std::sync::MutexGuard<'_, HashSet<pack::Hash>> {
        self.0.rotten.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn gathered(&self) -> std::sync::MutexGuard<'_, Cache> {
        self.0.gathered.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether a failed read says that the file is not as it must be, rather than that it can't be read; a bad sector is both.
fn is_damage(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof)
        || error.raw_os_error() == Some(nix::libc::EIO)
}

/// Whether bytes are those of a CID.
fn is(cid: &Cid, block: &[u8]) -> bool {
    Verifier::new(cid).is_ok_and(|mut check| {
        check.update(block);
        check.finish().is_ok()
    })
}

/// A name that nothing has: 64 random bits.
fn fresh_name() -> String {
    // The standard library's keys come from the kernel; one more round with what differs between two calls.
    let bits = RandomState::new().hash_one((std::process::id(), std::time::SystemTime::now()));
    format!("{bits:016x}")
}

#[cfg(test)]
mod tests;
