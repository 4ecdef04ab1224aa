//! The four phrases of the specification, word for word, each in this place alone.
//!
//! Clauses: MSG-*.

/// An IPFS path that can't be retrieved.
pub const FETCH: &str = "failed to get IPFS path";
/// An IPFS path that names something else than a file.
pub const NODE_TYPE: &str = "unexpected node type";
/// A local path that leads nowhere.
pub const PATH: &str = "failed to resolve path";
/// A descriptor flag that can't be honoured.
pub const FD: &str = "fd flag processing failed";
