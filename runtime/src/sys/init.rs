//! Pid 1 of the cell's namespaces: builds the view, drops privileges, starts the cell, and reports its end.
//!
//! The cell is pid 2 because the kernel shields pid 1 from its own fatal signals (pid_namespaces(7)): a program
//! that raises SIGTERM has to die of it. When this process ends, the kernel kills all that the cell started.
//! What must stay true: it dies with the host; it holds nothing of the cell's open; it can't be traced.

use std::os::fd::RawFd;

use super::cell::{self, Orders};
use super::mounts;
use super::raw::{self, Errno, call, fd};
use super::report::{Event, Failure, MESSAGE_LEN, Message, Stage};
use crate::jail::{Identity, Session};

/// The last capability number asked about; the kernel says EINVAL past its own last.
const CAPABILITIES: usize = 63;
const HOSTNAME: &[u8] = b"cell";

/// Runs as pid 1, and never returns. `parts` has a place for each entry of the view.
pub(super) fn run(orders: &Orders<'_>, parts: &mut [RawFd], control: RawFd) -> ! {
    match prepare(orders, parts, control).and_then(|()| cell::spawn(orders)) {
        Ok(cell) => {
            let sent = send_started(control, cell.pidfd);
            let _ = raw::close_range(0, control - 1);
            let _ = raw::close_range(control + 1, RawFd::MAX);
            if sent.is_ok() {
                // Until the host has looked at it: a process that is reaped has no pid to tell.
                wait_for_word(control);
                let _ = send(control, Message::Event(reap(cell.pid, control)));
            }
        }
        Err(failure) => {
            let _ = send(control, Message::Failed(failure));
        }
    }
    // SAFETY: ends this process without running the host's destructors, of which this memory is a copy.
    unsafe { libc::_exit(0) }
}

fn prepare(orders: &Orders<'_>, parts: &mut [RawFd], control: RawFd) -> Result<(), Failure> {
    default_signals();
    let jail = orders.jail;
    // Still the caller, who may walk to the program; and the host writes the id maps meanwhile.
    mounts::take(&jail.view, parts)?;
    wait_for_word(control);
    become_cell(&jail.identity).map_err(Failure::at(Stage::Identity))?;
    die_with_host(control).map_err(Failure::at(Stage::Identity))?;
    set_umask(0);
    let root = mounts::make_root().map_err(Failure::at(Stage::Root))?;
    mounts::furnish(root, &jail.view, parts)?;
    mounts::pivot(root).map_err(Failure::at(Stage::Pivot))?;
    set_umask(0o022);
    if jail.session == Session::Own {
        // SAFETY: no arguments; it can't fail in a process that leads no group.
        unsafe { libc::setsid() };
    }
    drop_privileges().map_err(Failure::at(Stage::Privileges))
}

/// Every signal at its default and blocked: the cell unblocks them, pid 1 never acts on any.
fn default_signals() {
    /// The kernel's sigaction: all zero is SIG_DFL with no flags and an empty mask.
    const DEFAULT: [u64; 4] = [0; 4];
    for signal in 1..=64 {
        // SAFETY: DEFAULT is as long as the kernel's struct; SIGKILL and SIGSTOP are refused, which is fine.
        let _ = unsafe { call(libc::SYS_rt_sigaction, [signal, DEFAULT.as_ptr() as usize, 0, 8, 0, 0]) };
    }
    let all = u64::MAX;
    // SAFETY: `all` is a kernel signal set of eight bytes.
    let _ =
        unsafe { call(libc::SYS_rt_sigprocmask, [libc::SIG_SETMASK as usize, &raw const all as usize, 0, 8, 0, 0]) };
}

/// Waits until the host lets this process go on: after it wrote the id maps, and after it knows the cell's pid.
/// A host that is gone says nothing: then so is the run.
fn wait_for_word(control: RawFd) {
    let mut byte = [0u8; 1];
    loop {
        // SAFETY: `byte` lives in this frame and is one byte long, as the call is told.
        match unsafe { call(libc::SYS_read, [fd(control), byte.as_mut_ptr() as usize, 1, 0, 0, 0]) } {
            Ok(1) => return,
            Err(libc::EINTR) => {}
            // SAFETY: ends this process; nothing of it is worth unwinding.
            _ => unsafe { libc::_exit(0) },
        }
    }
}

fn become_cell(identity: &Identity) -> Result<(), Errno> {
    let (uid, gid) = (identity.uid as usize, identity.gid as usize);
    // SAFETY: integers only. The raw calls change this process alone; glibc's would look for other threads.
    unsafe {
        if identity.drops_groups {
            call(libc::SYS_setgroups, [0; 6])?;
        }
        call(libc::SYS_setresgid, [gid, gid, gid, 0, 0, 0])?;
        call(libc::SYS_setresuid, [uid, uid, uid, 0, 0, 0])?;
    }
    Ok(())
}

