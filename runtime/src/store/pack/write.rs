//! A pack on its way: blocks one after the other, then the index, then the header that says where it is.
//!
//! What must stay true: the file has another directory and name until all of it is written, and is removed when it is given
//! up; one whose process was killed is nobody's, which its lock says.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use nix::fcntl::{Flock, FlockArg};

use super::header::{self, Header, PAYLOAD_HEADER, put_varint};
use super::{Hash, Key, SUFFIX, Section, index, section};
use crate::block::Cid;
use crate::store::folder::Folder;
use crate::sys::writeback;

/// How much is gathered before it is written.
const BUFFER: usize = 256 << 10;
/// How much is written before the disk begins with it, where it is to be durable, in bytes.
const STRIDE: u64 = 8 << 20;

/// A pack that isn't there yet.
#[derive(Debug)]
pub(in crate::store) struct PackWriter {
    folder: Arc<Folder>,
    name: String,
    file: BufWriter<File>,
    length: u64,
    entries: HashMap<Key, u64>,
    published: bool,
    /// Up to where the disk has begun, where the pack is to be durable.
    begun: Option<u64>,
    /// The same open file as `file`.
    _lock: Flock<File>,
}

/// What was published.
#[derive(Debug)]
pub(in crate::store) struct Finished {
    /// Its name.
    pub(in crate::store) name: String,
}

impl PackWriter {
    /// Begins one in `folder`. Who calls holds the store's lock, so that nobody takes the new file for one that was left.
    pub(in crate::store) fn begin(folder: Arc<Folder>) -> io::Result<PackWriter> {
        let name = format!("{}{SUFFIX}", crate::store::fresh_name());
        // Nobody writes to a pack, root aside: its mode says so from the start.
        let file = folder.create(&name, 0o400)?;
        let lock = Flock::lock(file.try_clone()?, FlockArg::LockExclusiveNonblock).map_err(|(_, errno)| errno)?;
        let file = BufWriter::with_capacity(BUFFER, file);
        let length = PAYLOAD_HEADER.len() as u64;
        let mut pack = PackWriter {
            folder,
            name,
            file,
            length,
            entries: HashMap::new(),
            published: false,
            begun: None,
            _lock: lock,
        };
        pack.file.write_all(&[0; header::LENGTH as usize])?;
        pack.file.write_all(PAYLOAD_HEADER)?;
        Ok(pack)
    }

    /// Has the disk begin before all is there: who makes it durable at the end has less to wait for.
    pub(in crate::store) fn early(mut self) -> PackWriter {
        self.begun = Some(0);
        self
    }

    /// Appends a block. One that it has already isn't written again.
    pub(in crate::store) fn put(&mut self, cid: &Cid, block: &[u8]) -> io::Result<()> {
        let key = Key::of(cid.hash());
        if self.entries.contains_key(&key) {
            return Ok(());
        }
        let cid_bytes = cid.to_bytes();
        let mut head = Vec::with_capacity(16 + cid_bytes.len());
        put_varint((cid_bytes.len() + block.len()) as u64, &mut head);
        head.extend(&cid_bytes);
        self.file.write_all(&head)?;
        self.file.write_all(block)?;
        self.entries.insert(key, self.length);
        self.length += (head.len() + block.len()) as u64;
        if let Some(begun) = self.begun.filter(|begun| self.length - begun >= STRIDE) {
            writeback::begin(self.file.get_ref(), begun, self.length - begun);
            self.begun = Some(self.length);
        }
        Ok(())
    }

    /// Whether it has a block.
    pub(in crate::store) fn has(&self, hash: &Hash) -> bool {
        self.entries.contains_key(&Key::of(hash))
    }

    /// A block that was put, as the file has it.
    pub(in crate::store) fn block(&mut self, hash: &Hash) -> io::Result<Option<Section>> {
        let Some(offset) = self.entries.get(&Key::of(hash)).copied() else { return Ok(None) };
        self.file.flush()?;
        section(self.file.get_ref(), header::LENGTH, self.length, offset).map(Some)
    }

    /// Bytes of blocks, and what goes with them, so far.
    pub(in crate::store) fn length(&self) -> u64 {
        self.length
    }

    /// The hashes of its blocks, in no order.
    pub(in crate::store) fn hashes(&self) -> impl Iterator<Item = Hash> {
        self.entries.keys().filter_map(Key::hash)
    }

    /// How many blocks it has.
    pub(in crate::store) fn blocks(&self) -> usize {
        self.entries.len()
    }

    /// Whether it has no block.
    pub(in crate::store) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Completes it and gives it its name in `to`; where it is to be `durable`, it survives a power cut from then on.
    pub(in crate::store) fn finish(mut self, to: &Folder, durable: bool) -> io::Result<Finished> {
        let entries = index::written(self.entries.iter().map(|(hash, offset)| (hash, *offset)));
        self.file.write_all(&entries)?;
        self.file.flush()?;
        let header = Header { payload: header::LENGTH, length: self.length, index: header::LENGTH + self.length };
        let file = self.file.get_ref();
        file.write_all_at(&header.bytes(), 0)?;
        if durable {
            file.sync_data()?;
        }
        self.folder.rename(&self.name, to, &self.name)?;
        self.published = true;
        if durable {
            to.sync()?;
        }
        Ok(Finished { name: self.name.clone() })
    }
}

impl Drop for PackWriter {
    fn drop(&mut self) {
        if !self.published {
            let _ = self.folder.remove(&self.name);
        }
    }
}
