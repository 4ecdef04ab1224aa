//! The index of a pack: hashes in order, each with where its block is.
//!
//! - What it does: finds a hash by guessing where it must be, since digests are spread evenly, and reads a page or two;
//!   of a pack that is asked often, the first eight bytes of each digest are in memory.
//! - What must stay true: each step makes the range smaller, so that an index in the wrong order ends the search too.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use super::header::{number, put_varint, varint};
use super::{Hash, damaged};

/// `MultihashIndexSorted` in the multicodec table.
const CODEC: u64 = 0x0401;
/// How many functions, or lengths of one, a pack may have.
const GROUPS_MAX: u32 = 256;
/// How many records are read at once.
const WINDOW: u64 = 64;
/// From how many questions on the beginnings are kept in memory.
const OFTEN: u32 = 32;
/// The most that are kept in memory for one pack, 8 bytes each.
const PREFIXES_MAX: u64 = 4 << 20;

/// Where the records of an index are.
#[derive(Debug, Default)]
pub(in crate::store) struct Index {
    groups: Vec<Group>,
    asked: AtomicU32,
}

/// The records of one function and one length of digest.
#[derive(Debug)]
struct Group {
    code: u64,
    digest: usize,
    at: u64,
    records: u64,
    prefixes: OnceLock<Option<Vec<u64>>>,
}

impl Index {
    pub(super) fn read(file: &File, start: u64, size: u64) -> io::Result<Index> {
        let mut reader = Reader { file, at: start, size };
        if reader.varint()? != CODEC {
            return Err(damaged("an index of an unknown form"));
        }
        let mut groups = Vec::new();
        for _ in 0..reader.count()? {
            let code = number(&reader.take::<8>()?);
            for _ in 0..reader.count()? {
                let width = number(&reader.take::<4>()?);
                let bytes = number(&reader.take::<8>()?);
                let fits = (9..=8 + 128).contains(&width)
                    && bytes.is_multiple_of(width)
                    && bytes <= size.saturating_sub(reader.at);
                if !fits || groups.len() >= GROUPS_MAX as usize {
                    return Err(damaged("its index"));
                }
                let (digest, records) = (width as usize - 8, bytes / width);
                groups.push(Group { code, digest, at: reader.at, records, prefixes: OnceLock::new() });
                reader.at += bytes;
            }
        }
        Ok(Index { groups, asked: AtomicU32::new(0) })
    }

    pub(super) fn records(&self) -> u64 {
        self.groups.iter().map(|group| group.records).sum()
    }

    pub(super) fn find(&self, file: &File, hash: &Hash) -> io::Result<Option<u64>> {
        let group = self.groups.iter().find(|group| group.code == hash.code() && group.digest == hash.digest().len());
        let Some(group) = group else { return Ok(None) };
        if self.asked.fetch_add(1, Ordering::Relaxed) >= OFTEN
            && let Some(known) = group.prefixes.get_or_init(|| group.prefixes(file).ok().flatten())
        {
            let wanted = prefix(hash.digest());
            let at = known.partition_point(|known| *known < wanted) as u64;
            return match known.get(at as usize) {
                Some(found) if *found == wanted => group.search(file, hash.digest(), at),
                _ => Ok(None),
            };
        }
        let guess = (u128::from(prefix(hash.digest())) * u128::from(group.records)) >> 64;
        group.search(file, hash.digest(), guess as u64)
    }

    pub(super) fn entries(&self, file: &File) -> io::Result<Vec<(Hash, u64)>> {
        let mut entries = Vec::new();
        for group in &self.groups {
            group.each(file, &mut |digest, offset| {
                let hash = Hash::wrap(group.code, digest).map_err(|_| damaged("its index"))?;
                entries.push((hash, offset));
                Ok(())
            })?;
        }
        Ok(entries)
    }
}

impl Group {
    fn width(&self) -> usize {
        self.digest + 8
    }

    /// Looks for a digest near `guess`.
    fn search(&self, file: &File, wanted: &[u8], mut guess: u64) -> io::Result<Option<u64>> {
        let width = self.width();
        let (mut low, mut high, mut steps) = (0, self.records, 0);
        let mut window = vec![0; width * WINDOW as usize];
        while low < high {
            let first = guess.saturating_sub(WINDOW / 4).clamp(low, high - 1);
            let many = WINDOW.min(high - first);
            let records = &mut window[..many as usize * width];
            file.read_exact_at(records, self.at + first * width as u64)?;
            let digest = |record: &[u8]| record[..self.digest].cmp(wanted);
            let (lowest, highest) = (&records[..width], &records[records.len() - width..]);
            if digest(lowest).is_gt() {
                high = first;
            } else if digest(highest).is_lt() {
                low = first + many;
            } else {
                let found = records.chunks_exact(width).find(|record| digest(record).is_eq());
                return Ok(found.map(|record| number(&record[self.digest..])));
            }
            steps += 1;
            // Digests are even, so that how far off it was says where it is; an index that isn't even is halved.
            guess =
                if steps < 4 { first.saturating_add_signed(self.away(lowest, wanted)) } else { low + (high - low) / 2 };
        }
        Ok(None)
    }

