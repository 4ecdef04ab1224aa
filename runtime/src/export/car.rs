//! CARs (version 1): a root, and all blocks below it, each before those that it links to.
//!
//! - What it does: walks blocks from a root, as `ipfs dag export` does, whose bytes these are; and writes them to a file.
//!   As a root is known last, blocks wait in a file without a name until it is.
//! - What must stay true: the file is there whole, or what was there before. No block comes twice.
//! - Serves: STORE-23. Format: the CARv1 specification of IPLD.

use std::collections::{HashMap, HashSet};
use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, IsTerminal, Write};
use std::os::unix::fs::{FileExt, PermissionsExt};
use std::path::{Path, PathBuf};

use super::error::{Fault, shown};
use crate::content::Cid;
use crate::content::import::Blocks;
use crate::content::import::dagpb::varint;
use crate::content::node::{Node, RAW};

/// How much is written at once, in bytes.
const BUFFER: usize = 1 << 20;

/// Where blocks are taken from.
pub(super) trait Source {
    fn get(&mut self, cid: &Cid) -> Result<Vec<u8>, Fault>;
}

/// A CID in as little room as it needs here.
#[derive(PartialEq, Eq, Hash)]
struct Key {
    digest: [u8; 32],
    raw: bool,
}

impl Key {
    fn of(cid: &Cid) -> Option<Key> {
        Some(Key { digest: cid.hash().digest().try_into().ok()?, raw: cid.codec() == RAW })
    }
}

/// The header of a CAR with these roots: dag-cbor of `{"roots": […], "version": 1}`.
pub(super) fn header(roots: &[Cid]) -> Vec<u8> {
    let mut cbor = b"\xa2\x65roots".to_vec();
    match roots.len() {
        few @ 0..24 => cbor.push(0x80 | few as u8),
        many => {
            cbor.push(0x9a);
            cbor.extend_from_slice(&(many as u32).to_be_bytes());
        }
    }
    for root in roots {
        let bytes = root.to_bytes();
        // A CID is tag 42 and bytes that begin with a zero; these have 35 or 37.
        cbor.extend_from_slice(&[0xd8, 0x2a, 0x58, bytes.len() as u8 + 1, 0]);
        cbor.extend_from_slice(&bytes);
    }
    cbor.extend_from_slice(b"\x67version\x01");
    let mut header = Vec::with_capacity(cbor.len() + 2);
    varint(&mut header, cbor.len() as u64);
    header.extend_from_slice(&cbor);
    header
}

/// The sections of a CAR, one after another.
pub(super) struct Sections<'a, S> {
    source: &'a mut S,
    waiting: Vec<Cid>,
    seen: HashSet<Key>,
}

impl<'a, S: Source> Sections<'a, S> {
    pub(super) fn new(source: &'a mut S, roots: &[Cid]) -> Sections<'a, S> {
        Sections { source, waiting: roots.iter().rev().copied().collect(), seen: HashSet::new() }
    }

    /// Appends the next section. `false`: there is none.
    pub(super) fn next(&mut self, to: &mut Vec<u8>) -> Result<bool, Fault> {
        while let Some(cid) = self.waiting.pop() {
            if Key::of(&cid).is_some_and(|key| !self.seen.insert(key)) {
                continue;
            }
            let block = self.source.get(&cid)?;
            let name = cid.to_bytes();
            varint(to, (name.len() + block.len()) as u64);
            to.extend_from_slice(&name);
            to.extend_from_slice(&block);
            if cid.codec() != RAW
                && let Ok(node) = Node::decode(&block)
            {
                let begun = self.waiting.len();
                self.waiting.extend(node.links().map(|link| link.cid));
                self.waiting[begun..].reverse();
            }
            return Ok(true);
        }
        Ok(false)
    }
}

/// Blocks that wait in a file without a name.
pub(super) struct Spool {
    file: BufWriter<File>,
    length: u64,
    at: HashMap<Key, (u64, usize)>,
}

impl Spool {
    /// One on the file system of the CAR where that is a file, for it has room for it.
    pub(super) fn beside(target: &Target<'_>) -> io::Result<Spool> {
        let file = match target.place()? {
            Some(file) => tempfile::tempfile_in(folder(&file))?,
            None => tempfile::tempfile()?,
        };
        Ok(Spool { file: BufWriter::with_capacity(BUFFER, file), length: 0, at: HashMap::new() })
    }
}

impl Spool {
    /// How many blocks there are, and their bytes.
    pub(super) fn holds(&self) -> (u64, u64) {
        (self.at.len() as u64, self.length)
    }
}

impl Blocks for Spool {
    type Error = Fault;

