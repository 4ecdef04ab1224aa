//! The host's end of the cell's socket, where descriptors that come with bytes are seen.

use std::io::{self, IoSliceMut};
use std::os::fd::AsRawFd;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use futures::{AsyncRead, AsyncWrite};
use nix::sys::socket::{MsgFlags, recvmsg};
use tokio::io::Interest;
use tokio::net::UnixStream;

use super::Wrong;

/// The room for descriptors that the fault which keeps them has.
const ROOM: usize = 4096;

pub struct Half {
    stream: Rc<UnixStream>,
    wrong: Wrong,
}

/// Both halves: to read from, to write to.
pub fn halves(stream: UnixStream, wrong: Wrong) -> (Half, Half) {
    let stream = Rc::new(stream);
    (Half { stream: Rc::clone(&stream), wrong }, Half { stream, wrong })
}

impl AsyncRead for Half {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut [u8]) -> Poll<io::Result<usize>> {
        let Half { stream, wrong } = &*self;
        loop {
            ready!(stream.poll_read_ready(cx))?;
            let received = stream.try_io(Interest::READABLE, || {
                let mut room = wrong.is("rpc-descriptors-kept").then(|| vec![0; ROOM]);
                let mut parts = [IoSliceMut::new(into)];
                let received = recvmsg::<()>(stream.as_raw_fd(), &mut parts, room.as_deref_mut(), MsgFlags::empty())?;
                Ok((received.bytes, received.flags.contains(MsgFlags::MSG_CTRUNC)))
            });
            match received {
                Ok((_, true)) if !wrong.0.starts_with("rpc-descriptors-") => {
                    return Poll::Ready(Err(io::Error::other("descriptors can't be sent")));
                }
                Ok((bytes, _)) => return Poll::Ready(Ok(bytes)),
                Err(fault) if fault.kind() == io::ErrorKind::WouldBlock => {}
                Err(fault) => return Poll::Ready(Err(fault)),
            }
        }
    }
}

impl AsyncWrite for Half {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, from: &[u8]) -> Poll<io::Result<usize>> {
        loop {
            ready!(self.stream.poll_write_ready(cx))?;
            match self.stream.try_write(from) {
                Err(fault) if fault.kind() == io::ErrorKind::WouldBlock => {}
                done => return Poll::Ready(done),
            }
        }
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
