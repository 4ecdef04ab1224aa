//! Trees that are written down: what is at a CID, with its attributes; a directory's entries as they are; a file's bytes.
//!
//! - What it does: looks at one node at a time; whoever writes the tree goes from one to the next.
//! - What must stay true: names and targets are bytes that nobody looked at. A directory's entries stay within [`LISTED`]
//!   bytes of memory, and no two have the same name.
//! - Serves: ruling 16: `ww import`. Format: UnixFS 1.5, whose attributes these are.

use std::fs::File;

use super::error::NodeKind;
use super::node::{Attributes, DAG_PB, Link, RAW};
use super::sources::{Seen, Sources, Wide};
use super::walk::{self, tree_size};
use super::{Cid, Content, ContentError, dir, shard};
use crate::block::cid_from_bytes;

/// The most memory that the entries of one directory take, in bytes: those of a million names or so.
const LISTED: usize = 96 << 20;

/// What is at a CID.
pub(crate) struct Item {
    pub(crate) kind: ItemKind,
    pub(crate) attributes: Attributes,
}

/// A file, a directory or a symlink.
pub(crate) enum ItemKind {
    File(FileAt),
    Directory,
    /// Where it points.
    Symlink(Vec<u8>),
}

/// A file, of which the first block may be here.
pub(crate) struct FileAt {
    cid: Cid,
    first: Option<(Vec<u8>, u64)>,
}

impl FileAt {
    /// Its size as it declares it, in bytes; a raw block declares none.
    pub(crate) fn size(&self) -> Option<u64> {
        self.first.as_ref().map(|(_, size)| *size)
    }
}

/// A directory's entries, some 50 bytes and the name each.
#[derive(Default)]
pub(crate) struct Entries {
    /// Names and CIDs, one behind the other.
    bytes: Vec<u8>,
    /// Where each name and each CID begins.
    at: Vec<(u32, u32)>,
}

impl Entries {
    fn push(&mut self, link: &Link<'_>, name: &[u8]) -> Result<(), ContentError> {
        let name_at = self.bytes.len() as u32;
        self.bytes.extend_from_slice(name);
        let cid_at = self.bytes.len() as u32;
        self.bytes.extend_from_slice(&link.cid.to_bytes());
        self.at.push((name_at, cid_at));
        if self.bytes.len() + self.at.len() * size_of::<(u32, u32)>() > LISTED {
            return Err(ContentError::Bomb("a directory with more entries than are taken"));
        }
        Ok(())
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.at.len()
    }

    /// Names and CIDs, in the order of the directory.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&[u8], Cid)> {
        let end = self.bytes.len() as u32;
        let ends = self.at.iter().skip(1).map(|(name, _)| *name).chain([end]);
        self.at.iter().zip(ends).filter_map(|((name, cid), end)| {
            let name = &self.bytes[*name as usize..*cid as usize];
            Some((name, cid_from_bytes(&self.bytes[*cid as usize..end as usize])?))
        })
    }

    /// Two entries of one name are none.
    fn once(self, cid: &Cid) -> Result<Entries, ContentError> {
        let mut names: Vec<&[u8]> =
            self.at.iter().map(|(name, cid)| &self.bytes[*name as usize..*cid as usize]).collect();
        names.sort_unstable();
        match names.windows(2).any(|pair| pair[0] == pair[1]) {
            true => Err(ContentError::malformed(cid, "two entries of the directory have the same name")),
            false => Ok(self),
        }
    }
}

impl Content {
    /// What is at a CID.
    ///
    /// # Errors
    /// As [`Content::stat`].
    pub(crate) async fn item(&self, cid: &Cid) -> Result<Item, ContentError> {
        let file = |first| ItemKind::File(FileAt { cid: *cid, first });
        let block = match cid.codec() {
            RAW => return Ok(Item { kind: file(None), attributes: Attributes::default() }),
            DAG_PB => self.sources.block(cid).await?,
            code => return Err(NodeKind::Codec(code).into()),
        };
        let node = dir::decode(cid, &block)?;
        let below = node.links().fold(0, |sum: u64, link| sum.saturating_add(link.tsize.unwrap_or(0)));
        self.sources.see(Seen::Whole(below.saturating_add(block.len() as u64)));
        let attributes = node.unixfs.as_ref().map(|unixfs| unixfs.attributes).unwrap_or_default();
        let (kind, size) = match NodeKind::of(&node) {
            (NodeKind::File, Some(found)) => (None, tree_size(cid, &node, found)?),
            (NodeKind::Symlink, Some(link)) => (Some(ItemKind::Symlink(link.data.to_vec())), 0),
            (NodeKind::Directory | NodeKind::ShardedDirectory, _) => (Some(ItemKind::Directory), 0),
            (kind, _) => return Err(kind.into()),
        };
        Ok(Item { kind: kind.unwrap_or_else(|| file(Some((block, size)))), attributes })
    }

