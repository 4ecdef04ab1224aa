//! Tail calls of a cell: it has the host answer a peer by what the host itself would answer to the cell.

use std::io::Write;
use std::os::unix::net::UnixStream;

use capnp::message::{Reader, ReaderOptions};
use capnp::serialize::OwnedSegments;
use capnp_rpc::rpc_capnp::{call, message, return_};
use tokio::task::spawn_local;
use ww::access::Access;
use ww::serve::rpc::{CellSession, Encoding};

use crate::daemon::{content, identity, nobody};
use crate::ends::{echo, peer};
use crate::frames::{cat, finish, frame, opening};
use crate::session::run;

/// A cell's end, byte by byte.
struct Cell(UnixStream);

impl Cell {
    fn say(&mut self, bytes: Vec<u8>) {
        self.0.write_all(&bytes).expect("a host");
    }

    fn hear(&mut self) -> Reader<OwnedSegments> {
        capnp::serialize::read_message(&mut self.0, ReaderOptions::new()).expect("a message")
    }

    /// The first message that is one of these.
    fn hear_one<T>(&mut self, pick: impl Fn(message::Reader<'_>) -> Option<T>) -> T {
        loop {
            if let Some(found) = pick(self.hear().get_root().expect("a message")) {
                return found;
            }
        }
    }
}

fn asked(message: message::Reader<'_>) -> Option<u32> {
    match message.which() {
        Ok(message::Call(Ok(call))) => Some(call.get_question_id()),
        Ok(message::Bootstrap(Ok(bootstrap))) => Some(bootstrap.get_question_id()),
        _ => None,
    }
}

fn finished(message: message::Reader<'_>) -> Option<u32> {
    match message.which() {
        Ok(message::Finish(Ok(finish))) => Some(finish.get_question_id()),
        _ => None,
    }
}

/// An answer of the host's to the cell, and whether its results went elsewhere.
fn answered(message: message::Reader<'_>) -> Option<(u32, &'static str)> {
    let Ok(message::Return(Ok(answer))) = message.which() else { return None };
    let how = match answer.which().expect("an answer") {
        return_::Results(_) => "results",
        return_::Canceled(()) => "canceled",
        return_::ResultsSentElsewhere(()) => "elsewhere",
        return_::Exception(_) => "an exception",
        _ => "something else",
    };
    Some((answer.get_answer_id(), how))
}

fn give(question: u32, export: u32) -> Vec<u8> {
    frame(|message| {
        let mut answer = message.init_return();
        answer.set_answer_id(question);
        let mut results = answer.init_results();
        results.reborrow().init_cap_table(1).get(0).set_sender_hosted(export);
        // As long as the message, which takes it by reference.
        let table = Box::leak(Box::default());
        let mut content = results.init_content();
        capnp::traits::ImbueMut::imbue_mut(&mut content, table);
        content.set_as_capability(capnp_rpc::new_broken_cap(capnp::Error::failed(String::new())).hook);
    })
}

/// Has the host answer one of its questions by what it answers to that of the cell.
fn take(answer: u32, from: u32) -> Vec<u8> {
    frame(|message| {
        let mut answered = message.init_return();
        answered.set_answer_id(answer);
        answered.set_take_from_other_question(from);
    })
}

fn to_yourself(call: call::Builder<'_>) {
    call.init_send_results_to().set_yourself(());
}

/// A peer calls twice, pipelined; the cell answers the first itself, and the second by a tail call.
fn tail_called(answer: impl FnOnce(&mut Cell, u32) + Send + 'static) -> Result<Vec<u8>, capnp::Error> {
    run(async move {
        let (ours, theirs) = UnixStream::pair().expect("a socket pair");
        let session = CellSession::new();
        spawn_local(session.clone().serve(ours, content(nobody()), Access::Full));
        let cell = std::thread::spawn(move || {
            let mut cell = Cell(theirs);
            let bootstrap = cell.hear_one(asked);
            cell.say(give(bootstrap, 0));
            let ipfs = cell.hear_one(asked);
            cell.say(give_in_struct(ipfs, 1));
            let question = cell.hear_one(asked);
            cell.say(opening());
            answer(&mut cell, question);
            cell
        });
        let (host, _) = peer(&session, Encoding::Packed);
        let said = echo(&host, "what the peer says").await;
        // It waits for the end of what was asked of it.
        drop(host);
        tokio::task::spawn_blocking(move || cell.join().expect("a cell")).await.expect("a thread");
        said
    })
}

/// As [`give`], in the results of `Host.ipfs`.
fn give_in_struct(question: u32, export: u32) -> Vec<u8> {
    frame(|message| {
        let mut answer = message.init_return();
        answer.set_answer_id(question);
        let mut results = answer.init_results();
        results.reborrow().init_cap_table(1).get(0).set_sender_hosted(export);
        let table = Box::leak(Box::default());
        let mut content = results.init_content();
        capnp::traits::ImbueMut::imbue_mut(&mut content, table);
        let broken = capnp_rpc::new_broken_cap(capnp::Error::failed(String::new()));
        let client = capnp::capability::FromClientHook::new(broken.hook);
        content.init_as::<ww_schema::system_capnp::host::ipfs_results::Builder<'_>>().set_ipfs(client);
    })
}

#[test]
fn a_peer_gets_what_the_host_answers() {
    let said = tail_called(|cell, question| {
        cell.say(cat(5, 1, &identity(b"from the host").to_string(), to_yourself));
        cell.say(take(question, 5));
        assert_eq!(cell.hear_one(|message| answered(message).filter(|(id, _)| *id == 5)), (5, "elsewhere"));
        assert_eq!(cell.hear_one(finished), question);
        cell.say(finish(5));
        // Its number is free again.
        cell.say(cat(5, 1, &identity(b"again").to_string(), |_| {}));
        assert_eq!(cell.hear_one(|message| answered(message).filter(|(id, _)| *id == 5)), (5, "results"));
    });
    assert_eq!(said.expect("an answer"), b"from the host");
}

#[test]
fn a_peer_gets_the_exception_too() {
    let said = tail_called(|cell, question| {
        cell.say(cat(5, 1, "nonsense", to_yourself));
        cell.say(take(question, 5));
        assert_eq!(cell.hear_one(finished), question);
        cell.say(finish(5));
    });
    let error = said.expect_err("it isn't a path");
    assert!(error.extra.contains("system.IPFS.cat: neither a CID"), "{error}");
}

#[test]
fn a_tail_call_that_is_let_go_is_canceled() {
    let said = tail_called(|cell, question| {
        cell.say(cat(5, 1, &identity(b"x").to_string(), to_yourself));
        cell.say(finish(5));
        let how = cell.hear_one(|message| answered(message).filter(|(id, _)| *id == 5));
        assert_eq!(how, (5, "elsewhere"));
        cell.say(crate::frames::refuse(question, "no more"));
        assert_eq!(cell.hear_one(finished), question);
    });
    assert!(said.expect_err("it was refused").extra.contains("no more"));
}
