//! Which of the cell's questions are open: as many as there is room for, and none let go of too early.
//!
//! - What it does: follows each question from `Call` to `Return` and `Finish`. A `Finish` that comes before
//!   the `Return` waits for it: capnp-rpc 0.27 cancels such a call without ever sending the `Return` that
//!   the protocol promises, and keeps its entry for ever.
//! - What must stay true: the table here is as long as capnp-rpc's own, and that is bounded.
//! - Serves: rulings 13, 20.

use std::cell::RefCell;
use std::collections::{HashMap, VecDeque};

use tokio::sync::Notify;

/// How many questions may be open. Of those that were answered, only exceptions and capabilities stay so.
const ANSWERS: usize = 8192;

/// The open questions of one session; `M` is a message.
pub(super) struct Answers<M> {
    open: RefCell<HashMap<u32, Answer<M>>>,
    due: RefCell<VecDeque<M>>,
    changed: Notify,
}

enum Answer<M> {
    /// Being worked on, with the `Finish` where the cell has sent it already.
    Working(Option<M>),
    /// Answered, and kept until it is finished.
    Kept,
}

impl<M> Answers<M> {
    pub(super) fn new() -> Self {
        Answers { open: RefCell::default(), due: RefCell::default(), changed: Notify::new() }
    }

    /// The cell asks. `false`: it asks more than it finishes, and there is no room.
    pub(super) fn asked(&self, question: u32) -> bool {
        let mut open = self.open.borrow_mut();
        open.insert(question, Answer::Working(None));
        open.len() <= ANSWERS
    }

    /// The cell lets go of an answer, or of the hope for one. Gives the message back if its time is now.
    pub(super) fn finished(&self, question: u32, finish: M) -> Option<M> {
        let mut open = self.open.borrow_mut();
        match open.get_mut(&question) {
            Some(Answer::Working(early)) => {
                *early = Some(finish);
                None
            }
            Some(Answer::Kept) => {
                open.remove(&question);
                Some(finish)
            }
            None => Some(finish),
        }
    }

    /// An answer goes out; `kept`: capnp-rpc remembers it until it is finished.
    pub(super) fn answered(&self, question: u32, kept: bool) {
        let mut open = self.open.borrow_mut();
        match open.remove(&question) {
            Some(Answer::Working(Some(finish))) if kept => {
                self.due.borrow_mut().push_back(finish);
                self.changed.notify_waiters();
            }
            Some(_) if kept => drop(open.insert(question, Answer::Kept)),
            _ => {}
        }
    }

    /// The next `Finish` whose time has come.
    pub(super) async fn due(&self) -> M {
        loop {
            let finish = self.due.borrow_mut().pop_front();
            match finish {
                Some(finish) => return finish,
                None => self.changed.notified().await,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    #[test]
    fn a_finish_waits_for_the_return() {
        let answers = Answers::new();
        assert!(answers.asked(1) && answers.asked(2) && answers.asked(3));
        assert_eq!(answers.finished(1, "early"), None);
        assert_eq!(answers.finished(2, "not needed"), None);
        answers.answered(1, true);
        answers.answered(2, false);
        answers.answered(3, true);
        assert_eq!(answers.due().now_or_never(), Some("early"));
        assert_eq!(answers.due().now_or_never(), None);
        assert_eq!(answers.finished(3, "in time"), Some("in time"));
        assert_eq!(answers.finished(4, "never asked"), Some("never asked"));
        assert!(answers.open.borrow().is_empty());
    }

    #[test]
    fn questions_that_are_never_finished_fill_the_table() {
        let answers = Answers::<()>::new();
        for question in 0..ANSWERS as u32 {
            assert!(answers.asked(question));
            answers.answered(question, true);
        }
        assert!(!answers.asked(u32::MAX));
    }
}
