//! A process that shares this one's memory and has a stack of its own, until it executes something or ends.
//!
//! A fork would copy the page tables and let both sides fault on what they write: 0.3 ms of a start. libc's clone(3)
//! has no room for the flags of clone3(2), and writes to `errno`, which the two would share.

use std::ffi::c_void;
use std::io;
use std::num::NonZeroUsize;
use std::ptr::NonNull;

use nix::sys::mman::{MapFlags, ProtFlags, mmap_anonymous, mprotect, munmap};

use super::raw::Errno;

/// What a new process runs; it never returns.
pub(super) type Life = unsafe extern "C" fn(*mut c_void) -> !;

/// Bytes of stack for what a new process does before it executes something.
const STACK: usize = 128 << 10;
/// Bytes at its upper end for what the process is told. A multiple of 16, as the ABI wants a stack to begin.
const KEPT: usize = 64;
/// Bytes below it that nobody may touch: a stack that grows too far ends the process instead of spoiling the host's
/// memory. A multiple of every page size.
const GUARD: usize = 64 << 10;

/// A stack for one process that shares this one's memory.
#[derive(Debug)]
pub(super) struct Stack {
    lowest: NonNull<c_void>,
}

impl Stack {
    pub(super) fn new() -> io::Result<Stack> {
        let Some(length) = NonZeroUsize::new(GUARD + STACK) else { return Err(io::ErrorKind::InvalidInput.into()) };
        // SAFETY: a new anonymous mapping, of which the kernel chooses the place; then a part of it that nobody uses.
        unsafe {
            let lowest =
                mmap_anonymous(None, length, ProtFlags::PROT_READ | ProtFlags::PROT_WRITE, MapFlags::MAP_PRIVATE)?;
            let stack = Stack { lowest };
            mprotect(lowest, GUARD, ProtFlags::PROT_NONE)?;
            Ok(stack)
        }
    }

    /// Leaves a value at the stack's upper end, for the process that gets it; it is never dropped.
    pub(super) fn keep<T: Copy>(&mut self, value: T) -> *mut c_void {
        const { assert!(size_of::<T>() <= KEPT && align_of::<T>() <= KEPT) };
        // SAFETY: within the mapping, aligned as its end is, and above where the process's own frames begin.
        unsafe {
            let place = self.lowest.as_ptr().byte_add(GUARD + STACK - KEPT);
            place.cast::<T>().write(value);
            place
        }
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        // SAFETY: the mapping that `new` made, whole; whoever gave a process this stack waited until it was gone
        // ([`give_birth`]).
        let _ = unsafe { munmap(self.lowest, GUARD + STACK) };
    }
}

/// Makes a process that shares this one's memory (CLONE_VM is added to the flags), runs `life` with `argument` on
/// `stack`, and is told apart by its pid.
///
/// # Safety
/// `stack`, and what `argument` points to, must stay in place, and be left alone but where both sides know of it,
/// until the process has executed something or is gone. What it does must be sound while this process goes on beside
/// it: no allocation, no lock, no thread-local.
pub(super) unsafe fn give_birth(
    mut arguments: libc::clone_args,
    stack: &mut Stack,
    life: Life,
    argument: *mut c_void,
) -> Result<i32, Errno> {
    arguments.flags |= libc::CLONE_VM as u64;
    arguments.stack = stack.lowest.as_ptr() as u64;
    arguments.stack_size = (GUARD + STACK - KEPT) as u64;
    // SAFETY: `arguments` is alive for the call, and the caller vouches for the rest.
    let pid = unsafe { clone3(&raw mut arguments, life, argument) };
    if pid < 0 { Err(-pid as Errno) } else { Ok(pid as i32) }
}

#[cfg(target_arch = "x86_64")]
unsafe fn clone3(arguments: *mut libc::clone_args, life: Life, argument: *mut c_void) -> isize {
    let result;
    // SAFETY: in this process the asm does what a system call does, and jumps over the rest. The child has this
    // process's registers and an empty stack of its own, which it never leaves: `life` doesn't return.
    unsafe {
        core::arch::asm!(
            "syscall",
            "test rax, rax",
            "jnz 2f",
            "xor ebp, ebp",
            "mov rdi, {argument}",
            "call {life}",
            "ud2",
            "2:",
            life = in(reg) life,
            argument = in(reg) argument,
            inlateout("rax") libc::SYS_clone3 as isize => result,
            in("rdi") arguments,
            in("rsi") size_of::<libc::clone_args>(),
            // Not lateout: what goes in must not be in the registers that the call spoils.
            out("rcx") _, out("r11") _,
        );
    }
    result
}

#[cfg(target_arch = "aarch64")]
unsafe fn clone3(arguments: *mut libc::clone_args, life: Life, argument: *mut c_void) -> isize {
    let result;
    // SAFETY: in this process the asm does what a system call does, and jumps over the rest. The child has this
    // process's registers and an empty stack of its own, which it never leaves: `life` doesn't return.
    unsafe {
        core::arch::asm!(
            "svc 0",
            "cbnz x0, 2f",
            "mov x29, xzr",
            "mov x0, {argument}",
            "blr {life}",
            "brk #1",
            "2:",
            life = in(reg) life,
            argument = in(reg) argument,
            in("x8") libc::SYS_clone3 as isize,
            inlateout("x0") arguments => result,
            in("x1") size_of::<libc::clone_args>(),
        );
    }
    result
}
