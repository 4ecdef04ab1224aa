//! The program that pid 1 of a cell's namespaces becomes once the cell runs: it tells the host of it, reaps what ends,
//! and reports how the cell did.
//!
//! A program of its own, without any library, so that nothing of the host's memory is in a process that the cell can
//! see: no environment, no arguments but a number, no heap. The host carries it along and executes it from a memfd
//! that nobody may read, which keeps it from being traced from its first instruction on (ptrace(2), "dumpable").
//!
//! Descriptor 0 is the control socket, 1 the cell's pidfd; there are no others.
//! Built by build.rs. Clauses: JAIL-10, SIG-*, EXIT-*.
#![no_std]
#![no_main]

#[path = "../report.rs"]
mod report;
#[path = "../trap.rs"]
mod trap;

use report::{Event, MESSAGE_LEN, Message};
use trap::syscall;

const CONTROL: usize = 0;
const PIDFD: usize = 1;

/// Numbers of system calls (asm/unistd.h of each architecture).
#[cfg(target_arch = "x86_64")]
mod number {
    pub(crate) const READ: i64 = 0;
    pub(crate) const WRITE: i64 = 1;
    pub(crate) const CLOSE: i64 = 3;
    pub(crate) const OPENAT: i64 = 257;
    pub(crate) const SENDMSG: i64 = 46;
    pub(crate) const WAIT4: i64 = 61;
    pub(crate) const PRCTL: i64 = 157;
    pub(crate) const EXIT_GROUP: i64 = 231;
    pub(crate) const WAITID: i64 = 247;
}
#[cfg(target_arch = "aarch64")]
mod number {
    pub(crate) const READ: i64 = 63;
    pub(crate) const WRITE: i64 = 64;
    pub(crate) const OPENAT: i64 = 56;
    pub(crate) const CLOSE: i64 = 57;
    pub(crate) const SENDMSG: i64 = 211;
    pub(crate) const WAIT4: i64 = 260;
    pub(crate) const PRCTL: i64 = 167;
    pub(crate) const EXIT_GROUP: i64 = 94;
    pub(crate) const WAITID: i64 = 95;
}

#[cfg(target_arch = "x86_64")]
core::arch::global_asm!(
    ".globl _start",
    "_start:",
    "xor ebp, ebp",
    "mov rdi, rsp",
    "and rsp, -16",
    "call {main}",
    main = sym main,
);
#[cfg(target_arch = "aarch64")]
core::arch::global_asm!(
    ".globl _start",
    "_start:",
    "mov x29, xzr",
    "mov x0, sp",
    "bl {main}",
    main = sym main,
);

/// `stack` is what execve(2) left: the number of arguments, then their addresses.
unsafe extern "C" fn main(stack: *const usize) -> ! {
    const PR_SET_DUMPABLE: usize = 4;
    const PR_SET_NAME: usize = 15;
    call(number::PRCTL, [PR_SET_DUMPABLE, 0, 0, 0, 0, 0]);
    call(number::PRCTL, [PR_SET_NAME, c"ww-init".as_ptr() as usize, 0, 0, 0, 0]);
    leave_memory_score();
    // SAFETY: the host passes one argument, a decimal number that ends with a NUL.
    let cell = unsafe { decimal(*stack.add(1) as *const u8) };
    if send_started() {
        call(number::CLOSE, [PIDFD, 0, 0, 0, 0, 0]);
        let end = watch(cell);
        send(Message::Event(end));
        // Until the host has looked at the cell: when this process ends, so does what can be known of it.
        hear_word();
        if end != Event::Exited(0) {
            // Nor does the host have to hurry to see which bound a cell that failed had reached: it kills this process.
            hear_word();
        }
    }
    exit()
}

/// A caller whose processes are spared when memory runs out has none to spare for a cell (proc_pid_oom_score_adj(5)).
/// While the three shared their memory it would have been the host's score too. What the cell starts in the
/// microseconds until here keeps the caller's.
fn leave_memory_score() {
    const O_RDWR: usize = 2;
    let score = call(number::OPENAT, [0, c"/proc/2/oom_score_adj".as_ptr() as usize, O_RDWR, 0, 0, 0]);
    if score >= 0 {
        let (file, mut sign) = (score as usize, 0u8);
        call(number::READ, [file, &raw mut sign as usize, 1, 0, 0, 0]);
        if sign == b'-' {
            call(number::WRITE, [file, c"0".as_ptr() as usize, 1, 0, 0, 0]);
        }
        call(number::CLOSE, [file, 0, 0, 0, 0, 0]);
    }
}

