//! Every block hashed again, on all processors.
//!
//! - What it does: hashes what each index names, and sees whether that is all of the payload; sees whether every block of every
//!   root is there; then sets aside what is rotten and writes the packs anew that had any, without it.
//! - What must stay true: the good blocks of a damaged pack stay. Nothing is repaired while somebody writes.
//! - Serves: ruling 16; clause STORE-14.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::collect::{Known, opened, packs};
use super::lock;
use super::pack::{Hash, Pack, first_section};
use super::rewrite::{Rewrite, Which};
use super::{Store, StoreError, is, is_damage, root};
use crate::block::Cid;

/// How much of a pack is one piece of work, in bytes.
const PIECE: u64 = 16 << 20;
/// How often it is told how far it is.
const OFTEN: Duration = Duration::from_millis(125);

/// What was found.
#[derive(Clone, Debug, Default)]
pub struct Verified {
    /// Blocks that are good.
    pub blocks: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Blocks that are not what their CID says, with the pack that had them; set aside.
    pub rotten: Vec<(Cid, String)>,
    /// Packs that were damaged otherwise; what was good in them stays.
    pub damaged: Vec<String>,
    /// Roots that lack blocks, and how many.
    pub missing: Vec<(String, u64)>,
    /// Lists of what is kept that can't be read, and why.
    pub unreadable: Vec<String>,
}

impl Verified {
    /// Whether all is as it must be.
    pub fn is_clean(&self) -> bool {
        self.rotten.is_empty() && self.damaged.is_empty() && self.missing.is_empty() && self.unreadable.is_empty()
    }
}

/// A pack that is looked at.
struct Looked {
    name: String,
    which: Which,
    pack: Option<Arc<Pack>>,
    /// Where each block is, and last where the payload ends.
    entries: Vec<(Hash, u64)>,
    whole: AtomicBool,
}

/// Some blocks of a pack.
struct Piece {
    looked: usize,
    from: usize,
    to: usize,
}

#[derive(Default)]
struct Found {
    good: Known,
    rotten: Vec<(usize, Cid)>,
    error: Option<io::Error>,
}

impl Store {
    /// Hashes everything again, and repairs what can be.
    ///
    /// # Errors
    /// Where the store can't be read, or can't be written to though that is needed.
    pub fn verify(&self) -> Result<Verified, StoreError> {
        self.verify_watched(&mut |_, _| ())
    }

    /// The same; `went` hears now and then how many bytes are hashed, and of how many, and at the end.
    ///
    /// # Errors
    /// As [`Store::verify`].
    pub fn verify_watched(&self, went: &mut dyn FnMut(u64, u64)) -> Result<Verified, StoreError> {
        let failed = StoreError::io("verify it", self.home().path());
        self.flush()?;
        // A store that is read-only has no writers either.
        let shared = lock::shared_now(self.home()).ok().flatten();
        let looked = self.looked().map_err(&failed)?;
        let pieces = pieces(&looked);
        let (next, blocks, bytes) = (AtomicUsize::new(0), AtomicU64::new(0), AtomicU64::new(0));
        let found = Mutex::new(Found::default());
        let whole = looked.iter().filter_map(|looked| looked.pack.as_ref()).map(|pack| pack.end()).sum();
        let threads = std::thread::available_parallelism().map_or(1, usize::from).min(pieces.len());
        let work = || {
            while let Some(piece) = pieces.get(next.fetch_add(1, Ordering::Relaxed)) {
                let done = hash(&looked, piece, &found);
                blocks.fetch_add(done.0, Ordering::Relaxed);
                bytes.fetch_add(done.1, Ordering::Relaxed);
            }
        };
        std::thread::scope(|scope| {
            // Nothing is sent: who waits hears when the last of them is done.
            let (at_work, ended) = mpsc::channel::<()>();
            for _ in 0..threads {
                let (at_work, work) = (at_work.clone(), &work);
                scope.spawn(move || {
                    work();
                    drop(at_work);
                });
            }
            drop(at_work);
            while ended.recv_timeout(OFTEN) == Err(RecvTimeoutError::Timeout) {
                went(bytes.load(Ordering::Relaxed), whole);
            }
            went(bytes.load(Ordering::Relaxed), whole);
        });
        let found = found.into_inner().unwrap_or_else(PoisonError::into_inner);
        if let Some(error) = found.error {
            return Err(failed(error));
        }
        let mut verified = Verified { blocks: blocks.into_inner(), bytes: bytes.into_inner(), ..Verified::default() };
        drop(shared);
        for (at, cid) in &found.rotten {
            verified.rotten.push((*cid, looked[*at].name.clone()));
        }
        let damaged = looked.iter().filter(|looked| !looked.whole.load(Ordering::Relaxed));
        verified.damaged = damaged.map(|looked| looked.name.clone()).collect();
        let mut good = found.good;
        if !verified.rotten.is_empty() || !verified.damaged.is_empty() {
            self.repair(&verified, &looked, &mut good)?;
        }
        self.complete(&good, &mut verified)?;
        Ok(verified)
    }

