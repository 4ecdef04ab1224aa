//! A message on its way out, as capnp-rpc handles it.
//!
//! - What must stay true: what is sent counts in the gate from then on.
//! - Serves: rulings 13, 20.

use std::rc::Rc;

use capnp::Error;
use capnp::capability::Promise;
use capnp::message::{Builder, HeapAllocator};
use capnp_rpc::OutgoingMessage;

use super::link::Link;

pub(super) struct Outgoing {
    message: Builder<HeapAllocator>,
    link: Rc<Link>,
}

impl Outgoing {
    pub(super) fn new(first_segment_words: u32, link: Rc<Link>) -> Outgoing {
        let allocator = HeapAllocator::new().first_segment_words(first_segment_words);
        Outgoing { message: Builder::new(allocator), link }
    }
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
