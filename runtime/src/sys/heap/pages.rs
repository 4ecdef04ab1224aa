//! dlmalloc on mappings, with an account, and with a way to give back pages that are free inside it.
//!
//! What must stay true: a sweep takes only what dlmalloc itself hands out as free, and maps nothing while it does.

#[cfg(test)]
mod tests;

use std::alloc::Layout;
use std::cell::Cell;
use std::ops::Range;
use std::ptr::null_mut;

use dlmalloc::{Allocator, Dlmalloc};

/// Bytes that were freed since the last sweep, below which another would find little.
const FREED: usize = 256 << 10;
/// Zeros from so many bytes on are pages that nobody has written to.
const LARGE: usize = 1 << 20;
/// The size of a page, or a part of one: then nothing is given back.
const PAGE: usize = 4096;
/// The sizes of the pieces that a sweep takes: the largest first, down to what is sure to have a page in it.
const PIECES: [usize; 12] = {
    let mut pieces = [2 * PAGE; 12];
    let mut at = pieces.len() - 1;
    while at > 0 {
        at -= 1;
        pieces[at] = pieces[at + 1] * 2;
    }
    pieces
};
/// What malloc(3) aligns to: two pointers.
const ALIGN: usize = 2 * size_of::<usize>();

/// A heap. It isn't to be moved once it was used: it has pointers into itself.
pub(super) struct Pages {
    pub(super) of: Dlmalloc<Mappings>,
    /// Bytes in use.
    pub(super) used: usize,
    /// Bytes that were freed since the last sweep.
    freed: usize,
}

/// The first words of a piece that a sweep has taken.
#[repr(C)]
struct Piece {
    next: *mut Piece,
    size: usize,
}

impl Pages {
    pub(super) const fn new() -> Pages {
        Pages { of: Dlmalloc::new_with_allocator(Mappings::new()), used: 0, freed: 0 }
    }

    #[inline]
    pub(super) fn freed(&mut self, bytes: usize) {
        self.used = self.used.wrapping_sub(bytes);
        self.freed = self.freed.wrapping_add(bytes);
    }

    pub(super) fn is_loose(&self, bytes: usize) -> bool {
        let mapped = self.of.allocator().mapped.get();
        self.freed >= FREED && mapped.saturating_sub(self.used) > bytes
    }

    /// Zeros. What is large takes no memory before it is written to: a message may be told to be large and never come.
    ///
    /// # Safety
    /// That of [`std::alloc::GlobalAlloc::alloc_zeroed`].
    #[inline]
    pub(super) unsafe fn zeroed(&mut self, layout: Layout) -> *mut u8 {
        if layout.size() < LARGE {
            // SAFETY: the caller's contract is dlmalloc's.
            return unsafe { self.of.calloc(layout.size(), layout.align()) };
        }
        // SAFETY: the caller's contract is dlmalloc's.
        let begin = unsafe { self.of.malloc(layout.size(), layout.align()) };
        if !begin.is_null() {
            // SAFETY: it was just handed out.
            let pages = unsafe { give_back(begin, layout.size()) };
            // SAFETY: what is before the pages, and behind them, is inside what was just handed out.
            unsafe {
                begin.write_bytes(0, pages.start);
                begin.add(pages.end).write_bytes(0, layout.size() - pages.end);
            }
        }
        begin
    }

