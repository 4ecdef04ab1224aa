//! The body of a request: nothing, or a file as a form.
//!
//! - What it does: hands hyper the pieces one after another, so that an upload isn't copied.
//! - What must stay true: its length is known before it is sent.
//! - Serves: `add` of `system.IPFS`.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};

/// How much of an upload is handed to hyper at once, in bytes.
const PIECE: usize = 256 * 1024;

/// Pieces that are sent in order; none of them is empty.
#[derive(Clone, Default)]
pub(crate) struct Payload(VecDeque<Bytes>);

impl Payload {
    /// One file as `multipart/form-data` (RFC 7578), and its content type. The boundary is made of `hash`,
    /// a hash of the data: no data can hold its own.
    pub(crate) fn multipart(data: Bytes, hash: &str) -> (String, Payload) {
        let boundary = format!("ww-{hash}");
        let head = format!(
            "--{boundary}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"file\"\r\n\
             Content-Type: application/octet-stream\r\n\r\n"
        );
        let tail = format!("\r\n--{boundary}--\r\n");
        // In pieces, for hyper copies each into a buffer that it keeps as long as the connection.
        let data = (0..data.len()).step_by(PIECE).map(|at| data.slice(at..data.len().min(at + PIECE)));
        let pieces = std::iter::once(head.into()).chain(data).chain([tail.into()]);
        let payload = Payload(pieces.filter(|piece: &Bytes| !piece.is_empty()).collect());
        (format!("multipart/form-data; boundary={boundary}"), payload)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Body for Payload {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(self.0.pop_front().map(|piece| Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.0.iter().map(|piece| piece.len() as u64).sum())
    }
}