/// The kernel kills this process when the host's main thread ends. Changing the user clears that, so it comes
/// after; and a host that died in between left a closed socket.
fn die_with_host(control: RawFd) -> Result<(), Errno> {
    raw::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL as usize)?;
    raw::prctl(libc::PR_SET_DUMPABLE, 0)?;
    let mut poll = libc::pollfd { fd: control, events: 0, revents: 0 };
    // SAFETY: one pollfd, in this frame; a timeout of 0 doesn't wait.
    let ready = unsafe { libc::poll(&mut poll, 1, 0) };
    if ready > 0 && poll.revents & libc::POLLHUP != 0 {
        // SAFETY: ends this process; nothing of it is worth unwinding.
        unsafe { libc::_exit(0) };
    }
    Ok(())
}

fn set_umask(mask: libc::mode_t) {
    // SAFETY: an integer; umask(2) can't fail.
    unsafe { libc::umask(mask) };
}

/// No new privileges, no capability in any set, a session keyring of its own, a host name that tells nothing.
fn drop_privileges() -> Result<(), Errno> {
    const KEYCTL_JOIN_SESSION_KEYRING: usize = 1;
    const CAPABILITY_VERSION_3: u32 = 0x2008_0522;
    // SAFETY: HOSTNAME is a constant passed with its length.
    unsafe { call(libc::SYS_sethostname, [HOSTNAME.as_ptr() as usize, HOSTNAME.len(), 0, 0, 0, 0])? };
    // SAFETY: a null name asks for a new anonymous keyring.
    match unsafe { call(libc::SYS_keyctl, [KEYCTL_JOIN_SESSION_KEYRING, 0, 0, 0, 0, 0]) } {
        // Where the kernel has no keyrings, or a filter above us closes the call, the cell can't reach one.
        Ok(_) | Err(libc::ENOSYS | libc::EPERM) => {}
        Err(errno) => return Err(errno),
    }
    for capability in 0..=CAPABILITIES {
        match raw::prctl(libc::PR_CAPBSET_DROP, capability) {
            Ok(()) => {}
            Err(libc::EINVAL) => break,
            Err(errno) => return Err(errno),
        }
    }
    raw::prctl(libc::PR_SET_NO_NEW_PRIVS, 1)?;
    let header = [CAPABILITY_VERSION_3, 0];
    let none = [0u32; 6];
    // SAFETY: version 3 takes a header of two words and three words for each half of the sets, all in this frame.
    unsafe { call(libc::SYS_capset, [header.as_ptr() as usize, none.as_ptr() as usize, 0, 0, 0, 0]) }.map(drop)
}

/// Reaps whatever ends until the cell does, and says when it stops.
fn reap(cell: libc::pid_t, control: RawFd) -> Event {
    loop {
        let mut status = 0;
        // SAFETY: `status` lives in this frame.
        let pid = unsafe { libc::waitpid(-1, &mut status, libc::WUNTRACED) };
        if pid != cell {
            // Another child's end, or EINTR: nothing to tell. ECHILD can't be, the cell is still there.
            continue;
        }
        if libc::WIFSTOPPED(status) {
            let _ = send(control, Message::Event(Event::Stopped));
        } else if libc::WIFSIGNALED(status) {
            return Event::Signalled(libc::WTERMSIG(status) as u8);
        } else {
            return Event::Exited(libc::WEXITSTATUS(status) as u8);
        }
    }
}

fn send(control: RawFd, message: Message) -> Result<(), Errno> {
    let bytes = message.encode();
    // SAFETY: `bytes` lives in this frame and has the length that the call is told.
    unsafe { call(libc::SYS_write, [fd(control), bytes.as_ptr() as usize, MESSAGE_LEN, 0, 0, 0]) }.map(drop)
}

/// Sends [`Message::Started`] with the cell's pidfd (cmsg(3)).
fn send_started(control: RawFd, pidfd: RawFd) -> Result<(), Errno> {
    /// A control message that holds one descriptor, laid out as CMSG_SPACE(4) demands on 64-bit machines.
    #[repr(C)]
    struct Rights {
        header: libc::cmsghdr,
        fd: RawFd,
        padding: u32,
    }
    let mut bytes = Message::Started.encode();
    let mut part = libc::iovec { iov_base: bytes.as_mut_ptr().cast(), iov_len: MESSAGE_LEN };
    // SAFETY: cmsghdr and msghdr are plain integers and pointers, for which all zero is valid.
    let (mut rights, mut header) = unsafe { (std::mem::zeroed::<Rights>(), std::mem::zeroed::<libc::msghdr>()) };
    rights.header.cmsg_len = (size_of::<libc::cmsghdr>() + size_of::<RawFd>()) as _;
    rights.header.cmsg_level = libc::SOL_SOCKET;
    rights.header.cmsg_type = libc::SCM_RIGHTS;
    rights.fd = pidfd;
    header.msg_iov = &raw mut part;
    header.msg_iovlen = 1;
    header.msg_control = (&raw mut rights).cast();
    header.msg_controllen = size_of::<Rights>() as _;
    // SAFETY: `header` points to `part` and `rights`, both alive to the end of this function.
    unsafe { call(libc::SYS_sendmsg, [fd(control), &raw const header as usize, 0, 0, 0, 0]) }.map(drop)
}
