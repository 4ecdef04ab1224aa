//! The four phrases of the specification, word for word, each in this place alone; and how the kernel's words are put.
//!
//! Clauses: MSG-*.

use std::error::Error;

/// An IPFS path that can't be retrieved.
pub const FETCH: &str = "failed to get IPFS path";
/// An IPFS path that names something else than a file.
pub const NODE_TYPE: &str = "unexpected node type";
/// A local path that leads nowhere.
pub const PATH: &str = "failed to resolve path";
/// A descriptor flag that can't be honoured.
pub const FD: &str = "fd flag processing failed";

/// An error and what caused it, in one line.
pub fn told(error: &dyn Error) -> String {
    let mut line = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        line += &format!(": {error}");
        cause = error.source();
    }
    plain(&line)
}

/// Without the numbers that std puts behind the kernel's words, which nobody looks up.
pub fn plain(line: &str) -> String {
    let mut parts = line.split(" (os error ");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |line, part| line + part.split_once(')').map_or(part, |(_, rest)| rest))
}
