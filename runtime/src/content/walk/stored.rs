//! A file that is in the store, a large one hashed on all cores.
//!
//! - What it does: walks the tree, and has threads read, verify and write its leaves, some at a time.
//! - What must stay true: it gives the file or nothing: whatever isn't as it should be is left to the ordinary walk, which
//!   has other sources and says what is wrong. Its threads are gone when it returns: a start finds none. Between two
//!   parts other work has its turn, so that a signal ends a run.
//! - Serves: rulings 7, 16.

use std::fs::File;
use std::num::NonZero;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use super::super::Cid;
use super::super::gateway::WORTH;
use super::super::node::{DAG_PB, Node, RAW};
use super::super::sources::{Seen, Sources};
use super::{Level, Part, as_file, blocks_of, next_part, tree_size};
use crate::store::Store;

/// How much of a file is done between two turns of other work, in bytes and in blocks.
const STRIDE: u64 = 32 << 20;
const PARTS: usize = 4096;
/// What is smaller is copied sooner than a thread wakes up, in bytes.
const ASIDE: u64 = 64 << 10;
/// The most threads: each has a block in memory.
const THREADS: usize = 4;

/// Writes the file `root`, of at most `max_size` bytes, out of the store into an empty file, and gives its size; `None` where it
/// isn't all there, or not as it should be: then the file is empty again.
pub(crate) async fn fetch(sources: &Sources, root: Cid, into: &File, max_size: u64) -> Option<u64> {
    if !matches!(root.codec(), DAG_PB | RAW) || !sources.has(&root) {
        return None;
    }
    let store = sources.store()?;
    let fetched = match root.codec() {
        RAW => store.copy(&root, max_size, into, 0).inspect(|size| sources.shelved(1, *size)),
        _ => of_leaves(sources, &store, root, into, max_size).await,
    };
    if fetched.is_none() {
        emptied(into)?;
    }
    fetched
}

/// Takes back what was written. A file that is cut to nothing, ext4 writes to the disk when it is closed: one in which nothing is,
/// is left as it is.
fn emptied(file: &File) -> Option<()> {
    match file.metadata().ok()?.len() {
        0 => Some(()),
        _ => file.set_len(0).ok(),
    }
}

/// The same for one file of many: a processor that has nothing else to do copies it.
pub(crate) async fn fetch_aside(sources: &Sources, root: Cid, into: &File, max_size: u64) -> Option<u64> {
    let store = sources.store().filter(|_| root.codec() == RAW);
    let Some(store) = store.filter(|store| store.size(&root).is_some_and(|size| size >= ASIDE)) else {
        return fetch(sources, root, into, max_size).await;
    };
    let file = into.try_clone().ok()?;
    let copied = tokio::task::spawn_blocking(move || store.copy(&root, max_size, &file, 0)).await.ok()?;
    match copied {
        Some(size) => sources.shelved(1, size),
        None => emptied(into)?,
    }
    copied
}

async fn of_leaves(sources: &Sources, store: &Store, root: Cid, into: &File, max_size: u64) -> Option<u64> {
    let (size, level) = inner(store, &Part::root(root))?;
    if size > max_size {
        return None;
    }
    // A small one is done before a thread has begun.
    let processors = || thread::available_parallelism().map_or(1, NonZero::get).min(THREADS);
    let threads = if size < WORTH { 1 } else { processors() };
    sources.see(Seen::Whole(size));
    let mut waiting: Vec<Level> = level.into_iter().collect();
    let mut blocks = blocks_of(size);
    loop {
        let (mut leaves, mut bytes) = (Vec::new(), 0);
        while bytes < STRIDE
            && leaves.len() < PARTS
            && let Some(part) = next_part(&mut waiting).ok()?
        {
            blocks = blocks.checked_sub(1)?;
            match part.cid.codec() {
                RAW => {
                    bytes += part.size?;
                    leaves.push(part);
                }
                DAG_PB => {
                    let (total, level) = inner(store, &part)?;
                    // A leaf that is a node has bytes of its own.
                    if part.size? != total || level.is_none() {
                        return None;
                    }
                    waiting.extend(level);
                }
                _ => return None,
            }
            if waiting.iter().map(Level::memory).sum::<usize>() > super::WAITING {
                return None;
            }
        }
        if leaves.is_empty() {
            return Some(size);
        }
        if !written(store, &leaves, into, threads) {
            return None;
        }
        sources.shelved(leaves.len() as u64, bytes);
        tokio::task::yield_now().await;
    }
}

/// A node of the file's that has nothing but links: what it declares, and they.
fn inner(store: &Store, part: &Part) -> Option<(u64, Option<Level>)> {
    let block = store.get(&part.cid).ok()??;
    let node = Node::decode(&block).ok()?;
    let file = as_file(&part.cid, &node, part.depth == 0).ok().filter(|file| file.data.is_empty())?;
    let total = tree_size(&part.cid, &node, file).ok()?;
    Some((total, Level::new(&node, file, part.offset, part.depth + 1)))
}

/// Whether all leaves were there, right, and could be written.
fn written(store: &Store, leaves: &[Part], into: &File, threads: usize) -> bool {
    let (next, failed) = (AtomicUsize::new(0), AtomicBool::new(false));
    let work = || {
        while let Some(leaf) = leaves.get(next.fetch_add(1, Ordering::Relaxed))
            && !failed.load(Ordering::Relaxed)
        {
            let copied = leaf.size.and_then(|size| store.copy(&leaf.cid, size, into, leaf.offset));
            if copied.is_none() || copied != leaf.size {
                failed.store(true, Ordering::Relaxed);
            }
        }
    };
    thread::scope(|scope| {
        let others: Vec<_> = (1..threads).map(|_| scope.spawn(work)).collect();
        work();
        // Else they are waited for until they are done, and not until they are gone.
        for other in others {
            failed.fetch_or(other.join().is_err(), Ordering::Relaxed);
        }
    });
    !failed.into_inner()
}
