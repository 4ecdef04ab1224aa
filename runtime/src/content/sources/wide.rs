//! Room for large blocks, and for more of them while no cell runs that would share it.

use tokio::sync::{Semaphore, SemaphorePermit};

use super::{AT_ONCE, Sources};

impl Sources {
    /// Lets more large blocks into memory at a time until what this returns is dropped: while no cell runs.
    pub(crate) fn wide(&self) -> Wide<'_> {
        self.large.add_permits(AT_ONCE);
        Wide(&self.large)
    }

    /// Waits until there is room for a large block, and has it until what this returns is dropped.
    pub(crate) async fn room(&self) -> Option<SemaphorePermit<'_>> {
        // It is never closed.
        self.large.acquire().await.ok()
    }
}

/// Room for more large blocks.
pub(crate) struct Wide<'a>(&'a Semaphore);

impl Drop for Wide<'_> {
    fn drop(&mut self) {
        self.0.forget_permits(AT_ONCE);
    }
}
