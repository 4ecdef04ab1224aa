//! As much of Protocol Buffers as libp2p's handshake and identify take: fields of bytes.
//!
//! What must stay true: whatever bytes there are, they are read once and never beyond their end.

/// The wire type of a field that says its length.
const BYTES: u64 = 2;

/// A field of bytes.
pub(super) fn field(number: u64, value: &[u8]) -> Vec<u8> {
    let mut field = Vec::with_capacity(value.len() + 4);
    put_varint(&mut field, number << 3 | BYTES);
    put_varint(&mut field, value.len() as u64);
    field.extend_from_slice(value);
    field
}

/// The fields of bytes of a message, in their order. `None`: it isn't one, or has others, which ours haven't.
pub(super) fn fields(mut message: &[u8]) -> Option<Vec<(u64, &[u8])>> {
    let mut fields = Vec::new();
    while !message.is_empty() {
        let (key, rest) = varint(message)?;
        let (length, rest) = varint(rest)?;
        let length = usize::try_from(length).ok()?;
        if key & 7 != BYTES || length > rest.len() {
            return None;
        }
        let (value, rest) = rest.split_at(length);
        fields.push((key >> 3, value));
        message = rest;
    }
    Some(fields)
}

/// An unsigned number, seven bits a byte, the lowest first; and what is behind it.
pub(super) fn varint(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let mut number = 0;
    for (at, byte) in bytes.iter().enumerate().take(9) {
        number |= u64::from(byte & 0x7f) << (7 * at);
        if byte & 0x80 == 0 {
            return Some((number, &bytes[at + 1..]));
        }
    }
    None
}

/// Appends an unsigned number.
pub(super) fn put_varint(bytes: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let message = [field(1, b"a"), field(300, &[7; 200])].concat();
        assert_eq!(fields(&message).unwrap(), [(1, &b"a"[..]), (300, &[7; 200])]);
        for end in 1..message.len() {
            if end != 3 {
                assert!(fields(&message[..end]).is_none(), "{end}");
            }
        }
    }
}
