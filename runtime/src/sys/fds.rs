//! The host's own descriptors: what was inherited, and letting go of it once the cell runs.

use std::fs::{self, File};
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::os::unix::net::UnixStream;

use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::poll::{PollFd, PollFlags};
use nix::sys::socket::sockopt::SndBuf;
use nix::sys::socket::{AddressFamily, SockFlag, SockType, setsockopt, socketpair};
use nix::sys::stat::{SFlag, fstat};

use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use super::raw;
use crate::fds::Opened;
use crate::jail::landlock::Inherited;

/// What may be on its way over the RPC socket, each way, in bytes.
const BUFFER: usize = 1 << 20;

/// How a descriptor of this process was opened; `None` where nothing is open.
pub fn opened(fd: RawFd) -> Option<Opened> {
    let mode = flags(fd)? & OFlag::O_ACCMODE;
    Some(Opened { writable: mode != OFlag::O_RDONLY })
}

/// What a descriptor of this process leads to.
pub fn inherited(fd: RawFd) -> Inherited {
    let (Some(flags), Ok(stat)) = (flags(fd), fstat(borrow(fd))) else { return Inherited::Other };
    let mode = flags & OFlag::O_ACCMODE;
    let path_only = flags.contains(OFlag::O_PATH);
    match SFlag::from_bits_truncate(stat.st_mode) & SFlag::S_IFMT {
        SFlag::S_IFDIR => Inherited::Directory,
        SFlag::S_IFREG | SFlag::S_IFCHR | SFlag::S_IFBLK => Inherited::File {
            read: !path_only && mode != OFlag::O_WRONLY,
            write: !path_only && mode != OFlag::O_RDONLY,
        },
        _ => Inherited::Other,
    }
}

/// The two ends of the RPC socket, both close-on-exec and in blocking mode: the host's, then the cell's.
pub fn rpc_pair() -> io::Result<(UnixStream, OwnedFd)> {
    let (host, cell) = socketpair(AddressFamily::Unix, SockType::Stream, None, SockFlag::SOCK_CLOEXEC)?;
    for end in [&host, &cell] {
        // As much as the kernel allows: it is the speed of what is large, and no more than that.
        let _ = setsockopt(end, SndBuf, &BUFFER);
    }
    Ok((host.into(), cell))
}

/// The descriptors that this process was started with, and no others: what was opened since belongs to a value of
/// ours, which closes it, or to a library, which may keep it for ever (tokio does, for signals).
#[derive(Debug)]
pub struct Handover {
    /// Without the standard streams, in ascending order.
    numbers: Vec<RawFd>,
}

impl Handover {
    /// Lists what is open. It comes first: what was opened before it counts as the caller's.
    ///
    /// This is some 25 µs of a run's 2500, and 2 µs more for each descriptor that was handed over; to ask for
    /// every number up to the highest (`FDSize` in /proc/self/status) takes twice that. To close here what isn't
    /// granted would be free, but a path like `/dev/fd/63`, which a shell makes of `<(…)`, is good until the
    /// start. Without /proc there is no cell either: its id maps are written there.
    pub fn take() -> io::Result<Handover> {
        let mut numbers = Vec::new();
        // The size is the number of descriptors from Linux 6.2 on, and 0 before: 3 are the standard streams, which
        // are always open here.
        if fs::metadata("/proc/self/fd")?.len() == 3 {
            return Ok(Handover { numbers });
        }
        for entry in fs::read_dir("/proc/self/fd")? {
            numbers.extend(entry?.file_name().to_str().and_then(|name| name.parse::<RawFd>().ok()));
        }
        // The number of the directory itself is among them, and closed again.
        numbers.retain(|fd| *fd > libc::STDERR_FILENO && flags(*fd).is_some());
        numbers.sort_unstable();
        Ok(Handover { numbers })
    }

    /// Closes them all but `kept` and standard error. Standard input and output become /dev/null, so that
    /// nothing opened later takes their numbers.
    pub fn let_go(mut self, kept: Option<RawFd>) -> io::Result<()> {
        self.numbers.retain(|fd| Some(*fd) != kept);
        for run in self.numbers.chunk_by(|one, next| one + 1 == *next) {
            if let (Some(first), Some(last)) = (run.first(), run.last()) {
                raw::close_range(*first, *last).map_err(io::Error::from_raw_os_error)?;
            }
        }
        let null = File::options().read(true).write(true).open("/dev/null")?;
        for stream in 0..2 {
            // SAFETY: integers. The streams are std's, which never closes them and asks nothing of what is there.
            if unsafe { libc::dup3(null.as_raw_fd(), stream, libc::O_CLOEXEC) } == -1 {
                return Err(io::Error::last_os_error());
            }
        }
        Ok(())
    }
}

/// A descriptor that the caller of `ww` opened.
fn borrow(fd: RawFd) -> BorrowedFd<'static> {
    // SAFETY: an inherited descriptor belongs to no value of this process; it stays open until
    // [`Handover::let_go`], and the borrow lasts for one fcntl or fstat, which bear a closed number.
    unsafe { BorrowedFd::borrow_raw(fd) }
}

fn flags(fd: RawFd) -> Option<OFlag> {
    if fd < 0 {
        return None;
    }
    fcntl(borrow(fd), FcntlArg::F_GETFL).ok().map(OFlag::from_bits_retain)
}

/// Lets tokio wait until a descriptor is readable. Needs a runtime.
pub fn watch(fd: BorrowedFd<'_>) -> io::Result<AsyncFd<BorrowedFd<'_>>> {
    // SAFETY: the borrow keeps the descriptor open, and the same, for as long as the AsyncFd lives.
    Ok(unsafe { AsyncFd::register_with_interest(fd, Interest::READABLE) }?)
}

/// How long a status line waits for a reader that doesn't read.
const PATIENCE_MS: u16 = 1000;

/// Writes a line to an inherited descriptor; gives up on a reader that went away or doesn't read.
pub fn write_line(fd: RawFd, line: &str) -> io::Result<()> {
    let mut poll = [PollFd::new(borrow(fd), PollFlags::POLLOUT)];
    if nix::poll::poll(&mut poll, PATIENCE_MS)? == 0 {
        return Err(io::ErrorKind::TimedOut.into());
    }
    let text = format!("{line}\n");
    let mut rest = text.as_bytes();
    while !rest.is_empty() {
        let written = nix::unistd::write(borrow(fd), rest)?;
        rest = &rest[written..];
    }
    Ok(())
}