    /// Takes all that is free, in pieces, gives the system the pages of each, and frees them again.
    pub(super) fn sweep(&mut self) {
        self.of.allocator().closed.set(true);
        let mut taken: *mut Piece = null_mut();
        for size in PIECES {
            loop {
                // SAFETY: not zero, and the alignment is a power of two.
                let piece = unsafe { self.of.malloc(size, ALIGN) }.cast::<Piece>();
                if piece.is_null() {
                    break;
                }
                // SAFETY: it was just handed out, is larger than a `Piece`, and aligned as one.
                unsafe { piece.write(Piece { next: taken, size }) };
                // SAFETY: behind its first words a piece has nothing in it.
                unsafe { give_back(piece.add(1).cast(), size - size_of::<Piece>()) };
                taken = piece;
            }
        }
        while !taken.is_null() {
            // SAFETY: the loop above wrote it, and nobody else knows of it.
            let Piece { next, size } = unsafe { taken.read() };
            // SAFETY: taken above with these, and freed once.
            unsafe { self.of.free(taken.cast(), size, ALIGN) };
            taken = next;
        }
        self.of.allocator().closed.set(false);
        self.freed = 0;
    }
}

/// Has the system take the pages that are wholly in something, and says which these are, in bytes from its beginning:
/// they are zeros when they are next looked at (madvise(2)).
///
/// # Safety
/// So many bytes belong to the caller, and whatever is in them may be lost.
unsafe fn give_back(begin: *mut u8, bytes: usize) -> Range<usize> {
    let first = begin.addr().next_multiple_of(PAGE) - begin.addr();
    let last = (begin.addr() + bytes) / PAGE * PAGE - begin.addr();
    // SAFETY: by the contract; the address is a page's.
    let given =
        first < last && unsafe { libc::madvise(begin.add(first).cast(), last - first, libc::MADV_DONTNEED) } == 0;
    if given { first..last } else { 0..0 }
}

/// Anonymous mappings, counted.
pub(super) struct Mappings {
    /// Their bytes.
    mapped: Cell<usize>,
    /// Whether there are to be no more.
    closed: Cell<bool>,
}

impl Mappings {
    const fn new() -> Mappings {
        Mappings { mapped: Cell::new(0), closed: Cell::new(false) }
    }

    fn changed(&self, from: usize, to: usize) {
        self.mapped.set(self.mapped.get().wrapping_sub(from).wrapping_add(to));
    }
}

// SAFETY: what it gives is a mapping of that size, nobody else's, and zeroed (mmap(2), MAP_ANONYMOUS); what it says it
// freed it has unmapped.
unsafe impl Allocator for Mappings {
    fn alloc(&self, size: usize) -> (*mut u8, usize, u32) {
        if self.closed.get() {
            return (null_mut(), 0, 0);
        }
        let (access, kind) = (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_ANONYMOUS | libc::MAP_PRIVATE);
        // SAFETY: a new mapping, wherever there is room.
        let at = unsafe { libc::mmap(null_mut(), size, access, kind, -1, 0) };
        if at == libc::MAP_FAILED {
            return (null_mut(), 0, 0);
        }
        self.changed(0, size);
        (at.cast(), size, 0)
    }

    fn remap(&self, at: *mut u8, from: usize, to: usize, can_move: bool) -> *mut u8 {
        // SAFETY: a mapping of dlmalloc's own.
        let at = unsafe { libc::mremap(at.cast(), from, to, if can_move { libc::MREMAP_MAYMOVE } else { 0 }) };
        if at == libc::MAP_FAILED {
            return null_mut();
        }
        self.changed(from, to);
        at.cast()
    }

    fn free_part(&self, at: *mut u8, from: usize, to: usize) -> bool {
        // SAFETY: the end of a mapping of dlmalloc's own, which has no use for it.
        let freed = unsafe { libc::munmap(at.add(to).cast(), from - to) } == 0;
        if freed {
            self.changed(from, to);
        }
        freed
    }

    fn free(&self, at: *mut u8, size: usize) -> bool {
        // SAFETY: a mapping of dlmalloc's own, which has no use for it.
        let freed = unsafe { libc::munmap(at.cast(), size) } == 0;
        if freed {
            self.changed(size, 0);
        }
        freed
    }

    fn can_release_part(&self, _: u32) -> bool {
        true
    }

    fn allocates_zeros(&self) -> bool {
        true
    }

    fn page_size(&self) -> usize {
        PAGE
    }
}
