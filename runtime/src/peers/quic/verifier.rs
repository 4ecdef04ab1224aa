//! How TLS looks at a peer's certificate: by what libp2p asks of it, not by who issued it.

use std::fmt;

use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::WebPkiSupportedAlgorithms;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{CertificateError, DigitallySignedStruct, DistinguishedName, Error, SignatureScheme};

use super::certificate::Certificate;

/// Looks at the certificates of peers, each of which has to have one.
pub(super) struct Verifier {
    algorithms: WebPkiSupportedAlgorithms,
}

impl Verifier {
    pub(super) fn new(algorithms: WebPkiSupportedAlgorithms) -> Verifier {
        Verifier { algorithms }
    }
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Verifier")
    }
}

fn refused(why: CertificateError) -> Error {
    Error::InvalidCertificate(why)
}

impl ClientCertVerifier for Verifier {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        presented: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        _: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        match Certificate::verified(presented) {
            // There is one and no chain (github.com/libp2p/specs, tls/tls.md).
            Some(_) if others.is_empty() => Ok(ClientCertVerified::assertion()),
            _ => Err(refused(CertificateError::ApplicationVerificationFailure)),
        }
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        // QUIC has TLS 1.3 alone (RFC 9001, section 4.2).
        Err(refused(CertificateError::ApplicationVerificationFailure))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        presented: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let bad = || refused(CertificateError::BadSignature);
        let certificate = Certificate::parse(presented).ok_or_else(bad)?;
        let known = self.algorithms.mapping.iter().find(|(scheme, _)| *scheme == signed.scheme);
        let (_, algorithms) = known.ok_or_else(bad)?;
        match certificate.has_signed(algorithms, message, signed.signature()) {
            true => Ok(HandshakeSignatureValid::assertion()),
            false => Err(bad()),
        }
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}
