//! The store's lock: many write at once, and one that removes is alone.
//!
//! - What it does: flock(2) on one file. Who writes holds it shared from the first block to the commit; who removes blocks
//!   or moves them holds it alone. Who reads holds nothing: what is read was opened, and stays when its name goes.
//! - What must stay true: the kernel takes it back when a process dies, however it dies. Nobody waits without end.
//! - Serves: ruling 16.

use std::fs::File;
use std::io;
use std::thread::sleep;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};

use super::StoreError;
use super::folder::Folder;

const NAME: &str = "lock";
/// How long one waits for the others.
const PATIENCE: Duration = Duration::from_secs(30);

/// The lock, for as long as this lives.
#[derive(Debug)]
pub(super) struct Held(#[expect(dead_code, reason = "held, not looked at")] Flock<File>);

/// With all others that write.
pub(super) fn shared(store: &Folder) -> Result<Held, StoreError> {
    wait(store, FlockArg::LockSharedNonblock, "removes from it", PATIENCE)
}

/// The same, if it can be had at once.
pub(super) fn shared_now(store: &Folder) -> io::Result<Option<Held>> {
    attempt(store.lockable(NAME)?, FlockArg::LockSharedNonblock).map(Result::ok)
}

/// Alone.
pub(super) fn exclusive(store: &Folder) -> Result<Held, StoreError> {
    wait(store, FlockArg::LockExclusiveNonblock, "writes to it", PATIENCE)
}

/// Alone, if that can be had at once.
pub(super) fn exclusive_now(store: &Folder) -> io::Result<Option<Held>> {
    attempt(store.lockable(NAME)?, FlockArg::LockExclusiveNonblock).map(Result::ok)
}

fn wait(store: &Folder, how: FlockArg, doing: &'static str, patience: Duration) -> Result<Held, StoreError> {
    let failed = StoreError::io("take the lock", store.path());
    let mut file = store.lockable(NAME).map_err(&failed)?;
    let started = Instant::now();
    loop {
        match attempt(file, how).map_err(&failed)? {
            Ok(held) => return Ok(held),
            Err(again) => file = again,
        }
        if started.elapsed() > patience {
            return Err(StoreError::Busy { path: store.path().to_owned(), doing });
        }
        sleep(Duration::from_millis(5));
    }
}

/// Whether somebody has a file of its own locked.
pub(super) fn is_held(file: File) -> bool {
    Flock::lock(file, FlockArg::LockExclusiveNonblock).is_err()
}

/// Takes it, or gives the file back.
fn attempt(file: File, how: FlockArg) -> io::Result<Result<Held, File>> {
    match Flock::lock(file, how) {
        Ok(lock) => Ok(Ok(Held(lock))),
        Err((file, Errno::EWOULDBLOCK)) => Ok(Err(file)),
        Err((_, errno)) => Err(errno.into()),
    }
}
