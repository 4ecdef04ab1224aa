//! What is queued is written whole and in order, however little is taken at once, and counts until then.

use std::io;
use std::pin::Pin;
use std::task::Context;

use capnp::message::{AllocationStrategy, ReaderOptions};
use capnp::{serialize, serialize_packed};
use futures::{AsyncWrite, FutureExt};
use proptest::prelude::*;

use super::*;

/// A far end that takes so many bytes at once, and what it took.
#[derive(Clone, Default)]
struct Taker {
    at_once: Rc<Cell<usize>>,
    taken: Rc<RefCell<Vec<u8>>>,
    closed: Rc<Cell<bool>>,
}

impl Taker {
    fn of(at_once: usize) -> Taker {
        Taker { at_once: Rc::new(Cell::new(at_once)), ..Taker::default() }
    }
}

impl AsyncWrite for Taker {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let taken = bytes.len().min(self.at_once.get());
        if taken == 0 {
            return Poll::Pending;
        }
        self.taken.borrow_mut().extend_from_slice(&bytes[..taken]);
        Poll::Ready(Ok(taken))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.closed.set(true);
        Poll::Ready(Ok(()))
    }
}

/// The data as a message; `in_pieces`: of as many segments as it has objects.
fn message(data: &[u8], in_pieces: bool) -> Message {
    let mut allocator = HeapAllocator::new().first_segment_words(1);
    if in_pieces {
        allocator = allocator.allocation_strategy(AllocationStrategy::FixedSize);
    }
    let mut message = Builder::new(allocator);
    message.set_root::<capnp::data::Owned>(data).expect("room");
    Rc::new(message)
}

/// The data of all messages in a stream.
fn read(mut stream: &[u8], encoding: Encoding) -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    while !stream.is_empty() {
        let message = match encoding {
            Encoding::Plain => serialize::read_message(&mut stream, ReaderOptions::new()),
            Encoding::Packed => serialize_packed::read_message(&mut stream, ReaderOptions::new()),
        };
        all.push(message.expect("a message").get_root::<capnp::data::Reader<'_>>().expect("data").to_vec());
    }
    all
}

fn of(encoding: Encoding) -> Outbox {
    match encoding {
        Encoding::Plain => Outbox::new(Gate::new(), None),
        Encoding::Packed => {
            let all = Rc::new(All::default());
            Outbox::new(Gate::sharing(all.large.clone()), Some(all))
        }
    }
}

/// What has a clock, which stands still while somebody can go on.
fn clock() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().expect("a runtime")
}

/// Polls until nothing more can be done.
fn written(writing: Pin<&mut impl Future<Output = Result<(), Error>>>) -> Option<Result<(), Error>> {
    let mut writing = writing;
    // It lets others go first, once a round.
    (0..8).find_map(|_| writing.as_mut().now_or_never())
}

fn data() -> impl Strategy<Value = (Vec<u8>, bool)> {
    let byte = prop_oneof![Just(0), any::<u8>()];
    let length = prop_oneof![4 => 0..200usize, 1 => 0..(3 * BATCH)];
    let data = (prop::collection::vec(byte, 0..64), length).prop_map(|(pattern, length)| {
        pattern.iter().copied().cycle().take(if pattern.is_empty() { 0 } else { length }).collect()
    });
    (data, any::<bool>())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn what_is_sent_arrives(
        messages in prop::collection::vec(data(), 0..12),
        first in 0..12usize,
        at_once in prop_oneof![1..64usize, Just(usize::MAX)],
        packed in any::<bool>(),
    ) {
        let clock = clock();
        let _entered = clock.enter();
        let encoding = if packed { Encoding::Packed } else { Encoding::Plain };
        let (outbox, taker) = (of(encoding), Taker::of(at_once));
        let mut writing = std::pin::pin!(outbox.write(Box::new(taker.clone()), encoding));
        let first = first.min(messages.len());
        for (data, in_pieces) in &messages[..first] {
            outbox.send(message(data, *in_pieces));
        }
        prop_assert!(written(writing.as_mut()).is_none(), "more may come");
        prop_assert_eq!(outbox.gate.queued(), 0);
        prop_assert_eq!(read(&taker.taken.borrow(), encoding).len(), first);
        for (data, in_pieces) in &messages[first..] {
            outbox.send(message(data, *in_pieces));
        }
        outbox.close();
        outbox.send(message(b"too late", false));
        prop_assert!(written(writing.as_mut()).is_some_and(|ended| ended.is_ok()));
        prop_assert!(taker.closed.get());
        let sent: Vec<_> = messages.into_iter().map(|(data, _)| data).collect();
        prop_assert_eq!(read(&taker.taken.borrow(), encoding), sent);
        prop_assert_eq!(outbox.gate.queued(), 0);
    }
}

