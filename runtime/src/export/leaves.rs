//! The leaves of files, read and hashed by as many threads as there are processors, and handed on in order.
//!
//! - What must stay true: what is read and not yet taken is bounded in bytes; a buffer is used again and again.
//! - Serves: STORE-07, -21.

use std::collections::VecDeque;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use crate::content::import::Profile;
use crate::content::import::dagpb::{self, Block, ROOM};

/// How much is read ahead of what is taken, in bytes.
const AHEAD: usize = 16 << 20;
/// What a leaf costs besides its bytes: what is around a buffer and a job.
const EACH: usize = 4096;

/// A leaf that comes.
pub(super) type Leaf = Receiver<io::Result<Block>>;

/// What is to be done, and who waits for room to ask for more.
pub(super) struct Leaves {
    profile: Profile,
    state: Mutex<State>,
    /// There is a job, or there will be none.
    jobs: Condvar,
    /// There is room, or nobody takes anything any more.
    room: Condvar,
}

struct State {
    jobs: VecDeque<Job>,
    buffers: Vec<Vec<u8>>,
    used: usize,
    closed: bool,
}

struct Job {
    from: From,
    to: Sender<io::Result<Block>>,
}

enum From {
    File { file: Arc<File>, at: u64, length: usize },
    Buffer(Vec<u8>),
}

/// Nobody takes leaves any more.
pub(super) struct Closed;

impl Leaves {
    pub(super) fn new(profile: Profile) -> Leaves {
        let state = State { jobs: VecDeque::new(), buffers: Vec::new(), used: 0, closed: false };
        Leaves { profile, state: Mutex::new(state), jobs: Condvar::new(), room: Condvar::new() }
    }

    /// Asks for a part of a file.
    pub(super) fn read(&self, file: &Arc<File>, at: u64, length: usize) -> Result<Leaf, Closed> {
        self.ask(From::File { file: Arc::clone(file), at, length }, length)
    }

    /// Asks for the leaf whose bytes are in a buffer, behind [`ROOM`].
    pub(super) fn hash(&self, buffer: Vec<u8>) -> Result<Leaf, Closed> {
        let length = buffer.len();
        self.ask(From::Buffer(buffer), length)
    }

    fn ask(&self, from: From, length: usize) -> Result<Leaf, Closed> {
        let (to, leaf) = channel();
        let mut state = self.lock();
        while state.used > 0 && state.used + length + EACH > AHEAD && !state.closed {
            state = self.room.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        if state.closed {
            return Err(Closed);
        }
        state.used += length + EACH;
        state.jobs.push_back(Job { from, to });
        drop(state);
        self.jobs.notify_one();
        Ok(leaf)
    }

    /// A buffer with room in front.
    pub(super) fn buffer(&self) -> Vec<u8> {
        let mut buffer = self.lock().buffers.pop().unwrap_or_default();
        buffer.clear();
        buffer.resize(ROOM, 0);
        buffer
    }

    /// Takes a leaf, whose turn it is.
    pub(super) fn take(&self, leaf: &Leaf) -> io::Result<Block> {
        leaf.recv().unwrap_or_else(|_| Err(io::Error::other("a thread that reads is gone")))
    }

    /// Gives back what a leaf of so many bytes was in.
    pub(super) fn done(&self, length: usize, block: Option<Block>) {
        let mut state = self.lock();
        state.used = state.used.saturating_sub(length + EACH);
        if let Some(block) = block {
            state.buffers.push(block.into_buffer());
        }
        drop(state);
        self.room.notify_one();
    }

    /// Nothing is taken any more, or nothing is asked for any more.
    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.jobs.notify_all();
        self.room.notify_all();
    }

    /// What each thread does, until it is closed and nothing is left.
    pub(super) fn work(&self) {
        loop {
            let mut state = self.lock();
            let job = loop {
                match state.jobs.pop_front() {
                    Some(job) => break job,
                    None if state.closed => return,
                    None => state = self.jobs.wait(state).unwrap_or_else(PoisonError::into_inner),
                }
            };
            drop(state);
            let buffer = match job.from {
                From::Buffer(buffer) => Ok(buffer),
                From::File { file, at, length } => {
                    let mut buffer = self.buffer();
                    buffer.resize(ROOM + length, 0);
                    file.read_exact_at(&mut buffer[ROOM..], at).map(|()| buffer)
                }
            };
            // Where nobody waits for it, the export has failed.
            let _ = job.to.send(buffer.map(|buffer| dagpb::leaf(self.profile, buffer)));
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
