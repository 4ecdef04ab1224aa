//! `ww idgen`: a new Ed25519 identity, to standard output or to a file that its owner alone can read.
//!
//! - What it does: makes a key, and writes it as libp2p encodes it (`crypto.pb.PrivateKey`).
//! - What must stay true: the key is never where others can read it, not for a moment; a file is whole or not there; what
//!   is there already stays, unless it may be replaced.
//! - Serves: STORE-13, -24. Format: libp2p's `peer-ids` specification.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use multibase::Base;

use crate::peers::identity;

/// `ww idgen`, parsed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdGen {
    /// How it is written.
    pub form: Form,
    /// Where to; `None` is standard output.
    pub out: Option<PathBuf>,
    /// Whether what is there may be replaced.
    pub force: bool,
}

/// How an identity is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// One line of base64, as `--identity` takes it.
    Base64,
    /// One line of base58.
    Base58,
    /// The bytes of the protobuf message.
    Raw,
}

/// Why there is none. Exit code 1.
#[derive(Debug, thiserror::Error)]
pub enum IdGenError {
    /// The system has no randomness.
    #[error("failed to make an identity: the system gives no randomness")]
    Randomness,
    /// The key can't be encoded.
    #[error("failed to make an identity: it can't be encoded")]
    Encode,
    /// There is a file already.
    #[error("failed to write {path}: it is there already; --force replaces it")]
    There {
        /// The file.
        path: String,
    },
    /// The file can't be written.
    #[error("failed to write {path}")]
    Write {
        /// The file.
        path: String,
        /// Why not.
        source: io::Error,
    },
}

/// Makes an identity; gives what is to be printed: it, or the peer id where it went into a file.
///
/// # Errors
/// Where there is no randomness, and where the file can't be written.
pub fn generate(wanted: &IdGen) -> Result<Vec<u8>, IdGenError> {
    let key = identity::fresh().ok_or(IdGenError::Randomness)?;
    let bytes = key.to_protobuf_encoding().map_err(|_| IdGenError::Encode)?;
    let written = match wanted.form {
        Form::Base64 => line(Base::Base64Pad.encode(&bytes)),
        Form::Base58 => line(Base::Base58Btc.encode(&bytes)),
        Form::Raw => bytes,
    };
    let Some(path) = &wanted.out else { return Ok(written) };
    match write(path, &written, wanted.force) {
        Ok(()) => Ok(line(key.public().to_peer_id().to_base58())),
        Err(fault) if fault.kind() == io::ErrorKind::AlreadyExists => Err(IdGenError::There { path: shown(path) }),
        Err(source) => Err(IdGenError::Write { path: shown(path), source }),
    }
}

/// Writes a file that comes into being with all that is in it, and mode 0600.
fn write(path: &Path, bytes: &[u8], force: bool) -> io::Result<()> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    if path.is_dir() {
        return Err(io::ErrorKind::IsADirectory.into());
    }
    // tempfile gives it mode 0600.
    let mut file = tempfile::Builder::new().prefix(".ww-").tempfile_in(folder)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    let kept = if force { file.persist(path) } else { file.persist_noclobber(path) };
    kept.map_err(|fault| fault.error)?;
    File::open(folder)?.sync_all()
}

fn line(text: String) -> Vec<u8> {
    (text + "\n").into_bytes()
}

fn shown(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    fn wanted(out: Option<PathBuf>, force: bool) -> IdGen {
        IdGen { form: Form::Base64, out, force }
    }

    #[test]
    fn what_is_written_is_read_as_an_identity() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("key");
        let told = generate(&wanted(Some(file.clone()), false)).unwrap();
        let key = identity::read(&file).unwrap();
        assert_eq!(told, line(key.public().to_peer_id().to_base58()));
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o7777, 0o600);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn what_is_there_stays_unless_it_may_be_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let (file, dangling) = (folder.path().join("key"), folder.path().join("link"));
        fs::write(&file, "mine").unwrap();
        symlink("nowhere", &dangling).unwrap();
        for there in [&file, &dangling] {
            assert!(matches!(generate(&wanted(Some(there.clone()), false)), Err(IdGenError::There { .. })));
        }
        assert_eq!((fs::read(&file).unwrap(), fs::read_dir(folder.path()).unwrap().count()), (b"mine".to_vec(), 2));
        generate(&wanted(Some(file.clone()), true)).unwrap();
        assert!(identity::read(&file).is_ok());
        assert!(generate(&wanted(Some(folder.path().into()), true)).is_err());
        assert!(generate(&wanted(Some(folder.path().join("no/key")), false)).is_err());
    }

    #[test]
    fn all_forms_are_of_one_encoding() {
        let made = |form| generate(&IdGen { form, out: None, force: false }).unwrap();
        let text = |form| String::from_utf8(made(form)).unwrap().strip_suffix('\n').unwrap().to_owned();
        let (base64, base58) = (text(Form::Base64), text(Form::Base58));
        for bytes in [made(Form::Raw), Base::Base64Pad.decode(base64).unwrap(), Base::Base58Btc.decode(base58).unwrap()]
        {
            assert_eq!((bytes.len(), &bytes[..4]), (68, &[8, 1, 18, 64][..]), "Ed25519, 64 bytes");
        }
        assert_ne!(made(Form::Raw), made(Form::Raw));
    }
}