    fn put(&mut self, cid: &Cid, block: &[u8]) -> Result<(), Fault> {
        let Some(key) = Key::of(cid) else { return Err(Fault::Gone(cid.to_string())) };
        if self.at.contains_key(&key) {
            return Ok(());
        }
        self.file.write_all(block).map_err(Fault::Spool)?;
        self.at.insert(key, (self.length, block.len()));
        self.length += block.len() as u64;
        Ok(())
    }
}

impl Source for Spool {
    fn get(&mut self, cid: &Cid) -> Result<Vec<u8>, Fault> {
        let found = Key::of(cid).and_then(|key| self.at.get(&key));
        let (at, length) = *found.ok_or_else(|| Fault::Gone(cid.to_string()))?;
        let mut block = vec![0; length];
        self.file.get_ref().read_exact_at(&mut block, at).map_err(Fault::Spool)?;
        Ok(block)
    }
}

/// Where a CAR goes.
pub(super) enum Target<'a> {
    File(&'a Path),
    Stdout,
}

impl Target<'_> {
    pub(super) fn shown(&self) -> String {
        self.path().map_or_else(|| "-".to_owned(), shown)
    }

    pub(super) fn path(&self) -> Option<&Path> {
        match self {
            Target::File(path) => Some(path),
            Target::Stdout => None,
        }
    }

    /// The true path of a file that can be put there as a whole. `None`: it is a device, a pipe, or standard output.
    fn place(&self) -> io::Result<Option<PathBuf>> {
        let Target::File(path) = self else {
            return match io::stdout().is_terminal() {
                true => Err(io::Error::other("standard output is a terminal")),
                false => Ok(None),
            };
        };
        match path.metadata() {
            Ok(status) if status.is_dir() => Err(io::ErrorKind::IsADirectory.into()),
            Ok(status) if status.is_file() => path.canonicalize().map(Some),
            Ok(_) => Ok(None),
            Err(fault) if fault.kind() == io::ErrorKind::NotFound => Ok(Some(path.to_path_buf())),
            Err(fault) => Err(fault),
        }
    }

    /// Writes a CAR of what is below these roots.
    pub(super) fn write(&self, roots: &[Cid], spool: &mut Spool) -> io::Result<()> {
        spool.file.flush()?;
        match (self.place()?, self) {
            (Some(file), _) => {
                // With the permissions of any new file; the umask counts.
                let permissions = std::fs::Permissions::from_mode(0o666);
                let new = tempfile::Builder::new().permissions(permissions).tempfile_in(folder(&file))?;
                copy(roots, spool, new.as_file())?;
                new.as_file().sync_all()?;
                new.persist(&file).map_err(|fault| fault.error)?;
                File::open(folder(&file))?.sync_all()
            }
            (None, Target::File(path)) => copy(roots, spool, OpenOptions::new().write(true).open(path)?),
            (None, Target::Stdout) => copy(roots, spool, io::stdout().lock()),
        }
    }
}

fn folder(file: &Path) -> &Path {
    match file.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

fn copy(roots: &[Cid], spool: &mut Spool, to: impl Write) -> io::Result<()> {
    let mut to = BufWriter::with_capacity(BUFFER, to);
    to.write_all(&header(roots))?;
    let mut sections = Sections::new(spool, roots);
    let mut section = Vec::new();
    while sections.next(&mut section).map_err(|fault| match fault {
        Fault::Spool(fault) => fault,
        _ => io::Error::other("a block of it is gone"),
    })? {
        to.write_all(&section)?;
        section.clear();
    }
    to.flush()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_is_what_the_specification_shows() {
        let cid = "bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku".parse::<Cid>().unwrap();
        let expected =
            [&b"\x3a\xa2\x65roots\x81\xd8\x2a\x58\x25\x00"[..], &cid.to_bytes(), b"\x67version\x01"].concat();
        assert_eq!(header(&[cid]), expected);
    }
}
