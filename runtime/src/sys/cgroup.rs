//! A cgroup of the run's own, which bounds its memory to the byte (cgroups(7)).
//!
//! What must stay true: it is made before the init, which is born in it (version 2) or enters it before it does anything
//! else (version 1); it is gone when the run is. One that nobody locks belongs to a run that was killed, and the next
//! run removes it.
//! Clauses: LIMIT-08, LIMIT-12.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::Duration;

use nix::fcntl::Flock;

use super::raw::{Errno, call, fd};
use crate::jail::cgroup::{Hierarchy, Version, hierarchies, kills, least};
use crate::rundir::{CGROUP_PREFIX, RunDir, lock};

/// How often, a millisecond apart, a cgroup is tried to be removed whose last process has just ended.
const PATIENCE: u32 = 50;

/// Why there is no cgroup that bounds memory.
#[derive(Debug, thiserror::Error)]
pub enum CgroupError {
    /// No hierarchy is mounted that could.
    #[error("no cgroup file system with the memory controller is mounted in /sys/fs/cgroup or elsewhere; mount one")]
    Absent,
    /// None of the places lets this user make one.
    #[error(
        "no cgroup that bounds memory can be made in {} ({cause}); run it as root, or where a cgroup is delegated \
         to you: systemd-run --user --scope -p Delegate=yes -- ww run …", place.display()
    )]
    Refused {
        /// This process's own.
        place: PathBuf,
        /// What the last try came to.
        cause: io::Error,
    },
}

/// A cgroup of the run's own.
#[derive(Debug)]
pub struct Cgroup {
    version: Version,
    folder: PathBuf,
    /// Locked for as long as this is.
    lock: Flock<OwnedFd>,
    /// Where processes enter.
    list: Option<File>,
    /// Where this process was, if it had to move.
    moved: Option<Moved>,
    /// Tells the next run of it, should this one be killed; where none can be made, runs with cgroups find it.
    _named: Option<RunDir>,
}

/// This process's move out of a cgroup, which can't have processes and children at once (version 2).
#[derive(Debug)]
struct Moved {
    from: PathBuf,
    to: PathBuf,
}

/// How a process comes into a cgroup.
#[derive(Debug, Clone, Copy)]
pub(super) enum Entrance {
    /// It is born in it (`CLONE_INTO_CGROUP`, Linux 5.7), which takes no lock of the whole machine.
    Born(RawFd),
    /// It enters by itself, for the same reason: moving another process there took 7 ms, itself 0.06.
    Enters(RawFd),
}

impl Cgroup {
    /// Makes one that holds no more than so many bytes of memory. `moves` is whether this process may leave its own
    /// cgroup for it, where it is alone there.
    pub fn create(memory: u64, moves: bool) -> Result<Cgroup, CgroupError> {
        let read = |file| fs::read_to_string(file).unwrap_or_default();
        let mut refused = CgroupError::Absent;
        for hierarchy in hierarchies(&read("/proc/self/mountinfo"), &read("/proc/self/cgroup")) {
            let made = match hierarchy.version {
                Version::One => below(&hierarchy.own, Version::One, memory, None),
                Version::Two => unified(&hierarchy, memory, moves),
            };
            match made {
                Ok(Some(cgroup)) => return Ok(cgroup),
                Ok(None) => {}
                Err(cause) => refused = CgroupError::Refused { place: hierarchy.own, cause },
            }
        }
        Err(refused)
    }

    /// The way in, for a process that is made by clone3(2) (`cloned`) or by fork(2).
    pub(super) fn entrance(&self, cloned: bool) -> Entrance {
        match (&self.list, self.version) {
            (Some(list), version) if version == Version::One || !cloned => Entrance::Enters(list.as_raw_fd()),
            _ => Entrance::Born(self.lock.as_raw_fd()),
        }
    }

