//! The host's heap: what was used once for something large goes back to the system.

/// The size from which an allocation is a mapping of its own, in bytes.
const LARGE: i32 = 1 << 20;
/// How much may be free at the heap's end before it goes back: some chunks of a transfer, each of which would be asked for
/// again, page by page, for the next. As much as dlmalloc keeps, where that is the heap.
#[cfg(target_env = "gnu")]
const SPARE: i32 = 2 << 20;

/// Keeps large allocations out of the heap that only ever grows (mallopt(3)). glibc raises this threshold by
/// itself whenever a large block is freed, and then keeps blocks of that size for ever: a cell that asks for one
/// large file after the other would make its host grow.
pub fn give_back_large_blocks() {
    #[cfg(target_env = "gnu")]
    // SAFETY: two integers each; there is one thread.
    unsafe {
        libc::mallopt(libc::M_MMAP_THRESHOLD, LARGE);
        libc::mallopt(libc::M_TRIM_THRESHOLD, SPARE);
    };
    #[cfg(not(target_env = "gnu"))]
    // Other libcs map what is large from the start.
    let _ = LARGE;
}
