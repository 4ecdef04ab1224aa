//! How slow a source is, and what waits for others.
//!
//! - What must stay true: the time in which a source is kept waiting isn't its own.
//! - Serves: ruling 20; clause STORE-38.

use std::cell::{Cell, RefCell};
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::{Instant, sleep, sleep_until};

/// How long a source may send nothing before the next is asked too.
pub(super) const SILENCE: Duration = Duration::from_millis(700);
/// How long it may take for one block before that.
pub(super) const WHOLE: Duration = Duration::from_secs(3);

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
    pub(super) async fn is_slow(&self) {
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
