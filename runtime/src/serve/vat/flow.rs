//! How much of a stream may be on its way: the window of `-> stream` calls.
//!
//! - What it does: lets calls go until [`WINDOW`] bytes of them are unanswered, then has the caller wait.
//!   capnp-rpc's own window is 64 KiB, and private.
//! - What must stay true: a call that fails fails those after it. A message goes at once, whatever is
//!   unanswered: the order is that of the calls.
//! - Serves: rulings 13, 17.

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::rc::Rc;

use capnp::Error;
use capnp::capability::Promise;
use capnp_rpc::{FlowController, OutgoingMessage};
use futures::StreamExt;
use futures::channel::mpsc;
use futures::stream::FuturesUnordered;
use tokio::sync::Notify;

/// Bytes on their way: four chunks of 256 KiB.
const WINDOW: usize = 1 << 20;

/// The window of one stream.
pub(super) struct Window {
    state: Rc<State>,
    acks: mpsc::UnboundedSender<(usize, Promise<(), Error>)>,
}

#[derive(Default)]
struct State {
    in_flight: Cell<usize>,
    /// The window is wider by the largest message, so that two of these can be on their way.
    largest: Cell<usize>,
    failed: RefCell<Option<Error>>,
    changed: Notify,
}

impl Window {
    /// The window, and what must be polled for it to move.
    pub(super) fn new() -> (Window, impl Future<Output = Result<(), Error>>) {
        let (acks, mut incoming) = mpsc::unbounded::<(usize, Promise<(), Error>)>();
        let state = Rc::new(State::default());
        let driven = state.clone();
        let drive = async move {
            let mut unanswered = FuturesUnordered::new();
            loop {
                tokio::select! {
                    next = incoming.next() => match next {
                        Some((size, ack)) => unanswered.push(async move { (size, ack.await) }),
                        None => break,
                    },
                    Some((size, answer)) = unanswered.next() => driven.answered(size, answer),
                }
            }
            while let Some((size, answer)) = unanswered.next().await {
                driven.answered(size, answer);
            }
            Ok(())
        };
        (Window { state, acks }, drive)
    }
}

impl State {
    fn answered(&self, size: usize, answer: Result<(), Error>) {
        self.in_flight.set(self.in_flight.get() - size);
        if let Err(error) = answer {
            self.failed.borrow_mut().get_or_insert(error);
        }
        self.changed.notify_waiters();
    }

    async fn until(&self, most: usize) -> Result<(), Error> {
        loop {
            if let Some(error) = self.failed.borrow().clone() {
                return Err(error);
            }
            if self.in_flight.get() <= most {
                return Ok(());
            }
            self.changed.notified().await;
        }
    }
}

impl FlowController for Window {
    fn send(&mut self, message: Box<dyn OutgoingMessage>, ack: Promise<(), Error>) -> Promise<(), Error> {
        let size = message.size_in_words() * 8;
        let state = self.state.clone();
        state.largest.set(state.largest.get().max(size));
        state.in_flight.set(state.in_flight.get() + size);
        // The promise is kept at once (`Outgoing::send`).
        let _ = message.send();
        if self.acks.unbounded_send((size, ack)).is_err() {
            return Promise::err(Error::disconnected("the connection is gone".to_owned()));
        }
        let most = WINDOW + state.largest.get() - 1;
        Promise::from_future(async move { state.until(most).await })
    }

    fn wait_all_acked(&mut self) -> Promise<(), Error> {
        let state = self.state.clone();
        Promise::from_future(async move { state.until(0).await })
    }
}

#[cfg(test)]
mod tests {
    use capnp::any_pointer;
    use capnp::message::{Builder, HeapAllocator};
    use futures::FutureExt;
    use futures::channel::oneshot;
    use futures::future::LocalBoxFuture;

    use super::*;

    /// A message of so many bytes, which notes that it went.
    struct Sized(usize, Rc<Cell<usize>>);

    impl OutgoingMessage for Sized {
        fn get_body(&mut self) -> Result<any_pointer::Builder<'_>, Error> {
            Err(Error::failed("it has none".to_owned()))
        }

