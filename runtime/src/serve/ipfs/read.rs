//! `IPFS.read`: a range of a file, written into a sink of the cell's as fast as the cell takes it.
//!
//! - What it does: hands what [`Reading`] has verified to the sink in chunks, calls `end`, and says how much
//!   it sent.
//! - What must stay true: of what is sent, [`WINDOW`] bytes are unanswered at most, and of what all reads send,
//!   one chunk waits for the socket: a cell that takes nothing makes the host fetch nothing. `end` is called when
//!   every write was answered, and never after a failure. A call that ends, however it does, has let go of the
//!   sink, its blocks and its connections.
//! - Serves: rulings 7, 13, 20. Clauses: RPC-26, RPC-40 to RPC-44.

use std::cell::Cell;
use std::future::pending;

use capnp::traits::HasTypeId;
use capnp::{Error, MessageSize, any_pointer};
use futures::future::LocalBoxFuture;
use futures::stream::{FuturesUnordered, StreamExt};
use ww_schema::system_capnp::{byte_sink, i_p_f_s as ipfs};

use super::parse;
use crate::content::{Content, ContentError, Reading};
use crate::serve::gate::Gate;
use crate::serve::refusal::Refusal;
use crate::tame::tame;

const METHOD: &str = "read";
/// The most that one message carries, in bytes: a 64th of what a message may be traversed by default.
const CHUNK: usize = 256 << 10;
/// The most of one read that the cell hasn't answered, in bytes.
const WINDOW: usize = 1 << 20;
/// How many reads may be open at once. Each takes some KB; blocks, only a few have at a time (`content::turns`).
const READS: usize = 64;
/// The ordinal of `ByteSink.write`.
const WRITE: u16 = 0;

/// The reads of one session.
#[derive(Default)]
pub(super) struct Reads(Cell<usize>);

/// Why a read ended before its end, where the content isn't the reason.
#[derive(Debug, thiserror::Error)]
enum ReadError {
    #[error("system.IPFS.{METHOD}: {READS} reads are open already; wait for one to end")]
    TooMany,
    #[error("system.IPFS.{METHOD}: there is no sink to write into")]
    NoSink,
    #[error("system.IPFS.{METHOD}: the sink failed: {0}")]
    Sink(String),
}

/// What stopped a transfer.
enum Stop {
    Content(ContentError),
    Sink(Error),
}

/// Serves one call.
pub(super) async fn read(
    content: &Content,
    gate: &Gate,
    reads: &Reads,
    params: ipfs::ReadParams,
    mut results: ipfs::ReadResults,
) -> Result<(), Error> {
    let (shown, path, sink, offset, length) = {
        let params = params.get()?;
        let (shown, path) = parse(METHOD, params.get_path()?)?;
        let sink = params.get_into().map_err(|_| ReadError::NoSink)?;
        (shown, path, sink, params.get_offset(), params.get_length())
    };
    // While a message is held, less is received: the answers to this call's own writes have to be.
    drop(params);
    let _open = reads.open()?;
    let refuse = |source| Refusal::retrieval(METHOD, &shown, source, "");
    let mut window = Window::default();
    let opened = content.read(&path, offset, length).await;
    let mut reading = opened.map_err(refuse)?;
    let sent = match pour(&mut reading, &sink, &mut window, gate).await {
        Ok(sent) => sent,
        Err(Stop::Content(error)) => return Err(refuse(error).into()),
        Err(Stop::Sink(error)) => return Err(ReadError::sink(&error).into()),
    };
    drop(reading);
    sink.end_request().send().promise.await.map_err(|error| ReadError::sink(&error))?;
    results.get().set_sent(sent);
    Ok(())
}

