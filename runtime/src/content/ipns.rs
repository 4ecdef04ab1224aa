//! Signed IPNS records: what a name stands for by its own key's word, whoever brings it.
//!
//! - What it does: reads a record, checks its V2 signature with the key that the name is made of, and that it is in force.
//! - What must stay true: nothing of a record counts before its signature was verified, and of its fields only those in
//!   the signed document. Hostile bytes end in an error; nothing recurses, and no more than [`LARGEST`] bytes are read.
//! - Serves: rulings 16, 20; clause STORE-41. Reference: IPNS record specification ("Record Verification"), IPIP-428.

mod document;
#[cfg(test)]
mod tests;

use std::time::SystemTime;

use libp2p_identity::{PeerId, PublicKey};
use multibase::Base;

use super::path::{ContentPath, LIBP2P_KEY};
use crate::block::parse_cid;
use crate::tame::tame;
use document::Document;

/// The largest record (specification, "Record Size Limit"), in bytes.
pub(crate) const LARGEST: usize = 10 << 10;
/// What stands before the document where it is signed.
const SIGNED: &[u8] = b"ipns-signature:";
/// The one type of validity: until a date.
const UNTIL: u64 = 0;

/// Why a record names nothing.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// Not a record.
    #[error("the record is malformed: {0}")]
    Malformed(&'static str),
    /// Of a kind that can't be checked here.
    #[error("the record can't be verified: {0}")]
    Kind(&'static str),
    /// Somebody else's, or changed.
    #[error("the record isn't signed by the name's key")]
    Signature,
    /// It was in force once.
    #[error("the record expired at {0}")]
    Expired(String),
    /// What it says can't be followed.
    #[error("the record stands for `{0}`, which is no IPFS path")]
    Value(String),
}

/// A name that is a key's.
pub(crate) struct Name(PeerId);

impl Name {
    /// `None` for a name of DNS.
    pub(crate) fn parse(text: &str) -> Option<Name> {
        let hash = match parse_cid(text) {
            Some(cid) if cid.codec() == LIBP2P_KEY => cid.hash().to_bytes(),
            // 128 characters of base 58 are more than a peer id has.
            _ if text.len() <= 128 && (text.starts_with("Qm") || text.starts_with('1')) => {
                Base::Base58Btc.decode(text).ok()?
            }
            _ => return None,
        };
        PeerId::from_bytes(&hash).ok().map(Name)
    }

    /// The key, from the name itself where it is that short, else from the record.
    fn key(&self, told: Option<&[u8]>) -> Result<PublicKey, RecordError> {
        let hash = self.0.as_ref();
        let bytes = match (hash.code(), told) {
            (0, _) => hash.digest(),
            (_, Some(told)) => told,
            (_, None) => return Err(RecordError::Malformed("it has no key")),
        };
        let key = PublicKey::try_decode_protobuf(bytes);
        let key = key.map_err(|_| RecordError::Kind("its key isn't Ed25519; a daemon resolves such a name"))?;
        if key.to_peer_id() == self.0 { Ok(key) } else { Err(RecordError::Signature) }
    }
}

/// A record that was verified.
#[derive(Debug)]
pub(crate) struct Record {
    path: ContentPath,
    sequence: u64,
    until: document::Date,
}

impl Record {
    /// Reads a record of `name`'s that is in force at `now`.
    pub(crate) fn verified(record: &[u8], name: &Name, now: SystemTime) -> Result<Record, RecordError> {
        let fields = Fields::read(record).ok_or(RecordError::Malformed("it is no message of its kind"))?;
        let data = fields.data.ok_or(RecordError::Kind("it has no signature of version 2"))?;
        let signature = fields.signature.ok_or(RecordError::Kind("it has no signature of version 2"))?;
        if !name.key(fields.key)?.verify(&[SIGNED, data].concat(), signature) {
            return Err(RecordError::Signature);
        }
        let document = Document::read(data).map_err(RecordError::Malformed)?;
        if !fields.agree(&document) {
            return Err(RecordError::Malformed("it says one thing and has signed another"));
        }
        if document.validity_type != UNTIL {
            return Err(RecordError::Kind("it is valid by something else than a date"));
        }
        let until = document.until().ok_or(RecordError::Malformed("its date is none"))?;
        if until.is_before(now) {
            return Err(RecordError::Expired(tame(&String::from_utf8_lossy(document.validity))));
        }
        let value = String::from_utf8_lossy(document.value);
        let wrong = || RecordError::Value(tame(&value));
        let path = ContentPath::parse(&*value).ok_or_else(wrong)?.map_err(|_| wrong())?;
        Ok(Record { path, sequence: document.sequence, until })
    }

    /// By its sequence, then by its date.
    pub(crate) fn is_older_than(&self, other: &Record) -> bool {
        (self.sequence, self.until) < (other.sequence, other.until)
    }

    /// What the name stands for.
    pub(crate) fn into_path(self) -> ContentPath {
        self.path
    }
}

/// The message around the document (`IpnsEntry` of the specification).
#[derive(Default)]
struct Fields<'a> {
    value: Option<&'a [u8]>,
    validity_type: Option<u64>,
    validity: Option<&'a [u8]>,
    sequence: Option<u64>,
    ttl: Option<u64>,
    key: Option<&'a [u8]>,
    signature: Option<&'a [u8]>,
    data: Option<&'a [u8]>,
}

