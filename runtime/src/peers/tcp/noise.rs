//! The Noise handshake of libp2p, answered: who a peer is, and a channel that nobody else reads.
//!
//! `Noise_XX_25519_ChaChaPoly_SHA256`, each message behind two bytes of length; the second and third carry the identity of
//! their sender and its signature of the static key (github.com/libp2p/specs, noise/README.md).
//! What must stay true: a peer id is believed only where its key has signed the static key of this very handshake.
//! Clauses: P2P-08.

use libp2p_identity::{Keypair, PeerId, PublicKey};
use snow::params::{CipherChoice, DHChoice, HashChoice, NoiseParams};
use snow::resolvers::{CryptoResolver, RingResolver};
use snow::types::{Cipher, Dh, Hash, Random};
use snow::{Builder, HandshakeState, TransportState};
use x25519_dalek::{X25519_BASEPOINT_BYTES, x25519};

use crate::peers::protobuf::{field, fields};

const PATTERN: &str = "Noise_XX_25519_ChaChaPoly_SHA256";
const DOMAIN: &[u8] = b"noise-libp2p-static-key:";
/// Larger than the payload of any identity that we understand, and what a message has besides.
pub(super) const LARGEST_MESSAGE: usize = 1024;
/// The fields of `NoiseHandshakePayload`.
const IDENTITY_KEY: u64 = 1;
const IDENTITY_SIGNATURE: u64 = 2;

/// A handshake that came to nothing.
#[derive(Debug)]
pub(super) struct Refused;

impl From<snow::Error> for Refused {
    fn from(_: snow::Error) -> Refused {
        Refused
    }
}

/// As many bytes as nobody can guess. `None`: there is no randomness to be had.
pub(in crate::peers) fn random() -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    RingResolver.resolve_rng()?.try_fill_bytes(&mut bytes).ok()?;
    Some(bytes)
}

/// What this run answers handshakes with.
pub(in crate::peers) struct Keys {
    parameters: NoiseParams,
    secret: [u8; 32],
    payload: Vec<u8>,
}

impl Keys {
    /// Makes a static key and signs it. `None`: there is no randomness to be had.
    pub(in crate::peers) fn new(identity: &Keypair) -> Option<Keys> {
        let mut pair = Pair::default();
        pair.set(&random()?);
        let signature = identity.sign(&[DOMAIN, &pair.public].concat()).ok()?;
        let key = identity.public().encode_protobuf();
        let payload = [field(IDENTITY_KEY, &key), field(IDENTITY_SIGNATURE, &signature)].concat();
        Some(Keys { parameters: PATTERN.parse().ok()?, secret: pair.secret, payload })
    }

    /// Begins a handshake.
    pub(super) fn answer(&self) -> Result<Handshake, Refused> {
        let builder = Builder::with_resolver(self.parameters.clone(), Box::new(Resolver));
        Ok(Handshake { state: builder.local_private_key(&self.secret)?.build_responder()? })
    }
}

/// A handshake that goes on.
pub(super) struct Handshake {
    state: HandshakeState,
}

impl Handshake {
    /// Takes the first message, and gives the second.
    pub(super) fn second(&mut self, first: &[u8], keys: &Keys) -> Result<Vec<u8>, Refused> {
        let mut empty = [0; LARGEST_MESSAGE];
        if self.state.read_message(first, &mut empty)? != 0 {
            return Err(Refused);
        }
        let mut message = vec![0; LARGEST_MESSAGE];
        let length = self.state.write_message(&keys.payload, &mut message)?;
        message.truncate(length);
        Ok(message)
    }

    /// Takes the third message, which says who sends it.
    pub(super) fn finish(mut self, third: &[u8]) -> Result<(PeerId, TransportState), Refused> {
        let mut payload = [0; LARGEST_MESSAGE];
        let length = self.state.read_message(third, &mut payload)?;
        let (mut key, mut signature) = (None, None);
        for (number, value) in fields(&payload[..length]).ok_or(Refused)? {
            match number {
                IDENTITY_KEY => key = Some(value),
                IDENTITY_SIGNATURE => signature = Some(value),
                _ => {}
            }
        }
        let key = PublicKey::try_decode_protobuf(key.ok_or(Refused)?).map_err(|_| Refused)?;
        let signed = [DOMAIN, self.state.get_remote_static().ok_or(Refused)?].concat();
        if !key.verify(&signed, signature.ok_or(Refused)?) {
            return Err(Refused);
        }
        Ok((key.to_peer_id(), self.state.into_transport_mode()?))
    }
}

