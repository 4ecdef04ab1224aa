//! The jailed model's seccomp filter: a chain of tests, each of which has a fault that leaves it out or gets it
//! wrong.
//!
//! What it does: it writes the filter to a file, which bubblewrap reads (`--seccomp`).
//! What must stay true: it closes what clauses name and nothing else; what it doesn't name stays open, so it isn't
//! how a filter should be made.

use std::fs::File;
use std::io::{self, Seek, Write};
use std::os::fd::AsRawFd;

use nix::sys::memfd::{MFdFlags, memfd_create};
use ww_conformance::launch::duplicate;

use super::{ABOVE, Wrong};

const LOAD: u16 = 0x20;
const AND: u16 = 0x54;
const EQUAL: u16 = 0x15;
const AT_LEAST: u16 = 0x35;
const ANSWER: u16 = 0x06;

const ARCHITECTURE: u32 = 4;
const I386: u32 = 0x4000_0003;
const HERE: u32 = if cfg!(target_arch = "x86_64") { 0xc000_003e } else { 0xc000_00b7 };
const X32: u32 = 0x4000_0000;

/// Calls that clauses name as closed.
const CLOSED: [i64; 20] = [
    libc::SYS_clone3,
    libc::SYS_unshare,
    libc::SYS_setns,
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_pivot_root,
    libc::SYS_fsopen,
    libc::SYS_open_tree,
    libc::SYS_move_mount,
    libc::SYS_open_by_handle_at,
    libc::SYS_bpf,
    libc::SYS_perf_event_open,
    libc::SYS_userfaultfd,
    libc::SYS_io_uring_setup,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
    libc::SYS_keyctl,
    libc::SYS_add_key,
    libc::SYS_request_key,
    libc::SYS_kexec_load,
];

/// Seven namespaces (sched.h).
const NAMESPACES: u32 = 0x7e02_0000;

/// The filter, as bytes of `struct sock_filter`.
struct Program(Vec<u8>);

impl Program {
    fn add(&mut self, code: u16, if_true: u8, if_false: u8, operand: u32) {
        self.0.extend(code.to_ne_bytes());
        self.0.extend([if_true, if_false]);
        self.0.extend(operand.to_ne_bytes());
    }

    /// Answers where what is loaded is this.
    fn where_equal(&mut self, operand: u32, answer: u32) {
        self.add(EQUAL, 0, 1, operand);
        self.add(ANSWER, 0, 0, answer);
    }

    /// Answers to a call by what bits of an argument come to: `answer` for the values that are listed, or for the
    /// others. Goes on with the call's number loaded where it is another call.
    fn argument(&mut self, call: i64, (argument, mask): (u32, u32), values: &[u32], (listed, others): (u32, u32)) {
        self.add(EQUAL, 0, 3 + 2 * values.len() as u8, call as u32);
        self.add(LOAD, 0, 0, 16 + 8 * argument);
        self.add(AND, 0, 0, mask);
        for value in values {
            self.where_equal(*value, listed);
        }
        self.add(ANSWER, 0, 0, others);
    }
}

/// Calls that give a file a mode: where they have flags by which they make one, and where the mode.
const GIVE_MODES: &[(i64, Option<u32>, u32)] = &[
    (libc::SYS_fchmod, None, 1),
    (libc::SYS_fchmodat, None, 2),
    (FCHMODAT2, None, 2),
    (libc::SYS_openat, Some(2), 3),
    (libc::SYS_mknodat, None, 2),
    #[cfg(target_arch = "x86_64")]
    (libc::SYS_chmod, None, 1),
    #[cfg(target_arch = "x86_64")]
    (libc::SYS_creat, None, 1),
    #[cfg(target_arch = "x86_64")]
    (libc::SYS_open, Some(1), 2),
    #[cfg(target_arch = "x86_64")]
    (libc::SYS_mknod, None, 1),
];
const FCHMODAT2: i64 = 452;
/// Of O_TMPFILE the bit that isn't O_DIRECTORY's.
const NAMELESS: u32 = 0o20_000_000;

/// The number of the filter's file in this process; `None` is no filter.
pub fn filter(wrong: Wrong) -> Option<io::Result<i32>> {
    let none = wrong.is("seccomp-missing") || wrong.is("jail-of-namespaces-alone");
    (!none).then(|| {
        let mut file = File::from(memfd_create(c"filter", MFdFlags::MFD_CLOEXEC)?);
        file.write_all(&program(wrong).0)?;
        file.rewind()?;
        Ok(duplicate(file.as_raw_fd(), ABOVE)?)
    })
}

fn program(wrong: Wrong) -> Program {
    let allow = libc::SECCOMP_RET_ALLOW;
    let errno = |errno: i32| libc::SECCOMP_RET_ERRNO | errno as u32;
    let foreign =
        if wrong.is("seccomp-foreign-missing") { errno(libc::ENOSYS) } else { libc::SECCOMP_RET_KILL_PROCESS };
    let mut program = Program(Vec::new());
    program.add(LOAD, 0, 0, ARCHITECTURE);
    if wrong.is("seccomp-32-bit-open") {
        program.where_equal(I386, allow);
    }
    program.add(EQUAL, 1, 0, HERE);
    program.add(ANSWER, 0, 0, foreign);
    program.add(LOAD, 0, 0, 0);
    if cfg!(target_arch = "x86_64") && !wrong.is("seccomp-x32-open") {
        program.add(AT_LEAST, 0, 1, X32);
        program.add(ANSWER, 0, 0, foreign);
    }
    closed(&mut program, wrong);
    let refused = errno(libc::EPERM);
    if !wrong.is("seccomp-clone-unchecked") {
        program.argument(libc::SYS_clone, (0, NAMESPACES), &[0], (allow, refused));
    }
    ioctls(&mut program, wrong);
    modes(&mut program, wrong);
    let no_family = (allow, errno(libc::EAFNOSUPPORT));
    for (call, fault) in [(libc::SYS_socket, "seccomp-sockets-open"), (libc::SYS_socketpair, "seccomp-pairs-open")] {
        if !wrong.is(fault) {
            program.argument(call, (0, u32::MAX), &[libc::AF_UNIX as u32], no_family);
        }
    }
    if !wrong.is("seccomp-devices-open") {
        let devices = [libc::S_IFCHR, libc::S_IFBLK];
        program.argument(libc::SYS_mknodat, (2, libc::S_IFMT), &devices, (refused, allow));
    }
    if !wrong.is("seccomp-personality-open") {
        program.argument(libc::SYS_personality, (0, u32::MAX), &[0, u32::MAX], (allow, refused));
    }
    program.add(ANSWER, 0, 0, allow);
    program
}

