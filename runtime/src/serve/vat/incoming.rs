//! A message on its way in, as capnp-rpc handles it.
//!
//! - What must stay true: it counts in the gate until capnp-rpc has done with it.
//! - Serves: rulings 13, 20.

use std::rc::Rc;

use capnp::Error;
use capnp::message::Reader;
use capnp::serialize::OwnedSegments;
use capnp_rpc::IncomingMessage;
use capnp_rpc::rpc_capnp::message;

use crate::serve::gate::Held;
use crate::serve::limits::All;

pub(super) struct Incoming {
    message: Reader<OwnedSegments>,
    _room: Room,
}

impl Incoming {
    pub(super) fn new(message: Reader<OwnedSegments>, room: Room) -> Incoming {
        Incoming { message, _room: room }
    }

    pub(super) fn bytes(&self) -> usize {
        self.message.size_in_words() * 8
    }

    pub(super) fn root(&self) -> Result<message::Reader<'_>, Error> {
        self.message.get_root()
    }
}

impl IncomingMessage for Incoming {
    fn get_body(&self) -> Result<capnp::any_pointer::Reader<'_>, Error> {
        self.message.get_root()
    }
}

/// What a message takes of the session's bounds, and of those of all peers, until it is dropped.
pub(super) struct Room {
    _held: Held,
    all: Option<Rc<All>>,
    bytes: usize,
}

impl Room {
    /// Of a message of so many bytes, which the gate holds already; `all` are the bounds of a peer.
    pub(super) fn new(bytes: usize, held: Held, all: Option<Rc<All>>) -> Room {
        if let Some(all) = &all {
            all.hold(bytes);
        }
        Room { _held: held, all, bytes }
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        if let Some(all) = &self.all {
            all.release(self.bytes);
        }
    }
}
