//! RPC sessions: the one with the cell, on the host's end of its fd 3, and one with each peer.
//!
//! - What it does: speaks two-party Cap'n Proto RPC. The cell gets `Host`; peers get what the cell exports.
//! - What must stay true: whatever comes or doesn't, at worst that session ends: its future resolves, nothing is
//!   printed.
//! - Serves: rulings 13, 20.

mod cell;
mod exported;
mod peer;
mod session;
mod socket;

pub use cell::CellSession;
pub use peer::{Ended, serve_peer};
pub use session::keep_quiet_about_sessions;

pub use super::limits::Limits;
pub use super::vat::Encoding;
