//! A CAR, version 1, block by block as it comes.
//!
//! - What it does: cuts what was pushed into blocks and the CIDs that they are said to have.
//! - What must stay true: it believes nothing and hashes nothing; whoever takes a block verifies it. What is longer than a block
//!   can be is refused before it is held.
//! - Format: <https://ipld.io/specs/transport/car/carv1/>

use bytes::{Buf, Bytes, BytesMut};

use super::Cid;

/// The most bytes of a header: its roots, of which nothing is taken.
const HEADER_MOST: u64 = 64 << 10;
/// The most bytes of a CID.
const CID_MOST: u64 = 256;
/// The most bytes of a length, seven bits each: up to 32 GiB.
const LENGTH_MOST: usize = 5;
/// `"version": 1` of dag-cbor, as it stands in every header.
const VERSION: &[u8] = b"gversion\x01";

/// Why bytes are no CAR.
pub(super) type Malformed = &'static str;

/// A CAR of which the next bytes are still to come.
pub(super) struct Reader {
    held: BytesMut,
    begun: bool,
    /// The most bytes of a block and its CID.
    most: u64,
}

impl Reader {
    /// Of a CAR whose blocks have at most `most` bytes.
    pub(super) fn new(most: u64) -> Reader {
        Reader { held: BytesMut::new(), begun: false, most: most + CID_MOST }
    }

    /// The bytes that came next.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.held.extend_from_slice(bytes);
    }

    /// The next block and the CID that it is said to have; `None` where more bytes have to come first.
    ///
    /// # Errors
    /// Where it is no CAR. What follows then means nothing.
    pub(super) fn block(&mut self) -> Result<Option<(Cid, Bytes)>, Malformed> {
        if !self.begun {
            let Some(header) = self.frame(HEADER_MOST)? else { return Ok(None) };
            if !header.windows(VERSION.len()).any(|bytes| bytes == VERSION) {
                return Err("its header is none of a CAR of version 1");
            }
            self.begun = true;
        }
        let Some(mut frame) = self.frame(self.most)? else { return Ok(None) };
        let mut block = &frame[..];
        let cid = Cid::read_bytes(&mut block).map_err(|_| "a block of the CAR has no CID")?;
        let block = block.len();
        frame.advance(frame.len() - block);
        Ok(Some((cid, frame)))
    }

    fn frame(&mut self, most: u64) -> Result<Option<Bytes>, Malformed> {
        let mut length = 0;
        for (at, byte) in self.held.iter().take(LENGTH_MOST).enumerate() {
            length |= u64::from(byte & 0x7f) << (7 * at);
            if byte & 0x80 != 0 {
                continue;
            }
            if length == 0 || length > most {
                return Err("a part of the CAR is longer than it can be");
            }
            let (begin, end) = (at + 1, at + 1 + length as usize);
            if self.held.len() < end {
                return Ok(None);
            }
            self.held.advance(begin);
            return Ok(Some(self.held.split_to(end - begin).freeze()));
        }
        if self.held.len() < LENGTH_MOST { Ok(None) } else { Err("a part of the CAR is longer than it can be") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::block::parse_cid;

    const HEADER: &[u8] = b"\x0a\xa1gversion\x01";

    fn frame(cid: &Cid, block: &[u8]) -> Vec<u8> {
        let frame = [&cid.to_bytes(), block].concat();
        let length = [frame.len() as u8 | 0x80, (frame.len() >> 7) as u8];
        [&length[..], &frame].concat()
    }

    /// What comes out of bytes that come in pieces of a length.
    fn cut(bytes: &[u8], piece: usize) -> Result<Vec<(Cid, Bytes)>, Malformed> {
        let (mut reader, mut blocks) = (Reader::new(1 << 20), Vec::new());
        for piece in bytes.chunks(piece) {
            reader.push(piece);
            while let Some(block) = reader.block()? {
                blocks.push(block);
            }
        }
        Ok(blocks)
    }

    #[test]
    fn blocks_come_out_as_they_went_in_however_they_are_cut() {
        let cids = [
            "bafkreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy",
            "QmUNLLsPACCz1vLxQVkXqqLX5R1X345qqfHbsf67hvA3Nn",
        ];
        let blocks = cids.map(|cid| (parse_cid(cid).expect("a CID"), Bytes::from(vec![7; 300])));
        let car = [HEADER.to_vec(), frame(&blocks[0].0, &blocks[0].1), frame(&blocks[1].0, &blocks[1].1)].concat();
        for piece in [1, 2, 7, 299, 1 << 20] {
            assert_eq!(cut(&car, piece), Ok(blocks.to_vec()));
        }
        assert_eq!(cut(&car[..car.len() - 1], 100), Ok(blocks[..1].to_vec()));
        assert_eq!(cut(&[], 1), Ok(vec![]));
    }

    #[test]
    fn what_is_no_car_is_refused_before_it_is_held() {
        let cid = parse_cid("bafkqaaa").expect("a CID");
        let malformed: [&[u8]; 6] = [
            b"<!DOCTYPE html><title>gateway</title> and what comes after it, in many more letters",
            b"\x0a\xa1gversion\x02 and what version 2 has after that",
            b"\x00",
            b"\xff\xff\xff\xff\x7f",
            &[HEADER, b"\xff\xff\xff\xff\xff"].concat(),
            &[HEADER, b"\x02\xff\xff"].concat(),
        ];
        for bytes in malformed {
            assert!(cut(bytes, 1).is_err(), "{bytes:?}");
        }
        let long = [HEADER.to_vec(), vec![0x81, 0x82, 0x80, 0x01], cid.to_bytes()].concat();
        assert!(cut(&long, 1).is_err());
    }
}
