//! A line on a terminal that goes when the program does, also where a signal ends it.
//!
//! What must stay true: a signal ends the program as it would without this; one that was ignored stays so. The handler makes
//! calls that are safe there (signal-safety(7)), and looks at one flag.
//! Clauses: STORE-55.

use std::io::{self, Write};
use std::os::fd::{AsFd, AsRawFd};
use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering};

use nix::libc::{STDERR_FILENO, TIOCGWINSZ, c_int, winsize};
use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction};
use nix::unistd::{getpgrp, tcgetpgrp};

/// Back to the line's begin, and nothing behind it (ECMA-48, 8.3.41).
pub const WIPE: &str = "\r\x1b[K";
/// What ends a program that somebody waits for.
const ENDING: [Signal; 4] = [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP, Signal::SIGQUIT];

static THERE: AtomicBool = AtomicBool::new(false);
static WATCHING: Once = Once::new();

/// How many characters a terminal has in a line, where it tells.
pub fn width(terminal: impl AsFd) -> Option<u16> {
    let mut size = winsize { ws_row: 0, ws_col: 0, ws_xpixel: 0, ws_ypixel: 0 };
    // SAFETY: this request writes one `winsize` (ioctl_tty(2)), and `size` is one, for as long as the call takes.
    let told = unsafe { nix::libc::ioctl(terminal.as_fd().as_raw_fd(), TIOCGWINSZ, &mut size) };
    (told == 0 && size.ws_col > 0).then_some(size.ws_col)
}

/// Whether this process may write to a terminal: whoever is in the background there may be stopped for it. One that
/// isn't this session's has no background.
pub fn is_in_foreground(terminal: impl AsFd) -> bool {
    tcgetpgrp(terminal).map_or(true, |group| group == getpgrp())
}

/// Says whether a line of ours is on standard error now. While one is, a signal that ends the program wipes it first.
pub fn is_there(there: bool) -> bool {
    if there {
        WATCHING.call_once(|| ENDING.into_iter().for_each(|signal| drop(watch(signal))));
    }
    THERE.swap(there, Ordering::Relaxed)
}

/// Takes the line away, where there is one.
pub fn clear() {
    if is_there(false) && is_in_foreground(io::stderr()) {
        let _ = io::stderr().write_all(WIPE.as_bytes());
    }
}

fn watch(signal: Signal) -> io::Result<()> {
    // Once, and with the signal held back meanwhile: what `wipe` raises comes when it has returned, and does what it always did.
    let ours = SigAction::new(SigHandler::Handler(wipe), SaFlags::SA_RESETHAND, SigSet::empty());
    // SAFETY: the handler is `wipe`, which is safe to be called at any moment.
    let before = unsafe { sigaction(signal, &ours)? };
    if !matches!(before.handler(), SigHandler::SigDfl) {
        // SAFETY: it is what was there.
        unsafe { sigaction(signal, &before)? };
    }
    Ok(())
}

extern "C" fn wipe(signal: c_int) {
    if THERE.load(Ordering::Relaxed) {
        // SAFETY: write(2) is safe in a handler; the buffer is static, and the length is its own.
        unsafe { nix::libc::write(STDERR_FILENO, WIPE.as_ptr().cast(), WIPE.len()) };
    }
    // SAFETY: raise(3) is safe in a handler.
    unsafe { nix::libc::raise(signal) };
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsFd;

    use super::{is_in_foreground, width};

    #[test]
    fn what_is_no_terminal_has_no_width_and_no_background() {
        let file = tempfile::tempfile().expect("a file");
        assert_eq!(width(file.as_fd()), None);
        assert!(is_in_foreground(file.as_fd()));
    }
}
