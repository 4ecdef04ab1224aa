//! Messages on their way to the far end: queued without waiting, written merged.
//!
//! - What must stay true: what is queued counts in the gate until it is written or the connection is gone.
//! - Serves: rulings 13, 20.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;

use capnp::Error;
use capnp::message::{Builder, HeapAllocator};
use capnp_futures::serialize::write_message;
use capnp_futures::serialize_packed;
use futures::AsyncWriteExt;
use futures::io::BufWriter;
use tokio::sync::Notify;

use super::{Encoding, Sink};
use crate::serve::gate::Gate;

/// A buffer for one system call.
const BUFFER: usize = 64 << 10;

type Message = Rc<Builder<HeapAllocator>>;

#[derive(Default)]
pub(super) struct Outbox {
    messages: RefCell<VecDeque<Message>>,
    closed: Cell<bool>,
    changed: Notify,
}

impl Outbox {
    pub(super) fn send(&self, message: Message, gate: &Gate) {
        if !self.closed.get() {
            gate.queue(bytes(&message));
            self.messages.borrow_mut().push_back(message);
            self.changed.notify_waiters();
        }
    }

    /// No more comes: what is queued is the last.
    pub(super) fn close(&self) {
        self.closed.set(true);
        self.changed.notify_waiters();
    }

    pub(super) async fn closed(&self) {
        while !self.closed.get() {
            self.changed.notified().await;
        }
    }

    /// Writes all there is, until it is closed; then closes the stream.
    pub(super) async fn write(&self, writer: Sink, encoding: Encoding, gate: &Gate) -> Result<(), Error> {
        let mut writer = BufWriter::with_capacity(BUFFER, writer);
        loop {
            // Everything that is ready to answer does so first, and goes with the same system call.
            tokio::task::yield_now().await;
            while let Some(message) = self.next() {
                let written = match encoding {
                    Encoding::Plain => write_message(&mut writer, &message).await,
                    Encoding::Packed => serialize_packed::write_message(&mut writer, &message).await,
                };
                gate.unqueue(bytes(&message));
                written?;
            }
            writer.flush().await?;
            while self.messages.borrow().is_empty() {
                if self.closed.get() {
                    writer.close().await?;
                    return Ok(());
                }
                self.changed.notified().await;
            }
        }
    }

    fn next(&self) -> Option<Message> {
        self.messages.borrow_mut().pop_front()
    }
}

fn bytes(message: &Builder<HeapAllocator>) -> usize {
    message.size_in_words() * 8
}
