//! A writer that merges what is written between two polls of the session.
//!
//! - What it does: capnp-futures flushes after each message, which is a system call each; here flushing means to be
//!   written before the session rests.
//! - What must stay true: the session never rests, nor ends, with something unwritten that the socket would take.
//! - Serves: ruling 13, from the cell's side.

use std::cell::RefCell;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker, ready};

use futures::AsyncWrite;

/// So much is kept at most before it is written.
const MOST: usize = 64 << 10;

pub(crate) struct Merged<W>(Rc<RefCell<State<W>>>);

struct State<W> {
    writer: W,
    kept: Vec<u8>,
    written: usize,
    /// Who waits for room: a socket wakes the last one alone that asked, and that may be the session.
    waiting: Option<Waker>,
}

impl<W> Clone for Merged<W> {
    fn clone(&self) -> Self {
        Merged(Rc::clone(&self.0))
    }
}

impl<W: AsyncWrite + Unpin> Merged<W> {
    pub(crate) fn new(writer: W) -> Self {
        Merged(Rc::new(RefCell::new(State { writer, kept: Vec::new(), written: 0, waiting: None })))
    }

    /// Writes what there is.
    pub(crate) fn poll_out(&self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut state = self.0.borrow_mut();
        let written = state.poll_out(context);
        if written.is_ready()
            && let Some(waiting) = state.waiting.take()
        {
            waiting.wake();
        }
        written
    }
}

impl<W: AsyncWrite + Unpin> State<W> {
    /// As [`State::poll_out`], for who isn't the session.
    fn poll_room(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let written = self.poll_out(context);
        self.waiting = written.is_pending().then(|| context.waker().clone());
        written
    }

    fn poll_out(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let State { writer, kept, written, .. } = self;
        while *written < kept.len() {
            match ready!(Pin::new(&mut *writer).poll_write(context, &kept[*written..])) {
                Ok(0) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                Ok(count) => *written += count,
                Err(fault) if fault.kind() == io::ErrorKind::Interrupted => {}
                Err(fault) => return Poll::Ready(Err(fault)),
            }
        }
        kept.clear();
        *written = 0;
        Pin::new(writer).poll_flush(context)
    }
}

impl<W: AsyncWrite + Unpin> AsyncWrite for Merged<W> {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let mut state = self.0.borrow_mut();
        if state.kept.len() + bytes.len() > MOST {
            ready!(state.poll_room(context))?;
            if bytes.len() > MOST {
                return Pin::new(&mut state.writer).poll_write(context, bytes);
            }
        }
        state.kept.extend_from_slice(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut state = self.0.borrow_mut();
        ready!(state.poll_room(context))?;
        Pin::new(&mut state.writer).poll_close(context)
    }
}

#[cfg(test)]
mod tests {
    use std::future::Future;

    use futures::{AsyncWriteExt, FutureExt};

    use super::*;

    #[test]
    fn what_is_flushed_is_written_at_once_when_the_session_rests() {
        let merged = Merged::new(Vec::new());
        let mut writer = merged.clone();
        let both = async {
            writer.write_all(b"one ").await?;
            writer.flush().await?;
            writer.write_all(b"two").await?;
            writer.flush().await
        };
        both.now_or_never().expect("nothing to wait for").expect("room");
        assert_eq!(merged.0.borrow().writer, b"");
        let mut context = Context::from_waker(std::task::Waker::noop());
        assert!(merged.poll_out(&mut context).is_ready());
        assert_eq!(merged.0.borrow().writer, b"one two");
    }

    /// A socket that isn't known to be writable before it was asked once.
    struct Late(bool, Vec<u8>);

    impl AsyncWrite for Late {
        fn poll_write(mut self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
            if !std::mem::replace(&mut self.0, true) {
                return Poll::Pending;
            }
            self.1.extend_from_slice(bytes);
            Poll::Ready(Ok(bytes.len()))
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }

        fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    #[derive(Default)]
    struct Woken(std::sync::atomic::AtomicBool);

    impl std::task::Wake for Woken {
        fn wake(self: std::sync::Arc<Self>) {
            self.0.store(true, std::sync::atomic::Ordering::Relaxed);
        }
    }

    #[test]
    fn who_waits_for_room_is_woken_though_the_session_wrote() {
        let merged = Merged::new(Late(false, Vec::new()));
        let (mut writer, large) = (merged.clone(), vec![b'x'; MOST + 1]);
        let woken = std::sync::Arc::new(Woken::default());
        let mut writing = Box::pin(async {
            writer.write_all(b"first").await?;
            writer.write_all(&large).await
        });
        let waker = Waker::from(woken.clone());
        assert!(writing.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
        let mut session = Context::from_waker(Waker::noop());
        assert!(merged.poll_out(&mut session).is_ready());
        assert!(woken.0.load(std::sync::atomic::Ordering::Relaxed));
        assert!(writing.as_mut().poll(&mut Context::from_waker(&waker)).is_ready());
        drop(writing);
        assert_eq!(merged.0.borrow().writer.1.len(), MOST + 6);
    }

    #[test]
    fn what_is_large_is_written_in_its_place() {
        let mut writer = Merged::new(Vec::new());
        let large = vec![b'x'; MOST + 1];
        let both = async {
            writer.write_all(b"first").await?;
            writer.write_all(&large).await
        };
        both.now_or_never().expect("nothing to wait for").expect("room");
        let written = writer.0.borrow().writer.clone();
        assert_eq!((&written[..5], written.len()), (&b"first"[..], MOST + 6));
    }
}
