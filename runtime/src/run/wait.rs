//! Waiting for a fetch: it may take long, so the signals that end a program end it.

use std::future::Future;
use std::io;

use super::RunError;
use crate::sys::fds::watch;
use crate::sys::signals::{Received, Signals, stop_self};

/// Runs `work` on a runtime of its own, which is gone when this returns: a start finds no thread.
pub(super) fn until_interrupted<T>(signals: &Signals, work: impl Future<Output = T>) -> Result<T, RunError> {
    let failed = RunError::host("cannot wait for the IPFS daemon");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(&failed)?;
    runtime.block_on(async {
        tokio::select! {
            done = work => Ok(done),
            signal = ending_signal(signals) => Err(RunError::Interrupted { signal: signal.map_err(&failed)? as u8 }),
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
