//! How the init and the cell's process keep step while they share memory: the cell's process makes its network and drops
//! its privileges while the init builds the view, which on two processors takes a fifth off a start.
//!
//! What must stay true: nobody waits for a process that is gone. The kernel tells the init when the cell's process has
//! executed its program or ended (CLONE_CHILD_CLEARTID, set_tid_address(2)), and kills the cell's process when the
//! init ends.

use std::os::fd::RawFd;
use std::sync::atomic::{AtomicI32, AtomicU32, AtomicU64, Ordering};

use super::raw::call;
use super::report::{Failure, Message};

/// The cell's process works on what is its own.
const AT_WORK: u32 = 1;
/// Its network is there. When it has executed its program, or is gone, the kernel writes 0.
const CONNECTED: u32 = 2;

/// How far the init is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Init {
    /// The id maps are written.
    Mapped = 1,
    /// The view is the root of both.
    Rooted,
}

/// What the two tell one another.
#[derive(Debug)]
pub(super) struct Steps {
    cell: AtomicU32,
    init: AtomicU32,
    network: AtomicI32,
    root_device: AtomicU64,
    failure: AtomicU64,
}

impl Steps {
    pub(super) fn new() -> Steps {
        Steps {
            cell: AtomicU32::new(AT_WORK),
            init: AtomicU32::new(0),
            network: AtomicI32::new(-1),
            root_device: AtomicU64::new(0),
            failure: AtomicU64::new(0),
        }
    }

    /// Where the kernel writes that the cell's process shares this memory no longer.
    pub(super) fn gone(&self) -> u64 {
        self.cell.as_ptr() as u64
    }

    /// By the cell's process: `network` is a descriptor of its network namespace, in the table that both use.
    pub(super) fn connected(&self, network: RawFd) {
        self.network.store(network, Ordering::Relaxed);
        self.cell.store(CONNECTED, Ordering::Release);
        wake(&self.cell);
    }

    /// By the cell's process, before it ends.
    pub(super) fn failed(&self, failure: Failure) {
        self.failure.store(u64::from_le_bytes(Message::Failed(failure).encode()), Ordering::Release);
    }

    /// By the cell's process: waits until the init is as far as this.
    pub(super) fn wait_for_init(&self, far: Init) {
        loop {
            let now = self.init.load(Ordering::Acquire);
            if now >= far as u32 {
                return;
            }
            wait(&self.init, now);
        }
    }

    /// By the cell's process: the device of the root that the init made.
    pub(super) fn root_device(&self) -> u64 {
        self.root_device.load(Ordering::Relaxed)
    }

    /// By the init: it is as far as this.
    pub(super) fn reached(&self, far: Init) {
        self.init.store(far as u32, Ordering::Release);
        wake(&self.init);
    }

    /// By the init, before it is [`Init::Rooted`].
    pub(super) fn rooted_on(&self, device: u64) {
        self.root_device.store(device, Ordering::Relaxed);
    }

    /// By the init: waits for the cell's network, or what kept it from being made.
    pub(super) fn wait_for_network(&self) -> Result<RawFd, Option<Failure>> {
        match self.wait_while(AT_WORK) {
            CONNECTED => Ok(self.network.load(Ordering::Relaxed)),
            _ => Err(self.failure()),
        }
    }

    /// By the init: waits until the program was executed, or for what kept it from that.
    pub(super) fn wait_for_program(&self) -> Result<(), Failure> {
        self.wait_while(CONNECTED);
        self.failure().map_or(Ok(()), Err)
    }

    fn wait_while(&self, state: u32) -> u32 {
        loop {
            match self.cell.load(Ordering::Acquire) {
                now if now == state => wait(&self.cell, state),
                now => return now,
            }
        }
    }

    fn failure(&self) -> Option<Failure> {
        match Message::decode(self.failure.load(Ordering::Acquire).to_le_bytes()) {
            Some(Message::Failed(failure)) => Some(failure),
            _ => None,
        }
    }
}

/// Sleeps while the word has this value (futex(2)); may return early. Not FUTEX_PRIVATE: the kernel's own wake isn't.
fn wait(word: &AtomicU32, value: u32) {
    const WAIT: usize = libc::FUTEX_WAIT as usize;
    // SAFETY: the word's address, an integer and no time limit. EAGAIN and EINTR are for the caller to look again.
    let _ = unsafe { call(libc::SYS_futex, [word.as_ptr() as usize, WAIT, value as usize, 0, 0, 0]) };
}

fn wake(word: &AtomicU32) {
    const WAKE: usize = libc::FUTEX_WAKE as usize;
    // SAFETY: the word's address and integers.
    let _ = unsafe { call(libc::SYS_futex, [word.as_ptr() as usize, WAKE, 1, 0, 0, 0]) };
}
