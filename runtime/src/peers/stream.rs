//! A stream that a peer opened, whatever it came over.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::select::Talk;
use super::{quic, tcp};

/// A stream of a connection: what is written is sent at [`AsyncWrite::poll_flush`]; one that is dropped before its end is
/// reset.
pub struct Stream {
    carrier: Carrier,
    /// What was read too far, and is read first.
    front: Vec<u8>,
}

enum Carrier {
    Tcp(tcp::Stream),
    Quic(quic::Stream),
}

impl From<tcp::Stream> for Stream {
    fn from(stream: tcp::Stream) -> Stream {
        Stream { carrier: Carrier::Tcp(stream), front: Vec::new() }
    }
}

impl From<quic::Stream> for Stream {
    fn from(stream: quic::Stream) -> Stream {
        Stream { carrier: Carrier::Quic(stream), front: Vec::new() }
    }
}

impl Stream {
    /// Puts back what was read too far.
    pub(super) fn put_back(&mut self, bytes: Vec<u8>) {
        self.front = bytes;
    }
}

impl AsyncRead for Stream {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        if !self.front.is_empty() {
            let length = buffer.len().min(self.front.len());
            buffer[..length].copy_from_slice(&self.front[..length]);
            self.front.drain(..length);
            if self.front.is_empty() {
                self.front = Vec::new();
            }
            return Poll::Ready(Ok(length));
        }
        match &mut self.carrier {
            Carrier::Tcp(stream) => Pin::new(stream).poll_read(context, buffer),
            Carrier::Quic(stream) => Pin::new(stream).poll_read(context, buffer),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        match &mut self.carrier {
            Carrier::Tcp(stream) => Pin::new(stream).poll_write(context, data),
            Carrier::Quic(stream) => Pin::new(stream).poll_write(context, data),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.carrier {
            Carrier::Tcp(stream) => Pin::new(stream).poll_flush(context),
            Carrier::Quic(stream) => Pin::new(stream).poll_flush(context),
        }
    }

    fn poll_close(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.carrier {
            Carrier::Tcp(stream) => Pin::new(stream).poll_close(context),
            Carrier::Quic(stream) => Pin::new(stream).poll_close(context),
        }
    }
}

impl Talk for Stream {
    async fn hear(&mut self, into: &mut Vec<u8>) -> io::Result<usize> {
        let mut buffer = [0; 128];
        let read = self.read(&mut buffer).await?;
        into.extend_from_slice(&buffer[..read]);
        Ok(read)
    }

    async fn say(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.write_all(bytes).await?;
        self.flush().await
    }
}
