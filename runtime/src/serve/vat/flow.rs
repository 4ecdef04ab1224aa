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
