//! Peers that take more than their part: they are refused or let go of, and others notice nothing.

use std::time::{Duration, Instant};

use capnp::ErrorKind;
use futures::AsyncWriteExt;
use tokio::task::spawn_local;
use tokio_util::compat::TokioAsyncReadCompatExt;
use ww::serve::rpc::{CellSession, Encoding, Ended, Limits, serve_peer};

use crate::ends::{echo, peer, serving};
use crate::frames::{bootstrap, frame};
use crate::session::run;

/// A peer that speaks byte by byte: its end of the stream, and how its session ends.
fn raw(session: &CellSession, limits: &Limits) -> (tokio::net::UnixStream, tokio::task::JoinHandle<Ended>) {
    let (ours, theirs) = tokio::net::UnixStream::pair().expect("a socket pair");
    let (reader, writer) = futures::AsyncReadExt::split(ours.compat());
    let until = std::future::pending();
    let ended = serve_peer(reader, writer, Encoding::Plain, session.bootstrap(), limits.clone(), until);
    (theirs, spawn_local(ended))
}

/// `Host.ipfs` of the cell's, and on it `cat`, which gives back what it gets.
fn calls(count: u32, said: &str) -> Vec<u8> {
    let first = [bootstrap(0), crate::frames::ipfs(1, 0)].concat();
    let calls = (0..count).flat_map(|n| crate::frames::cat(n + 2, 1, said, |_| {}));
    first.into_iter().chain(calls).collect()
}

fn why(ended: Ended) -> String {
    match ended {
        Ended::Because(error) => error.extra,
        other => panic!("{other:?}"),
    }
}

#[test]
fn calls_above_the_bound_are_refused_and_none_is_lost() {
    run(async {
        let (session, waiting, _cell) = serving();
        let (host, _) = peer(&session, Encoding::Packed);
        let ipfs = host.ipfs_request().send().pipeline.get_ipfs();
        let waits: Vec<_> = (0..600).map(|_| spawn_local(ipfs.pins_request().send().promise)).collect();
        while waits.iter().filter(|waits| waits.is_finished()).count() < 600 - 512 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        assert_eq!(waiting.get(), 512);
        for waits in waits {
            match waits.is_finished() {
                true => {
                    let error = waits.await.expect("no panic").err().expect("there is no room");
                    assert_eq!(error.kind, ErrorKind::Overloaded, "{error}");
                }
                false => waits.abort(),
            }
        }
        while waiting.get() > 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        assert_eq!(echo(&host, "x").await.expect("an answer"), b"x");
    });
}

#[test]
fn one_that_doesnt_read_is_let_go_of_and_others_are_served() {
    run(async {
        let (session, _, _cell) = serving();
        let limits = session.limits();
        let (mut silent, ended) = raw(&session, &limits);
        let begin = Instant::now();
        let flood = calls(200, &"x".repeat(100_000));
        let flood = spawn_local(async move {
            let mut silent = (&mut silent).compat();
            let _ = silent.write_all(&flood).await;
            // What it was sent stays there.
            std::future::pending::<()>().await;
        });
        let (host, _) = peer(&session, Encoding::Packed);
        let mut slowest = Duration::ZERO;
        while !ended.is_finished() {
            let asked = Instant::now();
            assert_eq!(echo(&host, "x").await.expect("an answer"), b"x");
            slowest = slowest.max(asked.elapsed());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        assert!(slowest < Duration::from_secs(1), "{slowest:?}");
        assert!(begin.elapsed() < Duration::from_secs(30), "{:?}", begin.elapsed());
        let why = why(ended.await.expect("no panic"));
        assert!(why.contains("the peer takes nothing"), "{why}");
        flood.abort();
    });
}

#[test]
fn a_message_that_comes_too_slowly_ends_its_session() {
    run(async {
        let (session, _, _cell) = serving();
        let limits = session.limits();
        let (mut slow, ended) = raw(&session, &limits);
        // As large as may be, and then nothing: it has the turn of all large messages.
        let header = [0u32.to_le_bytes(), (100_000u32 / 8).to_le_bytes()].concat();
        let mut slow = (&mut slow).compat();
        slow.write_all(&header).await.expect("a host");
        let why = why(ended.await.expect("no panic"));
        assert!(why.contains("a message took too long to arrive"), "{why}");
        let (host, _) = peer(&session, Encoding::Packed);
        let long = "long ".repeat(100_000);
        assert_eq!(echo(&host, &long).await.expect("an answer"), long.as_bytes());
    });
}

#[test]
fn capabilities_that_are_kept_end_the_session_that_sent_them() {
    run(async {
        let (session, _, _cell) = serving();
        let limits = session.limits();
        let (mut giver, ended) = raw(&session, &limits);
        let mut giver = (&mut giver).compat();
        // A call that never ends holds what came with it.
        let mut bytes = [bootstrap(0), crate::frames::ipfs(1, 0)].concat();
        for question in 2..40 {
            bytes.extend(frame(|message| {
                let mut call = message.init_call();
                call.set_question_id(question);
                call.set_interface_id(<ww_schema::system_capnp::i_p_f_s::Client as capnp::traits::HasTypeId>::TYPE_ID);
                call.set_method_id(6);
                let mut target = call.reborrow().init_target().init_promised_answer();
                target.set_question_id(1);
                target.init_transform(1).get(0).set_get_pointer_field(0);
                let mut params = call.init_params();
                let mut table = params.reborrow().init_cap_table(64);
                for at in 0..64 {
                    table.reborrow().get(at).set_sender_hosted(question * 64 + at);
                }
                capabilities(params.init_content());
            }));
        }
        let _ = giver.write_all(&bytes).await;
        let why = why(ended.await.expect("no panic"));
        assert!(why.contains("too many capabilities"), "{why}");
        let (host, _) = peer(&session, Encoding::Packed);
        assert_eq!(echo(&host, "x").await.expect("an answer"), b"x");
    });
}

/// A list of pointers to the 64 capabilities of a table.
fn capabilities(mut content: capnp::any_pointer::Builder<'_>) {
    // As long as the message, which takes it by reference.
    let table = Box::leak(Box::default());
    capnp::traits::ImbueMut::imbue_mut(&mut content, table);
    let mut list = content.initn_as::<capnp::any_pointer_list::Builder<'_>>(64);
    for at in 0..64 {
        let broken = capnp_rpc::new_broken_cap(capnp::Error::failed(String::new()));
        list.reborrow().get(at).set_as_capability(broken.hook);
    }
}
