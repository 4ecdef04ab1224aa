//! `Host` and `IPFS` on fd 3, called as a cell calls them, against a daemon that is part of the test.

#[path = "rpc/daemon.rs"]
mod daemon;
#[path = "rpc/session.rs"]
mod session;

#[path = "rpc/methods.rs"]
mod methods;
#[path = "rpc/refusals.rs"]
mod refusals;
