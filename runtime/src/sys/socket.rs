//! Reading from a socket whose other end may attach descriptors, of which this process wants none.

use std::io::{self, IoSliceMut};
use std::os::fd::{AsFd, AsRawFd};

use nix::sys::socket::{MsgFlags, recvmsg};

/// What came with some bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attached {
    /// Nothing.
    Nothing,
    /// Descriptors: the kernel has let go of them, as there was no room for any (unix(7), `SCM_RIGHTS`). None was
    /// ever open here.
    Descriptors,
}

/// Receives bytes, and nothing but bytes; 0 at the end.
pub fn receive(socket: impl AsFd, into: &mut [u8]) -> io::Result<(usize, Attached)> {
    let mut parts = [IoSliceMut::new(into)];
    let received = recvmsg::<()>(socket.as_fd().as_raw_fd(), &mut parts, None, MsgFlags::empty())?;
    let attached = match received.flags.contains(MsgFlags::MSG_CTRUNC) {
        true => Attached::Descriptors,
        false => Attached::Nothing,
    };
    Ok((received.bytes, attached))
}
