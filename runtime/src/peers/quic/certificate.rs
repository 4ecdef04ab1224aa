//! A certificate that says who a peer is: self-signed, and its key signed by the peer's own
//! (github.com/libp2p/specs, tls/tls.md).
//!
//! What must stay true: a peer id is believed only where its key has signed the key of this very certificate, and that key
//! the handshake. Whatever is presented, nothing panics.
//! Clauses: P2P-20.

use libp2p_identity::{Keypair, PeerId, PublicKey};
use rcgen::{CertificateParams, CustomExtension, DistinguishedName, KeyPair, PKCS_ECDSA_P256_SHA256};
use rustls::crypto::ring;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, SignatureVerificationAlgorithm};
use time::OffsetDateTime;
use yasna::models::{ObjectIdentifier, UTCTime};
use yasna::tags::{TAG_GENERALIZEDTIME, TAG_UTCTIME};
use yasna::{ASN1Error, ASN1ErrorKind, ASN1Result, BERReader, Tag};

/// The extension with the peer's key and its signature.
const EXTENSION: [u64; 9] = [1, 3, 6, 1, 4, 1, 53594, 1, 1];
/// What stands before what the peer's key signs.
const DOMAIN: &[u8] = b"libp2p-tls-handshake:";

/// Makes a key and a certificate for it, signed by an identity.
pub(super) fn made_for(
    identity: &Keypair,
) -> Result<(CertificateDer<'static>, PrivateKeyDer<'static>), Box<dyn std::error::Error>> {
    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
    let signature = identity.sign(&[DOMAIN, &rcgen::PublicKeyData::subject_public_key_info(&key)].concat())?;
    let claim = yasna::encode_der(&(identity.public().encode_protobuf(), signature));
    let mut parameters = CertificateParams::default();
    parameters.distinguished_name = DistinguishedName::new();
    let mut extension = CustomExtension::from_oid_content(&EXTENSION, claim);
    extension.set_criticality(true);
    parameters.custom_extensions.push(extension);
    let certificate = parameters.self_signed(&key)?;
    Ok((certificate.der().clone(), PrivatePkcs8KeyDer::from(key.serialize_der()).into()))
}

/// A certificate, taken apart.
pub(super) struct Certificate {
    /// What is signed, the algorithm that it was signed by (without its header), and the signature.
    signed: Vec<u8>,
    algorithm: Vec<u8>,
    signature: Vec<u8>,
    /// Whether it is valid today.
    valid: bool,
    /// The whole of its key, the key's algorithm (without its header), and its bits.
    info: Vec<u8>,
    key_algorithm: Vec<u8>,
    key: Vec<u8>,
    /// The peer's key, and its signature.
    identity: PublicKey,
    claim: Vec<u8>,
}

impl Certificate {
    /// Takes one apart and believes nothing of it.
    pub(super) fn parse(presented: &CertificateDer<'_>) -> Option<Certificate> {
        yasna::parse_der(presented, certificate).ok()
    }

    /// One that is what libp2p asks for.
    pub(super) fn verified(presented: &CertificateDer<'_>) -> Option<Certificate> {
        let found = Certificate::parse(presented)?;
        let own = ring::default_provider().signature_verification_algorithms;
        let by = own.all.iter().copied().filter(|known| known.signature_alg_id().as_ref() == found.algorithm);
        let by: Vec<_> = by.collect();
        let believed = found.valid
            && found.has_signed(&by, &found.signed, &found.signature)
            && found.identity.verify(&[DOMAIN, &found.info].concat(), &found.claim);
        believed.then_some(found)
    }

    /// Whose it is.
    pub(super) fn peer(&self) -> PeerId {
        self.identity.to_peer_id()
    }

    /// Whether its key has signed this, by one of these algorithms.
    pub(super) fn has_signed(
        &self,
        algorithms: &[&dyn SignatureVerificationAlgorithm],
        message: &[u8],
        signature: &[u8],
    ) -> bool {
        let mut fitting = algorithms.iter().filter(|known| known.public_key_alg_id().as_ref() == self.key_algorithm);
        fitting.any(|known| known.verify_signature(&self.key, message, signature).is_ok())
    }
}

/// `Certificate` (RFC 5280, section 4.1).
fn certificate(reader: BERReader<'_, '_>) -> ASN1Result<Certificate> {
    reader.read_sequence(|reader| {
        let signed = reader.next().read_der()?;
        let algorithm = contents(reader.next())?;
        let signature = bits(reader.next())?;
        let Fields { valid, info, claim } = yasna::parse_der(&signed, fields)?;
        let (key_algorithm, key) = yasna::parse_der(&info, |reader| {
            reader.read_sequence(|reader| Ok((contents(reader.next())?, bits(reader.next())?)))
        })?;
        let (identity, claim): (Vec<u8>, Vec<u8>) = yasna::decode_der(&claim)?;
        let identity = PublicKey::try_decode_protobuf(&identity).map_err(|_| invalid())?;
        Ok(Certificate { signed, algorithm, signature, valid, info, key_algorithm, key, identity, claim })
    })
}

struct Fields {
    valid: bool,
    info: Vec<u8>,
    claim: Vec<u8>,
}

/// `TBSCertificate`.
fn fields(reader: BERReader<'_, '_>) -> ASN1Result<Fields> {
    reader.read_sequence(|reader| {
        // Version 3 alone has extensions.
        let version = reader.next().read_tagged(Tag::context(0), |reader| reader.read_u8())?;
        // Number, algorithm, issuer.
        for _ in 0..3 {
            reader.next().read_der()?;
        }
        let now = OffsetDateTime::now_utc();
        let valid = reader.next().read_sequence(|reader| {
            let (from, until) = (moment(reader.next())?, moment(reader.next())?);
            Ok(from <= now && now <= until)
        })?;
        // Subject.
        reader.next().read_der()?;
        let info = reader.next().read_der()?;
        for unique in [1, 2] {
            reader.read_optional(|reader| {
                reader.read_tagged_implicit(Tag::context(unique), |reader| reader.read_bitvec_bytes())
            })?;
        }
        let claim = reader.next().read_tagged(Tag::context(3), extensions)?;
        match version {
            2 => Ok(Fields { valid, info, claim }),
            _ => Err(invalid()),
        }
    })
}

