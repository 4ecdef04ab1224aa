//! A gate opens and closes by its counts, and forgets nothing of what ends.

use std::future::Future;

use futures::FutureExt;
use proptest::prelude::*;
use tokio::time::{advance, sleep};

use super::*;

fn is_open(gate: &Gate) -> bool {
    gate.open().now_or_never().is_some()
}

/// Does `test` on a clock that goes on when everybody waits.
fn timed(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(test);
}

fn a_peers() -> Rc<Gate> {
    Gate::sharing(Arc::new(Semaphore::new(1)))
}

#[test]
fn nothing_is_received_while_too_much_is_in_work() {
    let gate = Gate::new();
    let held = gate.hold(HELD, None);
    assert!(is_open(&gate), "as much as may be held");
    let more = gate.hold(8, None);
    assert!(!is_open(&gate));
    gate.asks();
    assert!(is_open(&gate), "an answer that is waited for may come");
    gate.is_answered();
    assert!(!is_open(&gate));
    drop(held);
    assert!(is_open(&gate));
    drop(more);
    let many: Vec<_> = (0..CALLS).map(|_| gate.hold(8, None)).collect();
    assert!(!is_open(&gate), "so many messages");
    drop(many);
    assert!(is_open(&gate));
}

#[test]
fn nothing_is_received_of_one_that_doesnt_take_what_is_queued() {
    let gate = Gate::new();
    gate.queue(QUEUED + 8);
    gate.asks();
    assert!(!is_open(&gate), "not even an answer");
    gate.unqueue(8);
    assert!(is_open(&gate));
}

#[test]
fn who_waits_is_woken_by_what_ends() {
    let gate = Gate::new();
    let held = gate.hold(HELD + 8, None);
    let mut opens = std::pin::pin!(gate.open());
    assert!(opens.as_mut().now_or_never().is_none());
    drop(held);
    assert!(opens.now_or_never().is_some());
}

#[test]
fn calls_that_dont_end_hold_the_next_ones_up_once() {
    timed(async {
        for (gate, most) in [(Gate::new(), 1024), (a_peers(), 256)] {
            let counted: Vec<_> = (0..most).map(|_| gate.begins(8)).collect();
            let since = Instant::now();
            gate.open().await;
            assert_eq!(since.elapsed(), PATIENCE, "the first time");
            gate.open().await;
            assert_eq!(since.elapsed(), PATIENCE, "and not again");
            gate.ends(counted[0]);
            assert!(is_open(&gate));
            gate.begins(counted[0]);
            let since = Instant::now();
            gate.open().await;
            assert_eq!(since.elapsed(), PATIENCE, "they were few meanwhile");
        }
    });
}

#[test]
fn a_call_that_ends_lets_the_next_one_in_at_once() {
    timed(async {
        let gate = Gate::new();
        let counted: Vec<_> = (0..1024).map(|_| gate.begins(8)).collect();
        let since = Instant::now();
        let ends = async {
            sleep(Duration::from_millis(10)).await;
            gate.ends(counted[0]);
        };
        tokio::join!(gate.open(), ends);
        assert_eq!(since.elapsed(), Duration::from_millis(10));
    });
}

#[test]
fn a_peers_calls_are_bounded_by_their_bytes_too() {
    let gate = a_peers();
    let large = 8 << 20;
    let counted = [gate.begins(large), gate.begins(large)];
    assert!(gate.pace.are_few(), "two large ones, whatever their size");
    let small = gate.begins(8);
    assert!(!gate.pace.are_few() && !gate.is_full());
    let more = [gate.begins(large), gate.begins(large)];
    assert!(gate.is_full(), "twice as many are refused");
    for counted in [counted, more].concat() {
        gate.ends(counted);
    }
    gate.ends(small);
    assert_eq!((gate.work(), gate.working()), (0, 0));
    let cells = Gate::new();
    (0..1000).for_each(|_| _ = cells.begins(large));
    assert!(cells.pace.are_few() && !cells.is_full(), "a cell's count by number alone");
}

#[test]
fn a_peer_that_takes_nothing_for_a_while_is_left() {
    timed(async {
        let (peers, cells) = (a_peers(), Gate::new());
        for gate in [&peers, &cells] {
            gate.queue(8);
            assert!(is_open(gate));
        }
        advance(IDLE + Duration::from_millis(1)).await;
        assert!(!is_open(&peers));
        assert!(is_open(&cells), "a cell has its time");
        peers.takes();
        assert!(is_open(&peers) && peers.took(IDLE));
        advance(IDLE + Duration::from_millis(1)).await;
        assert!(!is_open(&peers) && !peers.took(IDLE));
        peers.unqueue(8);
        assert!(is_open(&peers), "nothing is left to take");
    });
}

