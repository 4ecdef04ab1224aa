//! Peers as the daemon tells them: reads its answers without building what it doesn't keep.
//!
//! What must stay true: a peer has an id; of an answer nothing is kept but its texts.

use std::fmt;
use std::ops::Range;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::peers::{Peers, Record};

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
        self.0.push(record);
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
        let first = self.0.texts();
        while list.next_element_seed(Text(&mut *self.0))?.is_some() {}
        Ok(first..self.0.texts())
    }
}

impl Visitor<'_> for Text<'_> {
    type Value = u32;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<u32, E> {
        Ok(self.0.keep(text))
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
}