/// Sends all of it, and waits until all of it was answered.
async fn pour(reading: &mut Reading, sink: &byte_sink::Client, window: &mut Window, gate: &Gate) -> Result<u64, Stop> {
    let mut sent = 0;
    loop {
        let more = tokio::select! {
            biased;
            failed = window.failed() => return Err(Stop::Sink(failed)),
            more = reading.ready() => more.map_err(Stop::Content)?,
        };
        if !more {
            break;
        }
        let length = reading.length(CHUNK);
        let fetched = tokio::select! {
            biased;
            room = window.room(length, gate) => room.map(|()| true).map_err(Stop::Sink)?,
            // What was asked for comes meanwhile, and isn't held against the daemon.
            wanted = reading.until_wanted() => wanted.map(|()| false).map_err(Stop::Content)?,
        };
        if !fetched {
            // Others wait for the memory, and this cell takes its time.
            reading.rest();
            window.room(length, gate).await.map_err(Stop::Sink)?;
            continue;
        }
        window.send(sink, reading, length).map_err(Stop::Content)?;
        sent += length as u64;
    }
    window.empty().await.map_err(Stop::Sink)?;
    Ok(sent)
}

/// What of one read isn't answered yet.
///
/// Instead of capnp-rpc's own flow control for `-> stream` (0.27), which doesn't say whether all writes have succeeded:
/// `end` would have to be called before that is known.
#[derive(Default)]
struct Window {
    unanswered: usize,
    answers: FuturesUnordered<LocalBoxFuture<'static, (usize, Result<(), Error>)>>,
}

impl Window {
    /// Waits until so much may be sent.
    async fn room(&mut self, bytes: usize, gate: &Gate) -> Result<(), Error> {
        while self.unanswered > 0 && self.unanswered + bytes > WINDOW {
            self.answer().await?;
        }
        gate.taken().await;
        Ok(())
    }

    /// Waits until a write has failed, without end otherwise.
    async fn failed(&mut self) -> Error {
        while !self.answers.is_empty() {
            if let Err(error) = self.answer().await {
                return error;
            }
        }
        pending().await
    }

    /// Waits until all writes are answered.
    async fn empty(&mut self) -> Result<(), Error> {
        while !self.answers.is_empty() {
            self.answer().await?;
        }
        Ok(())
    }

    async fn answer(&mut self) -> Result<(), Error> {
        let Some((bytes, answer)) = self.answers.next().await else { return Ok(()) };
        self.unanswered -= bytes;
        answer
    }

    /// Sends the next bytes, which are there.
    fn send(&mut self, sink: &byte_sink::Client, reading: &mut Reading, size: usize) -> Result<(), ContentError> {
        // The struct, its pointer, and the bytes: one segment holds the message.
        let hint = MessageSize { word_count: size as u64 / 8 + 8, cap_count: 0 };
        let mut request = sink.client.new_call::<byte_sink::write_params::Owned, any_pointer::Owned>(
            byte_sink::Client::TYPE_ID,
            WRITE,
            Some(hint),
        );
        // No list is so long that this doesn't hold: a chunk isn't.
        reading.take(request.get().init_bytes(size as u32))?;
        let answer = request.send().promise;
        self.unanswered += size;
        self.answers.push(Box::pin(async move { (size, answer.await.map(drop)) }));
        Ok(())
    }
}

impl Reads {
    /// Counts a read until what this returns is dropped.
    fn open(&self) -> Result<Open<'_>, ReadError> {
        if self.0.get() == READS {
            return Err(ReadError::TooMany);
        }
        self.0.set(self.0.get() + 1);
        Ok(Open(self))
    }
}

struct Open<'a>(&'a Reads);

impl Drop for Open<'_> {
    fn drop(&mut self) {
        self.0.0.set(self.0.0.get() - 1);
    }
}

impl ReadError {
    fn sink(error: &Error) -> ReadError {
        ReadError::Sink(tame(error.extra.strip_prefix("remote exception: ").unwrap_or(&error.extra)))
    }
}

impl From<ReadError> for Error {
    fn from(error: ReadError) -> Error {
        Error::failed(error.to_string())
    }
}
