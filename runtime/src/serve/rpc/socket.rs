//! The host's end of the cell's fd 3, as a stream of bytes.
//!
//! - What it does: reads and writes without blocking; refuses descriptors that a cell attaches to its bytes.
//! - What must stay true: no descriptor of the cell's is ever open in the host.
//! - Serves: rulings 13, 20.

use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use futures::{AsyncRead, AsyncWrite};
use tokio::io::Interest;
use tokio::net::UnixStream;

use crate::sys::socket::{Attached, receive};

/// One half of the socket.
#[derive(Clone)]
pub(super) struct Socket(Rc<UnixStream>);

impl Socket {
    pub(super) fn new(stream: UnixStream) -> Socket {
        Socket(Rc::new(stream))
    }

    /// Waits until the cell has said something, or has hung up.
    pub(super) async fn readable(&self) -> io::Result<()> {
        self.0.readable().await
    }
}

impl AsyncRead for Socket {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut [u8]) -> Poll<io::Result<usize>> {
        loop {
            ready!(self.0.poll_read_ready(context))?;
            let mut received = None;
            let read = self.0.try_io(Interest::READABLE, || {
                let (bytes, attached) = receive(&*self.0, into)?;
                received = Some((bytes, attached));
                match bytes > 0 && bytes < into.len() {
                    // There is no more: tokio learns it here, in place of by another system call. What comes from
                    // now on is an event of its own (epoll(7), edge-triggered).
                    true => Err(io::ErrorKind::WouldBlock.into()),
                    false => Ok(()),
                }
            });
            match (received, read) {
                (Some((_, Attached::Descriptors)), _) => {
                    let why = "the connection is closed: descriptors can't be sent over it";
                    return Poll::Ready(Err(io::Error::other(why)));
                }
                (Some((bytes, Attached::Nothing)), _) => return Poll::Ready(Ok(bytes)),
                (None, Err(error)) if !is_passing(&error) => return Poll::Ready(Err(error)),
                (None, _) => {}
            }
        }
    }
}

fn is_passing(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted)
}

impl AsyncWrite for Socket {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, from: &[u8]) -> Poll<io::Result<usize>> {
        loop {
            ready!(self.0.poll_write_ready(context))?;
            match self.0.try_write(from) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                done => return Poll::Ready(done),
            }
        }
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    /// The session shuts the socket down when it is over.
    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
