//! Cells that break the protocol or flood it: the session ends or waits, and the host has its memory.
//!
//! Memory is the whole process's, so these run one after the other.

#[path = "rpc/daemon.rs"]
mod daemon;
#[path = "rpc/frames.rs"]
mod frames;
#[path = "rpc/session.rs"]
mod session;

#[path = "rpc/broken.rs"]
mod broken;
#[path = "rpc/floods.rs"]
mod floods;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, Once, PoisonError};

static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
static PANICS: AtomicUsize = AtomicUsize::new(0);

/// The turn of one test. Panics are counted from the first turn on.
pub fn turn() -> MutexGuard<'static, ()> {
    static COUNT: Once = Once::new();
    COUNT.call_once(|| {
        let print = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            PANICS.fetch_add(1, Ordering::Relaxed);
            print(panic);
        }));
    });
    ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How many panics there were in this process.
pub fn panics() -> usize {
    PANICS.load(Ordering::Relaxed)
}
