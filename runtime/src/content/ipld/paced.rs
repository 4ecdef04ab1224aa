//! What a block has, one after the other, while the thread's other tasks run in between.
//!
//! - What must stay true: between two turns of the others there are no more than [`AT_A_STRETCH`] events or links,
//!   whoever goes through them: a block of 2 MiB can have two million, and one thread serves the cell and all its peers.
//! - Serves: rulings 13, 20.

use tokio::task::yield_now;

/// How many are gone through before the others have a turn: a fraction of a millisecond, and some milliseconds in a
/// debug build.
pub(super) const AT_A_STRETCH: u32 = 2048;

/// An iterator that waits now and then.
pub(super) struct Paced<I> {
    of: I,
    since: u32,
}

impl<I: Iterator> Paced<I> {
    pub(super) fn new(of: impl IntoIterator<IntoIter = I>) -> Paced<I> {
        Paced { of: of.into_iter(), since: 0 }
    }

    /// The next one. Nothing is lost where this isn't waited for to its end.
    pub(super) async fn next(&mut self) -> Option<I::Item> {
        if self.since == AT_A_STRETCH {
            self.since = 0;
            yield_now().await;
        }
        self.since += 1;
        self.of.next()
    }
}
