//! A pack: blocks that were stored together, in one file that never changes once it has its name.
//!
//! - What it does: reads and writes CARv2 files with an index of the form `MultihashIndexSorted`
//!   (<https://ipld.io/specs/transport/car/carv2/>), so that a store can be read by other tools, `ipfs dag import` among
//!   them, and its blocks be found again where the index is damaged.
//! - What must stay true: what is read is not believed. Every offset and length is bounded by the file's own, and
//!   whoever asked for a block checks its hash.
//! - Serves: ruling 16, 20.

mod header;
mod index;
mod scan;
mod write;

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use crate::block::Cid;

use header::{Header, varint};
use index::Index;
pub(super) use write::PackWriter;

/// A hash with its function and length, as a CID has it: what a block is found by.
pub(super) type Hash = cid::multihash::Multihash<128>;

/// The same in as little memory as it takes: what is held of each block while many are written.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Key {
    code: u64,
    digest: Box<[u8]>,
}

impl Key {
    pub(super) fn of(hash: &Hash) -> Key {
        Key { code: hash.code(), digest: hash.digest().into() }
    }

    /// The hash again; it was one.
    pub(super) fn hash(&self) -> Option<Hash> {
        Hash::wrap(self.code, &self.digest).ok()
    }
}

/// The largest block, in bytes: twice what Kubo gives away.
pub const BLOCK_MAX: usize = 4 << 20;
/// The largest section: a block and its CID.
const SECTION_MAX: u64 = BLOCK_MAX as u64 + 256;
/// Bytes that hold a section's length and CID.
const HEAD: usize = 160;
/// What the names of packs end with.
pub(super) const SUFFIX: &str = ".car";

/// A block where it lies.
#[derive(Debug)]
pub(super) struct Section {
    /// Its CID, as the pack has it.
    pub(super) cid: Cid,
    /// Its bytes.
    pub(super) block: Vec<u8>,
    /// Where the next one begins, in the payload.
    pub(super) end: u64,
}

/// A pack that is open.
#[derive(Debug)]
pub(super) struct Pack {
    file: File,
    header: Header,
    index: Index,
}

/// Where a block is.
#[derive(Debug)]
pub(super) struct Location {
    /// The pack's name.
    pub(super) name: String,
    /// The pack, open.
    pub(super) pack: Arc<Pack>,
    /// Of its section, in the pack's payload.
    pub(super) offset: u64,
}

impl Pack {
    /// Reads what says where everything is.
    pub(super) fn open(file: File) -> io::Result<Pack> {
        let size = file.metadata()?.len();
        let header = Header::read(&file, size)?;
        let index = Index::read(&file, header.index, size)?;
        Ok(Pack { file, header, index })
    }

    /// The same of a file whose header or index is damaged, as if it were all payload: to be scanned.
    pub(super) fn without_index(file: File) -> io::Result<Pack> {
        let size = file.metadata()?.len();
        let length = size.checked_sub(header::LENGTH).ok_or_else(|| damaged("it is too short"))?;
        let header = Header { payload: header::LENGTH, length, index: size };
        Ok(Pack { file, header, index: Index::default() })
    }

    /// Where the payload ends, as offsets count.
    pub(super) fn end(&self) -> u64 {
        self.header.length
    }

    /// Where in the payload the block with this hash is.
    pub(super) fn find(&self, hash: &Hash) -> io::Result<Option<u64>> {
        self.index.find(&self.file, hash)
    }

    /// The CID of the section at an offset of the payload, and where in the file its block is: where it begins, how long it
    /// is.
    pub(super) fn whereabouts(&self, offset: u64) -> io::Result<(Cid, u64, u64)> {
        let start = self.header.payload;
        let (head, read, prefix, size) = head(&self.file, start, self.header.length, offset)?;
        let (cid, taken) = named(&head[prefix..read], size)?;
        Ok((cid, start + offset + (prefix + taken) as u64, (size - taken) as u64))
    }

    /// The section at an offset of the payload.
    pub(super) fn section(&self, offset: u64) -> io::Result<Section> {
        section(&self.file, self.header.payload, self.header.length, offset)
    }

    /// The CID of the section at an offset of the payload.
    pub(super) fn cid(&self, offset: u64) -> io::Result<Cid> {
        let (head, read, prefix, size) = head(&self.file, self.header.payload, self.header.length, offset)?;
        let bytes = &head[prefix..read.min(prefix + size)];
        Cid::read_bytes(bytes).map_err(|_| damaged("a section's CID"))
    }

    /// Every hash of the index and where its block is said to be, in the order of the file.
    pub(super) fn entries(&self) -> io::Result<Vec<(Hash, u64)>> {
        let mut entries = self.index.entries(&self.file)?;
        entries.sort_by_key(|(_, offset)| *offset);
        Ok(entries)
    }

    /// Calls `each` with every section of the payload that can be read, in order, without the index; says whether that was all of it.
    pub(super) fn scan(&self, each: &mut dyn FnMut(u64, Section)) -> io::Result<bool> {
        scan::all(&self.file, self.header.payload, self.header.length, each)
    }

    /// How many blocks the index names.
    pub(super) fn blocks(&self) -> u64 {
        self.index.records()
    }

    /// The file itself.
    pub(super) fn file(&self) -> &File {
        &self.file
    }
}

/// Where the first section of a payload is.
pub(super) fn first_section(pack: &Pack) -> io::Result<u64> {
    scan::first(&pack.file, pack.header.payload, pack.header.length)
}

/// Reads one section of a payload that begins at `start` of `file` and has `length` bytes.
fn section(file: &File, start: u64, length: u64, offset: u64) -> io::Result<Section> {
    let (head, read, prefix, size) = head(file, start, length, offset)?;
    let (cid, taken) = named(&head[prefix..read], size)?;
    let mut block = vec![0; size - taken];
    let known = (read - prefix - taken).min(block.len());
    block[..known].copy_from_slice(&head[prefix + taken..prefix + taken + known]);
    file.read_exact_at(&mut block[known..], start + offset + (prefix + taken + known) as u64)?;
    Ok(Section { cid, block, end: offset + (prefix + size) as u64 })
}

/// The CID that a section of `size` bytes begins with, and how many of them it takes: a head holds all of it.
fn named(head: &[u8], size: usize) -> io::Result<(Cid, usize)> {
    let head = &head[..head.len().min(size)];
    let mut rest = head;
    let cid = Cid::read_bytes(&mut rest).map_err(|_| damaged("a section's CID"))?;
    Ok((cid, head.len() - rest.len()))
}

/// The beginning of a section: its bytes and how many those are, how many of them tell its length, and that.
fn head(file: &File, start: u64, length: u64, offset: u64) -> io::Result<([u8; HEAD], usize, usize, usize)> {
    let left = length.checked_sub(offset).filter(|left| *left > 0).ok_or_else(|| damaged("an offset past its end"))?;
    let mut head = [0; HEAD];
    let read = left.min(HEAD as u64) as usize;
    file.read_exact_at(&mut head[..read], start + offset)?;
    let (size, prefix) = varint(&head[..read]).ok_or_else(|| damaged("a section's length"))?;
    if size > SECTION_MAX || prefix as u64 + size > left {
        return Err(damaged("a section that is longer than what is left"));
    }
    Ok((head, read, prefix, size as usize))
}

fn damaged(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("damaged: {what}"))
}

#[cfg(test)]
mod tests;
