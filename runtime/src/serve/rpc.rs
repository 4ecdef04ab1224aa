//! One RPC session with the cell, from the socket to its end.
//!
//! - What it does: speaks two-party Cap'n Proto RPC, unpacked, on the host's end of the cell's fd 3; the
//!   bootstrap capability is `Host`.
//! - What must stay true: whatever the cell sends or doesn't, at worst this session ends: the future
//!   resolves, the socket is shut down, nothing is printed.
//! - Serves: rulings 13, 20.

use std::cell::Cell;
use std::future::Future;
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::panic::AssertUnwindSafe;

use capnp_rpc::RpcSystem;
use futures::FutureExt;

use super::gate::Gate;
use super::host;
use super::vat::Network;
use crate::access::Access;
use crate::content::Content;

/// Serves one cell until it closes its end of `stream`, or breaks the protocol. Of IPFS it may do what `access` grants.
///
/// To be run by `spawn_local` on a current-thread runtime with I/O and time enabled. Dropping the future
/// ends the session.
pub async fn serve(stream: UnixStream, content: Content, access: Access) {
    // For the end: parts of a session may outlive its future, and the cell must see the end of it.
    let Ok(socket) = stream.try_clone() else { return };
    let _shut = Shut(socket);
    // tokio takes the caller's word that it is.
    if stream.set_nonblocking(true).is_err() {
        return;
    }
    let Ok(stream) = tokio::net::UnixStream::from_std(stream) else { return };
    // A cell that never speaks costs no session: it has 128 KiB of buffers.
    if stream.readable().await.is_err() {
        return;
    }
    let gate = Gate::new();
    let host = host::client(content, access, gate.clone());
    let session = RpcSystem::new(Box::new(Network::new(stream, gate)), Some(host.client));
    // capnp-rpc holds some of what a peer may claim for impossible, and panics: no reason to end the host.
    // Nothing of the session is looked at after that.
    let mut session = std::pin::pin!(AssertUnwindSafe(session).catch_unwind());
    let _ = std::future::poll_fn(|context| {
        let _quiet = Quiet::new();
        session.as_mut().poll(context)
    })
    .await;
}

thread_local! {
    /// Whether a session is being polled.
    static IN_SESSION: Cell<bool> = const { Cell::new(false) };
}

/// Sets the panic hook to say nothing of sessions: standard error is the user's, and the session has ended.
pub fn keep_quiet_about_sessions() {
    let others = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if !IN_SESSION.get() {
            others(panic);
        }
    }));
}

struct Quiet;

impl Quiet {
    fn new() -> Quiet {
        IN_SESSION.set(true);
        Quiet
    }
}

impl Drop for Quiet {
    fn drop(&mut self) {
        IN_SESSION.set(false);
    }
}

/// Shuts the socket down when the session is over, however that came.
struct Shut(UnixStream);

impl Drop for Shut {
    fn drop(&mut self) {
        // It may be gone already, which is as good.
        let _ = self.0.shutdown(Shutdown::Both);
    }
}
