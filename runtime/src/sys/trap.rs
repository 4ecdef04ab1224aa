//! The one instruction that enters the kernel.
//!
//! What must stay true: nothing but registers changes, `errno` neither. The init shares the host's memory while it
//! builds the jail, thread-locals included, so it can't use libc's calls. The program that becomes pid 1 is built
//! of this file too, without any library.

/// Makes a system call; the kernel's answer, where -4095 to -1 are an error number (syscall(2)).
///
/// # Safety
/// The arguments must be what the call of that number asks for; pointers must be valid for it.
#[cfg(target_arch = "x86_64")]
pub(super) unsafe fn syscall(number: i64, [a, b, c, d, e, f]: [usize; 6]) -> isize {
    let result;
    // SAFETY: the registers are those of the ABI (syscall(2), "Architecture calling conventions"), which changes rax,
    // rcx and r11 alone; the caller vouches for what the call does to memory.
    unsafe {
        core::arch::asm!(
            "syscall",
            inlateout("rax") number as isize => result,
            in("rdi") a, in("rsi") b, in("rdx") c, in("r10") d, in("r8") e, in("r9") f,
            lateout("rcx") _, lateout("r11") _,
            options(nostack),
        );
    }
    result
}

/// Makes a system call; the kernel's answer, where -4095 to -1 are an error number (syscall(2)).
///
/// # Safety
/// The arguments must be what the call of that number asks for; pointers must be valid for it.
#[cfg(target_arch = "aarch64")]
pub(super) unsafe fn syscall(number: i64, [a, b, c, d, e, f]: [usize; 6]) -> isize {
    let result;
    // SAFETY: the registers are those of the ABI (syscall(2), "Architecture calling conventions"), which changes x0
    // alone; the caller vouches for what the call does to memory.
    unsafe {
        core::arch::asm!(
            "svc 0",
            in("x8") number as isize,
            inlateout("x0") a as isize => result,
            in("x1") b, in("x2") c, in("x3") d, in("x4") e, in("x5") f,
            options(nostack),
        );
    }
    result
}
