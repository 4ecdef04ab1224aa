//! Messages on their way to the far end: queued without waiting, written merged.
//!
//! - What must stay true: what is queued counts in the gate until it is written or the connection is gone.
//! - Serves: rulings 13, 20.

#[cfg(test)]
mod tests;

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::future::poll_fn;
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

use capnp::Error;
use capnp::message::{Builder, HeapAllocator};
use futures::AsyncWriteExt;
use tokio::sync::Notify;
use tokio::time::timeout;

use super::packed::pack;
use super::{Encoding, Sink};
use crate::serve::gate::Gate;
use crate::serve::limits::All;

/// Bytes that are written at once where there are as many, and kept room for.
const BATCH: usize = 64 << 10;
/// What is copied for that; larger pieces are written from where they are.
const SMALL: usize = 16 << 10;
/// How long a peer may take nothing of what is more than [`SMALL`].
const PATIENCE: Duration = Duration::from_secs(10);

pub(super) type Message = Rc<Builder<HeapAllocator>>;

pub(super) struct Outbox {
    messages: RefCell<VecDeque<Message>>,
    closed: Cell<bool>,
    changed: Notify,
    gate: Rc<Gate>,
    all: Option<Rc<All>>,
    /// Bytes of the message that is being written.
    writing: Cell<usize>,
}

impl Outbox {
    pub(super) fn new(gate: Rc<Gate>, all: Option<Rc<All>>) -> Outbox {
        Outbox {
            messages: RefCell::default(),
            closed: Cell::new(false),
            changed: Notify::new(),
            gate,
            all,
            writing: Cell::new(0),
        }
    }

    pub(super) fn send(&self, message: Message) {
        if self.closed.get() {
            return;
        }
        let bytes = bytes(&message);
        self.gate.queue(bytes);
        self.messages.borrow_mut().push_back(message);
        self.changed.notify_waiters();
        if let Some(all) = &self.all {
            all.queue(bytes);
        }
    }

    /// No more comes: what is queued is the last.
    pub(super) fn close(&self) {
        self.closed.set(true);
        self.changed.notify_waiters();
    }

    /// What hasn't been begun isn't sent.
    pub(super) fn clear(&self) {
        let messages = std::mem::take(&mut *self.messages.borrow_mut());
        for message in messages {
            self.written(bytes(&message));
        }
    }

    pub(super) fn is_closed(&self) -> bool {
        self.closed.get()
    }

    pub(super) async fn closed(&self) {
        while !self.closed.get() {
            self.changed.notified().await;
        }
    }

    /// Writes all there is, until it is closed; then closes the stream.
    pub(super) async fn write(&self, mut writer: Sink, encoding: Encoding) -> Result<(), Error> {
        let mut batch = Vec::new();
        loop {
            // Everything that is ready to answer does so first, and goes with the same system call.
            again().await;
            while let Some(message) = self.next() {
                self.writing.set(bytes(&message));
                self.one(&mut writer, encoding, &message, &mut batch).await?;
                self.written(self.writing.take());
            }
            if !batch.is_empty() {
                self.all(&mut writer, &batch).await?;
            }
            match self.all {
                // A peer that is told nothing costs no buffer.
                Some(_) => batch = Vec::new(),
                None => batch.clear(),
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

    /// Writes one message, or adds it to those that are written together.
    async fn one(
        &self,
        writer: &mut Sink,
        encoding: Encoding,
        message: &Message,
        batch: &mut Vec<u8>,
    ) -> Result<(), Error> {
        let segments = message.get_segments_for_output();
        let mut head = Vec::with_capacity(8);
        table(&segments, &mut head);
        for piece in std::iter::once(&head[..]).chain(segments.iter().copied()) {
            match encoding {
                Encoding::Plain if piece.len() <= SMALL => batch.extend_from_slice(piece),
                Encoding::Plain => {
                    self.all(writer, batch).await?;
                    batch.clear();
                    self.all(writer, piece).await?;
                }
                Encoding::Packed => {
                    for part in piece.chunks(SMALL) {
                        pack(part, batch);
                        if batch.len() >= BATCH {
                            self.all(writer, batch).await?;
                            batch.clear();
                        }
                    }
                }
            }
        }
        if batch.len() >= BATCH {
            self.all(writer, batch).await?;
            batch.clear();
        }
        Ok(())
    }

    async fn all(&self, writer: &mut Sink, mut bytes: &[u8]) -> Result<(), Error> {
        while !bytes.is_empty() {
            let writing = writer.write(bytes);
            let written = match self.all {
                Some(_) if self.gate.queued() > SMALL => timeout(PATIENCE, writing)
                    .await
                    .map_err(|_| Error::disconnected("the peer takes nothing".to_owned()))??,
                _ => writing.await?,
            };
            if written == 0 {
                return Err(Error::disconnected("the stream takes no more".to_owned()));
            }
            bytes = &bytes[written..];
            if self.all.is_some() {
                self.gate.takes();
            }
        }
        Ok(())
    }

    fn next(&self) -> Option<Message> {
        self.messages.borrow_mut().pop_front()
    }

    fn written(&self, bytes: usize) {
        self.gate.unqueue(bytes);
        if let Some(all) = &self.all {
            all.unqueue(bytes);
        }
    }
}

impl Drop for Outbox {
    fn drop(&mut self) {
        self.clear();
        self.written(self.writing.take());
    }
}

pub(super) fn bytes(message: &Builder<HeapAllocator>) -> usize {
    message.size_in_words() * 8
}

/// A message's segment table
/// (<https://capnproto.org/encoding.html#serialization-over-a-stream>).
fn table(segments: &[&[u8]], to: &mut Vec<u8>) {
    to.extend_from_slice(&(segments.len() as u32 - 1).to_le_bytes());
    for segment in segments {
        to.extend_from_slice(&((segment.len() / 8) as u32).to_le_bytes());
    }
    if segments.len().is_multiple_of(2) {
        to.extend_from_slice(&[0; 4]);
    }
}

/// Has every other task that is ready go first, as tokio's `yield_now` does, but without a system call between.
async fn again() {
    let mut done = false;
    poll_fn(|context| match std::mem::replace(&mut done, true) {
        true => Poll::Ready(()),
        false => {
            context.waker().wake_by_ref();
            Poll::Pending
        }
    })
    .await;
}
