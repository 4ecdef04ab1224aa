//! Decodes dag-pb blocks and the UnixFS message in them: hostile bytes in, borrowed facts out.
//!
//! - What it does: reads the two protobuf messages by hand, without a copy.
//! - What must stay true: no input panics, recurses or allocates more than its own length; a [`Node`] that
//!   exists has links that all parse.
//! - Serves: rulings 7, 20. Formats: IPLD's dag-pb specification, UnixFS's `unixfs.proto`.

use crate::block::{Cid, cid_from_bytes};

#[cfg(test)]
mod tests;

/// The codec of dag-pb blocks.
pub(crate) const DAG_PB: u64 = 0x70;
/// The codec of raw blocks.
pub(crate) const RAW: u64 = 0x55;

/// A dag-pb block.
#[derive(Debug)]
pub(crate) struct Node<'a> {
    block: &'a [u8],
    /// Its data, whatever it is.
    pub(crate) data: &'a [u8],
    pub(crate) unixfs: Option<UnixFs<'a>>,
}

/// A link of a dag-pb block.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Link<'a> {
    pub(crate) cid: Cid,
    /// Text, but nothing makes writers keep to it.
    pub(crate) name: &'a [u8],
    /// The bytes of all blocks below, as the writer says.
    pub(crate) tsize: Option<u64>,
}

/// The UnixFS message in a dag-pb block's data.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct UnixFs<'a> {
    pub(crate) kind: Kind,
    pub(crate) data: &'a [u8],
    pub(crate) file_size: Option<u64>,
    pub(crate) block_sizes: Vec<u64>,
    pub(crate) hash_type: Option<u64>,
    pub(crate) fanout: Option<u64>,
    pub(crate) attributes: Attributes,
}

/// What UnixFS 1.5 says besides of an entry. What can't be read isn't there: no content depends on it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Attributes {
    /// Permissions, and whatever else the writer put there.
    pub(crate) mode: Option<u64>,
    pub(crate) mtime: Option<Time>,
}

/// A time since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Time {
    pub(crate) seconds: i64,
    /// Below a thousand million.
    pub(crate) nanoseconds: u32,
}

/// `DataType` of `unixfs.proto`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Raw,
    Directory,
    File,
    Metadata,
    Symlink,
    Shard,
}

type Malformed = &'static str;

