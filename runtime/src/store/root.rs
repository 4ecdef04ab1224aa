//! What is kept: a CID, its name if it has one, and the list of all its blocks.
//!
//! - What it does: one file a root in `roots/`: a line of JSON, the hashes of its blocks, and the SHA-256 of all that. With it,
//!   to collect garbage is to read lists: no block is decoded, whatever its codec, and one that is rotten hides no other.
//! - What must stay true: a list has its name only when it is complete and its blocks are durable. One that can't be
//!   read stops whoever would remove blocks.
//! - Serves: ruling 16; clauses STORE-04, STORE-16.

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::folder::Folder;
use super::pack::Hash;
use super::{StoreError, fresh_name};
use crate::block::{Cid, parse_cid};

/// The longest first line, in bytes: a CID, and a name of 4 KiB whose every byte is escaped.
const LINE_MAX: usize = 64 << 10;
/// The longest name, in bytes: a path's.
const NAME_MAX: usize = 4096;

/// What is to be kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Root {
    /// Where it begins.
    pub cid: Cid,
    /// What the user calls it: a file's name. The same content may be kept under several.
    pub name: Option<String>,
}

/// What is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// Where it begins.
    pub cid: Cid,
    /// What the user calls it.
    pub name: Option<String>,
    /// Whether it is pinned, rather than put.
    pub pinned: bool,
    /// Since when.
    pub since: SystemTime,
    /// Bytes of its blocks, each counted once.
    pub size: u64,
    /// How many those are.
    pub blocks: u64,
    /// The file that says so.
    pub(super) file: String,
}

/// Why it is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Why {
    /// Somebody put it there.
    Put,
    /// Somebody pinned it, whoever put it.
    Pin,
}

/// What the names of files end with that keep what is pinned.
pub(super) const PIN: &str = "-pin";

impl Kept {
    /// Its CID, and its name where it has one.
    pub(super) fn title(&self) -> String {
        match &self.name {
            Some(name) => format!("{} ({})", self.cid, crate::tame::tame(name)),
            None => self.cid.to_string(),
        }
    }
}

#[derive(Serialize, Deserialize)]
struct Line {
    cid: String,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    name: Option<String>,
    time: u64,
    size: u64,
    blocks: u64,
}

/// A list of blocks that keeps them from when it is published on. What is dropped before was never there.
pub(super) struct List {
    tmp: Folder,
    roots: Folder,
    /// Its name in `tmp`, and in `roots`.
    names: (String, String),
    published: bool,
}

/// Writes the list of a root's blocks: so many, of `size` bytes together.
pub(super) fn write(
    home: &Folder,
    root: &Root,
    why: Why,
    (blocks, size): (u64, u64),
    hashes: &mut dyn Iterator<Item = Hash>,
) -> io::Result<List> {
    if root.name.as_ref().is_some_and(|name| name.len() > NAME_MAX) {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "a name of more than 4096 bytes"));
    }
    let names = (fresh_name(), file_name(root, why));
    let list = List { tmp: home.made("tmp")?, roots: home.made("roots")?, names, published: false };
    let mut out = Summed { out: BufWriter::new(list.tmp.create(&list.names.0, 0o400)?), sum: Sha256::new() };
    let time = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let line = Line { cid: root.cid.to_string(), name: root.name.clone(), time, size, blocks };
    serde_json::to_writer(&mut out, &line)?;
    out.write_all(b"\n")?;
    for hash in hashes {
        hash.write(&mut out).map_err(io::Error::other)?;
    }
    let Summed { mut out, sum } = out;
    out.write_all(&sum.finalize())?;
    out.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()?;
    Ok(list)
}

impl List {
    /// Has it count, durably, in the place of one for the same content and name.
    pub(super) fn publish(mut self) -> io::Result<()> {
        self.tmp.rename(&self.names.0, &self.roots, &self.names.1)?;
        self.published = true;
        self.roots.sync()
    }
}

impl Drop for List {
    fn drop(&mut self) {
        if !self.published {
            let _ = self.tmp.remove(&self.names.0);
        }
    }
}

/// All that is kept, oldest first.
pub(super) fn all(home: &Folder) -> Result<Vec<Kept>, StoreError> {
    let roots = home.made("roots").map_err(StoreError::io("list what is kept", home.path()))?;
    let mut all = Vec::new();
    for name in roots.names().map_err(StoreError::io("list what is kept", home.path()))? {
        all.extend(one(&roots, &name)?);
    }
    all.sort_by(|one, other| (one.since, &one.file).cmp(&(other.since, &other.file)));
    Ok(all)
}

