//! A stream of Yamux, as bytes that are read and written.
//!
//! What must stay true: what was written is sent at [`AsyncWrite::poll_flush`], and with as few frames and system calls as
//! can be; a stream that is dropped before its end is reset.

use std::cell::RefCell;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use futures::{AsyncRead, AsyncWrite};

use super::mux::Mux;

/// A stream of a connection.
pub(in crate::peers) struct Stream {
    mux: Rc<RefCell<Mux>>,
    number: u32,
}

impl Stream {
    /// The stream of this number, of which there is no other.
    pub(super) fn new(mux: Rc<RefCell<Mux>>, number: u32) -> Stream {
        Stream { mux, number }
    }
}

impl AsyncRead for Stream {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        let mut mux = self.mux.borrow_mut();
        let taken = mux.take(self.number, buffer);
        if taken > 0 || buffer.is_empty() {
            return Poll::Ready(Ok(taken));
        }
        match mux.flows.get_mut(&self.number) {
            Some(flow) if flow.theirs_ended => Poll::Ready(Ok(0)),
            Some(flow) if !flow.reset => {
                flow.reader = Some(context.waker().clone());
                Poll::Pending
            }
            _ => Poll::Ready(Err(io::ErrorKind::ConnectionReset.into())),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        let mut mux = self.mux.borrow_mut();
        let ended = mux.flows.get(&self.number).is_none_or(|flow| flow.reset || flow.ours_ended);
        if ended || mux.is_over() {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        let mut written = mux.write(self.number, data);
        if written == 0 && !data.is_empty() {
            // What is queued may be in the way.
            mux.push()?;
            written = mux.write(self.number, data);
        }
        if written > 0 || data.is_empty() {
            return Poll::Ready(Ok(written));
        }
        if let Some(flow) = mux.flows.get_mut(&self.number) {
            flow.writer = Some(context.waker().clone());
        }
        Poll::Pending
    }

    /// The driver of the connection sends what doesn't go at once.
    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut mux = self.mux.borrow_mut();
        if mux.is_over() {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        Poll::Ready(mux.push())
    }

    fn poll_close(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.mux.borrow_mut().finish(self.number);
        self.poll_flush(context)
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.mux.borrow_mut().release(self.number);
    }
}
