//! The host's heap: what was used once goes back to the system.
//!
//! An allocator by itself gives back what is free at its end. One small thing that stays there keeps all that was freed
//! beneath it, so that a host to which many came once stays as large as it was then. Hence a look now and then: where
//! much is free, the pages inside it go back as well (docs/decisions/heap.md).
//! What must stay true: a heap that never grew is never swept; a sweep takes no memory, and nothing that is in use.
//! Clauses: SELF-04 to SELF-06.

#[cfg(target_env = "gnu")]
mod glibc;
#[cfg(target_env = "musl")]
mod musl;
#[cfg(any(test, target_env = "musl"))]
mod pages;

use std::time::{Duration, Instant};

#[cfg(target_env = "gnu")]
use glibc as kept;
#[cfg(target_env = "musl")]
use musl as kept;

#[cfg(target_env = "musl")]
pub use musl::Heap;

/// Bytes of it that may be free: some chunks of a transfer, each of which would be asked for again, page by page, for
/// the next.
const LOOSE: usize = 1 << 20;
/// The least time between two looks.
const BETWEEN: Duration = Duration::from_millis(250);

/// Keeps large allocations out of the part that only ever grows, where the heap has such a part.
pub fn give_back_large_blocks() {
    #[cfg(target_env = "gnu")]
    glibc::map_what_is_large();
}

/// Looks after the heap.
#[derive(Debug)]
pub struct Care {
    looked: Instant,
    kept: kept::Kept,
}

impl Care {
    /// From now on.
    pub fn new() -> Care {
        Care { looked: Instant::now(), kept: kept::Kept::new() }
    }

    /// Gives back what is free, if that is much and not so since the last time. To be called when there is time.
    pub fn look(&mut self) {
        if self.looked.elapsed() >= BETWEEN && self.kept.is_loose(LOOSE) {
            self.kept.sweep();
            self.looked = Instant::now();
        }
    }
}

impl Default for Care {
    fn default() -> Care {
        Care::new()
    }
}
