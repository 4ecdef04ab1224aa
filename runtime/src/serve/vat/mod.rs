//! One RPC connection, with the cell or with a peer, as capnp-rpc's `VatNetwork`: what the stock one lacks is the
//! gate, a writer that merges what is queued, and bounds on all that comes in.
//!
//! - What it does: reads messages when the gate allows it and checks what capnp-rpc doesn't; writes what is
//!   queued in as few system calls as it can.
//! - What must stay true: no error of the transport becomes a failed task of the RPC system, for its
//!   `SystemTaskReaper` prints to standard output, which is the cell's. Once the session ends, what is
//!   queued is written for [`LAST_WORDS`] at most.
//! - Serves: rulings 13, 20.

mod buffer;
mod flow;
mod incoming;
mod inspect;
mod link;
mod outgoing;
mod packed;
mod read;
mod write;

use std::any::Any;
use std::rc::Rc;
use std::time::Duration;

use capnp::Error;
use capnp::capability::Promise;
use capnp_rpc::rpc_twoparty_capnp::Side;
use capnp_rpc::{Connection, FlowController, IncomingMessage, OutgoingMessage, Tables, VatNetwork};
use futures::{AsyncRead, AsyncWrite};

use self::link::Link;
use self::outgoing::Outgoing;
use super::gate::Gate;
use super::limits::{All, Session};

/// How long one that broke the protocol may take to read why.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// Who is at the other end, as texts name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Far {
    Cell,
    Peer,
}

/// How messages are encoded on a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// As they are in memory: fd 3.
    Plain,
    /// Packed, as peers speak it (<https://capnproto.org/encoding.html#packing>).
    Packed,
}

/// Reads from the far end, whatever the stream is made of.
type Source = Box<dyn AsyncRead + Unpin>;
/// Writes to it.
type Sink = Box<dyn AsyncWrite + Unpin>;

/// The two-party network that has a cell or a peer at its other end.
pub(super) struct Network {
    link: Rc<Link>,
    accepted: bool,
    writer: Option<(Sink, Encoding)>,
}

/// Looks at a session from outside.
pub(super) struct Observer(Rc<Link>);

impl Network {
    pub(super) fn new(
        reader: impl AsyncRead + Unpin + 'static,
        writer: impl AsyncWrite + Unpin + 'static,
        encoding: Encoding,
        far: Far,
        gate: Rc<Gate>,
        all: Rc<All>,
    ) -> Network {
        let link = Link::new(Box::new(reader), encoding, far, gate, all);
        Network { link, accepted: false, writer: Some((Box::new(writer), encoding)) }
    }

    pub(super) fn observer(&self) -> Observer {
        Observer(self.link.clone())
    }
}

impl Observer {
    /// Has the session end as soon as it is polled, and say why to the far end.
    pub(super) fn end(&self, why: Error) {
        self.0.end(why);
    }

    /// Why the session ended; `None` where the far end has closed the stream between two messages.
    pub(super) fn reason(&self) -> Option<Error> {
        self.0.reason()
    }

    /// What the far end said to the first question it was asked, which is for its bootstrap capability, if
    /// that was an exception.
    pub(super) fn refused(&self) -> Option<String> {
        self.0.refused()
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

    /// Writes until the session is shut down, or the far end takes no more.
    fn drive_until_shutdown(&mut self) -> Promise<(), Error> {
        let link = self.link.clone();
        let Some((writer, encoding)) = self.writer.take() else {
            return Promise::from_future(std::future::pending());
        };
        let writing = async move {
            let closed = async {
                link.outbox.closed().await;
                tokio::time::sleep(LAST_WORDS).await;
            };
            tokio::select! {
                // The far end has closed the stream or was too slow: either way nobody is left to tell.
                written = link.outbox.write(writer, encoding) => if let (Err(error), false) = (written, link.outbox.is_closed()) {
                    link.ended(error);
                },
                () = closed => {}
            }
            Ok(())
        };
        Promise::from_future(writing)
    }
}

/// One handle on the link: all are the same connection.
struct Handle(Rc<Link>);

impl Connection<Side> for Handle {
    fn get_peer_vat_id(&self) -> Side {
        Side::Client
    }

    fn new_outgoing_message(&mut self, first_segment_words: u32) -> Box<dyn OutgoingMessage> {
        Box::new(Outgoing::new(first_segment_words, self.0.clone()))
    }

    fn receive_incoming_message(&mut self) -> Promise<Option<Box<dyn IncomingMessage>>, Error> {
        let link = self.0.clone();
        Promise::from_future(async move { Ok(Some(Box::new(link.receive().await?) as Box<dyn IncomingMessage>)) })
    }

    fn check(&mut self, tables: &Tables) -> Result<(), Error> {
        self.0.check(tables)
    }

    fn redirected(&mut self, words: usize) -> Box<dyn Any> {
        Box::new(self.0.gate.redirect(words * 8))
    }

    fn new_stream(&mut self) -> (Box<dyn FlowController>, Promise<(), Error>) {
        let (window, drive) = flow::Window::new();
        (Box::new(window), Promise::from_future(drive))
    }

    /// The reason has been queued for the far end before this is called.
    fn shutdown(&mut self, _: Result<(), Error>) -> Promise<(), Error> {
        self.0.outbox.close();
        Promise::ok(())
    }
}