impl<'a> Node<'a> {
    /// Decodes a block. Data that isn't UnixFS isn't an error: dag-pb has other users.
    pub(crate) fn decode(block: &'a [u8]) -> Result<Node<'a>, Malformed> {
        let mut data = None;
        for field in Fields(block) {
            match field? {
                (1, Value::Bytes(bytes)) if data.is_none() => data = Some(bytes),
                (2, Value::Bytes(bytes)) => {
                    Link::decode(bytes)?;
                }
                _ => return Err("not a dag-pb node"),
            }
        }
        let unixfs = data.and_then(|data| UnixFs::decode(data).ok());
        Ok(Node { block, data: data.unwrap_or_default(), unixfs })
    }

    /// Its links, in order.
    pub(crate) fn links(&self) -> impl Iterator<Item = Link<'a>> + use<'a> {
        // `decode` has seen that each parses.
        Fields(self.block).filter_map(|field| match field {
            Ok((2, Value::Bytes(bytes))) => Link::decode(bytes).ok(),
            _ => None,
        })
    }
}

impl<'a> Link<'a> {
    fn decode(message: &'a [u8]) -> Result<Link<'a>, Malformed> {
        let (mut cid, mut name, mut tsize) = (None, None, None);
        for field in Fields(message) {
            match field? {
                (1, Value::Bytes(bytes)) if cid.is_none() => {
                    cid = Some(cid_from_bytes(bytes).ok_or("a link's CID doesn't parse")?);
                }
                (2, Value::Bytes(bytes)) if name.is_none() => name = Some(bytes),
                (3, Value::Varint(size)) if tsize.is_none() => tsize = Some(size),
                _ => return Err("not a dag-pb link"),
            }
        }
        Ok(Link { cid: cid.ok_or("a link without a CID")?, name: name.unwrap_or_default(), tsize })
    }
}

impl<'a> UnixFs<'a> {
    fn decode(message: &'a [u8]) -> Result<UnixFs<'a>, Malformed> {
        let mut kind = None;
        let mut unixfs = UnixFs {
            kind: Kind::Raw,
            data: &[],
            file_size: None,
            block_sizes: Vec::new(),
            hash_type: None,
            fanout: None,
            attributes: Attributes::default(),
        };
        for field in Fields(message) {
            match field? {
                (1, Value::Varint(value)) => kind = Some(Kind::from_number(value)?),
                (2, Value::Bytes(bytes)) => unixfs.data = bytes,
                (3, Value::Varint(size)) => unixfs.file_size = Some(size),
                (4, Value::Varint(size)) => unixfs.block_sizes.push(size),
                (4, Value::Bytes(mut packed)) => {
                    while !packed.is_empty() {
                        unixfs.block_sizes.push(varint(&mut packed)?);
                    }
                }
                (5, Value::Varint(number)) => unixfs.hash_type = Some(number),
                (6, Value::Varint(number)) => unixfs.fanout = Some(number),
                (1..=6, _) => return Err("a UnixFS field of the wrong type"),
                (7, Value::Varint(mode)) => unixfs.attributes.mode = Some(mode),
                (8, Value::Bytes(bytes)) => unixfs.attributes.mtime = Time::decode(bytes).ok(),
                // What may come.
                _ => {}
            }
        }
        unixfs.kind = kind.ok_or("UnixFS data without a type")?;
        Ok(unixfs)
    }
}

impl Time {
    fn decode(message: &[u8]) -> Result<Time, Malformed> {
        let (mut seconds, mut nanoseconds) = (None, 0);
        for field in Fields(message) {
            match field? {
                (1, Value::Varint(value)) => seconds = Some(value.cast_signed()),
                (2, Value::Fixed32(value)) if value < 1_000_000_000 => nanoseconds = value,
                (1 | 2, _) => return Err("not a UnixFS time"),
                _ => {}
            }
        }
        Ok(Time { seconds: seconds.ok_or("a UnixFS time without seconds")?, nanoseconds })
    }
}

impl Kind {
    fn from_number(number: u64) -> Result<Kind, Malformed> {
        Ok(match number {
            0 => Kind::Raw,
            1 => Kind::Directory,
            2 => Kind::File,
            3 => Kind::Metadata,
            4 => Kind::Symlink,
            5 => Kind::Shard,
            _ => return Err("an unknown UnixFS type"),
        })
    }
}

/// The fields of one protobuf message; ends after the first error.
struct Fields<'a>(&'a [u8]);

#[derive(Debug, PartialEq, Eq)]
enum Value<'a> {
    Varint(u64),
    Bytes(&'a [u8]),
    Fixed32(u32),
    Fixed64,
}

impl<'a> Iterator for Fields<'a> {
    type Item = Result<(u64, Value<'a>), Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let field = field(&mut self.0);
        if field.is_err() {
            self.0 = &[];
        }
        Some(field)
    }
}

fn field<'a>(rest: &mut &'a [u8]) -> Result<(u64, Value<'a>), Malformed> {
    let tag = varint(rest)?;
    let value = match tag & 7 {
        0 => Value::Varint(varint(rest)?),
        1 => take(rest, 8).map(|_| Value::Fixed64)?,
        2 => {
            let length = varint(rest)?;
            Value::Bytes(take(rest, usize::try_from(length).map_err(|_| CUT)?)?)
        }
        5 => {
            let bytes = take(rest, 4)?;
            Value::Fixed32(u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]))
        }
        _ => return Err("a protobuf field of no known type"),
    };
    Ok((tag >> 3, value))
}

const CUT: Malformed = "a protobuf message that is cut off";

fn take<'a>(rest: &mut &'a [u8], length: usize) -> Result<&'a [u8], Malformed> {
    let (taken, after) = rest.split_at_checked(length).ok_or(CUT)?;
    *rest = after;
    Ok(taken)
}

/// Base-128, at most ten bytes.
fn varint(rest: &mut &[u8]) -> Result<u64, Malformed> {
    let mut value = 0u64;
    for shift in (0..70).step_by(7) {
        let (byte, after) = rest.split_first().ok_or(CUT)?;
        *rest = after;
        let bits = u64::from(byte & 0x7f);
        if shift == 63 && bits > 1 {
            break;
        }
        value |= bits << shift;
        if byte & 0x80 == 0 {
            return Ok(value);
        }
    }
    Err("a protobuf number of more than 64 bits")
}