    /// How many records lie between two digests, if they are even.
    fn away(&self, from: &[u8], to: &[u8]) -> i64 {
        let between = i128::from(prefix(to)) - i128::from(prefix(&from[..self.digest]));
        ((between * i128::from(self.records)) >> 64) as i64
    }

    /// The beginnings of all digests, in order; `None` where they are too many, or aren't in order.
    fn prefixes(&self, file: &File) -> io::Result<Option<Vec<u64>>> {
        if self.records > PREFIXES_MAX {
            return Ok(None);
        }
        let mut prefixes = Vec::with_capacity(self.records as usize);
        self.each(file, &mut |digest, _| {
            prefixes.push(prefix(digest));
            Ok(())
        })?;
        Ok(prefixes.is_sorted().then_some(prefixes))
    }

    fn each(&self, file: &File, take: &mut dyn FnMut(&[u8], u64) -> io::Result<()>) -> io::Result<()> {
        let width = self.width();
        let mut buffer = vec![0; width * 2048];
        let mut done = 0;
        while done < self.records {
            let many = (self.records - done).min(2048) as usize;
            let records = &mut buffer[..many * width];
            file.read_exact_at(records, self.at + done * width as u64)?;
            for record in records.chunks_exact(width) {
                take(&record[..self.digest], number(&record[self.digest..]))?;
            }
            done += many as u64;
        }
        Ok(())
    }
}

/// Of one function: digests and where their blocks are, by length.
type Lengths<'a> = BTreeMap<usize, Vec<(&'a [u8], u64)>>;

/// An index made of hashes and where their blocks are.
pub(super) fn written<'a>(entries: impl Iterator<Item = (&'a super::Key, u64)>) -> Vec<u8> {
    let mut groups: BTreeMap<u64, Lengths<'_>> = BTreeMap::new();
    for (super::Key { code, digest }, offset) in entries {
        groups.entry(*code).or_default().entry(digest.len()).or_default().push((digest, offset));
    }
    let mut bytes = Vec::new();
    put_varint(CODEC, &mut bytes);
    bytes.extend((groups.len() as u32).to_le_bytes());
    for (code, lengths) in groups {
        bytes.extend(code.to_le_bytes());
        bytes.extend((lengths.len() as u32).to_le_bytes());
        for (length, mut records) in lengths {
            records.sort_unstable();
            bytes.extend((length as u32 + 8).to_le_bytes());
            bytes.extend(((length as u64 + 8) * records.len() as u64).to_le_bytes());
            for (digest, offset) in records {
                bytes.extend(digest);
                bytes.extend(offset.to_le_bytes());
            }
        }
    }
    bytes
}

/// The first eight bytes of a digest as a number; a shorter one as if zeros came after it.
fn prefix(digest: &[u8]) -> u64 {
    let mut first = [0; 8];
    let length = digest.len().min(8);
    first[..length].copy_from_slice(&digest[..length]);
    u64::from_be_bytes(first)
}

/// Reads the small parts, none of which reaches past the end.
struct Reader<'a> {
    file: &'a File,
    at: u64,
    size: u64,
}

impl Reader<'_> {
    fn take<const N: usize>(&mut self) -> io::Result<[u8; N]> {
        let mut bytes = [0; N];
        self.file.read_exact_at(&mut bytes, self.at)?;
        self.at += N as u64;
        Ok(bytes)
    }

    fn count(&mut self) -> io::Result<u32> {
        let count = u32::from_le_bytes(self.take::<4>()?);
        if count > GROUPS_MAX { Err(damaged("its index")) } else { Ok(count) }
    }

    fn varint(&mut self) -> io::Result<u64> {
        let mut bytes = [0; 9];
        let length = (self.size.saturating_sub(self.at) as usize).min(bytes.len());
        self.file.read_exact_at(&mut bytes[..length], self.at)?;
        let (value, length) = varint(&bytes[..length]).ok_or_else(|| damaged("its index"))?;
        self.at += length as u64;
        Ok(value)
    }
}