        fn get_body_as_reader(&self) -> Result<any_pointer::Reader<'_>, Error> {
            Err(Error::failed("it has none".to_owned()))
        }

        fn send(self: Box<Self>) -> (Promise<(), Error>, Rc<Builder<HeapAllocator>>) {
            self.1.set(self.1.get() + 1);
            (Promise::ok(()), Rc::new(self.take()))
        }

        fn take(self: Box<Self>) -> Builder<HeapAllocator> {
            Builder::new(HeapAllocator::new().first_segment_words(1))
        }

        fn size_in_words(&self) -> usize {
            self.0 / 8
        }
    }

    /// A stream, and what was sent on it.
    struct Stream {
        window: Window,
        drive: LocalBoxFuture<'static, Result<(), Error>>,
        went: Rc<Cell<usize>>,
    }

    impl Stream {
        fn new() -> Stream {
            let (window, drive) = Window::new();
            Stream { window, drive: Box::pin(drive), went: Rc::default() }
        }

        /// Sends a message; gives when the next may follow, and what answers this one.
        fn send(&mut self, bytes: usize) -> (Promise<(), Error>, oneshot::Sender<Result<(), Error>>) {
            let (answer, answered) = oneshot::channel();
            let ack = Promise::from_future(async { answered.await.unwrap_or(Ok(())) });
            (self.window.send(Box::new(Sized(bytes, self.went.clone())), ack), answer)
        }

        /// Has what was answered be noticed.
        fn turn(&mut self) {
            assert!(self.drive.as_mut().now_or_never().is_none(), "the stream goes on");
        }
    }

    /// Of the contract's chunks, four are on their way and the caller has a fifth; what is sent goes at once all the same.
    #[test]
    fn a_caller_waits_at_the_window_and_goes_on_with_an_answer() {
        let mut stream = Stream::new();
        let (mut next, mut answers): (Vec<_>, Vec<_>) = (0..6).map(|_| stream.send(WINDOW / 4)).unzip();
        assert_eq!(stream.went.get(), 6);
        for unanswered in [6, 5] {
            assert!(next.iter_mut().all(|next| next.now_or_never().is_none()), "{unanswered} are too many");
            answers.remove(2).send(Ok(())).expect("it is waited for");
            stream.turn();
        }
        assert!(next.into_iter().all(|next| next.now_or_never().is_some_and(|result| result.is_ok())));
    }

    #[test]
    fn one_message_may_go_however_large_and_the_next_beside_it() {
        let mut stream = Stream::new();
        let (next, _first) = stream.send(8 << 20);
        assert!(next.now_or_never().unwrap().is_ok());
        let (next, _small) = stream.send(WINDOW - 8);
        assert!(next.now_or_never().unwrap().is_ok());
        let (next, _one_more) = stream.send(8);
        assert!(next.now_or_never().is_none());
    }

    #[test]
    fn a_call_that_fails_fails_all_after_it() {
        let mut stream = Stream::new();
        let (_, first) = stream.send(8);
        let (_, second) = stream.send(8);
        first.send(Err(Error::failed("no room".to_owned()))).expect("it is waited for");
        stream.turn();
        second.send(Err(Error::failed("of another kind".to_owned()))).expect("it is waited for");
        stream.turn();
        let (next, _) = stream.send(8);
        for result in [next, stream.window.wait_all_acked()] {
            let error = result.now_or_never().expect("it doesn't wait").expect_err("it fails");
            assert_eq!(error.extra, "no room", "the first failure is the reason");
        }
    }

    #[test]
    fn the_end_waits_for_every_answer() {
        let mut stream = Stream::new();
        let (_, first) = stream.send(8);
        let (_, second) = stream.send(8);
        let mut all = stream.window.wait_all_acked();
        for answer in [second, first] {
            assert!((&mut all).now_or_never().is_none());
            answer.send(Ok(())).expect("it is waited for");
            stream.turn();
        }
        assert!(all.now_or_never().unwrap().is_ok());
    }

    #[test]
    fn answers_come_in_after_the_stream_is_dropped_and_a_call_after_the_connection_is_told() {
        let Stream { window, mut drive, .. } = Stream::new();
        let mut stream = Stream { window, drive: Box::pin(std::future::pending()), went: Rc::default() };
        let (_, answer) = stream.send(8);
        drop(stream);
        assert!(drive.as_mut().now_or_never().is_none(), "an answer is outstanding");
        answer.send(Ok(())).expect("it is waited for");
        assert!(drive.now_or_never().expect("it ends").is_ok());
        let mut stream = Stream::new();
        stream.drive = Box::pin(std::future::pending());
        let (next, _) = stream.send(8);
        let error = next.now_or_never().expect("it doesn't wait").expect_err("nobody drives it");
        assert_eq!(error.kind, capnp::ErrorKind::Disconnected);
    }
}