#[test]
fn what_isnt_begun_can_be_taken_back_and_what_is_counts_until_it_is_written() {
    let clock = clock();
    let _entered = clock.enter();
    for encoding in [Encoding::Plain, Encoding::Packed] {
        let (outbox, taker) = (of(encoding), Taker::of(0));
        let mut writing = std::pin::pin!(outbox.write(Box::new(taker.clone()), encoding));
        let begun = message(&[7; 3 * BATCH], false);
        outbox.send(begun.clone());
        assert!(written(writing.as_mut()).is_none());
        outbox.send(message(b"not begun", false));
        outbox.clear();
        assert_eq!(outbox.gate.queued(), bytes(&begun));
        taker.at_once.set(usize::MAX);
        outbox.close();
        assert!(written(writing.as_mut()).is_some_and(|ended| ended.is_ok()));
        assert_eq!(read(&taker.taken.borrow(), encoding), [vec![7; 3 * BATCH]]);
        assert_eq!(outbox.gate.queued(), 0);
    }
}

#[test]
fn what_is_lost_with_the_connection_counts_no_more() {
    let clock = clock();
    let _entered = clock.enter();
    for encoding in [Encoding::Plain, Encoding::Packed] {
        let outbox = of(encoding);
        let gate = outbox.gate.clone();
        {
            let mut writing = std::pin::pin!(outbox.write(Box::new(Taker::of(0)), encoding));
            outbox.send(message(&[7; 3 * BATCH], false));
            assert!(written(writing.as_mut()).is_none());
            outbox.send(message(b"behind it", false));
        }
        assert!(gate.queued() > 3 * BATCH);
        drop(outbox);
        assert_eq!(gate.queued(), 0);
    }
}

#[test]
fn a_peer_that_takes_nothing_of_much_is_given_up_and_a_cell_isnt() {
    clock().block_on(async {
        let outbox = of(Encoding::Packed);
        outbox.send(message(&[7; 3 * BATCH], false));
        let since = tokio::time::Instant::now();
        let error = outbox.write(Box::new(Taker::of(0)), Encoding::Packed).await.expect_err("it isn't waited for");
        assert_eq!(error.extra, "the peer takes nothing");
        assert_eq!(since.elapsed(), PATIENCE);
        let outbox = of(Encoding::Plain);
        outbox.send(message(&[7; 3 * BATCH], false));
        let writing = outbox.write(Box::new(Taker::of(0)), Encoding::Plain);
        assert!(timeout(10 * PATIENCE, writing).await.is_err(), "a cell has its time");
    });
}

#[test]
fn a_segment_table_has_whole_words() {
    for (lengths, wanted) in [
        (&[1][..], &[0, 1][..]),
        (&[1, 2], &[1, 1, 2, 0]),
        (&[3, 0, 5], &[2, 3, 0, 5]),
        (&[1, 1, 1, 1], &[3, 1, 1, 1, 1, 0]),
    ] {
        let segments: Vec<_> = lengths.iter().map(|words| vec![0; words * 8]).collect();
        let mut told = Vec::new();
        table(&segments.iter().map(Vec::as_slice).collect::<Vec<_>>(), &mut told);
        let numbers: Vec<_> = told.chunks(4).map(|four| u32::from_le_bytes(four.try_into().unwrap())).collect();
        assert_eq!(numbers, wanted);
    }
}