    /// Takes a process in that runs already, with all its threads; what it has of memory counts where it was. One
    /// that is gone is no error.
    pub(super) fn take(&self, pid: i32) -> io::Result<()> {
        match write(&self.folder, "cgroup.procs", &pid.to_string()) {
            Err(error) if error.raw_os_error() == Some(libc::ESRCH) => Ok(()),
            other => other,
        }
    }

    /// Whether the kernel killed in it because its memory was at the bound.
    pub fn has_killed(&self) -> bool {
        let events = match self.version {
            Version::One => "memory.oom_control",
            Version::Two => "memory.events",
        };
        fs::read_to_string(self.folder.join(events)).is_ok_and(|text| kills(&text) > 0)
    }
}

/// What can't be removed yet is left to the next run.
impl Drop for Cgroup {
    fn drop(&mut self) {
        for _ in 0..PATIENCE {
            match fs::remove_dir(&self.folder) {
                Err(error) if error.raw_os_error() == Some(libc::EBUSY) => sleep(Duration::from_millis(1)),
                _ => break,
            }
        }
        if let Some(Moved { from, to }) = &self.moved {
            let _ = write(from, "cgroup.subtree_control", "-memory");
            let _ = write(from, "cgroup.procs", "0");
            let _ = fs::remove_dir(to);
        }
    }
}

/// Enters a cgroup by its list: the process that writes there.
pub(super) fn enter(list: RawFd) -> Result<(), Errno> {
    const SELF: &[u8] = b"0";
    // SAFETY: a constant, passed with its length.
    unsafe { call(libc::SYS_write, [fd(list), SELF.as_ptr() as usize, SELF.len(), 0, 0, 0]) }.map(drop)
}

/// The bytes of memory that the cgroups around this process leave it; `None` where they leave all. Looks where
/// the hierarchies usually are: a default needn't be exact.
pub fn memory_around() -> Option<u64> {
    let text = fs::read_to_string("/proc/self/cgroup").ok()?;
    let mut limits = Vec::new();
    for line in text.lines() {
        let mut parts = line.splitn(3, ':').skip(1);
        let (Some(controllers), Some(path)) = (parts.next(), parts.next()) else { continue };
        let (mount, file) = match controllers {
            "" => ("/sys/fs/cgroup", "memory.max"),
            "memory" => ("/sys/fs/cgroup/memory", "memory.limit_in_bytes"),
            _ => continue,
        };
        // In a container the path may be the host's, and what is mounted begins at the container's own.
        let places = Path::new(path).ancestors().map(|place| place.strip_prefix("/").unwrap_or(place));
        limits.extend(places.filter_map(|place| fs::read_to_string(Path::new(mount).join(place).join(file)).ok()));
    }
    least(limits.iter().map(String::as_str))
}

/// One in the nearest place that has the controller and takes it, from this process's own cgroup upwards.
/// `None` where the hierarchy hasn't the controller.
fn unified(hierarchy: &Hierarchy, memory: u64, moves: bool) -> io::Result<Option<Cgroup>> {
    let has = |place: &Path, file: &str| {
        let listed = fs::read_to_string(place.join(file)).unwrap_or_default();
        listed.split_whitespace().any(|name| name == "memory")
    };
    let mut refused = None;
    for place in hierarchy.places().filter(|place| has(place, "cgroup.controllers")) {
        // To put a process into a child, one has to be let write to the parent's list too.
        let made = if has(place, "cgroup.subtree_control") {
            let list = File::options().write(true).open(place.join("cgroup.procs"));
            list.and_then(|_| below(place, Version::Two, memory, None))
        } else if moves && place == hierarchy.own {
            beside_itself(place, memory)
        } else {
            continue;
        };
        match made {
            Err(error) => _ = refused.get_or_insert(error),
            made => return made,
        }
    }
    refused.map_or(Ok(None), Err)
}

