//! What a run writes to a pipe, taken in while it runs, and waited for without sleeping.
//!
//! What must stay true: a writer is never held up, and a flood is kept up to [`KEPT`] bytes.

use std::fs::{self, File};
use std::io::Read;
use std::os::fd::OwnedFd;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use nix::sys::stat::fstat;

/// How many bytes of one stream are kept.
pub const KEPT: usize = 16 << 20;

#[derive(Debug, Default)]
struct Heard {
    text: Vec<u8>,
    ended: bool,
}

/// A stream that is being read.
#[derive(Debug)]
pub struct Capture {
    heard: Arc<(Mutex<Heard>, Condvar)>,
    reader: Option<JoinHandle<()>>,
    inode: u64,
}

impl Capture {
    /// Reads a descriptor to its end, in a thread of its own.
    #[must_use]
    pub fn of(source: OwnedFd) -> Self {
        let heard = Arc::new((Mutex::new(Heard::default()), Condvar::new()));
        let shared = Arc::clone(&heard);
        let inode = fstat(&source).map_or(0, |stat| stat.st_ino);
        let reader = thread::spawn(move || {
            let mut source = File::from(source);
            let mut part = vec![0; 64 * 1024];
            loop {
                // A terminal ends with EIO; an end is an end.
                let count = source.read(&mut part).unwrap_or(0);
                let mut heard = shared.0.lock().unwrap_or_else(PoisonError::into_inner);
                let room = KEPT - heard.text.len();
                heard.text.extend_from_slice(&part[..count.min(room)]);
                heard.ended = count == 0;
                shared.1.notify_all();
                if count == 0 {
                    break;
                }
            }
        });
        Self { heard, reader: Some(reader), inode }
    }

    /// Waits until `found` says yes to what was heard so far; false when the stream ended first
    /// or the time was over.
    pub fn wait(&self, most: Duration, found: impl Fn(&[u8]) -> bool) -> bool {
        self.wait_for(most, |heard| found(&heard.text), |heard| heard.ended)
    }

    /// Waits for the end of the stream; false when the time was over.
    pub fn wait_for_end(&self, most: Duration) -> bool {
        self.wait_for(most, |heard| heard.ended, |_| false)
    }

    fn wait_for(&self, most: Duration, found: impl Fn(&Heard) -> bool, hopeless: impl Fn(&Heard) -> bool) -> bool {
        let deadline = Instant::now() + most;
        let mut heard = self.heard.0.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if found(&heard) {
                return true;
            }
            let rest = deadline.saturating_duration_since(Instant::now());
            if hopeless(&heard) || rest.is_zero() {
                return false;
            }
            heard = self.heard.1.wait_timeout(heard, rest).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// The other processes that have an end of it open, as far as this one may look.
    #[must_use]
    pub fn holders(&self) -> Vec<String> {
        let own = std::process::id().to_string();
        let link = format!("pipe:[{}]", self.inode);
        let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
        let holds = |folder: &fs::DirEntry| {
            let fds = fs::read_dir(folder.path().join("fd")).into_iter().flatten().flatten();
            fds.into_iter().any(|fd| fs::read_link(fd.path()).is_ok_and(|target| target.as_os_str() == link.as_str()))
        };
        let named = |folder: fs::DirEntry| {
            let name = fs::read_to_string(folder.path().join("comm")).unwrap_or_default();
            format!("process {} ({})", folder.file_name().display(), name.trim_end())
        };
        processes.filter(|folder| folder.file_name() != own.as_str()).filter(holds).map(named).collect()
    }

    /// What was heard so far.
    #[must_use]
    pub fn so_far(&self) -> Vec<u8> {
        self.heard.0.lock().unwrap_or_else(PoisonError::into_inner).text.clone()
    }

    /// Everything, once the stream has ended.
    #[must_use]
    pub fn all(mut self) -> Vec<u8> {
        if let Some(reader) = self.reader.take() {
            reader.join().ok();
        }
        self.so_far()
    }
}
