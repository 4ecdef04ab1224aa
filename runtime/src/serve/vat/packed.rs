//! The packed encoding, as it is written (<https://capnproto.org/encoding.html#packing>).
//!
//! Reading is capnp-futures': what it unpacks is bounded by whoever reads of it.

/// Bytes of a word.
const WORD: usize = 8;

/// Packs whole words. What is packed in pieces can be read as one.
pub(super) fn pack(words: &[u8], to: &mut Vec<u8>) {
    let mut words = words.chunks_exact(WORD).peekable();
    while let Some(word) = words.next() {
        let at = to.len();
        to.push(0);
        let mut tag = 0u8;
        for (bit, byte) in word.iter().enumerate() {
            if *byte != 0 {
                tag |= 1 << bit;
                to.push(*byte);
            }
        }
        to[at] = tag;
        match tag {
            // So many words of zeros follow it.
            0 => {
                let mut run = 0;
                while run < u8::MAX && words.next_if(|word| word.iter().all(|byte| *byte == 0)).is_some() {
                    run += 1;
                }
                to.push(run);
            }
            // So many words follow as they are, each with one zero at most: two are as well packed.
            u8::MAX => {
                let at = to.len();
                to.push(0);
                while to[at] < u8::MAX {
                    let zeros = |word: &&[u8]| word.iter().filter(|byte| **byte == 0).count() < 2;
                    let Some(word) = words.next_if(zeros) else { break };
                    to.extend_from_slice(word);
                    to[at] += 1;
                }
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use capnp_futures::serialize_packed::PackedRead;
    use futures::{AsyncReadExt, FutureExt};
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_packed_unpacks(words in prop::collection::vec(
            prop_oneof![Just(0u64), any::<u64>(), any::<u64>().prop_map(|word| word & 0xff00_00ff_0000_0000)],
            0..600,
        ), cut in 0usize..600) {
            let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
            let (one, other) = bytes.split_at(cut.min(words.len()) * WORD);
            let mut packed = Vec::new();
            pack(one, &mut packed);
            pack(other, &mut packed);
            let mut unpacked = Vec::new();
            let mut reader = PackedRead::new(&packed[..]);
            reader.read_to_end(&mut unpacked).now_or_never().expect("it is all there").expect("it can be read");
            prop_assert_eq!(unpacked, bytes);
        }
    }
}