/// In a delegated cgroup that has this process alone: moves it into a child, so that there can be another.
fn beside_itself(own: &Path, memory: u64) -> io::Result<Option<Cgroup>> {
    let listed = fs::read_to_string(own.join("cgroup.procs"))?;
    if listed.lines().any(|pid| pid.parse() != Ok(std::process::id())) {
        return Err(io::Error::from_raw_os_error(libc::EBUSY));
    }
    let to = own.join(format!("{CGROUP_PREFIX}{}-host", std::process::id()));
    fs::create_dir(&to)?;
    let moved = Moved { from: own.to_owned(), to };
    let enabled = write(&moved.to, "cgroup.procs", "0").and_then(|()| write(own, "cgroup.subtree_control", "+memory"));
    match enabled {
        Ok(()) => below(own, Version::Two, memory, Some(moved)),
        Err(error) => {
            let _ = write(own, "cgroup.procs", "0");
            let _ = fs::remove_dir(&moved.to);
            Err(error)
        }
    }
}

/// Makes a cgroup below a place, and bounds it.
fn below(place: &Path, version: Version, memory: u64, moved: Option<Moved>) -> io::Result<Option<Cgroup>> {
    let place = &room(place, version)?;
    sweep(place);
    let folder = place.join(format!("{CGROUP_PREFIX}{}", std::process::id()));
    // Before there is one: a run that is killed between the two leaves a name without a cgroup.
    let named = RunDir::naming(&folder).ok();
    let lock = loop {
        fs::create_dir(&folder)?;
        // Another run's sweep may have come between the making and the lock: then it is gone, so again.
        if let Some(lock) = lock(&folder)? {
            break lock;
        }
    };
    let mut cgroup = Cgroup { version, folder, lock, list: None, moved, _named: named };
    let folder = &cgroup.folder;
    let bytes = memory.to_string();
    match version {
        Version::One => {
            write(folder, "memory.limit_in_bytes", &bytes)?;
            if_there(write(folder, "memory.memsw.limit_in_bytes", &bytes))?;
        }
        Version::Two => {
            write(folder, "memory.max", &bytes)?;
            if_there(write(folder, "memory.swap.max", "0"))?;
            if_there(write(folder, "memory.oom.group", "1"))?;
        }
    }
    // Version 1's `tasks` moves one thread, and needs no lock of the whole machine for it.
    let list = if version == Version::One { "tasks" } else { "cgroup.procs" };
    cgroup.list = Some(File::options().write(true).open(folder.join(list))?);
    Ok(Some(cgroup))
}

/// Where a cgroup can be made in a place so that it can be removed by a host that has laid down its privileges: the root
/// of a hierarchy is writable for nobody, so there it is a folder for all runs, which stays.
fn room(place: &Path, version: Version) -> io::Result<PathBuf> {
    const WRITABLE: u32 = 0o200;
    if fs::metadata(place)?.mode() & WRITABLE != 0 {
        return Ok(place.to_owned());
    }
    let ours = place.join("ww");
    match fs::create_dir(&ours) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    if version == Version::Two {
        write(&ours, "cgroup.subtree_control", "+memory")?;
    }
    Ok(ours)
}

/// Kernels without swap, or without counting it, have no file for it.
fn if_there(written: io::Result<()>) -> io::Result<()> {
    match written {
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::PermissionDenied) => Ok(()),
        other => other,
    }
}

/// Removes the cgroups that runs left behind which were killed: those that nobody locks, where they are empty.
fn sweep(place: &Path) {
    for entry in fs::read_dir(place).into_iter().flatten().flatten() {
        if entry.file_name().as_encoded_bytes().starts_with(CGROUP_PREFIX.as_bytes())
            && let Ok(Some(_lock)) = lock(&entry.path())
        {
            let _ = fs::remove_dir(entry.path());
        }
    }
}

/// Writes all of a word at once, as the files of cgroups want it.
fn write(folder: &Path, file: &str, word: &str) -> io::Result<()> {
    File::options().write(true).open(folder.join(file))?.write_all(word.as_bytes())
}
