//! Who takes too much of what all peers share is let go of, and nobody else.

use std::future::Future;

use futures::FutureExt;
use tokio::time::{advance, sleep};

use super::*;

/// A session that notes what is done with it.
struct Noted {
    gate: Rc<Gate>,
    ended: RefCell<Option<String>>,
    dropped: Cell<bool>,
}

impl Session for Noted {
    fn gate(&self) -> &Gate {
        &self.gate
    }

    fn end(&self, why: Error) {
        *self.ended.borrow_mut() = Some(why.extra);
    }

    fn drop_queue(&self) {
        self.dropped.set(true);
    }
}

impl Noted {
    fn of(all: &All) -> Rc<Noted> {
        let gate = Gate::sharing(all.large.clone());
        let noted = Rc::new(Noted { gate, ended: RefCell::default(), dropped: Cell::new(false) });
        let session: Weak<dyn Session> = Rc::downgrade(&noted) as Weak<dyn Session>;
        all.joins(session);
        noted
    }

    fn queue(&self, all: &All, bytes: usize) {
        self.gate.queue(bytes);
        all.queue(bytes);
    }

    fn why(&self) -> Option<String> {
        self.ended.borrow().clone()
    }
}

/// Does `test` on a clock that goes on when everybody waits.
fn timed(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(test);
}

fn all_and_peers() -> (All, [Rc<Noted>; 3]) {
    let all = All::default();
    let peers = [(); 3].map(|()| Noted::of(&all));
    (all, peers)
}

#[test]
fn who_leaves_most_where_it_is_is_let_go_of() {
    let (all, [one, most, other]) = all_and_peers();
    one.queue(&all, 3 << 20);
    most.queue(&all, 4 << 20);
    other.queue(&all, 3 << 20);
    assert!(!most.dropped.get(), "as much as may be");
    one.queue(&all, 8);
    assert!(most.dropped.get() && most.why().unwrap().contains("the peer didn't take"));
    assert_eq!((one.why(), other.why()), (None, None));
}

#[test]
fn who_takes_something_is_let_go_of_last() {
    timed(async {
        let (all, [most, idle, _]) = all_and_peers();
        most.queue(&all, 8 << 20);
        idle.queue(&all, 1 << 20);
        advance(PAUSE).await;
        most.gate.takes();
        most.queue(&all, 2 << 20);
        assert!(idle.dropped.get() && !most.dropped.get());
    });
}

#[test]
fn one_that_is_gone_is_never_chosen() {
    let (all, [gone, there, _other]) = all_and_peers();
    gone.queue(&all, 9 << 20);
    drop(gone);
    there.queue(&all, 2 << 20);
    assert!(there.dropped.get());
}

#[test]
fn who_has_most_that_waits_for_answers_is_let_go_of() {
    let (all, [one, most, _]) = all_and_peers();
    let mut held = Vec::new();
    let mut hold = |peer: &Noted, bytes| {
        held.push(peer.gate.hold(bytes, None));
        all.hold(bytes);
    };
    hold(&one, 500 << 10);
    hold(&most, 1000 << 10);
    assert_eq!((one.why(), most.why()), (None, None));
    hold(&one, 100 << 10);
    assert!(most.why().unwrap().contains("waits for answers"));
    assert_eq!(one.why(), None);
}

#[test]
fn a_large_message_has_room_of_its_own() {
    let (all, [large, small, _]) = all_and_peers();
    let turn = large.gate.large_message().now_or_never().expect("the turn");
    let held = large.gate.hold(9 << 20, Some(turn));
    all.hold(9 << 20);
    let others = small.gate.hold(1 << 20, None);
    all.hold(1 << 20);
    assert_eq!((large.why(), small.why()), (None, None));
    drop(held);
    all.release(9 << 20);
    let more = small.gate.hold(1 << 20, None);
    all.hold(1 << 20);
    assert!(small.why().is_some());
    drop((others, more));
}

#[test]
fn a_few_calls_are_always_admitted_and_more_while_there_is_room() {
    let all = All::default();
    assert!(all.admits(usize::MAX, usize::MAX));
    (0..WORKING).for_each(|_| all.begins(0));
    assert!(all.admits(FEW - 1, 0) && !all.admits(FEW, 0));
    all.ends(1, 0);
    assert!(all.admits(FEW, 0));
    all.begins(2 * WORK);
    assert!(all.admits(0, LITTLE - 1) && !all.admits(0, LITTLE));
    all.ends(WORKING, 2 * WORK);
    assert!(all.admits(usize::MAX, usize::MAX));
}

