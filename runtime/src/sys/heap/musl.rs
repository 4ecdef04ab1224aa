//! The heap where libc is musl, whose own allocator maps and unmaps pages for each of the small things that a command line
//! is made of.

use std::alloc::{GlobalAlloc, Layout};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::pages::Pages;

static HEAP: Mutex<Pages> = Mutex::new(Pages::new());

/// No code that could panic runs under the lock.
fn heap() -> MutexGuard<'static, Pages> {
    HEAP.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The heap, as `#[global_allocator]`.
#[derive(Debug)]
pub struct Heap;

// SAFETY: dlmalloc keeps the contract, as its own `GlobalDlmalloc` shows; the lock makes it one thread's at a time, and
// `HEAP` is a static, so that it never moves.
unsafe impl GlobalAlloc for Heap {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let mut heap = heap();
        heap.used += layout.size();
        // SAFETY: the caller's contract is dlmalloc's.
        unsafe { heap.of.malloc(layout.size(), layout.align()) }
    }

    #[inline]
    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        let mut heap = heap();
        heap.freed(layout.size());
        // SAFETY: the caller's contract is dlmalloc's.
        unsafe { heap.of.free(pointer, layout.size(), layout.align()) };
    }

    #[inline]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        let mut heap = heap();
        heap.used += layout.size();
        // SAFETY: the caller's contract is the same.
        unsafe { heap.zeroed(layout) }
    }

    #[inline]
    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        let mut heap = heap();
        heap.freed(layout.size());
        heap.used += size;
        // SAFETY: the caller's contract is dlmalloc's.
        unsafe { heap.of.realloc(pointer, layout.size(), layout.align(), size) }
    }
}

/// What is kept of it: the heap has its own account.
#[derive(Debug)]
pub(super) struct Kept;

impl Kept {
    pub(super) fn new() -> Kept {
        Kept
    }

    /// Whether more than so many bytes are free, and not so since the last sweep.
    pub(super) fn is_loose(&self, bytes: usize) -> bool {
        heap().is_loose(bytes)
    }

    pub(super) fn sweep(&mut self) {
        heap().sweep();
    }
}
