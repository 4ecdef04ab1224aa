//! How much of a connection's data may be in memory: a share of what is left, so that few are quick and many are served.
//!
//! QUIC's windows are promises: what they allow may be sent, and then has to be kept. Quinn doesn't say how much it keeps, so
//! the promises are what is bounded.
//! What must stay true: all windows of one direction come to no more than [`ALL`] and [`LEAST`] for each connection.

use std::cell::Cell;
use std::rc::Rc;

use crate::peers::limits;

/// What a connection has at least, in bytes in each direction.
pub(super) const LEAST: u64 = 16 << 10;
/// What one has at most.
pub(super) const MOST: u64 = 256 << 10;
/// What there is to be shared.
const ALL: u64 = 2 << 20;

/// What is left.
pub(in crate::peers) struct Windows {
    left: Cell<u64>,
    connections: Cell<usize>,
}

/// A connection's share, given back at its end.
pub(super) struct Share {
    of: Rc<Windows>,
    more: u64,
}

impl Default for Windows {
    fn default() -> Windows {
        Windows { left: Cell::new(ALL), connections: Cell::new(0) }
    }
}

impl Windows {
    /// The share of one more connection, if there may be one.
    pub(super) fn share(self: &Rc<Self>) -> Option<Share> {
        if self.connections.get() >= limits::QUIC_CONNECTIONS {
            return None;
        }
        let more = (self.left.get() / 8).min(MOST - LEAST);
        self.left.set(self.left.get() - more);
        self.connections.set(self.connections.get() + 1);
        Some(Share { of: self.clone(), more })
    }
}

impl Share {
    /// Bytes in each direction.
    pub(super) fn window(&self) -> u32 {
        u32::try_from(LEAST + self.more).unwrap_or(u32::MAX)
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.of.left.set(self.of.left.get() + self.more);
        self.of.connections.set(self.of.connections.get() - 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_have_much_and_many_have_enough() {
        let windows = Rc::new(Windows::default());
        let shares: Vec<_> = std::iter::from_fn(|| windows.share()).collect();
        assert_eq!(shares.len(), limits::QUIC_CONNECTIONS);
        assert_eq!(u64::from(shares[0].window()), MOST);
        let sum: u64 = shares.iter().map(|share| u64::from(share.window())).sum();
        assert!(sum <= ALL + LEAST * limits::QUIC_CONNECTIONS as u64);
        assert!(shares.iter().all(|share| u64::from(share.window()) >= LEAST));
        drop(shares);
        assert_eq!((windows.left.get(), windows.connections.get()), (ALL, 0));
    }
}
