//! What is between one stream and capnp-rpc: the next message to be handled, and what may be sent.
//!
//! - What it does: refuses what isn't fit for capnp-rpc, keeps back what comes too early for it, remembers why
//!   the session ended.
//! - What must stay true: a message is read once, and none is lost where something else comes first.
//! - Serves: rulings 13, 20.

use std::cell::RefCell;
use std::rc::Rc;

use capnp::Error;
use capnp::message::{Builder, HeapAllocator};
use capnp_rpc::rpc_capnp::{message, return_};
use tokio::sync::Notify;

use super::answers::Answers;
use super::inspect::{Kind, closed, inspect};
use super::message::Incoming;
use super::read::{Reading, input, read};
use super::write::Outbox;
use super::{Encoding, Far, Source};
use crate::serve::gate::Gate;

pub(super) struct Link {
    far: Far,
    reading: RefCell<Option<Reading>>,
    answers: Answers<Incoming>,
    pub(super) outbox: Outbox,
    pub(super) gate: Rc<Gate>,
    /// Why it is to end, of our own accord.
    ending: RefCell<Option<Error>>,
    ended: Notify,
    /// Why it did.
    reason: RefCell<Option<Error>>,
    /// What was said to the first question.
    refused: RefCell<Option<String>>,
}

impl Link {
    pub(super) fn new(source: Source, encoding: Encoding, far: Far, gate: Rc<Gate>) -> Link {
        let reading = read(input(source, encoding), gate.clone());
        Link {
            far,
            reading: RefCell::new(Some(reading)),
            answers: Answers::new(),
            outbox: Outbox::default(),
            gate,
            ending: RefCell::default(),
            ended: Notify::new(),
            reason: RefCell::default(),
            refused: RefCell::default(),
        }
    }

    pub(super) fn end(&self, why: Error) {
        self.ending.borrow_mut().get_or_insert(why);
        self.ended.notify_waiters();
    }

    pub(super) fn reason(&self) -> Option<Error> {
        self.reason.borrow().clone()
    }

    pub(super) fn refused(&self) -> Option<String> {
        self.refused.borrow().clone()
    }

    /// A `Return` that goes out is an answer that is kept or not.
    pub(super) fn send(&self, message: Rc<Builder<HeapAllocator>>) {
        let root = message.get_root_as_reader::<message::Reader<'_>>();
        if let Ok(Ok(message::Return(Ok(answer)))) = root.map(message::Reader::which) {
            self.answers.answered(answer.get_answer_id(), !answer.get_no_finish_needed());
        }
        self.outbox.send(message, &self.gate);
    }

    /// The next message of the far end's. That it has closed the stream is an error too: what is asked of it from
    /// then on fails for that reason.
    pub(super) async fn receive(self: Rc<Self>) -> Result<Incoming, Error> {
        match self.next().await {
            Ok(Some(message)) => Ok(message),
            Ok(None) => Err(Error::disconnected(format!("{} has closed its RPC connection", self.far))),
            Err(error) => {
                self.reason.borrow_mut().get_or_insert(error.clone());
                Err(error)
            }
        }
    }

    async fn next(&self) -> Result<Option<Incoming>, Error> {
        loop {
            let Some(mut reading) = self.reading.take() else {
                return Err(Error::disconnected("the connection is being read already".to_owned()));
            };
            tokio::select! {
                biased;
                error = self.ending() => return Err(error),
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

    async fn ending(&self) -> Error {
        loop {
            let error = self.ending.borrow_mut().take();
            match error {
                Some(error) => return error,
                None => self.ended.notified().await,
            }
        }
    }

    fn admit(&self, message: Incoming) -> Result<Option<Incoming>, Error> {
        match inspect(&message)? {
            Kind::Asks(question) if !self.answers.asked(question) => {
                Err(closed("too many answers that were never finished"))
            }
            Kind::Finishes(question) => Ok(self.answers.finished(question, message)),
            Kind::Answers(question) => {
                self.note_refusal(question, &message)?;
                Ok(Some(message))
            }
            Kind::Asks(_) | Kind::Other => Ok(Some(message)),
        }
    }

    /// capnp-rpc numbers its questions from 0.
    fn note_refusal(&self, question: u32, message: &Incoming) -> Result<(), Error> {
        if question == 0
            && self.refused.borrow().is_none()
            && let message::Return(answer) = message.root()?.which()?
            && let return_::Exception(exception) = answer?.which()?
        {
            let said = exception?.get_reason()?.to_str().unwrap_or("an exception that isn't UTF-8");
            *self.refused.borrow_mut() = Some(said.chars().take(200).collect());
        }
        Ok(())
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
