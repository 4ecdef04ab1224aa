//! What is told on the way, on standard error: a line of its own each, whatever stood there before.
//!
//! - What must stay true: nothing of it is an error, which `main` alone prints. How far a work is, where that is shown, goes
//!   first. Whoever has closed standard error isn't told.
//! - Serves: STORE-55.

use std::fmt::Display;
use std::io::{Write, stderr};

use crate::sys::line;

/// Tells what went otherwise than one may have thought.
pub fn note(what: impl Display) {
    tell("note", what);
}

/// Tells what somebody should look after.
pub fn warning(what: impl Display) {
    tell("warning", what);
}

fn tell(kind: &str, what: impl Display) {
    line::clear();
    // At once, so that others who write there don't come between.
    let _ = stderr().write_all(format!("ww: {kind}: {what}\n").as_bytes());
}
