//! The session on the cell's socket: two-party RPC whose bootstrap capability is `Host`.
//!
//! What must stay true: whatever the cell sends, at worst the session ends, and nobody else hears of it.

use std::cell::Cell;
use std::fs;
use std::io;
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::panic::AssertUnwindSafe;
use std::rc::Rc;
use std::time::Duration;

use capnp::Error;
use capnp::message::ReaderOptions;
use capnp_rpc::rpc_twoparty_capnp::Side;
use capnp_rpc::twoparty::VatNetwork;
use capnp_rpc::{RpcSystem, new_client};
use futures::FutureExt;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::task::LocalSet;
use ww_schema::system_capnp::{host, i_p_f_s};

use super::Wrong;
use super::access::{Granted, Guard};
use super::content::Content;
use super::ipfs::Ipfs;
use super::{relay, socket};

/// How long some faults wait.
const SHORT: Duration = Duration::from_millis(500);

/// Serves the cell until its session ends; whether it said anything.
pub fn serve(stream: UnixStream, endpoint: &str, cell: Pid, granted: Granted, wrong: Wrong) -> bool {
    std::panic::set_hook(Box::new(|_| ()));
    if wrong.is("rpc-unserved") {
        return true;
    }
    let mut spoken = Cell::new(false);
    stream.try_clone().and_then(|stream| session(stream, endpoint, cell, granted, wrong, &spoken)).ok();
    stream.shutdown(Shutdown::Both).ok();
    if wrong.is("rpc-end-kills-later") {
        std::thread::sleep(SHORT);
        kill(cell, Signal::SIGKILL).ok();
    }
    *spoken.get_mut()
}

/// One session.
fn session(
    stream: UnixStream,
    endpoint: &str,
    cell: Pid,
    granted: Granted,
    wrong: Wrong,
    spoken: &Cell<bool>,
) -> io::Result<()> {
    let stream = relay::before(stream, cell, wrong)?;
    stream.set_nonblocking(true)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    LocalSet::new().block_on(&runtime, async {
        let stream = tokio::net::UnixStream::from_std(stream)?;
        let silent = tokio::time::timeout(SHORT, stream.readable()).await.is_err();
        match wrong.0 {
            "rpc-silence-hung-up" if silent => return Ok(()),
            "rpc-silence-kills" if silent => return Ok(kill(cell, Signal::SIGKILL)?),
            _ => stream.readable().await?,
        }
        // What the cell says first, if it doesn't just go away.
        spoken.set(!is_ended(&stream));
        let (reader, writer) = socket::halves(stream, wrong);
        let mut options = ReaderOptions::default();
        match wrong.0 {
            "rpc-any-message" => {}
            "rpc-8-mib-at-most" => drop(options.traversal_limit_in_words(Some((8 << 20 | 64 << 10) / 8))),
            _ => drop(options.traversal_limit_in_words(Some((9 << 20) / 8))),
        }
        let network = VatNetwork::new(reader, writer, Side::Server, options);
        let ipfs = Rc::new(Ipfs::new(Content::at(endpoint), cell, granted, wrong));
        let fatal = ipfs.fatal();
        let ipfs: i_p_f_s::Client = new_client(Guard { ipfs, granted });
        let bootstrap = match wrong.0 {
            "rpc-bootstrap-is-ipfs" => ipfs.client,
            _ => {
                let host: host::Client =
                    new_client(Host { ipfs, endpoint: endpoint.into(), calls: Cell::new(0), granted, wrong });
                host.client
            }
        };
        // capnp-rpc holds some of what a peer may claim for impossible, and panics.
        let system = AssertUnwindSafe(RpcSystem::new(Box::new(network), Some(bootstrap))).catch_unwind();
        tokio::select! {
            _ = system => Ok(()),
            () = fatal.notified() => Ok(()),
        }
    })
}

fn is_ended(stream: &tokio::net::UnixStream) -> bool {
    use std::os::fd::AsFd;
    let mut one = [0];
    let looked = nix::sys::socket::recv(
        std::os::fd::AsRawFd::as_raw_fd(&stream.as_fd()),
        &mut one,
        nix::sys::socket::MsgFlags::MSG_PEEK,
    );
    looked == Ok(0)
}

struct Host {
    ipfs: i_p_f_s::Client,
    endpoint: String,
    calls: Cell<u32>,
    granted: Granted,
    wrong: Wrong,
}

impl host::Server for Host {
    async fn ipfs(self: Rc<Self>, _: host::IpfsParams, mut results: host::IpfsResults) -> Result<(), Error> {
        self.granted.any()?;
        self.calls.set(self.calls.get() + 1);
        let refused = match self.wrong.0 {
            "rpc-ipfs-once" => self.calls.get() > 1,
            "rpc-key-asked" => fs::metadata("/run/ww/key").is_err(),
            "rpc-ipfs-needs-daemon" => Content::at(&self.endpoint).version().await.is_err(),
            _ => false,
        };
        if refused {
            return Err(Error::failed("Host.ipfs: refused".into()));
        }
        if !self.wrong.is("rpc-ipfs-null") {
            results.get().set_ipfs(self.ipfs.clone());
        }
        Ok(())
    }
}
