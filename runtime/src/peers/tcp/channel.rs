//! The channel that a Noise handshake leaves: bytes of a peer's, opened; bytes for it, sealed; over TCP.
//!
//! Its own, where libp2p-noise has one: that keeps 16 KiB of buffers for a connection that rests and 300 KiB for one that
//! was busy once, and a thousand peers are to fit into 20 MB (docs/decisions/peers.md). One buffer serves all reads here,
//! and a channel that rests has none.
//! What must stay true: bytes are opened in their order and whole; what can't be opened ends the connection.
//! Clauses: SELF-06.

use std::cell::RefCell;
use std::io;
use std::os::fd::AsFd;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use snow::TransportState;
use tokio::io::{AsyncRead, ReadBuf};
use tokio::net::TcpStream;

use crate::peers::select::Talk;

/// Bytes that one read takes.
const READ: usize = 32 << 10;
/// What stands before a message: its length.
const PREFIX: usize = 2;
/// What sealing adds to one.
const TAG: usize = 16;
/// Plain bytes in one message.
const LARGEST: usize = 32 << 10;
/// What a message has at most of which no [`Life`](crate::peers::life::Life) knows yet.
const SMALL: usize = 8 << 10;
/// A buffer with more room than this is given back when it is empty.
const KEPT: usize = 256;

thread_local! {
    /// What was just read, until it is appended to what its channel has: all of them are of one thread.
    static READING: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// A peer's end of a connection.
pub(super) struct Channel {
    /// `None`: it is over.
    tcp: Option<TcpStream>,
    noise: TransportState,
    /// The beginning of a message whose rest hasn't come.
    raw: Vec<u8>,
    sealed: Vec<u8>,
    sent: usize,
    /// The largest message that is taken.
    largest: usize,
}

impl Channel {
    /// The channel of a handshake, and what came behind its last message.
    pub(super) fn new(tcp: TcpStream, noise: TransportState, raw: Vec<u8>) -> Channel {
        Channel { tcp: Some(tcp), noise, raw, sealed: Vec::new(), sent: 0, largest: SMALL }
    }

    /// Takes messages of any size from now on: what is held of them is counted.
    pub(super) fn counted(mut self) -> Channel {
        self.largest = usize::from(u16::MAX);
        self
    }

    /// Appends what comes. None: the end.
    pub(super) fn poll_hear(&mut self, context: &mut Context<'_>, plain: &mut Vec<u8>) -> Poll<io::Result<usize>> {
        loop {
            let before = plain.len();
            self.open(plain)?;
            if plain.len() > before {
                return Poll::Ready(Ok(plain.len() - before));
            }
            let Some(tcp) = &mut self.tcp else { return Poll::Ready(Ok(0)) };
            let read = READING.with_borrow_mut(|buffer| {
                buffer.resize(READ, 0);
                let mut buffer = ReadBuf::new(buffer);
                ready!(Pin::new(tcp).poll_read(context, &mut buffer))?;
                self.raw.extend_from_slice(buffer.filled());
                Poll::Ready(io::Result::Ok(buffer.filled().len()))
            });
            if ready!(read)? == 0 {
                return Poll::Ready(Ok(0));
            }
        }
    }

    /// Opens all messages that have come whole.
    fn open(&mut self, plain: &mut Vec<u8>) -> io::Result<()> {
        let mut at = 0;
        while let Some(prefix) = self.raw[at..].first_chunk::<PREFIX>() {
            let length = usize::from(u16::from_be_bytes(*prefix));
            if length > self.largest {
                return Err(io::ErrorKind::InvalidData.into());
            }
            let Some(message) = self.raw[at + PREFIX..].get(..length) else { break };
            let before = plain.len();
            plain.resize(before + length, 0);
            let opened = self.noise.read_message(message, &mut plain[before..]);
            plain.truncate(before + opened.as_ref().copied().unwrap_or_default());
            opened.map_err(|_| io::ErrorKind::InvalidData)?;
            at += PREFIX + length;
        }
        self.raw.drain(..at);
        shed(&mut self.raw);
        Ok(())
    }

    /// Seals bytes, to be sent by [`Channel::send`].
    pub(super) fn seal(&mut self, plain: &[u8]) -> io::Result<()> {
        for part in plain.chunks(LARGEST) {
            let begins = self.sealed.len();
            let length = part.len() + TAG;
            self.sealed.extend_from_slice(&(length as u16).to_be_bytes());
            self.sealed.resize(begins + PREFIX + length, 0);
            let sealed = self.noise.write_message(part, &mut self.sealed[begins + PREFIX..]);
            sealed.map_err(|_| io::ErrorKind::InvalidData)?;
        }
        Ok(())
    }

    /// Sends what can be sent at once, and says whether that is all.
    pub(super) fn send(&mut self) -> io::Result<bool> {
        let tcp = self.tcp.as_ref().ok_or(io::ErrorKind::BrokenPipe)?;
        while self.sent < self.sealed.len() {
            match tcp.try_write(&self.sealed[self.sent..]) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(sent) => self.sent += sent,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
                Err(error) => return Err(error),
            }
        }
        self.sent = 0;
        self.sealed.clear();
        shed(&mut self.sealed);
        Ok(true)
    }

    /// Sends all, and has the task woken where it has to wait.
    pub(super) fn poll_send(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.send()? {
            let tcp = self.tcp.as_ref().ok_or(io::ErrorKind::BrokenPipe)?;
            ready!(tcp.poll_write_ready(context))?;
        }
        Poll::Ready(Ok(()))
    }

    /// Lets go of the socket, and of all that is in memory for it.
    pub(super) fn shut(&mut self) {
        self.tcp = None;
        self.raw = Vec::new();
        self.sealed = Vec::new();
        self.sent = 0;
    }

    /// Whether the peer has closed its end, or is gone, whatever of it wasn't read yet.
    pub(super) fn is_left(&self) -> bool {
        let Some(tcp) = &self.tcp else { return true };
        let mut ends = [PollFd::new(tcp.as_fd(), PollFlags::from_bits_retain(libc::POLLRDHUP))];
        // POLLERR and POLLHUP are told unasked (poll(2)).
        poll(&mut ends, PollTimeout::ZERO).is_ok_and(|ends| ends > 0)
    }

    /// Bytes that were sealed and aren't sent.
    pub(super) fn unsent(&self) -> usize {
        self.sealed.len() - self.sent
    }

    /// Bytes in memory for it.
    pub(super) fn held(&self) -> usize {
        self.raw.len() + self.sealed.len()
    }
}

/// Gives a buffer that is empty back to the heap, unless it is small.
pub(super) fn shed(buffer: &mut Vec<u8>) {
    if buffer.is_empty() && buffer.capacity() > KEPT {
        *buffer = Vec::new();
    }
}

impl Talk for Channel {
    async fn hear(&mut self, into: &mut Vec<u8>) -> io::Result<usize> {
        std::future::poll_fn(|context| self.poll_hear(context, into)).await
    }

    async fn say(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.seal(bytes)?;
        std::future::poll_fn(|context| self.poll_send(context)).await
    }
}