    /// Every pack, with what its index says.
    fn looked(&self) -> io::Result<Vec<Looked>> {
        let mut all = Vec::new();
        for which in [Which::Kept, Which::Cached] {
            let folder = self.shelf(which).folder();
            for name in packs(folder)? {
                let read = opened(folder, &name).and_then(|pack| Ok((pack.entries()?, pack)));
                let (pack, entries) = match read {
                    Ok((entries, pack)) => (Some(Arc::new(pack)), entries),
                    // Evicted meanwhile.
                    Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                    Err(error) if is_damage(&error) || error.kind() == io::ErrorKind::InvalidInput => {
                        (None, Vec::new())
                    }
                    Err(error) => return Err(error),
                };
                let whole = pack.as_ref().is_some_and(|pack| {
                    first_section(pack).is_ok_and(|first| entries.first().map_or(pack.end(), |entry| entry.1) == first)
                });
                all.push(Looked { name, which, pack, entries, whole: AtomicBool::new(whole) });
            }
        }
        Ok(all)
    }

    fn repair(&self, verified: &Verified, looked: &[Looked], good: &mut Known) -> Result<(), StoreError> {
        let failed = StoreError::io("repair a pack", self.home().path());
        let _alone = lock::exclusive(self.home())?;
        for bad in looked {
            let damaged = verified.damaged.contains(&bad.name);
            if !damaged && !verified.rotten.iter().any(|(_, name)| *name == bad.name) {
                continue;
            }
            let folder = self.shelf(bad.which).folder();
            let mut rewrite = Rewrite::new(self, bad.which);
            if let Some(pack) = &bad.pack {
                rewrite.take(&bad.name, pack, &mut |_| true)?;
            }
            if damaged {
                let salvaged = match &bad.pack {
                    Some(pack) => Ok(Arc::clone(pack)),
                    None => folder.file(&bad.name).and_then(Pack::without_index).map(Arc::new),
                };
                match salvaged {
                    Ok(pack) => rewrite.salvage(&bad.name, &pack, &mut |hash| {
                        good.insert(hash);
                        true
                    })?,
                    // Not even a file.
                    Err(error) if error.kind() == io::ErrorKind::InvalidInput => {}
                    Err(error) => return Err(failed(error)),
                }
            }
            rewrite.publish()?;
        }
        Ok(())
    }

    /// Sees whether each root has all of its blocks.
    fn complete(&self, good: &Known, verified: &mut Verified) -> Result<(), StoreError> {
        let roots = self.home().child("roots").map_err(StoreError::io("list what is kept", self.home().path()))?;
        for name in roots.names().map_err(StoreError::io("list what is kept", self.home().path()))? {
            let kept = match root::one(&roots, &name) {
                Ok(Some(kept)) => kept,
                Ok(None) => continue,
                Err(error) => {
                    verified.unreadable.push(error.to_string());
                    continue;
                }
            };
            let mut lost = 0;
            let read = root::blocks(self.home(), &kept, &mut |hash| {
                // What was committed since isn't in the set.
                let there = good.has(&hash) || self.has(&Cid::new_v1(0x55, hash)).unwrap_or(false);
                lost += u64::from(!there);
            });
            match read {
                Err(error) => verified.unreadable.push(error.to_string()),
                // One that was removed meanwhile lacks nothing, whatever was collected.
                Ok(()) if lost > 0 && matches!(root::one(&roots, &name), Ok(Some(_))) => {
                    verified.missing.push((kept.title(), lost))
                }
                Ok(()) => {}
            }
        }
        Ok(())
    }
}

fn pieces(looked: &[Looked]) -> Vec<Piece> {
    let mut pieces = Vec::new();
    for (at, pack) in looked.iter().enumerate() {
        let mut from = 0;
        for to in 1..=pack.entries.len() {
            let full = pack.entries.get(to).is_none_or(|next| next.1.saturating_sub(pack.entries[from].1) > PIECE);
            if full {
                pieces.push(Piece { looked: at, from, to });
                from = to;
            }
        }
    }
    pieces
}

/// Hashes some blocks; says how many are good, and their bytes.
fn hash(looked: &[Looked], piece: &Piece, found: &Mutex<Found>) -> (u64, u64) {
    let looked_at = &looked[piece.looked];
    let Some(pack) = &looked_at.pack else { return (0, 0) };
    let (mut blocks, mut bytes) = (0, 0);
    for at in piece.from..piece.to {
        let (hash, offset) = looked_at.entries[at];
        let next = looked_at.entries.get(at + 1).map_or(pack.end(), |entry| entry.1);
        let read = pack.section(offset);
        let good = read.as_ref().is_ok_and(|section| is(&section.cid, &section.block));
        let named = read.as_ref().is_ok_and(|section| *section.cid.hash() == hash);
        let mut found = found.lock().unwrap_or_else(PoisonError::into_inner);
        match &read {
            Ok(section) if good => {
                (blocks, bytes) = (blocks + 1, bytes + section.block.len() as u64);
                found.good.insert(section.cid.hash());
            }
            Err(error) if !is_damage(error) => {
                found.error.get_or_insert(io::Error::new(error.kind(), error.to_string()));
            }
            Ok(section) if named => found.rotten.push((piece.looked, section.cid)),
            _ => found.rotten.push((piece.looked, Cid::new_v1(0x55, hash))),
        }
        // A good block under a wrong hash, or one between two that the index names: the index is damaged.
        if (good && !named) || !read.is_ok_and(|section| section.end == next) {
            looked_at.whole.store(false, Ordering::Relaxed);
        }
    }
    (blocks, bytes)
}
