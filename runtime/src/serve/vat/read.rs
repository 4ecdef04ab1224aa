//! Messages from the far end, one at a time, as the gate lets them in.
//!
//! - What must stay true: nothing is allocated for a message before its size is known to be allowed; a peer that
//!   sends a message slowly keeps no room that others need.
//! - Serves: rulings 13, 20.

use std::cell::Cell;
use std::io;
use std::rc::Rc;
use std::time::Duration;

use capnp::Error;
use capnp::message::{Reader, ReaderOptions};
use capnp::serialize::{OwnedSegments, SegmentLengthsBuilder};
use capnp_futures::serialize_packed::PackedRead;
use futures::future::LocalBoxFuture;
use futures::{AsyncRead, AsyncReadExt};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, timeout_at};

use super::buffer::Buffered;
use super::incoming::{Incoming, Room};
use super::{Encoding, Far, Source};
use crate::serve::gate::{Gate, SMALL, Turn};
use crate::serve::limits::{All, closed};

/// The largest message that is received, in bytes (ruling 13), and the most segments.
const MESSAGE: usize = 9 << 20;
const SEGMENTS: usize = 511;
/// Messages up to this size need no turn of their own: data of [`SMALL`] and what is around it.
const SMALL_MESSAGE: usize = SMALL as usize + 4096;
/// Messages up to this size arrive as they like.
const TINY_MESSAGE: usize = 2048;
/// How long a larger one may keep others waiting, and how many bytes of it must have come for each second after that.
const GRACE: Duration = Duration::from_secs(2);
const PACE: usize = 128 << 10;

/// The next message.
#[derive(Default)]
pub(super) struct Slot(Cell<Option<Incoming>>);

impl Slot {
    pub(super) fn take(&self) -> Option<Incoming> {
        self.0.take()
    }
}

/// Reads messages into a slot whenever it is empty. `Ok`: the stream has ended between two.
pub(super) type Reading = LocalBoxFuture<'static, Result<(), Error>>;

/// Reads of the cell, or of a peer, whose bounds are those of all peers.
pub(super) fn read(
    source: Source,
    encoding: Encoding,
    far: Far,
    gate: Rc<Gate>,
    all: Rc<All>,
    slot: Rc<Slot>,
) -> Reading {
    let source = Buffered::new(source, far == Far::Peer);
    let reading = Reads { far, gate, all, slot };
    match encoding {
        Encoding::Plain => Box::pin(reading.run(source)),
        Encoding::Packed => Box::pin(reading.run(PackedRead::new(source))),
    }
}

struct Reads {
    far: Far,
    gate: Rc<Gate>,
    all: Rc<All>,
    slot: Rc<Slot>,
}

impl Reads {
    async fn run(self, mut reader: impl AsyncRead + Unpin) -> Result<(), Error> {
        loop {
            self.open().await;
            let Some((message, reserved)) = self.one(&mut reader).await? else { return Ok(()) };
            if self.far == Far::Peer {
                // What others have sent meanwhile may be all that the cell can take.
                self.open().await;
            }
            let room = self.hold(message.size_in_words() * 8, reserved);
            self.slot.0.set(Some(Incoming::new(message, room)));
            std::future::poll_fn(|_| match self.slot.0.take() {
                None => std::task::Poll::Ready(()),
                there => {
                    self.slot.0.set(there);
                    std::task::Poll::Pending
                }
            })
            .await;
        }
    }

    async fn open(&self) {
        self.gate.open().await;
        match self.far {
            Far::Peer => {
                self.all.cell_reads().await;
                self.all.has_room(&self.gate).await;
            }
            Far::Cell => self.all.peers_read().await,
        }
    }

    async fn one(
        &self,
        reader: &mut (impl AsyncRead + Unpin),
    ) -> Result<Option<(Reader<OwnedSegments>, Reserved)>, Error> {
        let mut head = [0; 8];
        if reader.read(&mut head[..1]).await? == 0 {
            return Ok(None);
        }
        reader.read_exact(&mut head[1..]).await?;
        let segments = segments(reader, head).await?;
        let bytes = segments.total_words() * 8;
        let reserved = self.room(bytes).await;
        let mut segments = segments.into_owned_segments();
        match self.far {
            Far::Peer if bytes > TINY_MESSAGE => in_time(reader, &mut segments).await?,
            _ => reader.read_exact(&mut segments).await?,
        }
        // What reads a message reads all of it three times at most; whatever points at the same data more often
        // would cost more memory than the message has bytes.
        let mut options = ReaderOptions::new();
        options.traversal_limit_in_words(Some(bytes / 8 * 3 + 4096));
        Ok(Some((Reader::new(segments, options), reserved)))
    }

