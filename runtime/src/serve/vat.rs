//! The RPC connection with the cell, as capnp-rpc's `VatNetwork`: what the stock one lacks is the gate.
//!
//! - What it does: reads messages when the gate allows it and checks what capnp-rpc doesn't; writes what is
//!   queued in as few system calls as it can.
//! - What must stay true: no error of the transport becomes a failed task of the RPC system, for its
//!   `SystemTaskReaper` prints to standard output, which is the cell's. Once the session ends, what is
//!   queued is written for [`LAST_WORDS`] at most.
//! - Serves: R13, R20.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::Duration;

use capnp::Error;
use capnp::capability::Promise;
use capnp::message::{Builder, HeapAllocator, Reader, ReaderOptions};
use capnp::serialize::OwnedSegments;
use capnp_rpc::rpc_capnp::{call, message, message_target, return_};
use capnp_rpc::rpc_twoparty_capnp::Side;
use capnp_rpc::{Connection, IncomingMessage, OutgoingMessage, VatNetwork};
use futures::io::{BufReader, BufWriter};
use futures::{AsyncWrite, AsyncWriteExt};
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::Notify;
use tokio_util::compat::{Compat, TokioAsyncReadCompatExt, TokioAsyncWriteCompatExt};

use super::gate::{Gate, Held};

/// The largest message that is received, in bytes (R13).
const MESSAGE: usize = 9 << 20;
/// The largest that is neither a call nor a return. They have no payload.
const BARE_MESSAGE: usize = 64 << 10;
/// Capabilities in one message, and steps of one path into a promised answer: the contract needs one of each.
const CAPABILITIES: u32 = 64;
const STEPS: u32 = 16;
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
    reader: RefCell<Option<BufReader<Compat<OwnedReadHalf>>>>,
    outbox: Outbox,
    gate: Rc<Gate>,
}

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
        let reader = RefCell::new(Some(BufReader::with_capacity(BUFFER, reader.compat())));
        let link = Rc::new(Link { reader, outbox: Outbox::default(), gate });
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
    async fn receive(&self) -> Result<Option<Incoming>, Error> {
        self.gate.open().await;
        let Some(mut reader) = self.reader.take() else {
            return Err(Error::disconnected("the connection is being read already".to_owned()));
        };
        // The limit bounds what is allocated for a message, and what may be read of it.
        let mut options = ReaderOptions::new();
        options.traversal_limit_in_words(Some(MESSAGE / 8));
        let message = capnp_futures::serialize::try_read_message(&mut reader, options).await?;
        self.reader.replace(Some(reader));
        let Some(message) = message else { return Ok(None) };
        let bytes = message.size_in_words() * 8;
        self.inspect(&message, bytes)?;
        let held = self.gate.hold(bytes);
        Ok(Some(Incoming { message, _held: held }))
    }

    /// Refuses what is well-formed and would cost more memory than it has bytes.
    fn inspect(&self, message: &Reader<OwnedSegments>, bytes: usize) -> Result<(), Error> {
        let refuse = |why: &str| Err(Error::failed(format!("the connection is closed: {why}")));
        let message = message.get_root::<message::Reader<'_>>()?;
        let asked = match message.which() {
            Ok(message::Call(call)) => {
                let call = call?;
                if !matches!(call.get_send_results_to().which()?, call::send_results_to::Caller(())) {
                    return refuse("results can be sent to the caller only");
                }
                if let message_target::PromisedAnswer(answer) = call.get_target()?.which()? {
                    if answer?.get_transform()?.len() > STEPS {
                        return refuse("too many steps into an answer");
                    }
                }
                if !few_capabilities(call.get_params()?)? {
                    return refuse("too many capabilities in one message");
                }
                self.gate.asked(call.get_question_id())
            }
            Ok(message::Return(answer)) => match answer?.which()? {
                return_::Results(results) => {
                    if !few_capabilities(results?)? {
                        return refuse("too many capabilities in one message");
                    }
                    true
                }
                _ => true,
            },
            _ if bytes > BARE_MESSAGE => return refuse("a message without a payload is too large"),
            Ok(message::Bootstrap(bootstrap)) => self.gate.asked(bootstrap?.get_question_id()),
            Ok(message::Finish(finish)) => {
                self.gate.finished(finish?.get_question_id());
                true
            }
            _ => true,
        };
        if asked { Ok(()) } else { refuse("too many answers that were never finished") }
    }
}

/// Whether a payload's capabilities are few, and the way to each is short.
fn few_capabilities(payload: capnp_rpc::rpc_capnp::payload::Reader<'_>) -> Result<bool, Error> {
    use capnp_rpc::rpc_capnp::cap_descriptor::ReceiverAnswer;
    let table = payload.get_cap_table()?;
    if table.len() > CAPABILITIES {
        return Ok(false);
    }
    for descriptor in table {
        if let ReceiverAnswer(answer) = descriptor.which()? {
            if answer?.get_transform()?.len() > STEPS {
                return Ok(false);
            }
        }
    }
    Ok(true)
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
        if let Ok(root) = message.get_root_as_reader::<message::Reader<'_>>() {
            if let Ok(message::Return(Ok(answer))) = root.which() {
                link.gate.answered(answer.get_answer_id(), !answer.get_no_finish_needed());
            }
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
