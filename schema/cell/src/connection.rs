//! The RPC session with the host: from the checked descriptor to a `Host` and the future that drives it.
//!
//! - What it does: two-party Cap'n Proto RPC, unpacked, buffered both ways, the cell being the client side.
//! - What must stay true: the socket is non-blocking before tokio sees it; the host's capability is asked
//!   for once, before anything can have failed (asking a broken connection panics in capnp-rpc 0.27).
//! - Serves: ruling 13, from the cell's side.

use std::future::Future;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::pin::Pin;
use std::task::{Context, Poll};

use capnp::message::ReaderOptions;
use capnp_rpc::RpcSystem;
use capnp_rpc::rpc_twoparty_capnp::Side;
use capnp_rpc::twoparty::VatNetwork;
use futures::io::{AsyncReadExt, BufReader, WriteHalf};
use nix::sys::socket::{AddressFamily, SockType, SockaddrLike, SockaddrStorage, getpeername, getsockopt, sockopt};
use tokio_util::compat::{Compat, TokioAsyncReadCompatExt};

use crate::merged::Merged;
use crate::{CellError, host, inherited};

/// What one system call reads at most.
const BUFFER: usize = 64 << 10;

/// The RPC session: a future that must be polled for calls to make progress, by `spawn_local`.
///
/// It ends when the connection does. Capabilities of the host are of no use from then on: calls answer an
/// error of the kind `Disconnected`.
#[must_use = "the connection makes no progress unless this is polled: give it to `spawn_local`"]
pub struct Rpc {
    system: RpcSystem<Side>,
    writer: Merged<Writer>,
    /// What it came to, until the last words are written.
    ended: Option<Result<(), capnp::Error>>,
}

type Writer = WriteHalf<Compat<tokio::net::UnixStream>>;

impl Future for Rpc {
    type Output = Result<(), capnp::Error>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Rpc { system, writer, ended } = &mut *self;
        if ended.is_none()
            && let Poll::Ready(result) = Pin::new(system).poll(cx)
        {
            *ended = Some(result);
        }
        // A host that takes no more shows to the reader, too.
        let written = writer.poll_out(cx).is_ready();
        match ended.take() {
            Some(result) if written => Poll::Ready(result),
            unwritten => {
                *ended = unwritten;
                Poll::Pending
            }
        }
    }
}

/// Connects to the host on the descriptor that `WW_RPC_FD` names.
///
/// There is one session a run, so this can be done once; clone the [`host::Client`]. Spawn the [`Rpc`] with
/// `spawn_local` (or poll it beside your work) before waiting for an answer.
///
/// # Errors
/// [`CellError::NoHost`] outside of `ww run`; [`CellError::NoRuntime`] outside of a tokio runtime;
/// [`CellError::Closed`], [`CellError::Taken`], [`CellError::NotTheHost`] where the descriptor isn't the
/// host's socket any more.
///
/// # Panics
/// In a tokio runtime that was built without `enable_io`.
pub fn connect() -> Result<(host::Client, Rpc), CellError> {
    over(inherited::host_socket()?, None)
}

/// As [`connect`], and offers `bootstrap` as the cell's own capability: what the host's peers are given.
///
/// `bootstrap` is any server, for instance `capnp_rpc::new_client::<calculator::Client, _>(Calculator)`.
///
/// # Errors
/// As [`connect`].
///
/// # Panics
/// As [`connect`].
pub fn connect_exporting<C>(bootstrap: C) -> Result<(host::Client, Rpc), CellError>
where
    C: capnp::capability::FromClientHook,
{
    let bootstrap = capnp::capability::Client::new(bootstrap.into_client_hook());
    over(inherited::host_socket()?, Some(bootstrap))
}

/// As [`connect`], on a socket of your own: for tests, whose host isn't `ww run`.
///
/// # Errors
/// [`CellError::NoRuntime`] outside of a tokio runtime; [`CellError::NotTheHost`] where it isn't connected.
///
/// # Panics
/// As [`connect`].
pub fn connect_over(socket: UnixStream) -> Result<(host::Client, Rpc), CellError> {
    over(socket.into(), None)
}

