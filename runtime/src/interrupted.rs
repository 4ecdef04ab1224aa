//! Waiting for content: it may take long, so the signals that end a program end it.

use std::future::Future;
use std::io;

use crate::sys::fds::watch;
use crate::sys::signals::{Received, Signals, stop_self};

/// What the waiting came to.
pub(crate) enum Waited<T> {
    Done(T),
    /// A signal that ends a program came first.
    Signal(u8),
}

/// Runs `work` on a runtime of its own, which is gone when this returns.
pub(crate) fn until_interrupted<T>(signals: &Signals, work: impl Future<Output = T>) -> io::Result<Waited<T>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        tokio::select! {
            done = work => Ok(Waited::Done(done)),
            signal = ending_signal(signals) => Ok(Waited::Signal(signal? as u8)),
        }
    })
}

async fn ending_signal(signals: &Signals) -> io::Result<i32> {
    let readable = watch(signals.descriptor())?;
    loop {
        let mut ready = readable.readable().await?;
        while let Some(received @ Received { signal, .. }) = signals.next()? {
            if received.ends_the_host() {
                return Ok(signal);
            }
            if signal == libc::SIGTSTP {
                stop_self();
            }
        }
        ready.clear_ready();
    }
}
