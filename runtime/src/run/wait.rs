//! Waiting for a fetch: it may take long, so the signals that end a program end it.

use std::future::Future;

use super::RunError;
use crate::interrupted::{Waited, until_interrupted as waited};
use crate::sys::signals::Signals;

/// Runs `work` on a runtime of its own, which is gone when this returns: a start finds no thread.
pub(super) fn until_interrupted<T>(signals: &Signals, work: impl Future<Output = T>) -> Result<T, RunError> {
    match waited(signals, work).map_err(RunError::host("cannot wait for the IPFS daemon"))? {
        Waited::Done(done) => Ok(done),
        Waited::Signal(signal) => Err(RunError::Interrupted { signal }),
    }
}