/// The host's socket itself, for a cell that speaks the protocol by means of its own. Nothing is read or written.
///
/// # Errors
/// [`CellError::NoHost`] outside of `ww run`; [`CellError::Closed`], [`CellError::Taken`],
/// [`CellError::NotTheHost`] where the descriptor isn't the host's socket any more.
pub fn socket() -> Result<UnixStream, CellError> {
    let fd = inherited::host_socket()?;
    match check(&fd) {
        Ok(()) => Ok(fd.into()),
        Err(error) => {
            inherited::put_back(fd);
            Err(error)
        }
    }
}

/// Checks the descriptor and starts the session on it. One that is refused is left as it was, open.
fn over(fd: OwnedFd, bootstrap: Option<capnp::capability::Client>) -> Result<(host::Client, Rpc), CellError> {
    let checked = match tokio::runtime::Handle::try_current() {
        Ok(_) => check(&fd),
        Err(_) => Err(CellError::NoRuntime),
    };
    if let Err(error) = checked {
        inherited::put_back(fd);
        return Err(error);
    }
    let stream = UnixStream::from(fd);
    // tokio takes the caller's word for it, and a blocking descriptor would stop the whole cell.
    stream.set_nonblocking(true)?;
    let (reader, writer) = tokio::net::UnixStream::from_std(stream)?.compat().split();
    let (reader, writer) = (BufReader::with_capacity(BUFFER, reader), Merged::new(writer));
    let network = VatNetwork::new(reader, writer.clone(), Side::Client, ReaderOptions::new());
    let mut system = RpcSystem::new(Box::new(network), bootstrap);
    let host = system.bootstrap(Side::Server);
    Ok((host, Rpc { system, writer, ended: None }))
}

/// Whether this is one end of a connected `AF_UNIX` stream (ruling 13).
fn check(fd: &OwnedFd) -> Result<(), CellError> {
    let refuse = |found| Err(CellError::NotTheHost { fd: fd.as_raw_fd(), found });
    let Ok(kind) = getsockopt(fd, sockopt::SockType) else {
        return refuse("not a socket");
    };
    if kind != SockType::Stream {
        return refuse("a socket of another type");
    }
    match getpeername::<SockaddrStorage>(fd.as_raw_fd()) {
        Ok(peer) if peer.family() == Some(AddressFamily::Unix) => Ok(()),
        Ok(_) => refuse("a socket of another family"),
        Err(_) => refuse("a socket that isn't connected"),
    }
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use super::*;

    /// A cell's own capability; any interface will do.
    struct Exported;

    impl host::Server for Exported {
        async fn ipfs(self: Rc<Self>, _: host::IpfsParams, _: host::IpfsResults) -> Result<(), capnp::Error> {
            Err(capnp::Error::failed("the cell was asked".to_owned()))
        }
    }

    #[test]
    fn the_host_reaches_what_the_cell_exports() {
        let (ours, theirs) = UnixStream::pair().expect("a socket pair");
        ours.set_nonblocking(true).expect("non-blocking");
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().expect("a runtime");
        let tasks = tokio::task::LocalSet::new();
        let error = tasks.block_on(&runtime, async {
            let exported: host::Client = capnp_rpc::new_client(Exported);
            let exported = capnp::capability::Client::new(exported.client.hook);
            let (_host, rpc) = over(theirs.into(), Some(exported)).expect("a session");
            tokio::task::spawn_local(rpc);

            let (reader, writer) = tokio::net::UnixStream::from_std(ours).expect("a stream").compat().split();
            let network = VatNetwork::new(reader, writer, Side::Server, ReaderOptions::new());
            let mut system = RpcSystem::new(Box::new(network), None);
            let cell: host::Client = system.bootstrap(Side::Client);
            tokio::task::spawn_local(system);
            cell.ipfs_request().send().promise.await.err().expect("an answer")
        });
        assert!(error.extra.ends_with("the cell was asked"), "{error}");
    }

    #[test]
    fn without_a_runtime_the_socket_is_left_open() {
        let (_ours, theirs) = UnixStream::pair().expect("a socket pair");
        let number = theirs.as_raw_fd();
        assert!(matches!(over(theirs.into(), None), Err(CellError::NoRuntime)));
        assert!(std::path::Path::new(&format!("/proc/self/fd/{number}")).exists());
    }
}
