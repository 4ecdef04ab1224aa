//! The RPC connection with the cell, as capnp-rpc's `VatNetwork`: what the stock one lacks is the gate.
//!
//! - What it does: reads messages when the gate allows it and checks what capnp-rpc doesn't; writes what is
//!   queued in as few system calls as it can.
//! - What must stay true: no error of the transport becomes a failed task of the RPC system, for its
//!   `SystemTaskReaper` prints to standard output, which is the cell's. Once the session ends, what is
//!   queued is written for [`LAST_WORDS`] at most.
//! - Serves: rulings 13, 20.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::Duration;

use capnp::Error;
use capnp::capability::Promise;
use capnp::message::{Builder, HeapAllocator, Reader, ReaderOptions};
use capnp::serialize::OwnedSegments;
use capnp_rpc::rpc_capnp::message;
use capnp_rpc::rpc_twoparty_capnp::Side;
use capnp_rpc::{Connection, IncomingMessage, OutgoingMessage, VatNetwork};
use futures::future::LocalBoxFuture;
use futures::io::{BufReader, BufWriter};
use futures::{AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::Notify;
use tokio_util::compat::{Compat, TokioAsyncReadCompatExt, TokioAsyncWriteCompatExt};

use super::answers::Answers;
use super::gate::{Gate, Held, SMALL};
use super::inspect::{Kind, closed, inspect};

/// The largest message that is received, in bytes (ruling 13).
const MESSAGE: usize = 9 << 20;
/// Messages up to this size need no turn of their own: data of [`SMALL`] and what is around it.
const SMALL_MESSAGE: usize = SMALL as usize + 4096;
/// Buffers for one system call, each way.
const BUFFER: usize = 64 << 10;
/// How long a cell that broke the protocol may take to read why.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// The two-party network that has the cell at its other end.
pub(super) struct Network {
    link: Rc<Link>,
    accepted: bool,
    writer: Option<OwnedWriteHalf>,
}

struct Link {
    reading: RefCell<Option<Reading>>,
    answers: Answers<Incoming>,
    outbox: Outbox,
    gate: Rc<Gate>,
}

type Input = BufReader<Compat<OwnedReadHalf>>;
type Reading = LocalBoxFuture<'static, (Input, Result<Option<Incoming>, Error>)>;

/// Messages on their way to the cell.
#[derive(Default)]
struct Outbox {
    messages: RefCell<VecDeque<Rc<Builder<HeapAllocator>>>>,
    closed: Cell<bool>,
    changed: Notify,
}

impl Network {
    pub(super) fn new(stream: tokio::net::UnixStream, gate: Rc<Gate>) -> Network {
        let (reader, writer) = stream.into_split();
        let reading = read(BufReader::with_capacity(BUFFER, reader.compat()), gate.clone());
        let reading = RefCell::new(Some(reading));
        let link = Rc::new(Link { reading, answers: Answers::new(), outbox: Outbox::default(), gate });
        Network { link, accepted: false, writer: Some(writer) }
    }
}

impl VatNetwork<Side> for Network {
    fn connect(&mut self, vat: Side) -> Option<Box<dyn Connection<Side>>> {
        (vat == Side::Client).then(|| Box::new(Handle(self.link.clone())) as Box<dyn Connection<Side>>)
    }

    fn accept(&mut self) -> Promise<Box<dyn Connection<Side>>, Error> {
        match std::mem::replace(&mut self.accepted, true) {
            false => Promise::ok(Box::new(Handle(self.link.clone()))),
            true => Promise::from_future(std::future::pending()),
        }
    }

    /// Writes until the session is shut down, or the cell takes no more.
    fn drive_until_shutdown(&mut self) -> Promise<(), Error> {
        let link = self.link.clone();
        let Some(writer) = self.writer.take() else {
            return Promise::from_future(std::future::pending());
        };
        let writing = async move {
            let closed = async {
                link.outbox.closed().await;
                tokio::time::sleep(LAST_WORDS).await;
            };
            let writing = link.write(BufWriter::with_capacity(BUFFER, writer.compat_write()));
            tokio::select! {
                // The cell has closed its end or was too slow: either way nobody is left to tell.
                _ = writing => {}
                () = closed => {}
            }
            Ok(())
        };
        Promise::from_future(writing)
    }
}

impl Outbox {
    async fn closed(&self) {
        while !self.closed.get() {
            self.changed.notified().await;
        }
    }
}

impl Link {
    async fn write(&self, mut writer: impl AsyncWrite + Unpin) -> Result<(), Error> {
        loop {
            // Everything that is ready to answer does so first, and goes with the same system call.
            tokio::task::yield_now().await;
            while let Some(message) = self.next() {
                let written = capnp_futures::serialize::write_message(&mut writer, &message).await;
                self.gate.unqueue(bytes(&message));
                written?;
            }
            writer.flush().await?;
            while self.outbox.messages.borrow().is_empty() {
                if self.outbox.closed.get() {
                    return Ok(());
                }
                self.outbox.changed.notified().await;
            }
        }
    }

    fn next(&self) -> Option<Rc<Builder<HeapAllocator>>> {
        self.outbox.messages.borrow_mut().pop_front()
    }

    fn send(&self, message: Rc<Builder<HeapAllocator>>) {
        if !self.outbox.closed.get() {
            self.gate.queue(bytes(&message));
            self.outbox.messages.borrow_mut().push_back(message);
            self.outbox.changed.notify_waiters();
        }
    }

    /// The next message of the cell's; `None` where it has closed its end between two.
    async fn receive(self: Rc<Self>) -> Result<Option<Incoming>, Error> {
        loop {
            let reading = self.reading.take();
            let Some(mut reading) = reading else {
                return Err(Error::disconnected("the connection is being read already".to_owned()));
            };
            tokio::select! {
                biased;
                finish = self.answers.due() => {
                    self.reading.replace(Some(reading));
                    return Ok(Some(finish));
                }
                (reader, message) = &mut reading => {
                    let Some(message) = message? else { return Ok(None) };
                    self.reading.replace(Some(read(reader, self.gate.clone())));
                    if let Some(message) = self.admit(message)? {
                        return Ok(Some(message));
                    }
                }
            }
        }
    }

    /// Refuses what isn't fit for capnp-rpc, and keeps back what comes too early for it.
    fn admit(&self, message: Incoming) -> Result<Option<Incoming>, Error> {
        match inspect(&message.message)? {
            Kind::Asks(question) if !self.answers.asked(question) => {
                Err(closed("too many answers that were never finished"))
            }
            Kind::Finishes(question) => Ok(self.answers.finished(question, message)),
            Kind::Asks(_) | Kind::Other => Ok(Some(message)),
        }
    }
}

/// Reads one message as soon as the gate is open. It goes on where it was when something else comes first.
fn read(mut reader: Input, gate: Rc<Gate>) -> Reading {
    Box::pin(async move {
        gate.open().await;
        let message = read_one(&mut reader, &gate).await;
        (reader, message)
    })
}

async fn read_one(reader: &mut Input, gate: &Rc<Gate>) -> Result<Option<Incoming>, Error> {
    // The number of segments less one, and the words of the first: enough to tell small from large.
    let mut head = [0; 8];
    if reader.read(&mut head[..1]).await? == 0 {
        return Ok(None);
    }
    reader.read_exact(&mut head[1..]).await?;
    let [more_segments, words] =
        [0, 4].map(|at| u32::from_le_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]));
    let turn = match more_segments == 0 && words as usize <= SMALL_MESSAGE / 8 {
        true => None,
        false => Some(gate.large_message().await),
    };
    // The limit bounds what is allocated for a message, and what may be read of it.
    let mut options = ReaderOptions::new();
    options.traversal_limit_in_words(Some(MESSAGE / 8));
    let message = capnp_futures::serialize::read_message((&head[..]).chain(reader), options).await?;
    let bytes = message.size_in_words() * 8;
    let turn = turn.filter(|_| bytes > SMALL_MESSAGE);
    Ok(Some(Incoming { message, _held: gate.hold(bytes, turn) }))
}

