//! A sign that many threads watch, and that is raised once.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::{Mutex, PoisonError};

use nix::fcntl::OFlag;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::unistd::pipe2;

/// A pipe whose one end nobody writes to: its closing is the sign.
#[derive(Debug)]
pub struct StopSign {
    reader: OwnedFd,
    writer: Mutex<Option<OwnedFd>>,
}

impl StopSign {
    /// One that isn't raised.
    ///
    /// # Errors
    /// What pipe2(2) says.
    pub fn new() -> io::Result<Self> {
        let (reader, writer) = pipe2(OFlag::O_CLOEXEC)?;
        Ok(Self { reader, writer: Mutex::new(Some(writer)) })
    }

    /// Raises it.
    pub fn raise(&self) {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner).take();
    }

    /// Whether it is raised.
    #[must_use]
    pub fn is_raised(&self) -> bool {
        let mut one = [PollFd::new(self.reader.as_fd(), PollFlags::POLLIN)];
        poll(&mut one, PollTimeout::ZERO).is_ok_and(|count| count > 0)
    }

    /// What can be polled: it hangs up when the sign is raised.
    #[must_use]
    pub fn as_fd(&self) -> BorrowedFd<'_> {
        self.reader.as_fd()
    }
}