/// The content of ours; another that is critical isn't understood.
fn extensions(reader: BERReader<'_, '_>) -> ASN1Result<Vec<u8>> {
    let mut claim = None;
    reader.read_sequence_of(|reader| {
        reader.read_sequence(|reader| {
            let name: ObjectIdentifier = reader.next().read_oid()?;
            let critical = reader.read_default(false, |reader| reader.read_bool())?;
            let content = reader.next().read_bytes()?;
            match (name.components()[..] == EXTENSION, critical) {
                (true, _) if claim.is_some() => Err(invalid()),
                (true, _) => {
                    claim = Some(content);
                    Ok(())
                }
                (false, true) => Err(invalid()),
                (false, false) => Ok(()),
            }
        })
    })?;
    claim.ok_or_else(invalid)
}

fn moment(reader: BERReader<'_, '_>) -> ASN1Result<OffsetDateTime> {
    match reader.lookahead_tag()? {
        TAG_UTCTIME => reader.read_utctime().map(|time: UTCTime| *time.datetime()),
        TAG_GENERALIZEDTIME => reader.read_generalized_time().map(|time| *time.datetime()),
        _ => Err(invalid()),
    }
}

/// What is in a sequence.
fn contents(reader: BERReader<'_, '_>) -> ASN1Result<Vec<u8>> {
    reader.read_tagged_der().map(|value| value.value().to_vec())
}

/// Whole bytes of bits.
fn bits(reader: BERReader<'_, '_>) -> ASN1Result<Vec<u8>> {
    match reader.read_bitvec_bytes()? {
        (bytes, bits) if bits == bytes.len() * 8 => Ok(bytes),
        _ => Err(invalid()),
    }
}

fn invalid() -> ASN1Error {
    ASN1Error::new(ASN1ErrorKind::Invalid)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::peers::identity::fresh;

    /// A certificate of a key, with this as the extension's content.
    fn with(
        claim: impl FnOnce(&[u8]) -> Vec<u8>,
        change: impl FnOnce(&mut CertificateParams),
    ) -> CertificateDer<'static> {
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap();
        let mut parameters = CertificateParams::default();
        let content = claim(&rcgen::PublicKeyData::subject_public_key_info(&key));
        parameters.custom_extensions.push(CustomExtension::from_oid_content(&EXTENSION, content));
        change(&mut parameters);
        parameters.self_signed(&key).unwrap().der().clone()
    }

    fn claim(by: &Keypair, of: &Keypair, signed: &[u8]) -> Vec<u8> {
        yasna::encode_der(&(of.public().encode_protobuf(), by.sign(signed).unwrap()))
    }

    #[test]
    fn a_peer_is_who_signed() {
        let (peer, other) = (fresh().unwrap(), fresh().unwrap());
        let whose = |certificate: &CertificateDer<'_>| Certificate::verified(certificate).map(|found| found.peer());
        assert_eq!(whose(&made_for(&peer).unwrap().0), Some(peer.public().to_peer_id()));
        let good = |info: &[u8]| claim(&peer, &peer, &[DOMAIN, info].concat());
        assert_eq!(whose(&with(good, |_| ())), Some(peer.public().to_peer_id()));
        assert_eq!(whose(&with(|info| claim(&other, &peer, &[DOMAIN, info].concat()), |_| ())), None);
        assert_eq!(whose(&with(|info| claim(&peer, &peer, info), |_| ())), None);
        assert_eq!(whose(&with(|_| claim(&peer, &peer, DOMAIN), |_| ())), None);
        assert_eq!(whose(&with(|_| vec![], |_| ())), None);
    }

    #[test]
    fn dates_and_extensions_are_looked_at() {
        let peer = fresh().unwrap();
        let good = |info: &[u8]| claim(&peer, &peer, &[DOMAIN, info].concat());
        let valid = |change: fn(&mut CertificateParams)| Certificate::verified(&with(good, change)).is_some();
        assert!(valid(|_| ()));
        assert!(!valid(|all| all.not_after = rcgen::date_time_ymd(2001, 1, 1)));
        assert!(!valid(|all| all.not_before = rcgen::date_time_ymd(3001, 1, 1)));
        assert!(!valid(|all| all.custom_extensions.clear()));
        assert!(!valid(|all| all.custom_extensions.push(all.custom_extensions[0].clone())));
        assert!(valid(|all| all.custom_extensions.push(CustomExtension::from_oid_content(&[1, 2, 3], vec![5, 0]))));
        assert!(!valid(|all| {
            let mut unknown = CustomExtension::from_oid_content(&[1, 2, 3], vec![5, 0]);
            unknown.set_criticality(true);
            all.custom_extensions.push(unknown);
        }));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn another_byte_makes_it_worthless(at in 0usize..300, byte in 1u8..) {
            let (good, _) = made_for(&fresh().unwrap()).unwrap();
            let mut bytes = good.to_vec();
            let at = at % bytes.len();
            bytes[at] ^= byte;
            prop_assert!(Certificate::verified(&CertificateDer::from(bytes)).is_none());
        }

        #[test]
        fn whatever_comes_is_taken_apart_or_not(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            prop_assert!(Certificate::verified(&CertificateDer::from(bytes)).is_none());
        }
    }
}
