//! What the cell sees: a root of its own, built from a list of entries that `sys` mounts in their order.
//!
//! What must stay true: of the host's files only the system that programs need is there, read-only; what a
//! cell can write to is sized. docs/security.md says what is in it and why.
//! Clauses: JAIL-*, EXEC-*.

mod granted;

use std::ffi::{CString, OsStr};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

pub use granted::{Granted, NoPlace};

/// The cell's working directory: writable, empty, gone with the cell.
pub const WORKDIR: &str = "/work";
/// Where a program appears that isn't part of the system.
pub const PROGRAMS: &str = "/ww/bin";

/// Bytes that a cell can keep in /tmp, and as many in its working directory.
const SCRATCH_BYTES: u64 = 64 << 20;
/// Files that it can keep in each.
const SCRATCH_FILES: u64 = 16 << 10;

/// System trees that are real directories on some systems and links into /usr on others.
pub(super) const SYSTEM: [&str; 7] = ["/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32"];
/// Of /etc only what says nothing about the host's users: the loader's cache, alternatives, the time zone.
pub(super) const SETTINGS: [&str; 3] = ["/etc/ld.so.cache", "/etc/alternatives", "/etc/localtime"];
/// The devices that hold nothing.
pub(super) const DEVICES: [&str; 6] =
    ["/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom", "/dev/tty"];

/// A thing in the view and its place below the root, without the leading slash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The place, relative to the cell's root.
    pub at: CString,
    /// The thing.
    pub what: What,
}

/// What an entry is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// An empty directory.
    Directory,
    /// A symbolic link.
    Link(CString),
    /// A small file of the view's own.
    Text(Vec<u8>),
    /// A directory of the host with all below it, read-only.
    Tree(CString),
    /// A file of the host, read-only; `identity` is its device and inode where it must be that very file.
    File {
        /// The path on the host.
        from: CString,
        /// `st_dev` and `st_ino`.
        identity: Option<(u64, u64)>,
    },
    /// What `--ro` or `--rw` grants.
    Granted(Granted),
    /// A device of the host.
    Device(CString),
    /// A sized file system of its own in memory.
    Scratch {
        /// Its options, for fsconfig(2).
        options: Vec<(CString, CString)>,
    },
    /// The processes of the cell's own pid namespace, and nothing else of /proc.
    Processes,
}

/// The cell's root as a list of entries, each after the directory that holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct View {
    /// What is in it, in the order of making.
    pub entries: Vec<Entry>,
}

/// A program of the host that the view has to show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// Its path on the host, without links.
    pub from: PathBuf,
    /// Its device and inode.
    pub identity: (u64, u64),
    /// Its file name in [`PROGRAMS`].
    pub name: Vec<u8>,
}

impl View {
    /// The system's view, with `program` in it where it isn't part of the system.
    pub fn new(host: &impl System, uid: u32, gid: u32, program: Option<&Shown>) -> View {
        let mut view = View { entries: Vec::new() };
        view.add_system(host);
        view.add_users(uid, gid);
        view.add_devices(host);
        view.add("/proc", What::Processes);
        view.add("/tmp", What::Scratch { options: scratch("1777") });
        view.add(WORKDIR, What::Scratch { options: scratch("0700") });
        if let Some(Shown { from, identity, name }) = program {
            view.add("/ww", What::Directory);
            view.add(PROGRAMS, What::Directory);
            let at = Path::new(PROGRAMS).join(OsStr::from_bytes(name));
            view.add(at, What::File { from: text(from), identity: Some(*identity) });
        }
        view
    }

    /// No view: the host's files are where they are.
    pub fn of_the_host() -> View {
        View { entries: Vec::new() }
    }

    fn add_system(&mut self, host: &impl System) {
        for place in SYSTEM {
            match host.kind(Path::new(place)) {
                Some(Kind::Directory) => self.add(place, What::Tree(text(place))),
                Some(Kind::Link(to)) => self.add(place, What::Link(text(to))),
                Some(Kind::File) | None => {}
            }
        }
        self.add("/etc", What::Directory);
        for place in SETTINGS {
            match host.kind(Path::new(place)) {
                Some(Kind::Directory) => self.add(place, What::Tree(text(place))),
                Some(Kind::Link(to)) => self.add(place, What::Link(text(to))),
                Some(Kind::File) => self.add(place, What::File { from: text(place), identity: None }),
                None => {}
            }
        }
    }

