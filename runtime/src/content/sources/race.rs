//! Asks one source after the other for a block, the next one early where one is slow.
//!
//! - What it does: the first source that has it gives it; one that sends nothing for [`SILENCE`], or takes longer than
//!   [`WHOLE`] for one block, has the next one asked beside it, and the first verified block counts.
//! - What must stay true: a source that isn't waited for has its request broken off, and comes after the others from then
//!   on. The time in which a source is kept waiting isn't its own.
//! - Serves: rulings 16, 20; clauses STORE-37, STORE-38.

use std::cell::{Cell, RefCell};
use std::time::Duration;

use futures::stream::{FuturesUnordered, StreamExt};
use tokio::sync::{Mutex, Semaphore};
use tokio::time::{Instant, sleep, sleep_until};

use super::source::{Got, Source, Standing};
use super::{Failures, Sources};
use crate::content::{Cid, ContentError};

/// How long a source may send nothing before the next is asked too.
pub(super) const SILENCE: Duration = Duration::from_millis(700);
/// How long it may take for one block before that.
const WHOLE: Duration = Duration::from_secs(3);

/// Whether a source is waited for, since when, and for how long before.
#[derive(Default)]
pub(crate) struct Pace {
    since: Cell<Option<Instant>>,
    before: Cell<Duration>,
}

impl Pace {
    pub(super) fn waits(&self) {
        self.since.set(Some(Instant::now()));
    }

    pub(super) fn rests(&self) {
        if let Some(since) = self.since.take() {
            self.before.set(self.before.get() + since.elapsed());
        }
    }

    /// Waits until the source has been slow.
    async fn is_slow(&self) {
        loop {
            match self.since.get() {
                None => sleep(SILENCE).await,
                Some(since) => {
                    let end = since + SILENCE.min(WHOLE.saturating_sub(self.before.get()));
                    sleep_until(end).await;
                    if self.since.get() == Some(since) {
                        return;
                    }
                }
            }
        }
    }
}

/// Something that is waited for once, by whoever comes first; others wait for it too.
pub(crate) struct Once<F> {
    todo: RefCell<Option<F>>,
    doing: Mutex<()>,
}

impl<F: AsyncFnOnce()> Once<F> {
    pub(crate) fn new(todo: F) -> Once<F> {
        Once { todo: RefCell::new(Some(todo)), doing: Mutex::new(()) }
    }

    pub(crate) async fn call(&self) {
        let _doing = self.doing.lock().await;
        let todo = self.todo.take();
        if let Some(todo) = todo {
            todo().await;
        }
    }
}

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
