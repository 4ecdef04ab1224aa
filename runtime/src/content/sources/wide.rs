//! Room for more large blocks, while no cell runs that would share it.

use tokio::sync::Semaphore;

use super::{AT_ONCE, Sources};

impl Sources {
    /// Lets more large blocks into memory at a time until what this returns is dropped: while no cell runs.
    pub(crate) fn wide(&self) -> Wide<'_> {
        self.large.add_permits(AT_ONCE);
        Wide(&self.large)
    }
}

/// Room for more large blocks.
pub(crate) struct Wide<'a>(&'a Semaphore);

impl Drop for Wide<'_> {
    fn drop(&mut self) {
        self.0.forget_permits(AT_ONCE);
    }
}
