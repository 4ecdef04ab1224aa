//! What is between one stream and capnp-rpc: the next message to be handled, and what may be sent.
//!
//! - What it does: refuses what isn't fit for capnp-rpc and what there is no room for, keeps the counts that the gate
//!   goes by, remembers why the session ended.
//! - What must stay true: a message is read once, and none is lost where something else comes first.
//! - Serves: rulings 13, 20.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::future::poll_fn;
use std::rc::{Rc, Weak};
use std::task::Poll;

use capnp::Error;
use capnp::message::{Builder, HeapAllocator};
use capnp_rpc::Tables;
use capnp_rpc::rpc_capnp::{exception, message};
use tokio::sync::Notify;

use super::incoming::Incoming;
use super::inspect::{Kind, first_refusal, inspect, received};
use super::read::{Reading, Slot, read};
use super::write::{Message, Outbox};
use super::{Encoding, Far, Source};
use crate::serve::gate::Gate;
use crate::serve::limits::{All, Most, Session, closed};

pub(super) struct Link {
    far: Far,
    reading: RefCell<Reading>,
    slot: Rc<Slot>,
    pub(super) outbox: Outbox,
    pub(super) gate: Rc<Gate>,
    all: Rc<All>,
    tables: Cell<Tables>,
    /// Bytes of a peer's calls that go on.
    work: RefCell<HashMap<u32, usize>>,
    /// Why it is to end, of our own accord.
    ending: RefCell<Option<Error>>,
    to_end: Notify,
    /// Why it did.
    reason: RefCell<Option<Error>>,
    /// What was said to the first question.
    refused: RefCell<Option<String>>,
}

impl Link {
    pub(super) fn new(source: Source, encoding: Encoding, far: Far, gate: Rc<Gate>, all: Rc<All>) -> Rc<Link> {
        let slot = Rc::new(Slot::default());
        let reading = read(source, encoding, far, gate.clone(), all.clone(), slot.clone());
        let peers = (far == Far::Peer).then(|| all.clone());
        let link = Rc::new(Link {
            far,
            reading: RefCell::new(reading),
            slot,
            outbox: Outbox::new(gate.clone(), peers),
            gate,
            all,
            tables: Cell::default(),
            work: RefCell::default(),
            ending: RefCell::default(),
            to_end: Notify::new(),
            reason: RefCell::default(),
            refused: RefCell::default(),
        });
        if far == Far::Peer {
            // It is dropped with the last handle, and not held by what bounds it.
            let session: Weak<dyn Session> = Rc::downgrade(&link) as Weak<dyn Session>;
            link.all.joins(session);
        }
        link
    }

    /// It has ended for this reason, if there was none before.
    pub(super) fn ended(&self, why: Error) {
        self.reason.borrow_mut().get_or_insert(why);
    }

    pub(super) fn reason(&self) -> Option<Error> {
        self.reason.borrow().clone()
    }

    pub(super) fn refused(&self) -> Option<String> {
        self.refused.borrow().clone()
    }

