//! Peers, in little memory: their texts as one, and what each peer has of them.
//!
//! What must stay true: what is kept is no larger than the answer it was read from by more than a few bytes for each of
//! its texts and peers.

use std::ops::Range;

/// Peers (`PeerInfo` of `system.capnp`): their texts as one, and the ends of its parts.
#[derive(Debug, Default)]
pub struct Peers {
    text: String,
    ends: Vec<u32>,
    records: Vec<Record>,
    message: usize,
}

/// A peer, by the numbers of its parts.
#[derive(Debug, Default)]
pub(super) struct Record {
    pub(super) id: Option<u32>,
    /// The address of the connection to it.
    pub(super) address: Option<u32>,
    pub(super) addresses: Range<u32>,
    pub(super) protocols: Range<u32>,
}

/// A peer.
#[derive(Clone, Copy, Debug)]
pub struct Peer<'a> {
    peers: &'a Peers,
    record: &'a Record,
}

impl Peers {
    /// Their number.
    pub fn len(&self) -> usize {
        self.records.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// Each of them.
    pub fn iter(&self) -> impl Iterator<Item = Peer<'_>> {
        self.records.iter().map(|record| Peer { peers: self, record })
    }

    /// Bytes that they take in a message, at most.
    pub(super) fn message(&self) -> usize {
        self.message
    }

    /// Keeps a text, and gives its number.
    pub(super) fn keep(&mut self, text: &str) -> u32 {
        self.text.push_str(text);
        // The answer is far shorter than 4 GiB.
        self.ends.push(self.text.len() as u32);
        // A pointer in a list, and the text with its NUL, in words.
        self.message += 8 + (text.len() + 8) / 8 * 8;
        self.ends.len() as u32 - 1
    }

    /// How many texts are kept: the number of the next one.
    pub(super) fn texts(&self) -> u32 {
        self.ends.len() as u32
    }

    /// Keeps a peer whose texts are kept.
    pub(super) fn push(&mut self, peer: Record) {
        // A pointer each to the id, the addresses, the protocols, and the tags of the lists.
        self.message += 48;
        self.records.push(peer);
    }

    /// The text of a number.
    pub(super) fn part(&self, number: u32) -> &str {
        let number = number as usize;
        let start = number.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.text[start as usize..self.ends[number] as usize]
    }
}

impl<'a> Peer<'a> {
    /// Its id.
    pub fn id(&self) -> &'a str {
        self.record.id.map_or("", |part| self.peers.part(part))
    }

    /// Where it is: first the address of the connection to it.
    pub fn addresses(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        let Peer { peers, record } = *self;
        record.address.into_iter().chain(record.addresses.clone()).map(|part| peers.part(part))
    }

    /// What it speaks.
    pub fn protocols(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        let Peer { peers, record } = *self;
        record.protocols.clone().map(|part| peers.part(part))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_short_texts_take_little() {
        let answer = format!(r#"{{"ID":"x","Addresses":[{}""]}}"#, r#""","#.repeat(1 << 20));
        let peers = Peers::one(answer.as_bytes()).unwrap();
        assert!(peers.text.capacity() + 4 * peers.ends.capacity() <= 3 * answer.len());
        assert!(peers.message() >= 16 << 20);
    }
}
