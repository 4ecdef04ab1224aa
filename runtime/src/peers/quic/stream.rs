//! A stream of QUIC, as bytes that are read and written.
//!
//! What must stay true: a peer that takes nothing doesn't keep what waits for it; a stream that is dropped before its end is
//! reset.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures::{AsyncRead, AsyncWrite};
use quinn::{RecvStream, SendStream, VarInt};
use tokio::time::{Sleep, sleep};

use crate::peers::limits;

/// A stream of a connection.
pub(in crate::peers) struct Stream {
    send: SendStream,
    receive: RecvStream,
    finished: bool,
    /// How long the peer may go on taking nothing, while something waits for it.
    patience: Option<Pin<Box<Sleep>>>,
}

impl Stream {
    pub(super) fn new(send: SendStream, receive: RecvStream) -> Stream {
        Stream { send, receive, finished: false, patience: None }
    }
}

impl AsyncRead for Stream {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        self.receive.poll_read(context, buffer).map_err(io::Error::from)
    }
}

impl AsyncWrite for Stream {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        if let Poll::Ready(written) = Pin::new(&mut self.send).poll_write(context, data) {
            self.patience = None;
            return Poll::Ready(written.map_err(io::Error::from));
        }
        let patience = self.patience.get_or_insert_with(|| Box::pin(sleep(limits::DEAD)));
        ready!(patience.as_mut().poll(context));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }

    /// The connection's own task sends what was written.
    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.finished = true;
        Poll::Ready(self.send.finish().map_err(|_| io::ErrorKind::BrokenPipe.into()))
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        if !self.finished {
            // Where it is no more there is nothing to be reset.
            let _ = self.send.reset(VarInt::from_u32(0));
        }
    }
}
