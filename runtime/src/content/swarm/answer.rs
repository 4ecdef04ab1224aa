//! Peers as the daemon tells them, in little memory.
//!
//! What must stay true: what is kept is no larger than the answer by more than a few bytes for each of its texts and
//! peers; a peer has an id.

use std::fmt;
use std::ops::Range;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

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
struct Record {
    id: Option<u32>,
    /// The address of the connection to it.
    address: Option<u32>,
    addresses: Range<u32>,
    protocols: Range<u32>,
}

/// A peer.
#[derive(Clone, Copy, Debug)]
pub struct Peer<'a> {
    peers: &'a Peers,
    record: &'a Record,
}

impl Peers {
    /// Reads an answer that is a peer.
    pub(super) fn one(answer: &[u8]) -> serde_json::Result<Peers> {
        let mut peers = Peers::default();
        let mut json = serde_json::Deserializer::from_slice(answer);
        Whole(&mut peers).deserialize(&mut json)?;
        json.end().map(|()| peers)
    }

    /// Reads an answer that is a list of peers.
    pub(super) fn list(answer: &[u8]) -> serde_json::Result<Peers> {
        let mut peers = Peers::default();
        let mut json = serde_json::Deserializer::from_slice(answer);
        json.deserialize_map(Listed(&mut peers))?;
        json.end().map(|()| peers)
    }

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

    fn push(&mut self, text: &str) -> u32 {
        self.text.push_str(text);
        // The answer is far shorter than 4 GiB.
        self.ends.push(self.text.len() as u32);
        // A pointer in a list, and the text with its NUL, in words.
        self.message += 8 + (text.len() + 8) / 8 * 8;
        self.ends.len() as u32 - 1
    }

    fn part(&self, number: u32) -> &str {
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

/// `{"Peers": [peer, …]}`, where `null` is none.
struct Listed<'p>(&'p mut Peers);

impl<'de> Visitor<'de> for Listed<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("peers")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<&str>()? {
            match key {
                "Peers" => map.next_value_seed(Many(self.0))?,
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(())
    }
}

/// `[peer, …]` or `null`.
struct Many<'p>(&'p mut Peers);

/// `{"ID": …, …}`: a peer as a whole.
struct Whole<'p>(&'p mut Peers);

/// What an object tells of a peer; one in it tells more of the same.
struct Told<'p>(&'p mut Peers, &'p mut Record);

/// `["…", …]` or `null`, as the numbers of the parts.
struct Texts<'p>(&'p mut Peers);

/// `"…"`.
struct Text<'p>(&'p mut Peers);

impl<'de> DeserializeSeed<'de> for Whole<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
        let mut record = Record::default();
        from.deserialize_any(Told(self.0, &mut record))?;
        if record.id.is_none() {
            return Err(D::Error::custom("a peer without an id"));
        }
        // A pointer each to the id, the addresses, the protocols, and the tags of the lists.
        self.0.message += 48;
        self.0.records.push(record);
        Ok(())
    }
}

impl<'de> Visitor<'de> for Told<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a peer")
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let Told(peers, record) = self;
        while let Some(key) = map.next_key::<&str>()? {
            match key {
                // An identity that is empty is that of a peer which hasn't told it yet.
                "ID" | "Peer" => match map.next_value_seed(Text(peers))? {
                    part if peers.part(part).is_empty() => {}
                    part => record.id = Some(part),
                },
                "Addr" => record.address = Some(map.next_value_seed(Text(peers))?),
                "Addresses" => record.addresses = map.next_value_seed(Texts(peers))?,
                "Protocols" => record.protocols = map.next_value_seed(Texts(peers))?,
                "Identify" => map.next_value_seed(More(peers, record))?,
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(())
    }
}

/// An object of [`Told`], as a seed.
struct More<'p>(&'p mut Peers, &'p mut Record);

impl<'de> DeserializeSeed<'de> for More<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
        from.deserialize_any(Told(self.0, self.1))
    }
}

/// Seeds that are their own visitors.
macro_rules! seeds {
    ($($seed:ident gives $value:ty;)*) => {$(
        impl<'de> DeserializeSeed<'de> for $seed<'_> {
            type Value = $value;

            fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<$value, D::Error> {
                from.deserialize_any(self)
            }
        }
    )*};
}

seeds! {
    Many gives ();
    Texts gives Range<u32>;
    Text gives u32;
}

impl<'de> Visitor<'de> for Many<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of peers")
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        while list.next_element_seed(Whole(&mut *self.0))?.is_some() {}
        Ok(())
    }
}

impl<'de> Visitor<'de> for Texts<'_> {
    type Value = Range<u32>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of texts")
    }

    fn visit_unit<E: Error>(self) -> Result<Range<u32>, E> {
        Ok(0..0)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Range<u32>, A::Error> {
        let first = self.0.ends.len() as u32;
        while list.next_element_seed(Text(&mut *self.0))?.is_some() {}
        Ok(first..self.0.ends.len() as u32)
    }
}

impl Visitor<'_> for Text<'_> {
    type Value = u32;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<u32, E> {
        Ok(self.0.push(text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(peers: &Peers) -> Vec<(&str, Vec<&str>, Vec<&str>)> {
        peers.iter().map(|peer| (peer.id(), peer.addresses().collect(), peer.protocols().collect())).collect()
    }

    #[test]
    fn rpc_24_what_kubo_says_is_understood() {
        let id =
            br#"{"ID":"12D3","PublicKey":"CAES","Addresses":["/a","/b"],"AgentVersion":"kubo","Protocols":["/p"]}"#;
        assert_eq!(shown(&Peers::one(id).unwrap()), [("12D3", vec!["/a", "/b"], vec!["/p"])]);
        assert_eq!(
            shown(&Peers::one(br#"{"ID":"x","Addresses":null,"Protocols":null}"#).unwrap()),
            [("x", vec![], vec![])]
        );
        let peers = br#"{"Peers":[{"Addr":"/c","Peer":"one","Identify":{"ID":"","PublicKey":"","Addresses":null,"Protocols":null}},
            {"Addr":"/d","Latency":"","Peer":"two","Identify":{"ID":"two","Addresses":["/e"],"Protocols":["/p","/q"]},"Streams":null}]}"#;
        let peers = Peers::list(peers).unwrap();
        assert_eq!(shown(&peers), [("one", vec!["/c"], vec![]), ("two", vec!["/d", "/e"], vec!["/p", "/q"])]);
        assert!(Peers::list(br#"{"Peers":null}"#).unwrap().is_empty());
    }

    #[test]
    fn rpc_24_anything_else_is_refused() {
        for answer in
            ["", "[]", "{}x", r#"{"Peers":1}"#, r#"{"Peers":[{}]}"#, r#"{"Peers":[{"Peer":"x","Addresses":[1]}]}"#]
        {
            assert!(Peers::list(answer.as_bytes()).is_err(), "{answer}");
        }
        assert!(Peers::one(b"{}").is_err());
        let nested = format!("{}{}", r#"{"Identify":"#.repeat(100_000), "}".repeat(100_000));
        assert!(Peers::one(nested.as_bytes()).is_err());
    }

    #[test]
    fn many_short_texts_take_little() {
        let answer = format!(r#"{{"ID":"x","Addresses":[{}""]}}"#, r#""","#.repeat(1 << 20));
        let peers = Peers::one(answer.as_bytes()).unwrap();
        assert!(peers.text.capacity() + 4 * peers.ends.capacity() <= 3 * answer.len());
        assert!(peers.message() >= 16 << 20);
    }
}
