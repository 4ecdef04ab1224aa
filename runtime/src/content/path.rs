//! `/ipfs/…`, `/ipns/…` and their URL forms: tells content from local files, and keeps it parsed.
//!
//! - What it does: parses a path into a root (a CID or an IPNS name) and the names that follow.
//! - What must stay true: what exists here has a root that parsed whole and names that a directory can
//!   hold (UTF-8, not empty, not `.` or `..`, no `/`, no NUL). Its text has no control characters.
//! - Serves: rulings 7 (what is an IPFS path), 9 (one-line messages).

use std::ffi::OsStr;
use std::fmt;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use multibase::Base;

use super::{Cid, ContentError};
use crate::block::parse_cid;

#[cfg(test)]
mod tests;

/// The longest path that is looked at, as PATH_MAX is for files.
const PATH_LIMIT: usize = 4096;
/// The codec of a libp2p key, which an IPNS name may be written as (IPNS specification, §"Name").
pub(super) const LIBP2P_KEY: u64 = 0x72;

/// A path to content: a CID or an IPNS name, and the names of entries below it (ruling 7).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContentPath {
    root: Root,
    /// The root as it was written.
    text: String,
    names: Vec<String>,
}

/// What a path begins at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Root {
    Ipfs(Cid),
    /// A key or a DNS name, for the daemon to resolve.
    Ipns,
}

/// Why something that is an IPFS path can't be followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// Longer than `PATH_LIMIT`.
    #[error("the path is longer than {PATH_LIMIT} bytes")]
    Long,
    /// Names in UnixFS are text.
    #[error("the path isn't UTF-8")]
    Utf8,
    /// A NUL, or a `/` that was percent-encoded.
    #[error("a name in the path has a NUL or a slash in it")]
    Name,
    /// `..` would lead out of what the CID names.
    #[error("`..` leads nowhere in an IPFS path")]
    Parent,
    /// Not two hexadecimal digits after a `%` of a URL.
    #[error("a `%` in the URL isn't followed by two hexadecimal digits")]
    Percent,
    /// `?` or `#` in a URL.
    #[error("a query or a fragment names nothing here (write `%3F`, `%23` for `?`, `#`)")]
    Query,
}

impl ContentPath {
    /// Parses what a user wrote. `None`: not an IPFS path, so a local one.
    ///
    /// # Errors
    /// `Some(Err(_))`: the CID or name parses, and what follows can't be a path in it.
    pub fn parse(path: impl AsRef<OsStr>) -> Option<Result<ContentPath, ContentError>> {
        ContentPath::told(path).map(|parsed| parsed.map_err(Into::into))
    }

    /// As [`ContentPath::parse`], with what is wrong of the path's own kind.
    pub(crate) fn told(path: impl AsRef<OsStr>) -> Option<Result<ContentPath, PathError>> {
        let bytes = path.as_ref().as_bytes();
        let (rest, ipns, url) = if let Some(rest) = bytes.strip_prefix(b"/ipfs/") {
            (rest, false, false)
        } else if let Some(rest) = bytes.strip_prefix(b"/ipns/") {
            (rest, true, false)
        } else if let Some(rest) = bytes.strip_prefix(b"ipfs://") {
            (rest, false, true)
        } else {
            (bytes.strip_prefix(b"ipns://")?, true, true)
        };
        let end = |byte: &u8| *byte == b'/' || (url && (*byte == b'?' || *byte == b'#'));
        let end = rest.iter().position(end).unwrap_or(rest.len());
        let (root, rest) = rest.split_at(end);
        let text = std::str::from_utf8(root).ok()?;
        let root = match ipns {
            false => Root::Ipfs(parse_cid(text)?),
            true if is_key(text) || is_domain(text) => Root::Ipns,
            true => return None,
        };
        let names = if bytes.len() > PATH_LIMIT { Err(PathError::Long) } else { names(rest, url) };
        Some(names.map(|names| ContentPath { root, text: text.to_owned(), names }))
    }

    /// As [`ContentPath::parse`], and a bare CID too, which is how a cell may name content over RPC.
    ///
    /// # Errors
    /// As there.
    pub fn parse_or_cid(path: &str) -> Option<Result<ContentPath, ContentError>> {
        match parse_cid(path) {
            Some(cid) => Some(Ok(ContentPath { root: Root::Ipfs(cid), text: path.to_owned(), names: Vec::new() })),
            None => ContentPath::parse(path),
        }
    }

