//! Proof that this process has one thread: a fork of more would leave the others' locks held for ever.
//!
//! What must stay true: there is no way to the proof but by counting.

use std::io;
use std::os::unix::fs::MetadataExt;
use std::time::Duration;

/// How often threads that are leaving are looked for, a millisecond apart.
const LEAVING: u32 = 200;

/// This process has one thread; what makes more takes it by value.
pub struct SoleThread(());

/// Why there is no proof.
#[derive(Debug, thiserror::Error)]
pub enum ThreadsError {
    /// The kernel doesn't say.
    #[error("cannot count this process's threads")]
    Uncounted(#[source] io::Error),
    /// A bug: something started a thread before the cell.
    #[error("cannot start a cell from a process with several threads")]
    Several,
}

impl SoleThread {
    /// Counts the threads. One that was joined is counted for a moment longer, as the kernel wakes whoever joins it before it
    /// takes it off the list (`mm_release` before `release_task`): it is waited for.
    ///
    /// # Errors
    /// Where there is more than one, or nobody knows.
    pub fn claim() -> Result<SoleThread, ThreadsError> {
        for _ in 0..LEAVING {
            // A link for each thread, beside "." and "..": sooner to have than a list, which is asked where this isn't so.
            let links = std::fs::metadata("/proc/self/task").map_err(ThreadsError::Uncounted)?.nlink();
            if links == 3 || std::fs::read_dir("/proc/self/task").map_err(ThreadsError::Uncounted)?.count() == 1 {
                return Ok(SoleThread(()));
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        Err(ThreadsError::Several)
    }
}