#[test]
fn one_large_thing_is_in_memory_at_a_time() {
    let shared = Arc::new(Semaphore::new(1));
    let (one, other) = (Gate::sharing(shared.clone()), Gate::sharing(shared));
    let turn = one.large_message().now_or_never().expect("the first turn");
    assert!(other.large_message().now_or_never().is_none() && other.large_call().now_or_never().is_none());
    let held = one.hold(9 << 20, Some(turn));
    assert_eq!((one.held_large(), one.held_small()), (9 << 20, 0));
    let taken_over = one.large_call_of_message().now_or_never().expect("the message's own turn");
    drop(held);
    assert!(other.large_call().now_or_never().is_none(), "the call goes on");
    drop(taken_over);
    let turn = other.large_message().now_or_never().expect("the turn is free again");
    let held = other.hold(9 << 20, Some(turn));
    assert!(one.large_call_of_message().now_or_never().is_none());
    drop(held);
    assert!(one.large_call_of_message().now_or_never().is_some(), "a message that no call came of gave it back");
}

#[test]
fn results_wait_until_what_was_sent_is_taken() {
    let gate = Gate::new();
    let redirected = gate.redirect(QUEUED - AROUND);
    assert!(gate.taken().now_or_never().is_some());
    gate.queue(8);
    assert!(gate.taken().now_or_never().is_none() && gate.small_call().now_or_never().is_none());
    assert!(gate.read().now_or_never().is_some(), "what it called for itself isn't read from the stream");
    drop(redirected);
    assert!(gate.taken().now_or_never().is_some());
}

/// What can begin and end in a gate.
#[derive(Clone, Debug)]
enum Step {
    Hold(usize),
    Queue(usize),
    Redirect(usize),
    Call(usize),
    Ask,
    /// One of those that go on ends.
    End(prop::sample::Index),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let bytes = prop_oneof![0..100usize, 0..(2usize << 20)];
    let step = prop_oneof![
        bytes.clone().prop_map(Step::Hold),
        bytes.clone().prop_map(Step::Queue),
        bytes.clone().prop_map(Step::Redirect),
        bytes.prop_map(Step::Call),
        Just(Step::Ask),
        any::<prop::sample::Index>().prop_map(Step::End),
    ];
    prop::collection::vec(step, 0..60)
}

proptest! {
    /// Whatever begins and ends in whatever order: once all has ended, nothing counts any more.
    #[test]
    fn what_has_ended_is_forgotten(steps in steps(), peers in any::<bool>()) {
        let gate = if peers { a_peers() } else { Gate::new() };
        let mut going: Vec<Box<dyn FnOnce()>> = Vec::new();
        for step in steps {
            let own = gate.clone();
            match step {
                Step::Hold(bytes) => {
                    let turn = own.large.clone().try_acquire_owned().ok().filter(|_| bytes as u64 > SMALL);
                    let held = own.hold(bytes, turn);
                    going.push(Box::new(move || drop(held)));
                }
                Step::Queue(bytes) => {
                    own.queue(bytes);
                    going.push(Box::new(move || own.unqueue(bytes)));
                }
                Step::Redirect(bytes) => {
                    let redirected = own.redirect(bytes);
                    going.push(Box::new(move || drop(redirected)));
                }
                Step::Call(bytes) => {
                    let counted = own.begins(bytes);
                    going.push(Box::new(move || own.ends(counted)));
                }
                Step::Ask => {
                    own.asks();
                    going.push(Box::new(move || own.is_answered()));
                }
                Step::End(index) if !going.is_empty() => going.swap_remove(index.index(going.len()))(),
                Step::End(_) => {}
            }
        }
        going.into_iter().for_each(|end| end());
        prop_assert_eq!((gate.queued(), gate.redirected(), gate.owed()), (0, 0, 0));
        prop_assert_eq!((gate.held_small(), gate.held_large()), (0, 0));
        prop_assert_eq!((gate.work(), gate.working()), (0, 0));
        prop_assert!(is_open(&gate) && !gate.is_full());
        prop_assert!(gate.large_call().now_or_never().is_some());
    }
}
