//! IPNS records (IPNS record specification), signed by keys of the suite's own.

use libp2p_identity::Keypair;
use multibase::Base;

use crate::node::unixfs::{field, varint};

/// A date that no run of the suite sees.
pub const LATER: &str = "2099-01-01T00:00:00.000000000Z";
/// A date that all have seen.
pub const LONG_AGO: &str = "2001-01-01T00:00:00.000000000Z";

/// A name, by the key that signs for it.
#[derive(Debug)]
pub struct Signer(Keypair);

impl Signer {
    /// The one of this number; it is the same in every run.
    ///
    /// # Panics
    /// Never: any 32 bytes are a key.
    #[must_use]
    pub fn new(number: u8) -> Self {
        let key = Keypair::ed25519_from_bytes([number; 32]);
        Self(key.unwrap_or_else(|fault| panic!("32 bytes are no key: {fault}")))
    }

    /// Its name, as a CID in base 36.
    #[must_use]
    pub fn name(&self) -> String {
        let peer = self.0.public().to_peer_id().to_bytes();
        multibase::encode(Base::Base36Lower, [&[1, 0x72], &peer[..]].concat())
    }

    /// The record that the name stands for a path, in force until a date.
    ///
    /// # Panics
    /// Never: an Ed25519 key signs anything.
    #[must_use]
    pub fn record(&self, path: &str, until: &str, sequence: u8) -> Vec<u8> {
        let text = |text: &str| item(3, text.as_bytes());
        let document = [
            &[0xa5],
            &text("TTL")[..],
            &[1],
            &text("Value"),
            &item(2, path.as_bytes()),
            &text("Sequence"),
            &[24, sequence],
            &text("Validity"),
            &item(2, until.as_bytes()),
            &text("ValidityType"),
            &[0],
        ]
        .concat();
        let signed = [b"ipns-signature:", &document[..]].concat();
        let signature = self.0.sign(&signed).unwrap_or_else(|fault| panic!("nothing is signed: {fault}"));
        let number = |number: u8, value: u64| [vec![number << 3], varint(value)].concat();
        [
            field(1, path.as_bytes()),
            number(3, 0),
            field(4, until.as_bytes()),
            number(5, sequence.into()),
            number(6, 1),
            field(8, &signature),
            field(9, &document),
        ]
        .concat()
    }
}

/// Bytes or text of dag-cbor, of fewer than 256 bytes.
fn item(major: u8, bytes: &[u8]) -> Vec<u8> {
    let length = u8::try_from(bytes.len()).unwrap_or(u8::MAX);
    match length {
        0..24 => [&[major << 5 | length], bytes].concat(),
        _ => [&[major << 5 | 24, length], bytes].concat(),
    }
}