impl<'a> Fields<'a> {
    fn read(mut rest: &'a [u8]) -> Option<Fields<'a>> {
        if rest.len() > LARGEST {
            return None;
        }
        let mut fields = Fields::default();
        while !rest.is_empty() {
            let key = varint(&mut rest)?;
            let number = varint(&mut rest)?;
            let bytes = match key & 7 {
                0 => None,
                2 => {
                    let (bytes, after) = rest.split_at_checked(usize::try_from(number).ok()?)?;
                    rest = after;
                    Some(bytes)
                }
                _ => return None,
            };
            match (key >> 3, bytes) {
                (1, Some(_)) => fields.value = bytes,
                (3, None) => fields.validity_type = Some(number),
                (4, Some(_)) => fields.validity = bytes,
                (5, None) => fields.sequence = Some(number),
                (6, None) => fields.ttl = Some(number),
                (7, Some(bytes)) => fields.key = Some(bytes).filter(|bytes| !bytes.is_empty()),
                (8, Some(bytes)) => fields.signature = Some(bytes).filter(|bytes| !bytes.is_empty()),
                (9, Some(bytes)) => fields.data = Some(bytes).filter(|bytes| !bytes.is_empty()),
                // The signature of version 1 guards too little to be looked at.
                (2, Some(_)) => {}
                (1..=9, _) => return None,
                _ => {}
            }
        }
        Some(fields)
    }

    /// Whether what is outside of the document, where it is there, says what the document says.
    fn agree(&self, document: &Document<'_>) -> bool {
        // A record of version 2 alone has none; numbers that are 0 needn't be written.
        let bytes = |told: Option<&[u8]>, signed: &[u8]| told.is_none_or(|told| told.is_empty() || told == signed);
        let number = |told: Option<u64>, signed: u64| told.is_none_or(|told| told == 0 || told == signed);
        bytes(self.value, document.value)
            && bytes(self.validity, document.validity)
            && number(self.validity_type, document.validity_type)
            && number(self.sequence, document.sequence)
            && number(self.ttl, document.ttl)
    }
}

fn varint(rest: &mut &[u8]) -> Option<u64> {
    let mut value = 0_u64;
    for shift in (0..64).step_by(7) {
        let (byte, after) = rest.split_first()?;
        *rest = after;
        let low = u64::from(byte & 0x7f);
        if shift == 63 && low > 1 {
            return None;
        }
        value |= low << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}