    /// Has a whole tree of at most `most` bytes come from a gateway at once, where that saves time; it is then in the store.
    ///
    /// # Errors
    /// Where its first block can't be had, as [`Content::stat`].
    pub(crate) async fn ahead(&self, cid: &Cid, most: u64) -> Result<(), ContentError> {
        self.sources.ahead(cid, most).await
    }

    /// The entries of a directory, sharded or not, each name once.
    ///
    /// # Errors
    /// As [`Content::ls`], whose limit doesn't hold here.
    pub(crate) async fn entries(&self, cid: &Cid) -> Result<Entries, ContentError> {
        let mut entries = Entries::default();
        // It was here a moment ago, and counted then.
        let block = match self.sources.shelved_block(cid) {
            Some(block) => block,
            None => self.sources.block(cid).await?,
        };
        let kind = NodeKind::of(&dir::decode(cid, &block)?).0;
        match kind {
            NodeKind::Directory => {
                for link in dir::decode(cid, &block)?.links() {
                    entries.push(&link, link.name)?;
                }
            }
            NodeKind::ShardedDirectory => {
                shard::list(&self.sources, *cid, block, |name, link| entries.push(link, name)).await?;
            }
            kind => return Err(kind.into()),
        }
        entries.once(cid)
    }

    /// Fetches a file of at most `max_size` bytes into `into`, which must be empty, and gives its size.
    ///
    /// # Errors
    /// As [`Content::fetch`].
    pub(crate) async fn fill(&self, file: &FileAt, into: &File, max_size: u64) -> Result<u64, ContentError> {
        if let Some(size) = walk::stored::fetch_aside(&self.sources, file.cid, into, max_size).await {
            return Ok(size);
        }
        match &file.first {
            None => walk::fetch(&self.sources, file.cid, &into, max_size).await,
            Some((block, _)) => walk::fetch_from(&self.sources, file.cid, block, &into, max_size).await,
        }
    }

    /// Lets more large blocks into memory at a time until what this returns is dropped, and has other runs find what came.
    pub(crate) fn eager(&self) -> Eager<'_> {
        Eager { sources: &self.sources, _wide: self.sources.wide() }
    }
}

/// A tree is being fetched.
pub(crate) struct Eager<'a> {
    sources: &'a Sources,
    _wide: Wide<'a>,
}

impl Drop for Eager<'_> {
    fn drop(&mut self) {
        // What came of one that broke off needn't come again.
        self.sources.settle();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::block::parse_cid;

    fn entries(names: &[&[u8]]) -> Result<Entries, ContentError> {
        let cid = parse_cid("bafkqaaa").unwrap();
        let mut entries = Entries::default();
        for name in names {
            entries.push(&Link { cid, name, tsize: None }, name)?;
        }
        entries.once(&cid)
    }

    #[test]
    fn entries_come_back_as_they_were_and_once() {
        let names: [&[u8]; 5] = [b"b", b"", b"a/b", b"\xff\0", b"bb"];
        let all = entries(&names).unwrap();
        let found: Vec<(&[u8], String)> = all.iter().map(|(name, cid)| (name, cid.to_string())).collect();
        assert_eq!(found, names.map(|name| (name, "bafkqaaa".to_owned())));
        assert_eq!((all.len(), entries(&[]).unwrap().iter().count()), (5, 0));
        assert!(entries(&[b"a", b"b", b"a"]).is_err() && entries(&[b"", b""]).is_err());
    }

    #[test]
    fn a_directory_has_a_limit() {
        let long = [b'x'; 1 << 20];
        let all: Vec<&[u8]> = vec![&long; 97];
        assert!(matches!(entries(&all), Err(ContentError::Bomb(_))));
    }
}
