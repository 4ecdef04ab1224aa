//! Words for standard output.
//!
//! What must stay true: a reader that goes away (`… | head`) is no fault, and stops no run; anything else
//! that keeps words from being written is told once, and the program then ends as by a fault of the machine.

use std::fmt;
use std::io::{ErrorKind, Write};
use std::sync::atomic::{AtomicBool, Ordering};

static LOST: AtomicBool = AtomicBool::new(false);

/// Writes to standard output.
pub fn write(words: fmt::Arguments<'_>) {
    let mut output = std::io::stdout().lock();
    if let Err(fault) = output.write_fmt(words).and_then(|()| output.flush())
        && fault.kind() != ErrorKind::BrokenPipe
        && !LOST.swap(true, Ordering::Relaxed)
    {
        eprintln!("ww-conformance: standard output can't be written: {fault}");
    }
}

/// Whether words were lost.
pub fn has_lost() -> bool {
    LOST.load(Ordering::Relaxed)
}

/// A line for standard output.
macro_rules! say {
    ($($words:tt)*) => {
        $crate::say::write(format_args!("{}\n", format_args!($($words)*)))
    };
}
pub(crate) use say;