/// One file of them; `None` where it was removed meanwhile.
pub(super) fn one(roots: &Folder, name: &str) -> Result<Option<Kept>, StoreError> {
    match roots.file(name) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        opened => {
            let read = opened.and_then(|file| first(&mut Summed::of(file), name));
            read.map(Some).map_err(|error| broken(roots, name, &error))
        }
    }
}

/// Calls `take` with the hash of every block of a root's; of one that was removed meanwhile, with none: it keeps nothing
/// any more. Nothing of it counts where an error comes.
pub(super) fn blocks(home: &Folder, kept: &Kept, take: &mut dyn FnMut(Hash)) -> Result<(), StoreError> {
    let roots = home.made("roots").map_err(StoreError::io("list what is kept", home.path()))?;
    let mut read = || {
        let mut file = match roots.file(&kept.file) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            opened => Summed::of(opened?),
        };
        let known = first(&mut file, &kept.file)?;
        for _ in 0..known.blocks {
            take(Hash::read(&mut file).map_err(|_| wrong("it ends too early"))?);
        }
        let Summed { out: mut rest, sum } = file;
        let mut stated = [0; 32];
        rest.read_exact(&mut stated)?;
        let more = rest.read(&mut [0])?;
        if stated[..] == sum.finalize()[..] && more == 0 { Ok(()) } else { Err(wrong("its sum differs")) }
    };
    read().map_err(|error| broken(&roots, &kept.file, &error))
}

/// Removes one, for good; another may have done so meanwhile.
pub(super) fn remove(home: &Folder, kept: &Kept) -> Result<(), StoreError> {
    let failed = StoreError::io("remove a name", home.path());
    let roots = home.made("roots").map_err(&failed)?;
    match roots.remove(&kept.file) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(failed(error)),
        _ => roots.sync().map_err(&failed),
    }
}

/// One file for each content and name, and one for its pin: to keep it again is to write that file anew.
pub(super) fn file_name(root: &Root, why: Why) -> String {
    let name = root.name.as_ref().map(Sha256::digest);
    let name = name.iter().flat_map(|sum| &sum[..8]).fold(String::new(), |text, byte| format!("{text}{byte:02x}"));
    // A CID with an identity digest may be longer than a file's name can be.
    let cid =
        Sha256::digest(root.cid.to_bytes())[..16].iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"));
    match (why, name.is_empty()) {
        (Why::Pin, _) => cid + PIN,
        (Why::Put, true) => cid,
        (Why::Put, false) => format!("{cid}-{name}"),
    }
}

fn first(file: &mut Summed<BufReader<File>>, name: &str) -> io::Result<Kept> {
    let mut line = Vec::new();
    let mut byte = [0];
    loop {
        file.read_exact(&mut byte)?;
        if byte == *b"\n" {
            break;
        }
        line.push(byte[0]);
        if line.len() > LINE_MAX {
            return Err(wrong("its first line doesn't end"));
        }
    }
    let line: Line = serde_json::from_slice(&line).map_err(|_| wrong("its first line"))?;
    let cid = parse_cid(&line.cid).ok_or_else(|| wrong("its CID"))?;
    let since = UNIX_EPOCH.checked_add(Duration::from_secs(line.time)).ok_or_else(|| wrong("its time"))?;
    let pinned = name.ends_with(PIN);
    let name_of = line.name.filter(|_| !pinned);
    Ok(Kept { cid, name: name_of, pinned, since, size: line.size, blocks: line.blocks, file: name.to_owned() })
}

fn wrong(why: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why)
}

fn broken(roots: &Folder, name: &str, error: &io::Error) -> StoreError {
    StoreError::Root { path: roots.path().join(name), why: error.to_string() }
}

/// Sums what goes through it.
struct Summed<T> {
    out: T,
    sum: Sha256,
}

impl Summed<BufReader<File>> {
    fn of(file: File) -> Summed<BufReader<File>> {
        Summed { out: BufReader::new(file), sum: Sha256::new() }
    }
}

impl<T: Write> Write for Summed<T> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.out.write(bytes)?;
        self.sum.update(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

impl<T: Read> Read for Summed<T> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let read = self.out.read(bytes)?;
        self.sum.update(&bytes[..read]);
        Ok(read)
    }
}
