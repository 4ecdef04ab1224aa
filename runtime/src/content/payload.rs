//! The body of a request: nothing, a file as a form, or a file as a form that comes piece by piece.
//!
//! - What it does: hands hyper the pieces one after another, so that an upload isn't copied.
//! - What must stay true: the length of what is whole is known before it is sent. What comes piece by piece has
//!   an end only where its feeder said so: one that is dropped before breaks the request off, and never ends it.
//! - Serves: `add` and `write` of `system.IPFS`.

use std::collections::VecDeque;
use std::hash::{BuildHasher, RandomState};
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use tokio::sync::mpsc;

/// How much of an upload is handed to hyper at once, in bytes.
pub(crate) const PIECE: usize = 256 * 1024;

/// Pieces that are sent in order; none of them is empty.
#[derive(Clone, Default)]
pub(crate) struct Payload(VecDeque<Bytes>);

/// What a request sends.
pub(crate) enum Sent {
    Whole(Payload),
    Fed(Fed),
}

/// What comes from a [`Feeder`].
pub(crate) struct Fed {
    pieces: mpsc::Receiver<Option<Bytes>>,
    ended: bool,
}

/// The other end of a body that comes piece by piece.
pub(crate) struct Feeder {
    pieces: mpsc::Sender<Option<Bytes>>,
    tail: Bytes,
}

/// The feeder was dropped before the end.
#[derive(Debug, thiserror::Error)]
#[error("the upload was given up")]
pub(crate) struct GivenUp;

impl Payload {
    /// One file as `multipart/form-data` (RFC 7578), and its content type. The boundary is made of `hash`,
    /// a hash of the data: no data can hold its own.
    pub(crate) fn multipart(data: Bytes, hash: &str) -> (String, Payload) {
        let Form { content_type, head, tail } = Form::new(&format!("ww-{hash}"));
        // In pieces, for hyper copies each into a buffer that it keeps as long as the connection.
        let data = (0..data.len()).step_by(PIECE).map(|at| data.slice(at..data.len().min(at + PIECE)));
        let pieces = std::iter::once(head).chain(data).chain([tail]);
        let payload = Payload(pieces.filter(|piece: &Bytes| !piece.is_empty()).collect());
        (content_type, payload)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// What is around a file in a form.
struct Form {
    content_type: String,
    head: Bytes,
    tail: Bytes,
}

impl Form {
    fn new(boundary: &str) -> Form {
        let head = format!(
            "--{boundary}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"file\"\r\n\
             Content-Type: application/octet-stream\r\n\r\n"
        );
        Form {
            content_type: format!("multipart/form-data; boundary={boundary}"),
            head: head.into(),
            tail: format!("\r\n--{boundary}--\r\n").into(),
        }
    }
}

impl Feeder {
    /// A form with one file in it, its content type, and who feeds it. Whoever the data comes from can't know
    /// the boundary: it is random, from the keys that the standard library asks the system for.
    pub(crate) fn form() -> (String, Fed, Feeder) {
        let random = || RandomState::new().hash_one(0);
        let Form { content_type, head, tail } = Form::new(&format!("ww-{:016x}{:016x}", random(), random()));
        // The head, and one piece.
        let (feeder, pieces) = mpsc::channel(2);
        let feeder = Feeder { pieces: feeder, tail };
        // There is room for it.
        let _ = feeder.pieces.try_send(Some(head));
        (content_type, Fed { pieces, ended: false }, feeder)
    }

    /// Waits until there is room for a piece. `false`: nobody takes it any more.
    pub(crate) async fn feed(&self, piece: Bytes) -> bool {
        piece.is_empty() || self.pieces.send(Some(piece)).await.is_ok()
    }

    /// Says that it is whole.
    pub(crate) async fn end(self) -> bool {
        self.pieces.send(Some(self.tail)).await.is_ok() && self.pieces.send(None).await.is_ok()
    }
}

impl From<Payload> for Sent {
    fn from(payload: Payload) -> Sent {
        Sent::Whole(payload)
    }
}

impl Body for Sent {
    type Data = Bytes;
    type Error = GivenUp;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, GivenUp>>> {
        match self.get_mut() {
            Sent::Whole(Payload(pieces)) => Poll::Ready(pieces.pop_front().map(|piece| Ok(Frame::data(piece)))),
            Sent::Fed(Fed { ended: true, .. }) => Poll::Ready(None),
            Sent::Fed(fed) => fed.pieces.poll_recv(cx).map(|received| match received {
                Some(Some(piece)) => Some(Ok(Frame::data(piece))),
                Some(None) => {
                    fed.ended = true;
                    None
                }
                None => Some(Err(GivenUp)),
            }),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Sent::Whole(payload) => payload.is_empty(),
            Sent::Fed(fed) => fed.ended,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Sent::Whole(Payload(pieces)) => SizeHint::with_exact(pieces.iter().map(|piece| piece.len() as u64).sum()),
            Sent::Fed(_) => SizeHint::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use futures::FutureExt;

    use super::*;

    fn next(body: &mut Sent) -> Option<Result<Bytes, String>> {
        let frame = poll_fn(|cx| Pin::new(&mut *body).poll_frame(cx)).now_or_never().expect("it doesn't wait")?;
        Some(frame.map(|frame| frame.into_data().expect("data")).map_err(|error| error.to_string()))
    }

    #[test]
    fn only_what_was_ended_has_an_end() {
        for whole in [true, false] {
            let (_, fed, feeder) = Feeder::form();
            let mut body = Sent::Fed(fed);
            assert!(feeder.feed(Bytes::from_static(b"x")).now_or_never().expect("room"));
            assert!(feeder.feed(Bytes::from_static(b"y")).now_or_never().is_none(), "no room for two");
            assert!(matches!(next(&mut body), Some(Ok(head)) if head.starts_with(b"--ww-")));
            assert_eq!(next(&mut body), Some(Ok(Bytes::from_static(b"x"))));
            if whole {
                assert!(feeder.end().now_or_never().expect("room"));
                assert!(matches!(next(&mut body), Some(Ok(tail)) if tail.ends_with(b"--\r\n")));
                assert!(next(&mut body).is_none() && body.is_end_stream());
            } else {
                drop(feeder);
                assert_eq!(next(&mut body), Some(Err("the upload was given up".to_owned())));
                assert!(!body.is_end_stream());
            }
        }
    }

    #[test]
    fn no_two_boundaries_are_the_same() {
        assert_ne!(Feeder::form().0, Feeder::form().0);
    }
}