    fn hold(&self, bytes: usize, reserved: Reserved) -> Room {
        let Reserved { turn, arriving } = reserved;
        drop(arriving);
        let all = (self.far == Far::Peer).then(|| self.all.clone());
        Room::new(bytes, self.gate.hold(bytes, turn), all)
    }

    async fn room(&self, bytes: usize) -> Reserved {
        match self.far {
            _ if bytes > SMALL_MESSAGE => Reserved { turn: Some(self.gate.large_message().await), arriving: None },
            Far::Peer if bytes > TINY_MESSAGE => {
                let arriving = self.all.arriving.clone().acquire_many_owned(bytes as u32).await.ok();
                Reserved { turn: None, arriving }
            }
            _ => Reserved { turn: None, arriving: None },
        }
    }
}

/// Reads the rest of a peer's message, which others may wait for: what stops coming is found out then, not when all of it
/// should have come.
async fn in_time(reader: &mut (impl AsyncRead + Unpin), into: &mut [u8]) -> Result<(), Error> {
    let began = Instant::now();
    let mut come = 0;
    while come < into.len() {
        let due = began + GRACE + Duration::from_millis((come * 1000 / PACE) as u64);
        let read = timeout_at(due, reader.read(&mut into[come..])).await;
        match read.map_err(|_| closed("a message took too long to arrive"))?? {
            0 => return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into()),
            read => come += read,
        }
    }
    Ok(())
}

/// Room for a message that is arriving.
struct Reserved {
    turn: Option<Turn>,
    arriving: Option<OwnedSemaphorePermit>,
}

/// The sizes of a message's segments
/// (<https://capnproto.org/encoding.html#serialization-over-a-stream>).
async fn segments(reader: &mut (impl AsyncRead + Unpin), head: [u8; 8]) -> Result<SegmentLengthsBuilder, Error> {
    let word = |bytes: &[u8]| u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]) as usize;
    let count = word(&head[..4]) + 1;
    if count > SEGMENTS {
        return Err(closed(&format!("a message of {count} segments has too many: {SEGMENTS} are the most")));
    }
    let mut segments = SegmentLengthsBuilder::with_capacity(count);
    segments.try_push_segment(word(&head[4..]))?;
    if count > 1 {
        let mut table = vec![0; count / 2 * 8];
        reader.read_exact(&mut table).await?;
        for length in table.chunks_exact(4).take(count - 1) {
            segments.try_push_segment(word(length))?;
        }
    }
    let bytes = segments.total_words().saturating_mul(8);
    if bytes > MESSAGE {
        return Err(closed(&format!("a message of {bytes} bytes is too large: {MESSAGE} are the most")));
    }
    Ok(segments)
}

#[cfg(test)]
mod tests {
    use futures::io::Cursor;
    use futures::stream::pending;
    use futures::{StreamExt, TryStreamExt};

    use super::*;

    /// What comes of a message of 8 MiB of which so much is there, and then nothing, and after how long.
    async fn half(there: usize) -> (Error, Duration) {
        let began = Instant::now();
        let never = pending::<io::Result<Vec<u8>>>().into_async_read();
        let mut reader = Cursor::new(vec![1; there]).chain(never);
        let ended = in_time(&mut reader, &mut vec![0; 8 << 20]).await.expect_err("no more came");
        (ended, began.elapsed())
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_stops_has_the_time_of_what_came() {
        let (error, after) = half(0).await;
        assert!(error.extra.ends_with("a message took too long to arrive"), "{error}");
        assert!(after >= GRACE && after < GRACE + Duration::from_millis(10), "{after:?}");
        let (_, after) = half(2 * PACE).await;
        assert!(after >= GRACE * 2 && after < GRACE * 2 + Duration::from_millis(10), "{after:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_comes_slowly_enough_comes_whole() {
        let steps = futures::stream::iter(0..64).then(async |_| {
            tokio::time::sleep(Duration::from_millis(900)).await;
            io::Result::Ok(vec![1; PACE])
        });
        let mut into = vec![0; 64 * PACE];
        in_time(&mut Box::pin(steps).into_async_read(), &mut into).await.expect("it is in time");
        assert!(into.iter().all(|byte| *byte == 1));
    }

    #[tokio::test]
    async fn one_that_ends_early_has_failed() {
        let ended = in_time(&mut Cursor::new(vec![1; 9]), &mut [0; 10]).await;
        assert!(ended.is_err());
    }
}
