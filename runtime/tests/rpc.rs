//! RPC on fd 3 as cells meet it: what works, what is refused, cells that break the protocol or flood it. The daemon
//! behind it is part of the test.

#[path = "rpc/broken.rs"]
mod broken;
#[path = "rpc/daemon.rs"]
mod daemon;
#[path = "rpc/ends.rs"]
mod ends;
#[path = "rpc/floods.rs"]
mod floods;
#[path = "rpc/frames.rs"]
mod frames;
#[path = "rpc/hostile_peers.rs"]
mod hostile_peers;
#[path = "rpc/methods.rs"]
mod methods;
#[path = "rpc/peers.rs"]
mod peers;
#[path = "rpc/refusals.rs"]
mod refusals;
#[path = "rpc/session.rs"]
mod session;
#[path = "rpc/tail.rs"]
mod tail;