    pub(super) fn send(&self, message: Message) {
        match message.get_root_as_reader::<message::Reader<'_>>().map(message::Reader::which) {
            Ok(Ok(message::Return(Ok(answer)))) => self.ends(answer.get_answer_id()),
            Ok(Ok(message::Call(_) | message::Bootstrap(_))) => {
                self.gate.asks();
                if self.gate.owed() > self.most().owed {
                    self.end(closed("too many calls that were never answered"));
                }
            }
            _ => {}
        }
        self.outbox.send(message);
    }

    /// The next message of the far end's. That it has closed the stream is an error too: what is asked of it from
    /// then on fails for that reason.
    pub(super) async fn receive(self: Rc<Self>) -> Result<Incoming, Error> {
        loop {
            let read = match self.next().await {
                Ok(Some(message)) => self.admit(message),
                Ok(None) => return Err(Error::disconnected(format!("{} has closed its RPC connection", self.far))),
                Err(error) => Err(error),
            };
            match read {
                Ok(Some(message)) => return Ok(message),
                Ok(None) => {}
                Err(error) => {
                    self.ended(error.clone());
                    return Err(error);
                }
            }
        }
    }

    async fn next(&self) -> Result<Option<Incoming>, Error> {
        let read = poll_fn(|context| {
            let polled = self.reading.borrow_mut().as_mut().poll(context);
            match (self.slot.take(), polled) {
                (Some(message), _) => Poll::Ready(Ok(Some(message))),
                (None, Poll::Ready(ended)) => Poll::Ready(ended.map(|()| None)),
                (None, Poll::Pending) => Poll::Pending,
            }
        });
        tokio::select! {
            biased;
            error = self.ending() => Err(error),
            read = read => read,
        }
    }

    async fn ending(&self) -> Error {
        loop {
            let error = self.ending.borrow().clone();
            match error {
                Some(error) => return error,
                None => self.to_end.notified().await,
            }
        }
    }

    fn admit(&self, message: Incoming) -> Result<Option<Incoming>, Error> {
        match inspect(&message)? {
            Kind::Calls(question) if !self.has_room() => {
                self.refuse(question, &message)?;
                return Ok(None);
            }
            Kind::Calls(question) | Kind::Bootstraps(question) => self.begins(question, message.bytes()),
            Kind::Answers(question) => {
                self.gate.is_answered();
                // capnp-rpc numbers its questions from 0.
                if question == 0 && self.refused.borrow().is_none() {
                    *self.refused.borrow_mut() = first_refusal(&message)?;
                }
            }
            Kind::Other => {}
        }
        Ok(Some(message))
    }

    /// Whether one more call may go on.
    fn has_room(&self) -> bool {
        let working = self.gate.working();
        let room = !self.gate.is_full() && working < self.most().working;
        match self.far {
            Far::Peer => room && self.all.admits(working, self.gate.work()),
            // What the peers don't answer is theirs to answer for.
            Far::Cell => room || self.all.collect(),
        }
    }

    fn begins(&self, question: u32, bytes: usize) {
        let counted = self.gate.begins(bytes);
        if self.far == Far::Peer {
            self.all.begins(counted);
            self.work.borrow_mut().insert(question, counted);
        }
    }

    fn ends(&self, question: u32) {
        let counted = self.work.borrow_mut().remove(&question).unwrap_or(0);
        self.gate.ends(counted);
        if self.far == Far::Peer {
            self.all.ends(1, counted);
        }
    }

    /// Answers a call that capnp-rpc doesn't get to see, and lets go of what came with it.
    fn refuse(&self, question: u32, message: &Incoming) -> Result<(), Error> {
        for capability in received(message)? {
            self.say(|message| {
                let mut release = message.init_release();
                release.set_id(capability);
                release.set_reference_count(1);
            });
        }
        self.say(|message| {
            let mut answer = message.init_return();
            answer.set_answer_id(question);
            answer.set_release_param_caps(false);
            answer.set_no_finish_needed(true);
            let mut exception = answer.init_exception();
            exception.set_type(exception::Type::Overloaded);
            exception.set_reason("the host has more calls in work than it has room for");
        });
        Ok(())
    }

    fn say(&self, fill: impl FnOnce(message::Builder<'_>)) {
        let mut message = Builder::new(HeapAllocator::new().first_segment_words(64));
        fill(message.init_root());
        self.outbox.send(Rc::new(message));
    }

    /// Looks at what there is of the far end's after each message.
    pub(super) fn check(&self, tables: &Tables) -> Result<(), Error> {
        let most = self.most();
        let before = self.tables.replace(*tables);
        let checked = [
            (tables.answers, most.answers, "too many answers that were never finished"),
            (tables.exports, most.exports, "too many capabilities that were never released"),
            (tables.imports, most.imports, "too many capabilities were sent that are in use"),
            (tables.embargoes, most.embargoes, "too many promises that were never disembargoed"),
            (self.gate.redirected(), most.redirected, "too much was redirected that was never asked for"),
        ];
        let over = checked.into_iter().find(|(count, most, _)| count > most);
        let together = match self.far {
            Far::Peer => self.all.change(&before, tables),
            Far::Cell => Ok(()),
        };
        let result = over.map_or(together, |(_, _, why)| Err(closed(why)));
        if let Err(error) = &result {
            self.ended(error.clone());
        }
        result
    }

    fn most(&self) -> &'static Most {
        match self.far {
            Far::Cell => &Most::CELL,
            Far::Peer => &Most::PEER,
        }
    }
}

impl Session for Link {
    fn gate(&self) -> &Gate {
        &self.gate
    }

    fn end(&self, why: Error) {
        self.ending.borrow_mut().get_or_insert(why);
        self.to_end.notify_waiters();
    }

    fn drop_queue(&self) {
        self.outbox.clear();
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        if self.far == Far::Peer {
            self.all.ends(self.gate.working(), self.gate.work());
            // It has nothing any more.
            let _ = self.all.change(&self.tables.get(), &Tables::default());
        }
    }
}

impl std::fmt::Display for Far {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        to.write_str(match self {
            Far::Cell => "the cell",
            Far::Peer => "the peer",
        })
    }
}
