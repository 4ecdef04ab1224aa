//! The init's program (`pid1/`), as a file that can be executed and not read.

use std::fs::{File, Permissions};
use std::io::{self, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt;

use nix::errno::Errno;
use nix::sys::memfd::{MFdFlags, memfd_create};

/// Built by build.rs.
const PROGRAM: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/ww-init"));

/// The program in a memfd, close-on-exec.
///
/// Who executes a file without being allowed to read it can't be traced from the first instruction on (the kernel's
/// `would_dump`, fs/exec.c): pid 1 is never the cell's to look into.
pub(super) fn init_image() -> io::Result<OwnedFd> {
    let create = |flags| memfd_create(c"ww-init", MFdFlags::MFD_CLOEXEC | flags);
    let file = match create(MFdFlags::from_bits_retain(libc::MFD_EXEC)) {
        // Before Linux 6.3 they all can be executed, and the flag isn't known.
        Err(Errno::EINVAL) => create(MFdFlags::empty()),
        // The sysctl vm.memfd_noexec is 2.
        Err(Errno::EACCES) => {
            return Err(io::Error::other("this system lets no memfd be executed: set the sysctl vm.memfd_noexec to 0"));
        }
        other => other,
    }?;
    let mut file = File::from(file);
    file.write_all(PROGRAM)?;
    file.set_permissions(Permissions::from_mode(0o111))?;
    Ok(file.into())
}
