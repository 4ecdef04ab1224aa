//! Asks one source after the other for a block, the next one early where one is slow.
//!
//! - What it does: the first source that has it gives it; one that sends nothing for a while, or takes long for one
//!   block (`pace`), has the next one asked beside it, and the first verified block counts.
//! - What must stay true: a source that isn't waited for has its request broken off, and comes after the others from then
//!   on.
//! - Serves: rulings 16, 20; clauses STORE-37, STORE-38.

use futures::stream::{FuturesUnordered, StreamExt};
use tokio::sync::Semaphore;

use super::answers::Got;
use super::pace::{Once, Pace};
use super::source::{Source, Standing};
use super::{Failures, Sources};
use crate::content::{Cid, ContentError};

impl Sources {
    /// The block from the first source that gives it.
    pub(super) async fn race(
        &self,
        cid: &Cid,
        most: u64,
        free: &Once<impl AsyncFnOnce()>,
        [first, again]: [&Semaphore; 2],
    ) -> Result<(&Source, Got), ContentError> {
        let mut order: Vec<(&Source, Pace)> = self.sources.iter().map(|source| (source, Pace::default())).collect();
        order.retain(|(source, _)| source.standing() != Standing::Lied);
        order.sort_by_key(|(source, _)| source.standing());
        let ask = async |asked: usize, room: &Semaphore| {
            let (source, pace) = &order[asked];
            (*source, source.block(cid, most, pace, free, room).await)
        };
        let mut failures = Failures::new(self, false);
        let mut asking = FuturesUnordered::new();
        let mut asked = 0;
        loop {
            if asking.is_empty() {
                if asked == order.len() {
                    for source in self.sources.iter().filter(|source| source.standing() == Standing::Lied) {
                        if !failures.asked().any(|(name, _)| name == source.name()) {
                            failures.push(source.name(), ContentError::Lied);
                        }
                    }
                    return Err(failures.into_error(self.is_one()));
                }
                asking.push(ask(asked, first));
                asked += 1;
            }
            tokio::select! {
                biased;
                Some((source, got)) = asking.next() => match got {
                    Ok(got) => return Ok((source, got)),
                    Err(error) => {
                        source.failed(&error);
                        failures.push(source.name(), error);
                        if !asking.is_empty() && asked < order.len() {
                            asking.push(ask(asked, again));
                            asked += 1;
                        }
                    }
                },
                () = order[asked - 1].1.is_slow(), if asked < order.len() => {
                    order[asked - 1].0.sink(Standing::Slow);
                    asking.push(ask(asked, again));
                    asked += 1;
                }
            }
        }
    }
}
