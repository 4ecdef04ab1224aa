//! glibc's heap: it can sweep by itself, and does when it is told to.

/// The size from which an allocation is a mapping of its own, in bytes.
const LARGE: i32 = 1 << 20;
/// How much may be free at the heap's end before it goes back, in bytes. As much as dlmalloc keeps, where that is the heap.
const SPARE: i32 = 2 << 20;

/// glibc raises this threshold by itself whenever a large block is freed, and then keeps blocks of that size for ever
/// (mallopt(3)): a cell that asks for one large file after the other would make its host grow.
pub(super) fn map_what_is_large() {
    // SAFETY: two integers each; there is one thread.
    unsafe {
        libc::mallopt(libc::M_MMAP_THRESHOLD, LARGE);
        libc::mallopt(libc::M_TRIM_THRESHOLD, SPARE);
    };
}

/// What was free after the last sweep, in bytes: it stays in the account, though its pages are gone.
#[derive(Debug)]
pub(super) struct Kept(usize);

impl Kept {
    pub(super) fn new() -> Kept {
        Kept(0)
    }

    /// Whether more than so many bytes are free, and others than after the last sweep.
    pub(super) fn is_loose(&self, bytes: usize) -> bool {
        let free = free();
        free > bytes && free != self.0
    }

    pub(super) fn sweep(&mut self) {
        // SAFETY: an integer; it locks what it looks at (malloc_trim(3)).
        unsafe { libc::malloc_trim(0) };
        self.0 = free();
    }
}

/// mallinfo2(3) would count beyond 2 GiB, and isn't in every glibc that Rust supports.
fn free() -> usize {
    // SAFETY: no arguments; it locks what it looks at.
    let told = unsafe { libc::mallinfo() };
    told.fordblks.cast_unsigned() as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_swept_is_left_alone_until_more_is_freed() {
        let mut kept = Kept::new();
        let (small, between): (Vec<_>, Vec<_>) = (0..4096).map(|_| (vec![1u8; 2048], Box::new([1u8; 64]))).unzip();
        drop(small);
        assert!(kept.is_loose(4 << 20));
        kept.sweep();
        // Other tests use the same heap meanwhile: what it has free may have changed, what it was is known.
        assert!(kept.0 > 4 << 20);
        drop(between);
    }
}