fn closed(program: &mut Program, wrong: Wrong) {
    let errno = |errno: i32| libc::SECCOMP_RET_ERRNO | errno as u32;
    let missing = errno(if wrong.is("seccomp-closed-is-eperm") { libc::EPERM } else { libc::ENOSYS });
    for call in CLOSED {
        match wrong.0 {
            "seccomp-io-uring-open" if call == libc::SYS_io_uring_setup => {}
            "seccomp-clone3-is-eperm" if call == libc::SYS_clone3 => {
                program.where_equal(call as u32, errno(libc::EPERM))
            }
            _ => program.where_equal(call as u32, missing),
        }
    }
    match wrong.0 {
        "seccomp-without-epoll" => program.where_equal(libc::SYS_epoll_create1 as u32, missing),
        "seccomp-without-rename" => {
            program.where_equal(libc::SYS_renameat as u32, missing);
            #[cfg(target_arch = "x86_64")]
            program.where_equal(libc::SYS_rename as u32, missing);
        }
        _ => {}
    }
}

/// TIOCSTI, TIOCSETD and TIOCLINUX.
fn ioctls(program: &mut Program, wrong: Wrong) {
    let numbers = [libc::TIOCSTI as u32, 0x5423, libc::TIOCLINUX as u32];
    let (allow, refused) = (libc::SECCOMP_RET_ALLOW, libc::SECCOMP_RET_ERRNO | libc::EPERM as u32);
    match wrong.0 {
        "seccomp-ioctl-unchecked" => {}
        "seccomp-ioctl-line-unchecked" => {
            program.argument(libc::SYS_ioctl, (1, u32::MAX), &[numbers[0], numbers[2]], (refused, allow));
        }
        "seccomp-ioctl-of-64-bits" => {
            // Only where the upper half is 0 is the lower one looked at.
            program.add(EQUAL, 0, 4 + 2 * numbers.len() as u8 + 1, libc::SYS_ioctl as u32);
            program.add(LOAD, 0, 0, 16 + 8 + 4);
            program.add(EQUAL, 1, 0, 0);
            program.add(ANSWER, 0, 0, allow);
            program.add(LOAD, 0, 0, 16 + 8);
            numbers.iter().for_each(|number| program.where_equal(*number, refused));
            program.add(ANSWER, 0, 0, allow);
        }
        _ => program.argument(libc::SYS_ioctl, (1, u32::MAX), &numbers, (refused, allow)),
    }
}

/// Set-user-ID and set-group-ID, by whichever call.
fn modes(program: &mut Program, wrong: Wrong) {
    let (allow, refused) = (libc::SECCOMP_RET_ALLOW, libc::SECCOMP_RET_ERRNO | libc::EPERM as u32);
    let made_by = libc::O_CREAT as u32 | if wrong.is("seccomp-set-id-by-tmpfile") { 0 } else { NAMELESS };
    let bits = if wrong.is("seccomp-modes-closed") { 0o7777 } else { libc::S_ISUID | libc::S_ISGID };
    if !wrong.is("seccomp-set-id-by-openat2") {
        program.where_equal(libc::SYS_openat2 as u32, libc::SECCOMP_RET_ERRNO | libc::ENOSYS as u32);
    }
    for &(call, flags, mode) in GIVE_MODES {
        match wrong.0 {
            "seccomp-set-id-by-fchmod" if call == libc::SYS_fchmod => continue,
            "seccomp-set-id-by-fchmodat2" if call == FCHMODAT2 => continue,
            "seccomp-set-id-by-open" if flags.is_some() => continue,
            "seccomp-set-id-by-mknod" if call == libc::SYS_mknodat => continue,
            "seccomp-mode-of-64-bits" => {
                // Only where the upper half is 0 is the lower one looked at.
                program.add(EQUAL, 0, 4, call as u32);
                program.add(LOAD, 0, 0, 16 + 8 * mode + 4);
                program.add(EQUAL, 1, 0, 0);
                program.add(ANSWER, 0, 0, allow);
                program.add(LOAD, 0, 0, 0);
            }
            _ => {}
        }
        program.add(EQUAL, 0, if flags.is_some() { 8 } else { 5 }, call as u32);
        if let Some(flags) = flags {
            program.add(LOAD, 0, 0, 16 + 8 * flags);
            program.add(AND, 0, 0, made_by);
            program.add(EQUAL, 4, 0, 0);
        }
        program.add(LOAD, 0, 0, 16 + 8 * mode);
        program.add(AND, 0, 0, bits);
        program.add(EQUAL, 1, 0, 0);
        program.add(ANSWER, 0, 0, refused);
        program.add(LOAD, 0, 0, 0);
    }
}
