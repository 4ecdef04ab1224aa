//! What a block goes by: its CID, and whether bytes are what that says.
//!
//! Serves: ruling 7.

mod cid;
mod verify;

pub use cid::Cid;
pub(crate) use cid::{cid_from_bytes, parse_cid, wide};
pub(crate) use verify::{IDENTITY, Verifier, VerifyError};
