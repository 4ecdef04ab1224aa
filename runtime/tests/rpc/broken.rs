//! What isn't the protocol: the session ends, and nothing else happens.

use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;

use capnp_rpc::rpc_capnp::{call, message};

use crate::daemon::{identity, nobody};
use crate::frames::{bootstrap, cat, finish, frame, opening};
use crate::session::{self, Panics};

/// A frame's header: so many segments, the first of so many words.
fn header(segments: u32, words: u32) -> Vec<u8> {
    [segments.wrapping_sub(1).to_le_bytes(), words.to_le_bytes()].concat()
}

/// Frames with one root pointer.
fn root(pointer: u64) -> Vec<u8> {
    [header(1, 1), pointer.to_le_bytes().to_vec()].concat()
}

/// What ends a session, by itself and after a good beginning.
fn broken() -> Vec<(&'static str, Vec<u8>)> {
    let path = identity(b"x").to_string();
    let many = |mut message: message::Builder<'_>| {
        let mut call = message.reborrow().init_call();
        call.set_question_id(7);
        call.init_params().init_cap_table(65);
    };
    let steps = |message: message::Builder<'_>| {
        let mut call = message.init_call();
        call.reborrow().init_target().init_promised_answer().init_transform(1000);
    };
    let third = |call: call::Builder<'_>| {
        call.init_send_results_to().init_third_party();
    };
    let padded = |message: message::Builder<'_>| {
        message
            .init_unimplemented()
            .init_call()
            .init_params()
            .init_content()
            .set_as(&vec![0; 1 << 20][..])
            .expect("data");
    };
    vec![
        ("no segment", header(0, 0)),
        ("512 segments", header(512, 1)),
        ("four billion segments", vec![0xff; 8]),
        ("32 GiB in one segment", header(1, u32::MAX)),
        ("a word more than 9 MiB", header(1, (9 << 17) + 1)),
        ("9 MiB and an end", header(1, 9 << 17)),
        ("text", b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n".to_vec()),
        ("an empty segment", header(1, 0)),
        ("a root outside of its segment", root(0x0000_0001_0000_0014)),
        ("a root that is a capability", root(3)),
        ("a far pointer to nowhere", root(0x0000_0009_0000_0002)),
        ("a list as root", root(0x0000_0003_0000_0001)),
        ("half a header", header(1, 4)[..5].to_vec()),
        ("half a frame", bootstrap(0)[..20].to_vec()),
        ("a return to a question never asked", frame(|message| message.init_return().set_answer_id(9))),
        ("a return of a canceled question", frame(|message| message.init_return().set_canceled(()))),
        ("a release of what isn't held", frame(|message| message.init_release().set_id(9))),
        ("an abort", frame(|message| message.init_abort().set_reason("enough"))),
        (
            "an unimplemented that nobody sent",
            frame(|message| {
                message.init_unimplemented();
            }),
        ),
        ("a disembargo of nothing", frame(|message| message.init_disembargo().init_context().set_receiver_loopback(4))),
        ("a call to no capability", frame(|message| message.init_call().init_target().set_imported_cap(77))),
        ("65 capabilities", frame(many)),
        ("a thousand steps", frame(steps)),
        ("a megabyte without a payload", frame(padded)),
        ("a resolve of nothing to nothing", frame(|message| message.init_resolve().init_cap().set_none(()))),
        ("one question twice", [bootstrap(5), bootstrap(5)].concat()),
        ("results to a third party", [opening(), cat(2, 1, &path, third)].concat()),
        ("what was never redirected", frame(|message| message.init_return().set_take_from_other_question(3))),
        ("an endless message", vec![0; 1 << 20]),
    ]
}

/// Writes from a thread of its own: what is more than a socket holds needs the host to read it.
fn write(socket: &UnixStream, bytes: Vec<u8>, close: bool) {
    let mut socket = socket.try_clone().expect("a clone");
    std::thread::spawn(move || {
        // The host may have hung up before all is written.
        let _ = socket.write_all(&bytes);
        if close {
            let _ = socket.shutdown(Shutdown::Write);
        }
    });
}

#[test]
fn each_ends_the_session_and_nothing_else() {
    let panics = Panics::count();
    for (name, bytes) in broken() {
        for begin in [Vec::new(), [opening(), finish(1)].concat()] {
            session::run(async {
                let (mut socket, ended) = session::raw(nobody());
                write(&socket, [begin, bytes.clone()].concat(), true);
                ended.await.unwrap_or_else(|error| panic!("{name}: {error}"));
                // What it said, and then the end: the descriptor is shut though this test holds the runtime.
                let mut said = Vec::new();
                socket.set_nonblocking(true).expect("non-blocking");
                match socket.read_to_end(&mut said) {
                    Ok(_) => {}
                    Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset, "{name}"),
                }
            });
        }
    }
    assert_eq!(panics.since(), 0);
}

#[test]
fn the_ones_that_are_whole_end_it_without_a_close() {
    let whole = |name: &str| !["half a header", "half a frame", "9 MiB and an end", "an empty segment"].contains(&name);
    for (name, bytes) in broken().into_iter().filter(|(name, _)| whole(name)) {
        session::run(async {
            let (socket, ended) = session::raw(nobody());
            write(&socket, bytes, false);
            tokio::time::timeout(std::time::Duration::from_secs(30), ended)
                .await
                .unwrap_or_else(|_| panic!("{name}: the session goes on"))
                .expect(name);
        });
    }
}

#[test]
fn a_cell_that_closes_or_half_closes_ends_it() {
    for how in [Shutdown::Write, Shutdown::Both] {
        session::run(async {
            let (socket, ended) = session::raw(nobody());
            socket.shutdown(how).expect("a close");
            ended.await.expect("no panic");
        });
    }
    session::run(async {
        let (socket, ended) = session::raw(nobody());
        drop(socket);
        ended.await.expect("no panic");
    });
}

#[test]
fn a_cell_that_never_speaks_is_left_alone_and_let_go() {
    session::run(async {
        let (mut socket, serving) = session::raw(nobody());
        // Another session's whole life, so that this one had every chance to end.
        let (other, ended) = session::raw(nobody());
        drop(other);
        ended.await.expect("no panic");
        assert!(!serving.is_finished());
        serving.abort();
        assert!(serving.await.expect_err("was dropped").is_cancelled());
        // Nothing was ever said to it, and then the end.
        let mut said = Vec::new();
        socket.read_to_end(&mut said).expect("the end");
        assert_eq!(said, b"");
    });
}
