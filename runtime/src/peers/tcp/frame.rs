//! The frames of Yamux (github.com/hashicorp/yamux, spec.md).
//!
//! What must stay true: twelve bytes are a header or an error, nothing else.

/// Bytes of a header.
pub(super) const HEADER: usize = 12;
/// What each side may send on a stream before it is given more.
pub(super) const WINDOW: u32 = 256 << 10;

pub(super) const SYN: u16 = 1;
pub(super) const ACK: u16 = 2;
pub(super) const FIN: u16 = 4;
pub(super) const RST: u16 = 8;

/// What a frame is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Data = 0,
    Window = 1,
    Ping = 2,
    GoAway = 3,
}

/// The header of a frame. `length` is of the data behind it; or a window's growth, a ping's number, a reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) kind: Kind,
    pub(super) flags: u16,
    pub(super) stream: u32,
    pub(super) length: u32,
}

impl Header {
    /// Reads a header.
    pub(super) fn parse(bytes: &[u8; HEADER]) -> Option<Header> {
        let [version, kind, f1, f0, s3, s2, s1, s0, l3, l2, l1, l0] = *bytes;
        let kind = match kind {
            0 => Kind::Data,
            1 => Kind::Window,
            2 => Kind::Ping,
            3 => Kind::GoAway,
            _ => return None,
        };
        (version == 0).then_some(Header {
            kind,
            flags: u16::from_be_bytes([f1, f0]),
            stream: u32::from_be_bytes([s3, s2, s1, s0]),
            length: u32::from_be_bytes([l3, l2, l1, l0]),
        })
    }

    /// Appends it to others.
    pub(super) fn put(self, bytes: &mut Vec<u8>) {
        bytes.extend_from_slice(&[0, self.kind as u8]);
        bytes.extend_from_slice(&self.flags.to_be_bytes());
        bytes.extend_from_slice(&self.stream.to_be_bytes());
        bytes.extend_from_slice(&self.length.to_be_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_is_read_as_it_was_written() {
        let header = Header { kind: Kind::Window, flags: SYN | ACK, stream: 0x0102_0304, length: 0xffff_fffe };
        let mut bytes = Vec::new();
        header.put(&mut bytes);
        assert_eq!(bytes, [0, 1, 0, 3, 1, 2, 3, 4, 255, 255, 255, 254]);
        assert_eq!(Header::parse(bytes[..].try_into().unwrap()), Some(header));
        for (at, wrong) in [(0, 1), (1, 4), (1, 255)] {
            let mut bytes: [u8; HEADER] = bytes[..].try_into().unwrap();
            bytes[at] = wrong;
            assert_eq!(Header::parse(&bytes), None);
        }
    }
}
