//! Checks bytes against a CID's digest as they arrive.
//!
//! - What it does: one incremental hasher for each function that Kubo can be told to use (`ipfs add --hash`).
//! - What must stay true: a digest is compared whole. Truncated ones, SHA-1 and unknown functions are
//!   refused, never skipped.
//! - Serves: ruling 7.

use sha2::digest::DynDigest;

use super::Cid;

/// identity: the "digest" is the content.
pub(crate) const IDENTITY: u64 = 0x00;
/// The shortest digest that is taken for safe, as in Kubo (boxo `verifcid`), in bytes.
const DIGEST_MIN: usize = 20;

/// Why bytes aren't known to be those of a CID.
#[derive(Debug)]
pub(crate) enum VerifyError {
    /// Its hash isn't one that can be checked.
    Hash {
        /// The CID.
        cid: Box<Cid>,
        /// What is wrong with the hash.
        why: &'static str,
    },
    /// They are others.
    Mismatch {
        /// The CID.
        cid: Box<Cid>,
    },
}

/// A hash in progress, and the digest it must come to.
pub(crate) struct Verifier<'a> {
    cid: &'a Cid,
    state: State,
}

enum State {
    Fixed(Box<dyn DynDigest>),
    Twice(Box<dyn DynDigest>),
    Blake2b(Box<blake2b_simd::State>),
    Blake2s(Box<blake2s_simd::State>),
    Blake3(Box<blake3::Hasher>),
}

impl<'a> Verifier<'a> {
    /// Starts a check against `cid`, whose hash isn't identity.
    ///
    /// # Errors
    /// [`VerifyError::Hash`] where the function or the digest's length is not one that can be checked.
    pub(crate) fn new(cid: &'a Cid) -> Result<Self, VerifyError> {
        let refuse = |why| Err(VerifyError::Hash { cid: Box::new(*cid), why });
        let length = usize::from(cid.hash().size());
        let code = cid.hash().code();
        let state = match code {
            0x11 => return refuse("SHA-1 is broken"),
            0x12 => State::Fixed(Box::new(sha2::Sha256::default())),
            0x13 => State::Fixed(Box::new(sha2::Sha512::default())),
            0x14 => State::Fixed(Box::new(sha3::Sha3_512::default())),
            0x15 => State::Fixed(Box::new(sha3::Sha3_384::default())),
            0x16 => State::Fixed(Box::new(sha3::Sha3_256::default())),
            0x17 => State::Fixed(Box::new(sha3::Sha3_224::default())),
            0x1b => State::Fixed(Box::new(sha3::Keccak256::default())),
            0x1d => State::Fixed(Box::new(sha3::Keccak512::default())),
            0x56 => State::Twice(Box::new(sha2::Sha256::default())),
            // The multicodec table gives blake2b-8·n the code 0xb200 + n, blake2s-8·n 0xb240 + n.
            0xb201..=0xb240 => {
                let mut params = blake2b_simd::Params::new();
                State::Blake2b(Box::new(params.hash_length((code - 0xb200) as usize).to_state()))
            }
            0xb241..=0xb260 => {
                let mut params = blake2s_simd::Params::new();
                State::Blake2s(Box::new(params.hash_length((code - 0xb240) as usize).to_state()))
            }
            0x1e => State::Blake3(Box::default()),
            _ => return refuse("an unknown hash function"),
        };
        let natural = match (&state, code) {
            (State::Fixed(hash) | State::Twice(hash), _) => hash.output_size(),
            (State::Blake2b(_), code) => (code - 0xb200) as usize,
            (State::Blake2s(_), code) => (code - 0xb240) as usize,
            // An extendable function: every length is a whole one.
            (State::Blake3(_), _) => length,
        };
        if length < DIGEST_MIN {
            return refuse("it is shorter than 20 bytes");
        }
        if length != natural {
            return refuse("it is truncated");
        }
        Ok(Verifier { cid, state })
    }

    /// Takes the next bytes.
    pub(crate) fn update(&mut self, bytes: &[u8]) {
        match &mut self.state {
            State::Fixed(hash) | State::Twice(hash) => hash.update(bytes),
            State::Blake2b(hash) => {
                hash.update(bytes);
            }
            State::Blake2s(hash) => {
                hash.update(bytes);
            }
            State::Blake3(hash) => {
                hash.update(bytes);
            }
        }
    }

    /// Ends the check.
    ///
    /// # Errors
    /// [`VerifyError::Mismatch`] where the bytes aren't those of the CID.
    pub(crate) fn finish(self) -> Result<(), VerifyError> {
        let wanted = self.cid.hash().digest();
        let digest: Box<[u8]> = match self.state {
            State::Fixed(hash) => hash.finalize(),
            State::Twice(mut hash) => {
                let once = hash.finalize_reset();
                hash.update(&once);
                hash.finalize()
            }
            State::Blake2b(hash) => hash.finalize().as_bytes().into(),
            State::Blake2s(hash) => hash.finalize().as_bytes().into(),
            State::Blake3(hash) => {
                let mut digest = vec![0; wanted.len()];
                hash.finalize_xof().fill(&mut digest);
                digest.into()
            }
        };
        if *digest == *wanted { Ok(()) } else { Err(VerifyError::Mismatch { cid: Box::new(*self.cid) }) }
    }
}
