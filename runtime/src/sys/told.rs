//! What the init tells the host while a start goes on.
//!
//! What must stay true: a step that failed is told as that step, whatever else its end made fail after it.
//! Clauses: JAIL-41.

use std::io::{self, IoSliceMut};
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd, RawFd};

use nix::cmsg_space;
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags};
use nix::sys::socket::{ControlMessageOwned, MsgFlags, recvmsg};

use super::StartError;
use super::report::{Failure, MESSAGE_LEN, Message};

/// What an init said that ended before it was let go on: its maps can't be written any more, and that is no news.
pub(super) fn told_before(host: &OwnedFd) -> Option<Failure> {
    let mut poll = [PollFd::new(host.as_fd(), PollFlags::POLLIN)];
    // Nothing there yet, nothing to wait for: an init that lives waits for the host.
    if nix::poll::poll(&mut poll, 0u8).unwrap_or(0) == 0 {
        return None;
    }
    receive(host).ok()?.err()
}

/// The cell's pidfd, or the step that failed.
pub(super) fn receive(host: &OwnedFd) -> Result<Result<OwnedFd, Failure>, StartError> {
    let lost = |source| StartError::Os { what: "the init ended before the program ran", source };
    let mut bytes = [0; MESSAGE_LEN];
    let mut space = cmsg_space!(RawFd);
    let mut parts = [IoSliceMut::new(&mut bytes)];
    let mut pidfd = None;
    let received = loop {
        let flags = MsgFlags::MSG_CMSG_CLOEXEC;
        match recvmsg::<()>(host.as_raw_fd(), &mut parts, Some(&mut space), flags) {
            // Reset: it ended with the host's word unread. That is told once, before what it said (unix(7)).
            Err(Errno::EINTR | Errno::ECONNRESET) => continue,
            other => break other.map_err(|errno| lost(errno.into()))?,
        }
    };
    for message in received.cmsgs().map_err(|errno| lost(errno.into()))? {
        if let ControlMessageOwned::ScmRights(fds) = message {
            // SAFETY: the kernel has just put this descriptor into this process; nobody else owns it.
            pidfd = fds.first().map(|fd| unsafe { OwnedFd::from_raw_fd(*fd) });
        }
    }
    match (Message::decode(bytes), pidfd) {
        (Some(Message::Started), Some(pidfd)) => Ok(Ok(pidfd)),
        (Some(Message::Failed(failure)), _) => Ok(Err(failure)),
        _ => Err(lost(io::ErrorKind::UnexpectedEof.into())),
    }
}
