//! The fixed part of a CARv2 file, and the header of the CARv1 payload in it.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use super::damaged;

/// What every CARv2 begins with: the header of a CARv1 of version 2.
const PRAGMA: [u8; 11] = [0x0a, 0xa1, 0x67, b'v', b'e', b'r', b's', b'i', b'o', b'n', 0x02];
/// Pragma, characteristics and three numbers.
pub(super) const LENGTH: u64 = 11 + 40;
/// `{"roots": [bafkqaaa], "version": 1}` in dag-cbor, after its length. Readers refuse a CARv1 without a root; this one is the
/// empty block, which stands for none. What is a root of the store is said elsewhere.
pub(super) const PAYLOAD_HEADER: &[u8; 26] = b"\x19\xa2\x65roots\x81\xd8\x2a\x45\x00\x01\x55\x00\x00\x67version\x01";

/// Where the parts are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    /// Where the payload begins.
    pub(super) payload: u64,
    /// Its bytes.
    pub(super) length: u64,
    /// Where the index begins.
    pub(super) index: u64,
}

impl Header {
    pub(super) fn read(file: &File, size: u64) -> io::Result<Header> {
        let mut bytes = [0; LENGTH as usize];
        file.read_exact_at(&mut bytes, 0)?;
        if bytes[..PRAGMA.len()] != PRAGMA {
            return Err(damaged("it isn't a CARv2"));
        }
        let [payload, length, index] = [27, 35, 43].map(|at| number(&bytes[at..at + 8]));
        let end = payload.checked_add(length).ok_or_else(|| damaged("its header"))?;
        if payload < LENGTH || index < end || index >= size {
            return Err(damaged("its header"));
        }
        Ok(Header { payload, length, index })
    }

    pub(super) fn bytes(&self) -> [u8; LENGTH as usize] {
        let mut bytes = [0; LENGTH as usize];
        bytes[..PRAGMA.len()].copy_from_slice(&PRAGMA);
        for (at, value) in [(27, self.payload), (35, self.length), (43, self.index)] {
            bytes[at..at + 8].copy_from_slice(&value.to_le_bytes());
        }
        bytes
    }
}

/// A little-endian number of eight bytes.
pub(super) fn number(bytes: &[u8]) -> u64 {
    bytes.iter().rev().fold(0, |value, byte| value << 8 | u64::from(*byte))
}

/// Reads an unsigned varint, and says how many bytes it has.
pub(super) fn varint(bytes: &[u8]) -> Option<(u64, usize)> {
    let mut value = 0u64;
    for (at, byte) in bytes.iter().enumerate().take(9) {
        value |= u64::from(byte & 0x7f) << (7 * at);
        if byte & 0x80 == 0 {
            return Some((value, at + 1));
        }
    }
    None
}

/// Appends an unsigned varint.
pub(super) fn put_varint(mut value: u64, into: &mut Vec<u8>) {
    while value >= 0x80 {
        into.push(value as u8 | 0x80);
        value >>= 7;
    }
    into.push(value as u8);
}
