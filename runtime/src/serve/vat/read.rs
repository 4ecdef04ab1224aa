//! Messages from the far end, one at a time, as the gate lets them in.
//!
//! - What must stay true: nothing is allocated for a message before its size is known to be allowed.
//! - Serves: rulings 13, 20.

use std::rc::Rc;

use capnp::Error;
use capnp::message::ReaderOptions;
use capnp_futures::serialize::read_message;
use capnp_futures::serialize_packed::PackedRead;
use futures::AsyncReadExt;
use futures::future::LocalBoxFuture;
use futures::io::BufReader;

use super::message::Incoming;
use super::{Encoding, Source};
use crate::serve::gate::{Gate, SMALL};

/// The largest message that is received, in bytes (ruling 13).
const MESSAGE: usize = 9 << 20;
/// Messages up to this size need no turn of their own: data of [`SMALL`] and what is around it.
const SMALL_MESSAGE: usize = SMALL as usize + 4096;
/// A buffer for one system call.
const BUFFER: usize = 64 << 10;

pub(super) type Input = BufReader<Source>;
pub(super) type Reading = LocalBoxFuture<'static, (Input, Result<Option<Incoming>, Error>)>;

/// What messages are read of.
pub(super) fn input(source: Source, encoding: Encoding) -> Input {
    match encoding {
        Encoding::Plain => BufReader::with_capacity(BUFFER, source),
        Encoding::Packed => {
            let unpacked = PackedRead::new(BufReader::with_capacity(BUFFER, source));
            BufReader::with_capacity(BUFFER, Box::new(unpacked))
        }
    }
}

/// Reads one message as soon as the gate is open. It goes on where it was when something else comes first.
pub(super) fn read(mut reader: Input, gate: Rc<Gate>) -> Reading {
    Box::pin(async move {
        gate.open().await;
        let message = read_one(&mut reader, &gate).await;
        (reader, message)
    })
}

/// `None` where the stream ends between two messages.
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
    let message = read_message((&head[..]).chain(reader), options).await?;
    let bytes = message.size_in_words() * 8;
    let turn = turn.filter(|_| bytes > SMALL_MESSAGE);
    Ok(Some(Incoming::new(message, gate.hold(bytes, turn))))
}
