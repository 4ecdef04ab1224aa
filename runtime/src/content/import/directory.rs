//! A directory: one block, or a trie of them where one would be too large.
//!
//! - What it does: takes entries in any order; sorts them by name, or by the bits of murmur3 of their names.
//! - What must stay true: which of the two it is follows from the entries alone, as IPIP-499 says: more than 256 KiB.
//! - Serves: STORE-07. Format: UnixFS specification, "HAMTDirectory".

use super::shape::{Profile, THRESHOLD};
use super::{Blocks, Link, dagpb, put};
use crate::content::shard::murmur3_x64_64;

/// Two names that no sharded directory can have both: all 64 bits of their hashes are the same.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} and {1:?} have the same hash, and a directory this large can't hold both")]
pub struct Collision(String, String);

/// A directory whose entries come one after another.
pub(crate) struct Directory {
    profile: Profile,
    entries: Vec<Entry>,
    estimate: u64,
}

struct Entry {
    name: Box<[u8]>,
    link: Link,
}

impl Directory {
    pub(crate) fn new(profile: Profile) -> Directory {
        Directory { profile, entries: Vec::new(), estimate: profile.estimate_of_none() }
    }

    /// Adds an entry, whose name is no other's.
    pub(crate) fn add(&mut self, name: Box<[u8]>, link: Link) {
        self.estimate += self.profile.estimate(&name, &link);
        self.entries.push(Entry { name, link });
    }

    /// The directory.
    pub(crate) fn finish<B: Blocks>(mut self, blocks: &mut B) -> Result<Link, B::Error>
    where
        B::Error: From<Collision>,
    {
        if self.estimate > THRESHOLD {
            let mut hashed: Vec<(u64, &Entry)> =
                self.entries.iter().map(|entry| (murmur3_x64_64(&entry.name), entry)).collect();
            hashed.sort_unstable_by_key(|(hash, _)| *hash);
            if let Some(pair) = hashed.windows(2).find(|pair| pair[0].0 == pair[1].0) {
                let text = |at: usize| String::from_utf8_lossy(&pair[at].1.name).into_owned();
                return Err(Collision(text(0), text(1)).into());
            }
            return shard(self.profile, &hashed, 0, blocks);
        }
        self.entries.sort_unstable_by(|one, other| one.name.cmp(&other.name));
        let block = dagpb::directory(self.profile, self.entries.iter().map(|entry| (&entry.name[..], &entry.link)));
        put(self.profile, &block, blocks)?;
        Ok(block.link)
    }
}

/// The part of a trie that holds these entries, which are sorted by their hashes and have `depth` bytes of them in
/// common.
fn shard<B: Blocks>(profile: Profile, entries: &[(u64, &Entry)], depth: u32, blocks: &mut B) -> Result<Link, B::Error> {
    let slot = |hash: u64| hash.to_be_bytes()[depth as usize];
    let mut slots = Vec::new();
    for group in entries.chunk_by(|(one, _), (other, _)| slot(*one) == slot(*other)) {
        slots.push(match group {
            [(hash, entry)] => (slot(*hash), &entry.name[..], entry.link),
            // No two hashes are the same, so there is a byte in which they differ.
            group => (slot(group[0].0), &b""[..], shard(profile, group, depth + 1, blocks)?),
        });
    }
    let block = dagpb::shard(profile, &slots);
    put(profile, &block, blocks)?;
    Ok(block.link)
}
