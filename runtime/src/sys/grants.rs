//! Path grants on the host's side: opened once by the caller's rights, and mounted where only root can.
//!
//! An ordinary user's cell is that user, so the init mounts what was opened: it walks the path again, and the device
//! and inode must be those that are held open here. Root's cells are another user (docs/decisions/root-grants.md):
//! the mount is made here, with root's powers, and shows what the grant's owner owns as the cell's.
//! What must stay true: a mount that root made has its attributes before anything can use it; nothing follows a
//! path a second time without looking whether it is still the same.
//! Clauses: LIMIT-02, LIMIT-03, LIMIT-04, LIMIT-27.

use std::ffi::c_void;
use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::path::Path;

use nix::fcntl::{OFlag, open};
use nix::sys::signal::{Signal, kill};
use nix::sys::stat::{FileStat, Mode, fstat};
use nix::sys::wait::{WaitPidFlag, waitpid};
use nix::unistd::Pid;

use super::mounts;
use crate::jail::Identity;
use crate::jail::grant::Access;

/// Something that was granted, held open.
#[derive(Debug)]
pub struct Opened {
    fd: OwnedFd,
    stat: FileStat,
}

/// A mount that root made of a grant.
#[derive(Debug)]
pub struct Mounted {
    /// The mount, which has no place yet.
    pub fd: OwnedFd,
    /// Whether the owner's files are the cell's there; where the file system can't say so, they are root's still.
    pub owned: bool,
}

/// Why root's grant can't be mounted.
#[derive(Debug, thiserror::Error)]
pub enum MountError {
    /// No user namespace to map its owner by.
    #[error(
        "it takes a user namespace to map its owner, and none can be had (see the sysctl user.max_user_namespaces)"
    )]
    Users(#[source] io::Error),
    /// Anything else that the kernel refuses.
    #[error("it can't be mounted")]
    Mount(#[source] io::Error),
}

impl Opened {
    /// Opens a path, which may be a symbolic link, by the caller's rights; reads nothing.
    pub fn new(path: &Path) -> io::Result<Opened> {
        let fd = open(path, OFlag::O_PATH | OFlag::O_CLOEXEC, Mode::empty())?;
        let stat = fstat(&fd)?;
        Ok(Opened { fd, stat })
    }

    /// What it is (inode(7)).
    pub fn stat(&self) -> &FileStat {
        &self.stat
    }

    /// Mounts it for root's cell; `None` where this root may not mount, as in many containers. Then its cells
    /// see what their user may, as those of an ordinary user do.
    pub fn mount(&self, identity: &Identity, access: Access) -> Result<Option<Mounted>, MountError> {
        let refused = |errno| MountError::Mount(io::Error::from_raw_os_error(errno));
        let recursive = self.stat.st_mode & libc::S_IFMT == libc::S_IFDIR;
        let mount = match mounts::open_tree_of(self.fd.as_raw_fd(), recursive) {
            Ok(mount) => mount,
            Err(libc::EPERM) => return Ok(None),
            Err(errno) => return Err(refused(errno)),
        };
        // SAFETY: the kernel has just made this descriptor for this process; nobody else owns it.
        let fd = unsafe { OwnedFd::from_raw_fd(mount) };
        let users = users_of(&self.stat, identity).map_err(MountError::Users)?;
        let owners = mounts::map_owners(fd.as_raw_fd(), recursive, users.as_raw_fd());
        let owned = match owners {
            Ok(()) => true,
            // A file system that can't (mount_setattr(2)), beneath a grant or as a whole.
            Err(libc::EINVAL | libc::EPERM | libc::EOPNOTSUPP) => {
                recursive && mounts::map_owners(fd.as_raw_fd(), false, users.as_raw_fd()).is_ok()
            }
            Err(errno) => return Err(refused(errno)),
        };
        let attributes = mounts::attributes_of(access);
        mounts::set_attributes(fd.as_raw_fd(), attributes, recursive).map_err(refused)?;
        Ok(Some(Mounted { fd, owned }))
    }
}

impl AsRawFd for Opened {
    fn as_raw_fd(&self) -> RawFd {
        self.fd.as_raw_fd()
    }
}

/// A user namespace that nobody lives in: its maps say that what the grant's owner owns is the cell's.
fn users_of(stat: &FileStat, identity: &Identity) -> io::Result<File> {
    const STACK: usize = 16 << 10;
    #[repr(align(16))]
    struct Stack([u8; STACK]);
    let mut stack = Box::new(Stack([0; STACK]));
    // SAFETY: the stack grows down from one past the end of `stack`, which is aligned to 16 and stays until the
    // child was waited for, below. The child shares this memory and touches nothing but that stack. It has no
    // exit signal, so nobody's SIGCHLD tells of it.
    let pid = unsafe {
        let top = stack.0.as_mut_ptr().add(STACK).cast::<c_void>();
        libc::clone(wait_to_die, top, libc::CLONE_NEWUSER | libc::CLONE_VM, std::ptr::null_mut())
    };
    if pid == -1 {
        return Err(io::Error::last_os_error());
    }
    let namespace = || {
        std::fs::write(format!("/proc/{pid}/uid_map"), format!("{} {} 1", stat.st_uid, identity.host_uid))?;
        std::fs::write(format!("/proc/{pid}/gid_map"), format!("{} {} 1", stat.st_gid, identity.host_gid))?;
        File::open(format!("/proc/{pid}/ns/user"))
    };
    let namespace = namespace();
    let child = Pid::from_raw(pid);
    kill(child, Signal::SIGKILL)?;
    waitpid(child, Some(WaitPidFlag::__WALL))?;
    drop(stack);
    namespace
}

extern "C" fn wait_to_die(_: *mut c_void) -> libc::c_int {
    // SAFETY: integers. It dies with the host, whose thread made it.
    unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) };
    loop {
        // SAFETY: takes nothing.
        unsafe { libc::pause() };
    }
}
