//! A session that can break and does no harm.
//!
//! capnp-rpc holds some of what a peer may claim for impossible, and panics: no reason to end the host.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use capnp_rpc::rpc_twoparty_capnp::Side;
use capnp_rpc::{Disconnector, RpcSystem};

/// An RPC system that ends where it panics.
pub(super) struct Session {
    system: RpcSystem<Side>,
    disconnector: Disconnector<Side>,
    broken: bool,
}

impl Session {
    pub(super) fn new(system: RpcSystem<Side>) -> Session {
        let disconnector = system.get_disconnector();
        Session { system, disconnector, broken: false }
    }

    /// Asks the far end for its bootstrap capability: once, as a session that is over has none to ask.
    pub(super) fn bootstrap(&mut self) -> capnp::capability::Client {
        self.system.bootstrap(Side::Client)
    }

    /// Does what is due; ready when the session is over.
    pub(super) fn poll(&mut self, context: &mut Context<'_>) -> Poll<()> {
        if self.broken {
            return Poll::Ready(());
        }
        let _quiet = Quiet::new();
        let polled = catch_unwind(AssertUnwindSafe(|| Pin::new(&mut self.system).poll(context).is_ready()));
        match polled {
            Ok(false) => Poll::Pending,
            Ok(true) => Poll::Ready(()),
            Err(_) => {
                self.broken = true;
                // Whoever waits for an answer of the far end's is told; nothing else is looked at after a panic.
                let disconnector = AssertUnwindSafe(|| Pin::new(&mut self.disconnector).poll(context).is_ready());
                let _ = catch_unwind(disconnector);
                Poll::Ready(())
            }
        }
    }

    /// Whether it ended by a panic.
    pub(super) fn is_broken(&self) -> bool {
        self.broken
    }
}

impl Drop for Session {
    /// Whoever holds a capability of the far end's outlives its session: calls fail instead of waiting for ever.
    fn drop(&mut self) {
        if !self.broken {
            let _quiet = Quiet::new();
            let mut context = Context::from_waker(Waker::noop());
            let disconnector = AssertUnwindSafe(|| Pin::new(&mut self.disconnector).poll(&mut context).is_ready());
            let _ = catch_unwind(disconnector);
        }
    }
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
