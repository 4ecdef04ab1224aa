//! What a sweep gives back, and what it leaves.

use super::*;

/// Bytes of a range that are in memory: what isn't mapped any more is not (mincore(2)).
fn resident(begin: *mut u8, bytes: usize) -> usize {
    let first = begin.addr() / PAGE * PAGE;
    let is_there = |page: &usize| {
        let mut told = 0u8;
        // SAFETY: a page, mapped or not, and room for the byte that tells of it.
        let done = unsafe { libc::mincore(begin.with_addr(*page).cast(), PAGE, &raw mut told) };
        done == 0 && told & 1 == 1
    };
    (first..begin.addr() + bytes).step_by(PAGE).filter(is_there).count() * PAGE
}

fn layout(size: usize) -> Layout {
    Layout::from_size_align(size, 8).unwrap()
}

fn take(heap: &mut Pages, size: usize, byte: u8) -> *mut u8 {
    heap.used += size;
    // SAFETY: neither size nor alignment is zero, and what is written was handed out.
    unsafe {
        let at = heap.of.malloc(size, 8);
        assert!(!at.is_null());
        at.write_bytes(byte, size);
        at
    }
}

fn free(heap: &mut Pages, at: *mut u8, size: usize) {
    heap.freed(size);
    // SAFETY: `take` gave it with these.
    unsafe { heap.of.free(at, size, 8) };
}

fn holds(at: *mut u8, size: usize, byte: u8) -> bool {
    // SAFETY: `take` gave it, and it isn't freed.
    unsafe { std::slice::from_raw_parts(at, size) }.iter().all(|there| *there == byte)
}

#[test]
fn what_is_between_things_that_stay_goes_back() {
    let mut heap = Pages::new();
    let sizes = [40usize, 700, 9_000, 70_000, 300_000];
    let all: Vec<_> = (0..200).map(|at| (sizes[at % 5], at as u8)).collect();
    let all: Vec<_> = all.into_iter().map(|(size, byte)| (take(&mut heap, size, byte), size, byte)).collect();
    let stay = |at: usize| at % 5 < 2 || at % 25 == 2;
    let mapped = heap.of.allocator().mapped.get();
    assert!(!heap.is_loose(1 << 20));
    for (at, (thing, size, _)) in all.iter().enumerate() {
        if !stay(at) {
            free(&mut heap, *thing, *size);
        }
    }
    assert!(heap.is_loose(1 << 20));
    // What dlmalloc itself has unmapped may be another test's by now.
    let freed = all.iter().enumerate().filter(|(at, (thing, size, _))| !stay(*at) && resident(*thing, *size) >= *size);
    let freed: Vec<_> = freed.map(|(_, (thing, size, _))| (*thing, *size)).collect();
    let before: usize = freed.iter().map(|(thing, size)| resident(*thing, *size)).sum();
    heap.sweep();
    let after: usize = freed.iter().map(|(thing, size)| resident(*thing, *size)).sum();
    assert!(before > 4 << 20 && after < before / 8, "{before} {after}");
    assert!(!heap.is_loose(1 << 20) && heap.of.allocator().mapped.get() <= mapped);
    for (at, (thing, size, byte)) in all.into_iter().enumerate() {
        if stay(at) {
            assert!(holds(thing, size, byte));
            free(&mut heap, thing, size);
        }
    }
    let again = take(&mut heap, 8 << 20, 7);
    assert!(holds(again, 8 << 20, 7));
    free(&mut heap, again, 8 << 20);
    assert_eq!(heap.used, 0);
}

#[test]
fn large_zeros_are_zeros_and_take_no_memory() {
    let mut heap = Pages::new();
    let dirty = take(&mut heap, 4 << 20, 9);
    free(&mut heap, dirty, 4 << 20);
    for size in [LARGE - 1, LARGE, 3 << 20, (3 << 20) + 77] {
        // SAFETY: the size isn't zero.
        let zeros = unsafe { heap.zeroed(layout(size)) };
        heap.used += size;
        if size >= LARGE {
            assert!(resident(zeros, size) <= 3 * PAGE, "{}", resident(zeros, size));
        }
        assert!(holds(zeros, size, 0));
        // SAFETY: it was handed out.
        unsafe { zeros.write_bytes(9, size) };
        free(&mut heap, zeros, size);
    }
}