/// Reaps whatever ends until the cell does, and says when it stops. The cell itself is left unreaped.
fn watch(cell: i32) -> Event {
    const P_ALL: usize = 0;
    const P_PID: usize = 1;
    const WNOHANG: usize = 1;
    const WSTOPPED: usize = 2;
    const WEXITED: usize = 4;
    const WNOWAIT: usize = 0x0100_0000;
    const CLD_EXITED: i32 = 1;
    const CLD_STOPPED: i32 = 5;
    loop {
        // siginfo_t: signal, errno, code, padding, pid, uid, status (asm-generic/siginfo.h).
        let mut info = [0i32; 32];
        let flags = WEXITED | WSTOPPED | WNOWAIT;
        if call(number::WAITID, [P_ALL, 0, info.as_mut_ptr() as usize, flags, 0, 0]) < 0 {
            // EINTR: every signal is blocked, so this is a stop and a SIGCONT. ECHILD can't be, the cell is unreaped.
            continue;
        }
        let [_, _, code, _, pid, _, status, ..] = info;
        match (pid == cell, code) {
            (true, CLD_EXITED) => return Event::Exited(status as u8),
            (true, CLD_STOPPED) => {
                // Not wait4, which would also take the end of a cell that was killed meanwhile.
                call(number::WAITID, [P_PID, cell as usize, 0, WNOHANG | WSTOPPED, 0, 0]);
                send(Message::Event(Event::Stopped));
            }
            (true, _) => return Event::Signalled(status as u8),
            (false, _) => {
                call(number::WAIT4, [pid as usize, 0, WNOHANG | WSTOPPED, 0, 0, 0]);
            }
        }
    }
}

/// Waits for a word of the host's, or for its end.
fn hear_word() {
    let mut word = 0u8;
    call(number::READ, [CONTROL, &raw mut word as usize, 1, 0, 0, 0]);
}

fn send(message: Message) {
    let bytes = message.encode();
    call(number::WRITE, [CONTROL, bytes.as_ptr() as usize, MESSAGE_LEN, 0, 0, 0]);
}

/// Sends [`Message::Started`] with the cell's pidfd (unix(7), SCM_RIGHTS).
fn send_started() -> bool {
    const SOL_SOCKET: i32 = 1;
    const SCM_RIGHTS: i32 = 1;
    /// struct iovec.
    #[repr(C)]
    struct Part {
        base: *const u8,
        len: usize,
    }
    /// struct cmsghdr and one descriptor, as long as CMSG_SPACE(4) is on 64-bit machines.
    #[repr(C)]
    struct Rights {
        len: usize,
        level: i32,
        kind: i32,
        fd: i32,
        padding: u32,
    }
    /// struct msghdr as the kernel has it (linux/socket.h: struct user_msghdr).
    #[repr(C)]
    struct Header {
        name: usize,
        name_len: usize,
        parts: *const Part,
        part_count: usize,
        control: *const Rights,
        control_len: usize,
        flags: usize,
    }
    let bytes = Message::Started.encode();
    let part = Part { base: bytes.as_ptr(), len: MESSAGE_LEN };
    let rights = Rights { len: 20, level: SOL_SOCKET, kind: SCM_RIGHTS, fd: PIDFD as i32, padding: 0 };
    let header = Header {
        name: 0,
        name_len: 0,
        parts: &raw const part,
        part_count: 1,
        control: &raw const rights,
        control_len: size_of::<Rights>(),
        flags: 0,
    };
    call(number::SENDMSG, [CONTROL, &raw const header as usize, 0, 0, 0, 0]) >= 0
}

/// # Safety
/// `digits` must point to bytes that end with a NUL.
unsafe fn decimal(mut digits: *const u8) -> i32 {
    let mut value = 0i32;
    // SAFETY: it goes on only while there was no NUL.
    unsafe {
        while *digits != 0 {
            value = value.wrapping_mul(10).wrapping_add(i32::from(*digits - b'0'));
            digits = digits.add(1);
        }
    }
    value
}

fn call(number: i64, arguments: [usize; 6]) -> isize {
    // SAFETY: every use here passes integers, or addresses of values that live to the end of the calling function with
    // their true sizes.
    unsafe { syscall(number, arguments) }
}

fn exit() -> ! {
    loop {
        call(number::EXIT_GROUP, [0; 6]);
    }
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    exit()
}
