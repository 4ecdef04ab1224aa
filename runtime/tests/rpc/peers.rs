//! What the cell exports is what peers get: both at the ends of one host, in one thread.

use std::cell::Cell;
use std::os::unix::net::UnixStream;
use std::rc::Rc;
use std::time::Duration;

use capnp::Error;
use capnp::message::ReaderOptions;
use capnp_rpc::rpc_twoparty_capnp::Side;
use capnp_rpc::twoparty::VatNetwork;
use capnp_rpc::{RpcSystem, new_client};
use futures::AsyncReadExt;
use futures::io::{BufReader, BufWriter};
use tokio::task::spawn_local;
use tokio_util::compat::TokioAsyncReadCompatExt;
use ww::access::Access;
use ww::serve::rpc::{CellSession, Encoding, Ended, Limits, serve_peer};
use ww_schema::system_capnp::{byte_sink, host, i_p_f_s};

use crate::daemon::{content, nobody};
use crate::frames::refuse;
use crate::session::run;

/// What the test's cell exports, with the contract's interface as one that is at hand.
#[derive(Default)]
struct Service {
    waiting: Rc<Cell<usize>>,
    kept: std::cell::RefCell<Option<byte_sink::Client>>,
}

/// Counts calls that go on.
struct Going(Rc<Cell<usize>>);

impl Drop for Going {
    fn drop(&mut self) {
        self.0.set(self.0.get() - 1);
    }
}

impl i_p_f_s::Server for Service {
    /// The same bytes.
    async fn cat(self: Rc<Self>, params: i_p_f_s::CatParams, mut results: i_p_f_s::CatResults) -> Result<(), Error> {
        let said = params.get()?.get_cid()?;
        results.get().set_body(said.as_bytes());
        Ok(())
    }

    /// Never answers.
    async fn pins(self: Rc<Self>, _: i_p_f_s::PinsParams, _: i_p_f_s::PinsResults) -> Result<(), Error> {
        self.waiting.set(self.waiting.get() + 1);
        let _going = Going(self.waiting.clone());
        std::future::pending().await
    }

    /// Keeps a sink at offset 0; writes to the kept one at another.
    async fn read(self: Rc<Self>, params: i_p_f_s::ReadParams, _: i_p_f_s::ReadResults) -> Result<(), Error> {
        let params = params.get()?;
        if params.get_offset() == 0 {
            *self.kept.borrow_mut() = Some(params.get_into()?);
            return Ok(());
        }
        let kept = self.kept.borrow().clone().expect("a kept sink");
        let mut write = kept.write_request();
        write.get().set_bytes(b"from the other");
        write.send().await?;
        kept.end_request().send().promise.await?;
        Ok(())
    }
}

struct Export(i_p_f_s::Client);

impl host::Server for Export {
    async fn ipfs(self: Rc<Self>, _: host::IpfsParams, mut results: host::IpfsResults) -> Result<(), Error> {
        results.get().set_ipfs(self.0.clone());
        Ok(())
    }
}

/// A peer's sink.
#[derive(Default)]
struct Sink(Rc<Cell<usize>>);

impl byte_sink::Server for Sink {
    async fn write(self: Rc<Self>, params: byte_sink::WriteParams) -> Result<(), Error> {
        self.0.set(self.0.get() + params.get()?.get_bytes()?.len());
        Ok(())
    }

    async fn end(self: Rc<Self>, _: byte_sink::EndParams, _: byte_sink::EndResults) -> Result<(), Error> {
        Ok(())
    }
}

fn system(socket: UnixStream, packed: bool, exports: Option<capnp::capability::Client>) -> RpcSystem<Side> {
    socket.set_nonblocking(true).expect("non-blocking");
    let (reader, writer) = tokio::net::UnixStream::from_std(socket).expect("a stream").compat().split();
    let (reader, writer) = (BufReader::new(reader), BufWriter::new(writer));
    let options = ReaderOptions::new();
    match packed {
        false => RpcSystem::new(Box::new(VatNetwork::new(reader, writer, Side::Client, options)), exports),
        true => {
            use capnp_futures::serialize_packed::{PackedRead, PackedWrite};
            let (reader, writer) = (PackedRead::new(reader), PackedWrite::new(writer));
            RpcSystem::new(Box::new(VatNetwork::new(reader, writer, Side::Client, options)), exports)
        }
    }
}

/// A session with a cell whose end of the socket is the test's to use.
fn cell() -> (CellSession, UnixStream) {
    let (ours, theirs) = UnixStream::pair().expect("a socket pair");
    let session = CellSession::new();
    spawn_local(session.clone().serve(ours, content(nobody()), Access::default()));
    (session, theirs)
}

/// A cell that exports the service.
pub fn serving() -> (CellSession, Rc<Cell<usize>>, tokio::task::JoinHandle<Result<(), Error>>) {
    let (session, socket) = cell();
    let service = Service::default();
    let waiting = service.waiting.clone();
    let export: host::Client = new_client(Export(new_client(service)));
    (session, waiting, spawn_local(system(socket, false, Some(export.client))))
}

/// A peer of the cell's: what it got, and how its session ends.
pub fn peer(session: &CellSession, encoding: Encoding) -> (host::Client, tokio::task::JoinHandle<Ended>) {
    let (ours, theirs) = UnixStream::pair().expect("a socket pair");
    ours.set_nonblocking(true).expect("non-blocking");
    let (reader, writer) = tokio::net::UnixStream::from_std(ours).expect("a stream").compat().split();
    let bootstrap = session.bootstrap();
    let ended = serve_peer(reader, writer, encoding, bootstrap, Limits::default(), std::future::pending());
    let ended = spawn_local(ended);
    let mut system = system(theirs, encoding == Encoding::Packed, None);
    let host = system.bootstrap(Side::Server);
    spawn_local(system);
    (host, ended)
}

pub async fn echo(host: &host::Client, said: &str) -> Result<Vec<u8>, Error> {
    let ipfs = host.ipfs_request().send().pipeline.get_ipfs();
    let mut request = ipfs.cat_request();
    request.get().set_cid(said);
    Ok(request.send().promise.await?.get()?.get_body()?.to_vec())
}

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