/// ring's ciphers, hashes and randomness, which the HTTP client has in the program anyway, and the curve of the signatures.
struct Resolver;

impl CryptoResolver for Resolver {
    fn resolve_rng(&self) -> Option<Box<dyn Random>> {
        RingResolver.resolve_rng()
    }

    fn resolve_dh(&self, choice: &DHChoice) -> Option<Box<dyn Dh>> {
        matches!(choice, DHChoice::Curve25519).then(|| Box::new(Pair::default()) as Box<dyn Dh>)
    }

    fn resolve_hash(&self, choice: &HashChoice) -> Option<Box<dyn Hash>> {
        RingResolver.resolve_hash(choice)
    }

    fn resolve_cipher(&self, choice: &CipherChoice) -> Option<Box<dyn Cipher>> {
        RingResolver.resolve_cipher(choice)
    }
}

/// A key pair of X25519 (RFC 7748).
#[derive(Default)]
struct Pair {
    secret: [u8; 32],
    public: [u8; 32],
}

impl Dh for Pair {
    fn name(&self) -> &'static str {
        "25519"
    }

    fn pub_len(&self) -> usize {
        self.public.len()
    }

    fn priv_len(&self) -> usize {
        self.secret.len()
    }

    fn set(&mut self, secret: &[u8]) {
        self.secret.copy_from_slice(secret);
        self.public = x25519(self.secret, X25519_BASEPOINT_BYTES);
    }

    fn generate(&mut self, random: &mut dyn Random) -> Result<(), snow::Error> {
        let mut secret = [0; 32];
        random.try_fill_bytes(&mut secret)?;
        self.set(&secret);
        Ok(())
    }

    fn pubkey(&self) -> &[u8] {
        &self.public
    }

    fn privkey(&self) -> &[u8] {
        &self.secret
    }

    fn dh(&self, public: &[u8], shared: &mut [u8]) -> Result<(), snow::Error> {
        let public = public.first_chunk::<32>().ok_or(snow::Error::Input)?;
        let agreed = x25519(self.secret, *public);
        // A key of low order makes it zero whatever ours is (RFC 7748, section 6.1).
        if agreed == [0; 32] {
            return Err(snow::Error::Dh);
        }
        shared[..32].copy_from_slice(&agreed);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::peers::identity;

    /// Both sides of a handshake, the initiator's third payload as `payload` makes it of its static key.
    fn shake(payload: impl Fn(&[u8]) -> Vec<u8>) -> Result<(PeerId, TransportState), Refused> {
        let keys = Keys::new(&identity::fresh().unwrap()).unwrap();
        let mut pair = Pair::default();
        pair.set(&random().unwrap());
        let builder = Builder::with_resolver(PATTERN.parse().unwrap(), Box::new(Resolver));
        let mut initiator = builder.local_private_key(&pair.secret).unwrap().build_initiator().unwrap();
        let mut buffer = [0; LARGEST_MESSAGE];
        let length = initiator.write_message(&[], &mut buffer).unwrap();
        let mut handshake = keys.answer()?;
        let second = handshake.second(&buffer[..length], &keys)?;
        initiator.read_message(&second, &mut [0; LARGEST_MESSAGE]).unwrap();
        let length = initiator.write_message(&payload(&pair.public), &mut buffer).unwrap();
        handshake.finish(&buffer[..length])
    }

    #[test]
    fn a_peer_is_who_signed() {
        let (peer, other) = (identity::fresh().unwrap(), identity::fresh().unwrap());
        let claim = |by: &Keypair, domain: &[u8], key: &[u8]| {
            let signature = by.sign(&[domain, key].concat()).unwrap();
            [field(IDENTITY_KEY, &peer.public().encode_protobuf()), field(IDENTITY_SIGNATURE, &signature)].concat()
        };
        let (found, _) = shake(|key| claim(&peer, DOMAIN, key)).unwrap();
        assert_eq!(found, peer.public().to_peer_id());
        assert!(shake(|key| claim(&other, DOMAIN, key)).is_err());
        assert!(shake(|key| claim(&peer, b"", key)).is_err());
        assert!(shake(|_| claim(&peer, DOMAIN, &[1; 32])).is_err());
        for payload in [&b""[..], b"\xff\xff\xff", b"\x0a\x00", b"\x0a\xff\xff\xff\xff\x0f"] {
            assert!(shake(|_| payload.to_vec()).is_err());
        }
    }
}
