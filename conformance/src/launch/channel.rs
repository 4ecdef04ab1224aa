//! Messages with descriptors between suite and launcher, over a socket that keeps their borders.
//!
//! What must stay true: every descriptor that arrives is close-on-exec.

use std::fs::File;
use std::io::{IoSlice, IoSliceMut, Read, Seek, SeekFrom, Write};
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd, RawFd};

use nix::cmsg_space;
use nix::errno::Errno;
use nix::sys::memfd::{MFdFlags, memfd_create};
use nix::sys::socket::{
    AddressFamily, ControlMessage, ControlMessageOwned, MsgFlags, SockFlag, SockType, recvmsg, sendmsg, socketpair,
};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::LaunchError;
use crate::sys;

/// Descriptors in one message: the kernel takes 253.
const BATCH: usize = 200;
/// Bytes of one message; larger values travel in a memory file.
const MESSAGE: usize = 64 * 1024;

fn fault(what: &'static str) -> impl Fn(Errno) -> LaunchError {
    move |errno| LaunchError::Channel(format!("{what}: {errno}"))
}

/// One end of the channel.
#[derive(Debug)]
pub(crate) struct Channel(OwnedFd);

impl Channel {
    /// Both ends.
    pub(crate) fn pair() -> Result<(Self, OwnedFd), LaunchError> {
        let (ours, theirs) = socketpair(AddressFamily::Unix, SockType::SeqPacket, None, SockFlag::SOCK_CLOEXEC)
            .map_err(fault("socketpair"))?;
        Ok((Self(ours), theirs))
    }

    pub(crate) fn over(socket: OwnedFd) -> Self {
        Self(socket)
    }

    pub(crate) fn as_fd(&self) -> BorrowedFd<'_> {
        use std::os::fd::AsFd;
        self.0.as_fd()
    }

    /// Sends a value with descriptors of any number.
    pub(crate) fn send<T: Serialize>(&self, value: &T, fds: &[BorrowedFd<'_>]) -> Result<(), LaunchError> {
        let text = serde_json::to_vec(value).map_err(|fault| LaunchError::Channel(fault.to_string()))?;
        let memory = memfd_create("ww-conformance", MFdFlags::MFD_CLOEXEC).map_err(fault("memfd_create"))?;
        let mut memory = File::from(memory);
        memory.write_all(&text).map_err(|cause| LaunchError::Channel(cause.to_string()))?;
        let mut all: Vec<RawFd> = vec![memory.as_raw_fd()];
        all.extend(fds.iter().map(AsRawFd::as_raw_fd));
        let count = all.len().to_string();
        for batch in all.chunks(BATCH) {
            let part = [IoSlice::new(count.as_bytes())];
            let rights = [ControlMessage::ScmRights(batch)];
            sendmsg::<()>(self.0.as_raw_fd(), &part, &rights, MsgFlags::MSG_NOSIGNAL, None)
                .map_err(fault("sendmsg"))?;
        }
        Ok(())
    }

    /// Receives a value with its descriptors; `None` when the other end is closed.
    pub(crate) fn receive<T: DeserializeOwned>(&self) -> Result<Option<(T, Vec<OwnedFd>)>, LaunchError> {
        let mut fds = Vec::new();
        let mut wanted = 1;
        while fds.len() < wanted {
            let mut text = vec![0; MESSAGE];
            let mut room = cmsg_space!([RawFd; BATCH]);
            let (length, arrived) = {
                let mut part = [IoSliceMut::new(&mut text)];
                let flags = MsgFlags::MSG_CMSG_CLOEXEC;
                let message = loop {
                    match recvmsg::<()>(self.0.as_raw_fd(), &mut part, Some(&mut room), flags) {
                        Err(Errno::EINTR) => {}
                        Err(Errno::ECONNRESET) => return Ok(None),
                        other => break other.map_err(fault("recvmsg"))?,
                    }
                };
                let rights = message.cmsgs().map_err(fault("cmsgs"))?.filter_map(|part| match part {
                    ControlMessageOwned::ScmRights(numbers) => Some(numbers),
                    _ => None,
                });
                (message.bytes, sys::received(rights.flatten().collect()))
            };
            if length == 0 {
                return Ok(None);
            }
            let said = String::from_utf8_lossy(&text[..length]);
            wanted = said.parse().map_err(|_| LaunchError::Channel(format!("{said:?} isn't a count")))?;
            if arrived.is_empty() {
                return Err(LaunchError::Channel("descriptors were lost on the way".into()));
            }
            fds.extend(arrived);
        }
        let mut memory = File::from(fds.remove(0));
        let mut text = Vec::new();
        memory
            .seek(SeekFrom::Start(0))
            .and_then(|_| memory.read_to_end(&mut text))
            .map_err(|cause| LaunchError::Channel(cause.to_string()))?;
        let value = serde_json::from_slice(&text).map_err(|cause| LaunchError::Channel(cause.to_string()))?;
        Ok(Some((value, fds)))
    }
}
