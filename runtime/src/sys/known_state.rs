//! What a careless caller leaves lying about comes along through every fork and exec: each of it gets its known state.
//!
//! What must stay true: a cell gets nothing that makes it more than any other process, and keeps what makes it less (a
//! positive nice value, a batch policy). Signals, umask, groups, limits and descriptors have their own places.
//! Clauses: JAIL-27.

use super::raw::{self, Errno, call};

/// Addresses are random, execution isn't slowed or helped, nothing is in real time.
pub(super) fn enter() -> Result<(), Errno> {
    const PER_LINUX: usize = 0;
    /// Nanoseconds: what the kernel's first process has (prctl(2), PR_SET_TIMERSLACK).
    const TIMER_SLACK: usize = 50_000;
    // SAFETY: an integer.
    unsafe { call(libc::SYS_personality, [PER_LINUX, 0, 0, 0, 0, 0])? };
    raw::prctl(libc::PR_SET_TIMERSLACK, TIMER_SLACK)?;
    leave_real_time()?;
    leave_priority()?;
    leave_io_priority()
}

fn leave_real_time() -> Result<(), Errno> {
    // SAFETY: 0 is this process.
    let policy = unsafe { call(libc::SYS_sched_getscheduler, [0; 6])? } as i32 & !libc::SCHED_RESET_ON_FORK;
    if ![libc::SCHED_FIFO, libc::SCHED_RR, libc::SCHED_DEADLINE].contains(&policy) {
        return Ok(());
    }
    // struct sched_param, whose priority must be 0 for this policy.
    let none = 0i32;
    let (policy, priority) = (libc::SCHED_OTHER as usize, &raw const none as usize);
    // SAFETY: an integer that outlives the call.
    unsafe { call(libc::SYS_sched_setscheduler, [0, policy, priority, 0, 0, 0]) }.map(drop)
}

fn leave_priority() -> Result<(), Errno> {
    /// The system call answers 20 minus the nice value (getpriority(2), "C library/kernel differences").
    const ORDINARY: usize = 20;
    let this = [libc::PRIO_PROCESS as usize, 0, 0, 0, 0, 0];
    // SAFETY: integers; 0 is this process.
    unsafe {
        if call(libc::SYS_getpriority, this)? > ORDINARY {
            call(libc::SYS_setpriority, this)?;
        }
    }
    Ok(())
}

fn leave_io_priority() -> Result<(), Errno> {
    const IOPRIO_WHO_PROCESS: usize = 1;
    const IOPRIO_CLASS_SHIFT: usize = 13;
    const IOPRIO_CLASS_RT: usize = 1;
    let this = [IOPRIO_WHO_PROCESS, 0, 0, 0, 0, 0];
    // SAFETY: integers; 0 is this process, and as a priority "none of its own" (ioprio_set(2)).
    match unsafe { call(libc::SYS_ioprio_get, this) } {
        Ok(priority) if priority >> IOPRIO_CLASS_SHIFT == IOPRIO_CLASS_RT => {
            // SAFETY: as above.
            unsafe { call(libc::SYS_ioprio_set, this) }.map(drop)
        }
        Ok(_) => Ok(()),
        // A kernel without block devices, or a filter above us: then nobody has one.
        Err(libc::ENOSYS | libc::EPERM) => Ok(()),
        Err(errno) => Err(errno),
    }
}
