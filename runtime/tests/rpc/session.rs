//! Both ends of one session in one thread: the host's, served as `ww run` does it, and a cell's.

use std::cell::Cell;
use std::future::Future;
use std::os::unix::net::UnixStream;
use std::sync::Once;
use std::time::Duration;

use capnp::message::ReaderOptions;
use capnp_rpc::RpcSystem;
use capnp_rpc::rpc_twoparty_capnp::Side;
use capnp_rpc::twoparty::VatNetwork;
use futures::AsyncReadExt;
use futures::io::{BufReader, BufWriter};
use tokio::task::{LocalSet, spawn_local};
use tokio_util::compat::TokioAsyncReadCompatExt;
use ww_schema::system_capnp::{host, i_p_f_s};

use crate::daemon::content;
use ww::access::Access;

/// Much longer than anything here takes: what hangs is to fail.
pub const LONG: Duration = Duration::from_secs(60);

/// Runs a test's future where sessions can be.
pub fn run<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    LocalSet::new().block_on(&runtime, async { tokio::time::timeout(LONG, work).await.expect("no answer in a minute") })
}

/// Starts a session, its daemon at that port, and gives the cell's socket, and the session's end.
pub fn raw(daemon: u16) -> (UnixStream, tokio::task::JoinHandle<()>) {
    let (ours, theirs) = UnixStream::pair().expect("a socket pair");
    (theirs, spawn_local(ww::serve::rpc::CellSession::new().serve(ours, content(daemon), Access::Full)))
}

/// Starts a session and connects a cell to it.
pub fn connect(daemon: u16) -> host::Client {
    let (socket, _) = raw(daemon);
    socket.set_nonblocking(true).expect("non-blocking");
    let stream = tokio::net::UnixStream::from_std(socket).expect("a stream");
    let (reader, writer) = stream.compat().split();
    let (reader, writer) = (BufReader::new(reader), BufWriter::new(writer));
    let network = VatNetwork::new(reader, writer, Side::Client, ReaderOptions::new());
    let mut system = RpcSystem::new(Box::new(network), None);
    let host = system.bootstrap(Side::Server);
    spawn_local(system);
    host
}

/// As [`connect`], on to `IPFS`.
pub fn ipfs(daemon: u16) -> i_p_f_s::Client {
    connect(daemon).ipfs_request().send().pipeline.get_ipfs()
}

/// What the host says to the cell, without what the cell's library puts before it.
pub fn text(error: capnp::Error) -> String {
    error.extra.trim_start_matches("remote exception: ").to_owned()
}

/// Counts the panics of this thread, those too that the host catches.
pub struct Panics(usize);

thread_local! {
    static PANICS: Cell<usize> = const { Cell::new(0) };
}

impl Panics {
    pub fn count() -> Panics {
        static HOOK: Once = Once::new();
        HOOK.call_once(|| {
            let print = std::panic::take_hook();
            std::panic::set_hook(Box::new(move |panic| {
                PANICS.set(PANICS.get() + 1);
                print(panic);
            }));
        });
        Panics(PANICS.get())
    }

    pub fn since(&self) -> usize {
        PANICS.get() - self.0
    }
}
