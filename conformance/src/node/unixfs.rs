//! Blocks of dag-pb and UnixFS, made by hand: what no importer makes, right or wrong on purpose.
//!
//! Reference: <https://ipld.io/specs/codecs/dag-pb/spec/>, <https://specs.ipfs.tech/unixfs/>.

/// A link's CID as bytes, read from base 32 text (`b…`).
///
/// `None` where it is another base.
#[must_use]
pub fn cid_bytes(text: &str) -> Option<Vec<u8>> {
    const ALPHABET: &[u8] = b"abcdefghijklmnopqrstuvwxyz234567";
    let (mut bytes, mut held, mut bits) = (Vec::new(), 0u32, 0);
    for letter in text.strip_prefix('b')?.bytes() {
        let value = ALPHABET.iter().position(|other| *other == letter)?;
        held = (held << 5 | value as u32) & 0xfff;
        bits += 5;
        if bits >= 8 {
            bits -= 8;
            bytes.push((held >> bits) as u8);
        }
    }
    Some(bytes)
}

/// A number of protobuf.
#[must_use]
pub fn varint(mut number: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while number > 0x7f {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
    bytes
}

/// A field of protobuf that holds bytes.
#[must_use]
pub fn field(number: u8, bytes: &[u8]) -> Vec<u8> {
    [&[number << 3 | 2][..], &varint(bytes.len() as u64), bytes].concat()
}

/// A node of dag-pb: links (name, CID, cumulative size), then data.
#[must_use]
pub fn node(links: &[(&str, &[u8], u64)], data: &[u8]) -> Vec<u8> {
    let link = |(name, cid, size): &(&str, &[u8], u64)| {
        field(2, &[field(1, cid), field(2, name.as_bytes()), [&[0x18][..], &varint(*size)].concat()].concat())
    };
    links.iter().flat_map(link).chain(field(1, data)).collect()
}

/// UnixFS's message for a file: its declared size, and that of each part.
#[must_use]
pub fn file(data: &[u8], size: Option<u64>, parts: &[u64]) -> Vec<u8> {
    let mut message = vec![8, 2];
    if !data.is_empty() {
        message.extend(field(2, data));
    }
    if let Some(size) = size {
        message.push(0x18);
        message.extend(varint(size));
    }
    for size in parts {
        message.push(0x20);
        message.extend(varint(*size));
    }
    message
}

/// UnixFS's message for a directory.
#[must_use]
pub fn directory() -> Vec<u8> {
    vec![8, 1]
}

/// UnixFS's message for a symlink.
#[must_use]
pub fn symlink(target: &str) -> Vec<u8> {
    [&[8, 4][..], &field(2, target.as_bytes())].concat()
}

#[cfg(test)]
mod tests {
    use super::cid_bytes;

    #[test]
    fn base_32_is_read() {
        // Identity of "hello cell", as the documentation of the cells has it.
        let bytes = cid_bytes("bafkqac3imvwgy3zmebrwk3dm").expect("base 32");
        assert_eq!((&bytes[..4], &bytes[4..]), (&[1, 0x55, 0, 11][..], &b"hello, cell"[..]));
        assert_eq!(cid_bytes("Qm"), None);
    }
}
