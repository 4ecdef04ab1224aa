//! What the cell exports is what peers get.

use std::cell::Cell;
use std::os::unix::net::UnixStream;
use std::rc::Rc;
use std::time::Duration;

use capnp::Error;
use capnp_rpc::new_client;
use capnp_rpc::rpc_twoparty_capnp::Side;
use futures::AsyncReadExt;
use tokio::task::spawn_local;
use tokio_util::compat::TokioAsyncReadCompatExt;
use ww::serve::rpc::{Encoding, Ended, Limits, serve_peer};
use ww_schema::system_capnp::host;

use crate::ends::{Export, Service, Sink, cell, echo, peer, serving, system};
use crate::frames::refuse;
use crate::session::run;

#[test]
fn peers_get_what_the_cell_exports() {
    run(async {
        let (session, _, _cell) = serving();
        for encoding in [Encoding::Packed, Encoding::Plain, Encoding::Packed] {
            let (host, _) = peer(&session, encoding);
            assert_eq!(echo(&host, "hello").await.expect("an answer"), b"hello");
            let long = "long ".repeat(100_000);
            assert_eq!(echo(&host, &long).await.expect("an answer"), long.as_bytes());
        }
    });
}

#[test]
fn a_cell_that_exports_late_is_waited_for() {
    run(async {
        let (session, socket) = cell();
        let (host, _) = peer(&session, Encoding::Packed);
        let asked = spawn_local(async move { echo(&host, "early").await });
        tokio::time::sleep(Duration::from_millis(100)).await;
        assert!(!asked.is_finished());
        let export: host::Client = new_client(Export(new_client(Service::default())));
        spawn_local(system(socket, false, Some(export.client)));
        assert_eq!(asked.await.expect("no panic").expect("an answer"), b"early");
    });
}

#[test]
fn a_cell_that_exports_nothing_is_said_to() {
    run(async {
        let (session, socket) = cell();
        // capnp-rpc exports a capability that fails, where other libraries answer by an exception.
        spawn_local(system(socket, false, None));
        let (host, _) = peer(&session, Encoding::Packed);
        let error = echo(&host, "x").await.expect_err("nothing is there");
        assert!(error.extra.contains("no bootstrap capability"), "{error}");

        let (session, socket) = cell();
        socket.set_nonblocking(true).expect("non-blocking");
        let mut socket = tokio::net::UnixStream::from_std(socket).expect("a stream");
        let (first, _) = peer(&session, Encoding::Packed);
        let asked = spawn_local(async move { echo(&first, "x").await });
        let mut question = [0; 64];
        tokio::io::AsyncReadExt::read(&mut socket, &mut question).await.expect("a question");
        let exception = refuse(0, "there is nothing to see");
        tokio::io::AsyncWriteExt::write_all(&mut socket, &exception).await.expect("a host");
        let (second, _) = peer(&session, Encoding::Packed);
        for error in [asked.await.expect("no panic"), echo(&second, "x").await] {
            let error = error.expect_err("nothing is there");
            let said = "the cell exports nothing on its RPC connection: there is nothing to see";
            assert!(error.extra.ends_with(said), "{error}");
        }
    });
}

#[test]
fn a_cell_that_goes_is_told_of() {
    run(async {
        let (session, waiting, cell) = serving();
        let (host, _) = peer(&session, Encoding::Packed);
        let ipfs = host.ipfs_request().send().pipeline.get_ipfs();
        let waits = spawn_local(ipfs.pins_request().send().promise);
        while waiting.get() == 0 {
            tokio::task::yield_now().await;
        }
        cell.abort();
        let error = waits.await.expect("no panic").err().expect("nobody answers");
        assert_eq!(error.kind, capnp::ErrorKind::Disconnected, "{error}");
        session.over().await;
        let (host, _) = peer(&session, Encoding::Packed);
        let error = echo(&host, "x").await.expect_err("nobody is there");
        assert!(error.extra.contains("the cell has closed its RPC connection"), "{error}");
        assert_eq!(error.kind, capnp::ErrorKind::Disconnected, "{error}");
    });
}

#[test]
fn a_capability_of_one_peer_is_handed_to_another() {
    run(async {
        let (session, _, _cell) = serving();
        let (one, _) = peer(&session, Encoding::Packed);
        let (other, _) = peer(&session, Encoding::Packed);
        let heard = Rc::new(Cell::new(0));
        let ipfs = one.ipfs_request().send().pipeline.get_ipfs();
        let mut keep = ipfs.read_request();
        keep.get().set_into(new_client(Sink(heard.clone())));
        keep.send().promise.await.expect("it is kept");
        let ipfs = other.ipfs_request().send().pipeline.get_ipfs();
        let mut write = ipfs.read_request();
        write.get().set_offset(1);
        write.send().promise.await.expect("it is written to");
        assert_eq!(heard.get(), b"from the other".len());
    });
}

#[test]
fn a_session_ends_with_its_stream() {
    run(async {
        let (session, _, _cell) = serving();
        let (ours, theirs) = UnixStream::pair().expect("a socket pair");
        ours.set_nonblocking(true).expect("non-blocking");
        let (reader, writer) = tokio::net::UnixStream::from_std(ours).expect("a stream").compat().split();
        drop(theirs);
        let until = std::future::pending();
        let ended = serve_peer(reader, writer, Encoding::Packed, session.bootstrap(), Limits::default(), until).await;
        assert!(matches!(ended, Ended::Closed), "{ended:?}");
    });
}

#[test]
fn a_session_is_ended_with_a_reason() {
    run(async {
        let (session, _, _cell) = serving();
        let (ours, theirs) = UnixStream::pair().expect("a socket pair");
        ours.set_nonblocking(true).expect("non-blocking");
        let (reader, writer) = tokio::net::UnixStream::from_std(ours).expect("a stream").compat().split();
        let (end, until) = tokio::sync::oneshot::channel();
        let until = async { until.await.expect("a reason") };
        let ended =
            spawn_local(serve_peer(reader, writer, Encoding::Packed, session.bootstrap(), Limits::default(), until));
        let mut system = system(theirs, true, None);
        let host: host::Client = system.bootstrap(Side::Server);
        spawn_local(system);
        echo(&host, "x").await.expect("an answer");
        end.send(Error::disconnected("the host has had enough".to_owned())).expect("a session");
        let error = loop {
            if let Err(error) = echo(&host, "x").await {
                break error;
            }
        };
        assert!(error.extra.contains("the host has had enough"), "{error}");
        assert!(matches!(ended.await.expect("no panic"), Ended::Because(_)));
    });
}

#[test]
fn a_call_that_a_peer_cancels_ends_in_the_cell() {
    run(async {
        let (session, waiting, _cell) = serving();
        let (host, _) = peer(&session, Encoding::Packed);
        let ipfs = host.ipfs_request().send().pipeline.get_ipfs();
        for round in 0..100 {
            let waits: Vec<_> = (0..10).map(|_| spawn_local(ipfs.pins_request().send().promise)).collect();
            while waiting.get() < 10 {
                tokio::task::yield_now().await;
            }
            for waits in waits {
                waits.abort();
            }
            while waiting.get() > 0 {
                tokio::task::yield_now().await;
            }
            assert_eq!(echo(&host, "x").await.expect("an answer"), b"x", "round {round}");
        }
    });
}