    /// Programs that ask for their own name find it; the host's users stay the host's.
    fn add_users(&mut self, uid: u32, gid: u32) {
        let passwd =
            format!("cell:x:{uid}:{gid}:cell:{WORKDIR}:/bin/sh\nnobody:x:65534:65534:nobody:/:/usr/sbin/nologin\n");
        self.add("/etc/passwd", What::Text(passwd.into_bytes()));
        self.add("/etc/group", What::Text(format!("cell:x:{gid}:\nnogroup:x:65534:\n").into_bytes()));
    }

    fn add_devices(&mut self, host: &impl System) {
        self.add("/dev", What::Directory);
        for device in DEVICES {
            if host.kind(Path::new(device)).is_some() {
                self.add(device, What::Device(text(device)));
            }
        }
        for (at, to) in [("fd", ""), ("stdin", "/0"), ("stdout", "/1"), ("stderr", "/2")] {
            self.add(Path::new("/dev").join(at), What::Link(text(format!("/proc/self/fd{to}"))));
        }
        self.add("/dev/shm", What::Link(text("/tmp")));
    }

    fn add(&mut self, at: impl AsRef<Path>, what: What) {
        let at = at.as_ref();
        self.entries.push(Entry { at: text(at.strip_prefix("/").unwrap_or(at)), what });
    }
}

/// What [`View::new`] has to know of the host.
pub trait System {
    /// What is at a path, not following a link at its end.
    fn kind(&self, path: &Path) -> Option<Kind>;
}

/// What a path is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// A directory.
    Directory,
    /// A link, and where it leads.
    Link(PathBuf),
    /// Anything else.
    File,
}

/// The machine that `ww` runs on.
pub struct ThisHost;

impl System for ThisHost {
    fn kind(&self, path: &Path) -> Option<Kind> {
        let found = path.symlink_metadata().ok()?.file_type();
        if found.is_symlink() {
            return path.read_link().ok().map(Kind::Link);
        }
        Some(if found.is_dir() { Kind::Directory } else { Kind::File })
    }
}

/// Whether a path without links lies in the system that every view shows.
pub fn shows(path: &Path) -> bool {
    SYSTEM.iter().any(|place| path.starts_with(place))
}

/// Whether this is a place of the system's in the root.
pub fn is_system_place(path: &Path) -> bool {
    SYSTEM.iter().any(|place| path == Path::new(place))
}

/// Paths come from system calls and constants, so none has a NUL in it.
pub(crate) fn text(path: impl AsRef<Path>) -> CString {
    let bytes = path.as_ref().as_os_str().as_bytes();
    let end = bytes.iter().position(|b| *b == 0).unwrap_or(bytes.len());
    CString::new(&bytes[..end]).unwrap_or_default()
}

fn scratch(mode: &str) -> Vec<(CString, CString)> {
    let option = |name: &str, value: String| (text(name), text(value));
    vec![
        option("size", SCRATCH_BYTES.to_string()),
        option("nr_inodes", SCRATCH_FILES.to_string()),
        option("mode", mode.to_owned()),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Merged;

    impl System for Merged {
        fn kind(&self, path: &Path) -> Option<Kind> {
            match path.to_str()? {
                "/usr" | "/etc/alternatives" => Some(Kind::Directory),
                "/bin" | "/lib" => Some(Kind::Link(path.strip_prefix("/").map(|p| Path::new("usr").join(p)).ok()?)),
                "/dev/null" => Some(Kind::File),
                _ => None,
            }
        }
    }

    fn places(view: &View) -> Vec<&str> {
        view.entries.iter().filter_map(|entry| entry.at.to_str().ok()).collect()
    }

    #[test]
    fn jail_the_view_has_the_system_and_nothing_of_the_users() {
        let view = View::new(&Merged, 1000, 1000, None);
        let expected = [
            "usr",
            "bin",
            "lib",
            "etc",
            "etc/alternatives",
            "etc/passwd",
            "etc/group",
            "dev",
            "dev/null",
            "dev/fd",
            "dev/stdin",
            "dev/stdout",
            "dev/stderr",
            "dev/shm",
            "proc",
            "tmp",
            "work",
        ];
        assert_eq!(places(&view), expected);
        assert_eq!(view.entries[1].what, What::Link(text("usr/bin")));
    }

    #[test]
    fn exec_a_program_of_the_users_is_shown_under_its_own_name() {
        let shown = Shown { from: "/home/u/app".into(), identity: (1, 2), name: b"app".to_vec() };
        let view = View::new(&Merged, 1000, 1000, Some(&shown));
        assert_eq!(places(&view).last(), Some(&"ww/bin/app"));
    }
}