fn bytes(message: &Builder<HeapAllocator>) -> usize {
    message.size_in_words() * 8
}

/// One handle on the link: all are the same connection.
struct Handle(Rc<Link>);

impl Connection<Side> for Handle {
    fn get_peer_vat_id(&self) -> Side {
        Side::Client
    }

    fn new_outgoing_message(&mut self, first_segment_words: u32) -> Box<dyn OutgoingMessage> {
        let allocator = HeapAllocator::new().first_segment_words(first_segment_words);
        Box::new(Outgoing { message: Builder::new(allocator), link: self.0.clone() })
    }

    fn receive_incoming_message(&mut self) -> Promise<Option<Box<dyn IncomingMessage>>, Error> {
        let link = self.0.clone();
        Promise::from_future(async move {
            let message = link.receive().await?;
            Ok(message.map(|message| Box::new(message) as Box<dyn IncomingMessage>))
        })
    }

    /// The reason has been queued for the cell before this is called.
    fn shutdown(&mut self, _: Result<(), Error>) -> Promise<(), Error> {
        self.0.outbox.closed.set(true);
        self.0.outbox.changed.notify_waiters();
        Promise::ok(())
    }
}

struct Incoming {
    message: Reader<OwnedSegments>,
    _held: Held,
}

impl IncomingMessage for Incoming {
    fn get_body(&self) -> Result<capnp::any_pointer::Reader<'_>, Error> {
        self.message.get_root()
    }
}

struct Outgoing {
    message: Builder<HeapAllocator>,
    link: Rc<Link>,
}

impl OutgoingMessage for Outgoing {
    fn get_body(&mut self) -> Result<capnp::any_pointer::Builder<'_>, Error> {
        self.message.get_root()
    }

    fn get_body_as_reader(&self) -> Result<capnp::any_pointer::Reader<'_>, Error> {
        self.message.get_root_as_reader()
    }

    /// Nobody waits for the write: the promise is kept at once.
    fn send(self: Box<Self>) -> (Promise<(), Error>, Rc<Builder<HeapAllocator>>) {
        let Outgoing { message, link } = *self;
        let root = message.get_root_as_reader::<message::Reader<'_>>();
        if let Ok(Ok(message::Return(Ok(answer)))) = root.map(message::Reader::which) {
            link.answers.answered(answer.get_answer_id(), !answer.get_no_finish_needed());
        }
        let message = Rc::new(message);
        link.send(message.clone());
        (Promise::ok(()), message)
    }

    fn take(self: Box<Self>) -> Builder<HeapAllocator> {
        self.message
    }

    fn size_in_words(&self) -> usize {
        self.message.size_in_words()
    }
}
