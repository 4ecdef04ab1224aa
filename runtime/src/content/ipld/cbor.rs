//! Reads dag-cbor event by event: hostile bytes in, borrowed facts out.
//!
//! - What it does: takes what IPLD's dag-cbor specification allows, and as Kubo maps whose keys aren't sorted, floats
//!   of fewer bits and `undefined` too.
//! - What must stay true: no input panics, recurses or allocates; a length that the bytes don't bear out ends it.

use std::borrow::Cow;

use super::{DEPTH, Event, Malformed, TOO_DEEP};
use crate::block::cid_from_bytes;

/// The tag of a CID (IPLD, dag-cbor specification, "Links"): the one tag there is.
const CID: u64 = 42;
const CUT: Malformed = "it is cut off";
const LENGTHS: Malformed = "a length or number isn't written the shortest way";

pub(super) struct Reader<'a> {
    rest: &'a [u8],
    open: Vec<Open>,
    /// Whether the root has begun.
    begun: bool,
}

/// An open list or map.
struct Open {
    /// Items to come; a map has two for each entry.
    left: u64,
    map: bool,
}

/// The beginning of an item (RFC 8949 §3): its major type, its argument, and how the argument is written.
struct Head {
    major: u8,
    info: u8,
    argument: u64,
}

impl<'a> Reader<'a> {
    pub(super) fn new(block: &'a [u8]) -> Reader<'a> {
        Reader { rest: block, open: Vec::new(), begun: false }
    }

    fn event(&mut self) -> Result<Option<Event<'a>>, Malformed> {
        let mut key = false;
        match self.open.last_mut() {
            None if !self.begun => self.begun = true,
            None if self.rest.is_empty() => return Ok(None),
            None => return Err("bytes follow its value"),
            Some(Open { left: 0, .. }) => {
                self.open.pop();
                return Ok(Some(Event::End));
            }
            Some(Open { left, map }) => {
                key = *map && *left % 2 == 0;
                *left -= 1;
            }
        }
        let Head { major, info, argument } = self.head()?;
        if key {
            let text = if major == 3 { self.take(argument)? } else { return Err("a key isn't text") };
            let text = std::str::from_utf8(text).map_err(|_| "a key isn't UTF-8")?;
            return Ok(Some(Event::Key(Cow::Borrowed(text))));
        }
        Ok(Some(match major {
            0 | 1 => Event::Scalar,
            2 | 3 => {
                self.take(argument)?;
                Event::Scalar
            }
            4 => self.open(Open { left: argument, map: false })?,
            5 => self.open(Open { left: argument.checked_mul(2).ok_or(CUT)?, map: true })?,
            6 if argument == CID => self.link()?,
            6 => return Err("a tag that isn't a CID's"),
            _ => simple(info, argument)?,
        }))
    }

    fn open(&mut self, open: Open) -> Result<Event<'a>, Malformed> {
        if self.open.len() == DEPTH {
            return Err(TOO_DEEP);
        }
        let event = if open.map { Event::Map } else { Event::List };
        self.open.push(open);
        Ok(event)
    }

    /// Bytes: a zero, which stands for the multibase of binary, and a CID.
    fn link(&mut self) -> Result<Event<'a>, Malformed> {
        let Head { major: 2, argument, .. } = self.head()? else { return Err("a CID isn't bytes") };
        let cid = self.take(argument)?.strip_prefix(&[0]).and_then(cid_from_bytes);
        Ok(Event::Link(Box::new(cid.ok_or("a link's CID doesn't parse")?)))
    }

    fn head(&mut self) -> Result<Head, Malformed> {
        let first = self.take(1)?[0];
        let (major, info) = (first >> 5, first & 0x1f);
        let argument = match info {
            0..=23 => u64::from(info),
            24..=27 => self.take(1 << (info - 24))?.iter().fold(0, |value, byte| value << 8 | u64::from(*byte)),
            31 => return Err("an indefinite length"),
            _ => return Err("a reserved length"),
        };
        let least = match info {
            24 => 24,
            25 => 1 << 8,
            26 => 1 << 16,
            27 => 1 << 32,
            _ => 0,
        };
        if major < 7 && argument < least {
            return Err(LENGTHS);
        }
        Ok(Head { major, info, argument })
    }

    fn take(&mut self, length: u64) -> Result<&'a [u8], Malformed> {
        let length = usize::try_from(length).map_err(|_| CUT)?;
        let (taken, rest) = self.rest.split_at_checked(length).ok_or(CUT)?;
        self.rest = rest;
        Ok(taken)
    }
}

/// false, true, null, undefined; floats, but for those that aren't numbers.
fn simple(info: u8, bits: u64) -> Result<Event<'static>, Malformed> {
    // All bits of the exponent: infinity, or not a number.
    let odd = |exponent: u64| bits & exponent == exponent;
    match info {
        20..=23 => Ok(Event::Scalar),
        25 if !odd(0x7c00) => Ok(Event::Scalar),
        26 if !odd(0x7f80_0000) => Ok(Event::Scalar),
        27 if !odd(0x7ff0_0000_0000_0000) => Ok(Event::Scalar),
        25..=27 => Err("a float that isn't a number"),
        _ => Err("a simple value that isn't IPLD's"),
    }
}

impl<'a> Iterator for Reader<'a> {
    type Item = Result<Event<'a>, Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        self.event().transpose()
    }
}