    /// The last part: the name of the file, or the CID or IPNS name where nothing follows it.
    pub fn name(&self) -> String {
        self.names.last().unwrap_or(&self.text).clone()
    }

    /// The path of files that it has where IPFS is a part of the file system: `/ipfs/…` or `/ipns/…`.
    pub(crate) fn as_file_path(&self) -> PathBuf {
        let top = Path::new(if self.root == Root::Ipns { "/ipns" } else { "/ipfs" });
        self.names.iter().fold(top.join(&self.text), |path, name| path.join(name))
    }

    /// The names that lead here from another path, if it lies above this one or is the same.
    pub(crate) fn below(&self, above: &ContentPath) -> Option<&[String]> {
        let same = self.root == above.root && self.text == above.text;
        self.names.strip_prefix(&above.names[..]).filter(|_| same)
    }

    pub(crate) fn root(&self) -> &Root {
        &self.root
    }

    /// The root as it was written.
    pub(crate) fn root_text(&self) -> &str {
        &self.text
    }

    /// The path to an entry below this one.
    pub(crate) fn join(mut self, names: &[String]) -> ContentPath {
        self.names.extend_from_slice(names);
        self
    }

    pub(crate) fn names(&self) -> &[String] {
        &self.names
    }
}

impl From<Cid> for ContentPath {
    fn from(cid: Cid) -> Self {
        ContentPath { text: cid.to_string(), root: Root::Ipfs(cid), names: Vec::new() }
    }
}

impl fmt::Display for ContentPath {
    /// The path in its `/ipfs/…` or `/ipns/…` form, control characters escaped.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.root == Root::Ipns { "/ipns/" } else { "/ipfs/" })?;
        f.write_str(&self.text)?;
        for name in &self.names {
            write!(f, "/{}", Printable(name))?;
        }
        Ok(())
    }
}

/// A text with its control characters escaped.
pub(crate) struct Printable<'a>(pub(crate) &'a str);

impl fmt::Display for Printable<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|c| match c.is_control() {
            true => write!(f, "{}", c.escape_default()),
            false => write!(f, "{c}"),
        })
    }
}

/// A peer id in base 58 or as a CID of a libp2p key.
fn is_key(text: &str) -> bool {
    if text.len() <= 128 && (text.starts_with("Qm") || text.starts_with('1')) {
        let hash = Base::Base58Btc.decode(text).ok();
        return hash.is_some_and(|bytes| multihash::Multihash::<128>::from_bytes(&bytes).is_ok());
    }
    parse_cid(text).is_some_and(|cid| cid.codec() == LIBP2P_KEY)
}

/// A DNS name of at least two labels, for DNSLink; its top level has a letter.
fn is_domain(text: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
    };
    let name = text.strip_suffix('.').unwrap_or(text);
    name.len() <= 253
        && name.contains('.')
        && name.split('.').all(label)
        && name.rsplit('.').next().is_some_and(|top| top.bytes().any(|b| b.is_ascii_alphabetic()))
}

/// The names after the root. Empty ones and `.` are skipped, as Kubo does.
fn names(rest: &[u8], url: bool) -> Result<Vec<String>, PathError> {
    if url && rest.iter().any(|byte| *byte == b'?' || *byte == b'#') {
        return Err(PathError::Query);
    }
    let mut names = Vec::new();
    for name in rest.split(|byte| *byte == b'/') {
        let name = if url { percent_decode(name)? } else { name.to_vec() };
        let name = String::from_utf8(name).map_err(|_| PathError::Utf8)?;
        match name.as_str() {
            "" | "." => {}
            ".." => return Err(PathError::Parent),
            _ if name.contains(['\0', '/']) => return Err(PathError::Name),
            _ => names.push(name),
        }
    }
    Ok(names)
}

/// RFC 3986 §2.1.
fn percent_decode(text: &[u8]) -> Result<Vec<u8>, PathError> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.iter();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => hex(rest.next())? << 4 | hex(rest.next())?,
            byte => *byte,
        });
    }
    Ok(bytes)
}

fn hex(digit: Option<&u8>) -> Result<u8, PathError> {
    let digit = digit.and_then(|digit| char::from(*digit).to_digit(16)).ok_or(PathError::Percent)?;
    Ok(digit as u8)
}
