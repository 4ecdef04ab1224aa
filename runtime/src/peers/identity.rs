//! Who this run is for its peers: an Ed25519 key, of a file or fresh.
//!
//! The file has one line: the private key as libp2p encodes it (`crypto.pb.PrivateKey`) in base64, which is what Kubo has
//! in its configuration as `Identity.PrivKey`.
//! What must stay true: a key that others of the machine can read is nobody's identity, and is refused.
//! Clauses: P2P-07.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

use libp2p_identity::{KeyType, Keypair};
use multibase::Base;

/// More than a key of any kind takes.
const LARGEST: u64 = 4096;

/// Why there is no identity. Exit code 1.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// The file can't be read.
    #[error("cannot read --identity {path}")]
    Read {
        /// The file.
        path: String,
        /// Why not.
        source: io::Error,
    },
    /// Others may read it.
    #[error("cannot use --identity {path}: others can read it (mode {mode:04o}); chmod 600 {path}")]
    Open {
        /// The file.
        path: String,
        /// Its mode.
        mode: u32,
    },
    /// It isn't what it should be.
    #[error("cannot use --identity {path}: it is not one line with an Ed25519 private key of libp2p in base64")]
    Form {
        /// The file.
        path: String,
    },
}

/// Reads the key of a file.
pub fn read(path: &Path) -> Result<Keypair, IdentityError> {
    let name = || path.to_string_lossy().into_owned();
    let failed = |source| IdentityError::Read { path: name(), source };
    // A fifo that nobody writes to would be waited for without end.
    let file = File::options().read(true).custom_flags(libc::O_NONBLOCK).open(path).map_err(failed)?;
    let status = file.metadata().map_err(failed)?;
    if !status.is_file() {
        return Err(failed(io::Error::other("not a file")));
    }
    if status.mode() & 0o077 != 0 {
        return Err(IdentityError::Open { path: name(), mode: status.mode() & 0o7777 });
    }
    let mut text = String::new();
    let read = file.take(LARGEST).read_to_string(&mut text);
    match read {
        Ok(_) => parsed(&text).ok_or_else(|| IdentityError::Form { path: name() }),
        Err(error) if error.kind() == io::ErrorKind::InvalidData => Err(IdentityError::Form { path: name() }),
        Err(error) => Err(failed(error)),
    }
}

/// A fresh one. `None`: there is no randomness to be had.
pub fn fresh() -> Option<Keypair> {
    Keypair::ed25519_from_bytes(super::tcp::random()?).ok()
}

fn parsed(text: &str) -> Option<Keypair> {
    let line = text.strip_suffix('\n').unwrap_or(text);
    let bytes = Base::Base64Pad.decode(line).ok()?;
    let key = Keypair::from_protobuf_encoding(&bytes).ok()?;
    (key.key_type() == KeyType::Ed25519).then_some(key)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_key_is_read_as_it_was_written() {
        let key = fresh().unwrap();
        let line = Base::Base64Pad.encode(key.to_protobuf_encoding().unwrap());
        let again = parsed(&format!("{line}\n")).unwrap();
        assert_eq!(again.public().to_peer_id(), key.public().to_peer_id());
        for bad in ["", "\n", "x", &line[1..], &format!("{line}\n\n"), &format!(" {line}"), &format!("{line}\n{line}")]
        {
            assert!(parsed(bad).is_none(), "{bad:?}");
        }
    }

    #[test]
    fn a_file_that_others_read_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        std::fs::write(&path, Base::Base64Pad.encode(fresh().unwrap().to_protobuf_encoding().unwrap())).unwrap();
        for (mode, well) in [(0o600, true), (0o400, true), (0o640, false), (0o604, false)] {
            std::fs::set_permissions(&path, PermissionsExt::from_mode(mode)).unwrap();
            assert_eq!(read(&path).is_ok(), well, "{mode:o}");
        }
    }
}
