//! Which processor each of a start's processes runs on: not the one that its maker goes on using.
//!
//! The scheduler mostly leaves a new process where its maker is, to wait until that sleeps, and a start is over before
//! it looks again. What must stay true: each has the caller's processors again before it executes anything.

use std::mem::MaybeUninit;

use super::raw::call;

/// The processors that the caller may use.
#[derive(Clone, Copy)]
pub(super) struct Processors(Option<libc::cpu_set_t>);

impl Processors {
    /// The caller's; none are known on a machine that has more than the set holds.
    pub(super) fn of_caller() -> Processors {
        let mut set = MaybeUninit::<libc::cpu_set_t>::zeroed();
        // SAFETY: `set` is as large as the call is told; all zero is valid for it, so what isn't written is too.
        let known = unsafe {
            call(libc::SYS_sched_getaffinity, [0, size_of::<libc::cpu_set_t>(), set.as_mut_ptr() as usize, 0, 0, 0])
        };
        // SAFETY: see above.
        Processors(known.is_ok().then(|| unsafe { set.assume_init() }))
    }

    /// Sends a process that this one has just made to another processor, if there is one. It must not have taken them
    /// all back yet.
    pub(super) fn send_away(&self, pid: i32) {
        let Some(mut others) = self.0 else { return };
        let mut here = 0u32;
        // SAFETY: `here` is alive; the other results aren't asked for.
        if unsafe { call(libc::SYS_getcpu, [&raw mut here as usize, 0, 0, 0, 0, 0]) }.is_err() {
            return;
        }
        // SAFETY: bounds are checked by the macros' functions, which ignore a number that the set doesn't hold.
        let is_left = unsafe {
            libc::CPU_CLR(here as usize, &mut others);
            libc::CPU_COUNT(&others) > 0
        };
        if is_left {
            set(pid, &others);
        }
    }

    /// Takes them all back.
    pub(super) fn take_back(&self) {
        if let Some(all) = &self.0 {
            set(0, all);
        }
    }
}

/// A refusal costs time and nothing else.
fn set(pid: i32, processors: &libc::cpu_set_t) {
    let (address, size) = (std::ptr::from_ref(processors) as usize, size_of::<libc::cpu_set_t>());
    // SAFETY: a set that is alive, and its size.
    let _ = unsafe { call(libc::SYS_sched_setaffinity, [pid as usize, size, address, 0, 0, 0]) };
}