#[test]
fn who_has_much_in_work_waits_for_others_and_not_for_ever() {
    timed(async {
        let (all, [busy, idle, _]) = all_and_peers();
        busy.gate.begins(LITTLE + 8);
        all.begins(WORK + 8);
        let since = Instant::now();
        all.has_room(&idle.gate).await;
        assert!(since.elapsed().is_zero(), "one with little in work");
        all.has_room(&busy.gate).await;
        assert_eq!(since.elapsed(), BETWEEN);
        let ends = async {
            sleep(Duration::from_millis(5)).await;
            all.ends(1, WORK);
        };
        tokio::join!(all.has_room(&busy.gate), ends);
        assert_eq!(since.elapsed(), BETWEEN + Duration::from_millis(5));
    });
}

#[test]
fn who_owes_most_answers_is_let_go_of_where_it_owes_many() {
    let (all, [one, most, _]) = all_and_peers();
    (0..FEW - 1).for_each(|_| one.gate.asks());
    (0..FEW).for_each(|_| most.gate.asks());
    assert!(!all.collect(), "nobody owes many");
    most.gate.asks();
    assert!(all.collect());
    assert!(most.why().unwrap().contains("didn't answer"));
    assert_eq!(one.why(), None);
}

#[test]
fn who_wants_more_capabilities_than_all_may_have_is_refused_if_it_has_many() {
    type Of = fn(usize) -> Tables;
    let exports: Of = |exports| Tables { exports, ..Tables::default() };
    let imports: Of = |imports| Tables { imports, ..Tables::default() };
    for (of, most) in [(exports, EXPORTS), (imports, IMPORTS)] {
        let all = All::default();
        all.change(&of(0), &of(most)).expect("as many as all may have");
        all.change(&of(0), &of(FEW)).expect("one that has few");
        assert!(all.change(&of(FEW), &of(FEW + 1)).is_err());
        all.change(&of(FEW + 1), &of(FEW)).expect("one that gives some back");
        all.change(&of(most), &of(0)).expect("one that goes");
        all.change(&of(FEW), &of(FEW + 1)).expect("there is room again");
    }
}

#[test]
fn peers_that_take_their_answers_are_waited_for_a_little_and_now_and_then() {
    timed(async {
        let (all, [slow, idle, _]) = all_and_peers();
        let since = Instant::now();
        idle.queue(&all, TAKING + 8);
        all.peers_read().await;
        assert!(since.elapsed().is_zero(), "one that takes nothing isn't waited for");
        slow.queue(&all, TAKING + 8);
        slow.gate.takes();
        let takes = async {
            sleep(Duration::from_millis(5)).await;
            slow.gate.unqueue(8);
            all.unqueue(8);
        };
        tokio::join!(all.peers_read(), takes);
        assert_eq!(since.elapsed(), Duration::from_millis(5));
        slow.queue(&all, 8);
        let keeps_taking = async {
            loop {
                slow.gate.takes();
                sleep(Duration::from_millis(1)).await;
            }
        };
        let waits = async {
            all.peers_read().await;
            assert_eq!(since.elapsed(), Duration::from_millis(5) + PAUSE);
            all.peers_read().await;
            assert_eq!(since.elapsed(), Duration::from_millis(5) + PAUSE, "in vain once: not again soon");
            sleep(BETWEEN).await;
            all.peers_read().await;
            assert_eq!(since.elapsed(), Duration::from_millis(5) + PAUSE + BETWEEN + PAUSE);
        };
        tokio::select! { () = waits => {}, () = keeps_taking => {} }
    });
}

#[test]
fn the_cell_is_waited_for_while_its_session_goes_on() {
    let all = All::default();
    assert!(all.cell_reads().now_or_never().is_some());
    let gate = Gate::new();
    gate.queue(1 << 20);
    all.cell_is(Some(gate.clone()));
    assert!(all.cell_reads().now_or_never().is_none());
    gate.unqueue(1 << 20);
    assert!(all.cell_reads().now_or_never().is_some());
    gate.queue(1 << 20);
    all.cell_is(None);
    assert!(all.cell_reads().now_or_never().is_some());
}
