//! A cell that exports a service, and peers that come to it: both at the ends of one host, in one thread.

use std::cell::Cell;
use std::os::unix::net::UnixStream;
use std::rc::Rc;

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

/// What the test's cell exports, with the contract's interface as one that is at hand.
#[derive(Default)]
pub struct Service {
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

pub struct Export(pub i_p_f_s::Client);

impl host::Server for Export {
    async fn ipfs(self: Rc<Self>, _: host::IpfsParams, mut results: host::IpfsResults) -> Result<(), Error> {
        results.get().set_ipfs(self.0.clone());
        Ok(())
    }
}

/// A peer's sink.
#[derive(Default)]
pub struct Sink(pub Rc<Cell<usize>>);

impl byte_sink::Server for Sink {
    async fn write(self: Rc<Self>, params: byte_sink::WriteParams) -> Result<(), Error> {
        self.0.set(self.0.get() + params.get()?.get_bytes()?.len());
        Ok(())
    }

    async fn end(self: Rc<Self>, _: byte_sink::EndParams, _: byte_sink::EndResults) -> Result<(), Error> {
        Ok(())
    }
}

pub fn system(socket: UnixStream, packed: bool, exports: Option<capnp::capability::Client>) -> RpcSystem<Side> {
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
pub fn cell() -> (CellSession, UnixStream) {
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
