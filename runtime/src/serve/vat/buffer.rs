//! A stream read in large pieces, without room for what isn't there.
//!
//! - What must stay true: a peer that says nothing costs no buffer.
//! - Serves: ruling 20.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures::AsyncRead;

use super::Source;

/// What one system call reads.
const LARGE: usize = 64 << 10;
/// What is read of a peer at once: there it takes no system call.
const SMALL: usize = 4 << 10;

pub(super) struct Buffered {
    source: Source,
    buffer: Vec<u8>,
    at: usize,
    end: usize,
    size: usize,
    /// Whether it is let go of while there is nothing in it.
    frugal: bool,
}

impl Buffered {
    pub(super) fn new(source: Source, frugal: bool) -> Buffered {
        let size = if frugal { SMALL } else { LARGE };
        Buffered { source, buffer: Vec::new(), at: 0, end: 0, size, frugal }
    }
}

impl AsyncRead for Buffered {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut [u8]) -> Poll<io::Result<usize>> {
        let Buffered { source, buffer, at, end, size, frugal } = &mut *self;
        if at == end {
            if into.len() >= *size {
                return Pin::new(source).poll_read(context, into);
            }
            buffer.resize(*size, 0);
            let read = Pin::new(source).poll_read(context, buffer);
            if *frugal && read.is_pending() {
                *buffer = Vec::new();
            }
            *end = 0;
            *at = 0;
            *end = ready!(read)?;
        }
        let bytes = into.len().min(*end - *at);
        into[..bytes].copy_from_slice(&buffer[*at..*at + bytes]);
        *at += bytes;
        Poll::Ready(Ok(bytes))
    }
}
