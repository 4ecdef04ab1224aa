//! A daemon that lies, stalls, cuts or floods, and content that was made to harm: each is an error that
//! names what happened, and none costs more than bounded time and memory.

#[path = "faults/content.rs"]
mod content;
#[path = "faults/daemon.rs"]
mod daemon;
#[path = "faults/fake.rs"]
mod fake;
#[path = "faults/reach.rs"]
mod reach;
