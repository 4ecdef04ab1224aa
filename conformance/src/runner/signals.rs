//! Ctrl-C and its kin: the first ends the run in order, the second at once.
//!
//! What must stay true: [`block`] is called before the first thread starts, so that no thread takes
//! a signal as its default.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};
use std::thread;

use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};

use super::StopSign;

fn signals() -> SigSet {
    let mut set = SigSet::empty();
    for signal in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP] {
        set.add(signal);
    }
    set
}

/// Blocks the signals that end a run.
///
/// # Errors
/// What pthread_sigmask(3) says.
pub fn block() -> io::Result<()> {
    Ok(signals().thread_block()?)
}

/// Raises the sign at the first of those signals, and ends this process at the second; the number of
/// the first is then in the value that is given back, which is 0 until it comes.
///
/// # Errors
/// What signalfd(2) says.
pub fn raise_on_signals(sign: &Arc<StopSign>) -> io::Result<Arc<AtomicI32>> {
    let news = SignalFd::with_flags(&signals(), SfdFlags::SFD_CLOEXEC)?;
    let first = Arc::new(AtomicI32::new(0));
    let (sign, came) = (Arc::clone(sign), Arc::clone(&first));
    thread::spawn(move || {
        while let Ok(Some(info)) = news.read_signal() {
            let number = info.ssi_signo.cast_signed();
            if came.swap(number, Ordering::SeqCst) != 0 {
                // What was started dies with its channel.
                std::process::exit(128 + number);
            }
            sign.raise();
        }
    });
    Ok(first)
}
