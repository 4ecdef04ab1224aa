//! What was fetched, kept as long as there is room.
//!
//! - What it does: gathers blocks in a pack of this process's, which the others see when it is published; then removes the packs
//!   that weren't used for longest until all fit below the limit.
//! - What must stay true: no run fails because nothing can be cached: a full disk, a store that is read-only, one that another
//!   process is cleaning. A pack is an eighth of the limit at most, so that what is gathered stays below it too.
//! - Serves: ruling 16; clause STORE-03, STORE-18.

use std::io;
use std::os::unix::fs::MetadataExt;
use std::sync::Arc;

use super::folder::Folder;
use super::pack::{BLOCK_MAX, Hash, PackWriter, SUFFIX};
use super::{CACHE_LIMIT, StoreError, lock};
use crate::block::Cid;

/// The largest pack of the cache, in bytes: what is evicted at once.
const PACK_MAX: u64 = 64 << 20;

/// The cache, as this process adds to it.
#[derive(Debug)]
pub(super) struct Cache {
    home: Arc<Folder>,
    asked: Option<u64>,
    limit: Option<u64>,
    pack: Option<PackWriter>,
    /// Nothing more is cached by this process.
    off: bool,
}

impl Cache {
    pub(super) fn new(home: Arc<Folder>, limit: Option<u64>) -> Cache {
        Cache { home, asked: limit, limit: None, pack: None, off: false }
    }

    pub(super) fn has(&self, hash: &Hash) -> bool {
        self.pack.as_ref().is_some_and(|pack| pack.has(hash))
    }

    /// A block that isn't published yet.
    pub(super) fn block(&mut self, hash: &Hash) -> Option<Vec<u8>> {
        let found = self.pack.as_mut()?.block(hash).ok().flatten()?;
        (found.cid.hash() == hash).then_some(found.block)
    }

    pub(super) fn put(&mut self, cid: &Cid, block: &[u8]) -> Result<(), StoreError> {
        if self.off || block.len() > BLOCK_MAX {
            return Ok(());
        }
        let limit = self.limit();
        let most = (limit / 8).clamp(1, PACK_MAX);
        if block.len() as u64 > limit {
            return Ok(());
        }
        let added = self.begun().and_then(|pack| match pack {
            Some(pack) => pack.put(cid, block).map(|()| pack.length() >= most),
            None => Ok(false),
        });
        match added {
            Ok(true) => self.flush(),
            Ok(false) => Ok(()),
            Err(error) => self.without(error),
        }
    }

    /// Publishes what was gathered, and makes room.
    pub(super) fn flush(&mut self) -> Result<(), StoreError> {
        let Some(pack) = self.pack.take().filter(|pack| !pack.is_empty()) else { return Ok(()) };
        let published = (|| {
            // Held, so that nobody who removes things meets it on its way.
            let Some(_held) = lock::shared_now(&self.home)? else { return Ok(()) };
            let folder = self.home.made("cache")?;
            let limit = self.limit();
            make_room(&folder, limit.saturating_sub(pack.length()))?;
            let finished = pack.finish(&folder, false)?;
            // The index weighs too; where several publish at once, the last one finds all.
            make_room_but(&folder, limit, Some(&finished.name))
        })();
        published.or_else(|error| self.without(error))
    }

    /// The most that all packs together may have, in bytes.
    pub(super) fn limit(&mut self) -> u64 {
        if let Some(limit) = self.asked.or(self.limit) {
            return limit;
        }
        let limit = self.home.filesystem().map_or(CACHE_LIMIT, |size| CACHE_LIMIT.min(size / 10));
        *self.limit.insert(limit)
    }

    /// The same, for this process.
    pub(super) fn room(&mut self) -> u64 {
        if self.off { 0 } else { self.limit() }
    }

    fn begun(&mut self) -> io::Result<Option<&mut PackWriter>> {
        if self.pack.is_none() {
            let Some(_held) = lock::shared_now(&self.home)? else { return Ok(None) };
            self.pack = Some(PackWriter::begin(Arc::new(self.home.made("tmp")?))?);
        }
        Ok(self.pack.as_mut())
    }

    /// Goes on without a cache where that is all there is to do.
    fn without(&mut self, error: io::Error) -> Result<(), StoreError> {
        use io::ErrorKind::{NotFound, PermissionDenied, QuotaExceeded, ReadOnlyFilesystem, StorageFull};
        self.off = true;
        self.pack = None;
        match error.kind() {
            StorageFull | QuotaExceeded | ReadOnlyFilesystem | PermissionDenied | NotFound => Ok(()),
            _ => Err(StoreError::io("cache a block", self.home.path())(error)),
        }
    }
}

/// What was gathered isn't lost when the process ends well.
impl Drop for Cache {
    fn drop(&mut self) {
        let _ = self.flush();
    }
}

/// Removes the packs that were used longest ago until those that stay have `limit` bytes at most.
pub(super) fn make_room(folder: &Folder, limit: u64) -> io::Result<()> {
    make_room_but(folder, limit, None)
}

fn make_room_but(folder: &Folder, limit: u64, last: Option<&str>) -> io::Result<()> {
    let mut packs = Vec::new();
    for name in folder.names()?.into_iter().filter(|name| name.ends_with(SUFFIX)) {
        if let Some(known) = folder.look(&name)? {
            let size = known.blocks() * 512;
            packs.push((last == Some(&name), (known.mtime(), known.mtime_nsec()), size.max(known.len()), name));
        }
    }
    packs.sort();
    let mut sum: u64 = packs.iter().map(|(_, _, size, _)| size).sum();
    for (_, _, size, name) in packs {
        if sum <= limit {
            break;
        }
        folder.remove(&name)?;
        sum -= size;
    }
    Ok(())
}
