//! What Landlock allows the cell: each place of its view what that place is for, and of the host's files behind
//! descriptors only what was granted.
//!
//! The mounts say the same for most places: a mistake in one of the two opens nothing. A granted directory
//! descriptor is a way into the host's tree: without a rule for it, `openat(fd, "..")` would lead anywhere (a
//! directory as standard input gets no rule, so nothing can be opened through it).
//! What must stay true: a right that the kernel can tell apart is handled, so what no rule allows is refused; what
//! a place allows holds for all below it, so a rule never gives less than one above.
//! Clauses: JAIL-05, JAIL-13, JAIL-14, FD-18 to 20, LIMIT-26.

mod rights;

use std::ffi::{CStr, CString, OsStr};
use std::os::fd::RawFd;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use super::grant::Access;
use super::view::{DEVICES, Granted, Kind, SETTINGS, SYSTEM, System, View, What, text};
use rights::{EXECUTE, IOCTL_DEV, MAKING, OF_FILES, READ_DIR, READ_FILE, Rights, TRUNCATE, WRITE_FILE};

/// Reading and executing, which all of the system, the program and grants allow.
const USE: u64 = READ_FILE | READ_DIR | EXECUTE;
/// And writing: what the cell's own directories and `--rw` allow. Not to make devices, nor to control them.
const KEEP: u64 = USE | WRITE_FILE | TRUNCATE | MAKING;

/// A ruleset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Landlock {
    /// `LANDLOCK_ACCESS_FS_*`: every access that the kernel can tell apart. What has no rule is refused.
    pub handled: u64,
    /// `LANDLOCK_ACCESS_NET_*`: no rule allows any.
    pub network: u64,
    /// `LANDLOCK_SCOPE_*`.
    pub scoped: u64,
    /// What is allowed.
    pub rules: Vec<Rule>,
}

/// What may be done with a file or a tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// The file or the tree.
    pub on: On,
    /// `LANDLOCK_ACCESS_FS_*`.
    pub allowed: u64,
}

/// What a rule is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum On {
    /// A path in the cell's view.
    Place(CString),
    /// What a descriptor of the host leads to.
    Descriptor(RawFd),
}

/// What an inherited descriptor is, as far as Landlock has to know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Inherited {
    /// A directory.
    Directory,
    /// A file or a device, and whether it is open for reading and for writing.
    File {
        /// Open for reading.
        read: bool,
        /// Open for writing.
        write: bool,
    },
    /// A pipe, a socket: nothing that has a place in a tree.
    Other,
}

impl Landlock {
    /// The ruleset for a kernel with this ABI, for a view and for standard streams and grants as they were
    /// inherited.
    pub fn new(abi: u32, view: &View, streams: &[(RawFd, Inherited)], grants: &[(RawFd, Inherited)]) -> Landlock {
        let Rights { files: handled, network, scopes: scoped } = Rights::of_abi(abi);
        let rules = of_view(view).chain(of_files(streams)).chain(of_files(grants)).chain(of_trees(grants));
        let rules = rules.map(|rule| Rule { allowed: rule.allowed & handled, ..rule });
        Landlock { handled, network, scoped, rules: rules.collect() }
    }
}

impl Landlock {
    /// The ruleset for a cell that has no root of its own and stands in the host's: of that it may use what a view
    /// would show, read-only, and write in `own` alone, a directory that was made for it. Path grants are descriptors
    /// that lead to what was granted.
    pub fn of_host(
        abi: u32,
        host: &impl System,
        program: &Path,
        own: Option<&CStr>,
        paths: &[(RawFd, Access, bool)],
        streams: &[(RawFd, Inherited)],
        grants: &[(RawFd, Inherited)],
    ) -> Landlock {
        let Rights { files: handled, network, scopes: scoped } = Rights::of_abi(abi);
        let program = Rule { on: On::Place(text(program)), allowed: READ_FILE | EXECUTE };
        let own = own.map(|own| Rule { on: On::Place(own.to_owned()), allowed: KEEP });
        let paths = paths
            .iter()
            .map(|(fd, access, directory)| Rule { on: On::Descriptor(*fd), allowed: of_grant(*access, *directory) });
        let rules = of_system(host).chain([program]).chain(own).chain(paths);
        let rules = rules.chain(of_files(streams)).chain(of_files(grants)).chain(of_trees(grants));
        let rules = rules.map(|rule| Rule { allowed: rule.allowed & handled, ..rule });
        Landlock { handled, network, scoped, rules: rules.collect() }
    }
}

/// What a view would show of the host, where the host has it.
fn of_system(host: &impl System) -> impl Iterator<Item = Rule> {
    let kinds = |place: &&'static str| Some((*place, host.kind(Path::new(place))?));
    let trees = SYSTEM.iter().filter_map(kinds).filter(|(_, kind)| *kind == Kind::Directory);
    let trees = trees.map(|(place, _)| (place, USE));
    let settings = SETTINGS.iter().filter_map(kinds).filter_map(|(place, kind)| match kind {
        Kind::Directory => Some((place, READ_FILE | READ_DIR)),
        Kind::File => Some((place, READ_FILE)),
        // It leads into one of the trees.
        Kind::Link(_) => None,
    });
    let devices = DEVICES
        .iter()
        .filter_map(kinds)
        .map(|(place, _)| (place, READ_FILE | WRITE_FILE | if place == "/dev/tty" { IOCTL_DEV } else { 0 }));
    // Not to write to: the caller's other processes are there too, and take an oom_score_adj from any of its own.
    let processes = [("/proc", READ_FILE | READ_DIR)];
    let places = trees.chain(settings).chain(devices).chain(processes);
    places.map(|(place, allowed)| Rule { on: On::Place(text(place)), allowed })
}

/// One rule for each place at the top of the view, one for each grant and device that is allowed more than the
/// place it is in: every rule costs a start some 3 µs.
fn of_view(view: &View) -> impl Iterator<Item = Rule> {
    let root = Rule { on: On::Place(text("/")), allowed: READ_DIR };
    std::iter::once(root).chain(view.entries.iter().filter_map(|entry| {
        let at = entry.at.to_bytes();
        let allowed = match &entry.what {
            What::Granted(Granted { access, directory, .. }) => of_grant(*access, *directory),
            What::Device(_) if at == b"dev/tty" => READ_FILE | WRITE_FILE | IOCTL_DEV,
            _ if at.contains(&b'/') => return None,
            What::Tree(_) => USE,
            What::Scratch { .. } => KEEP,
            // The kernel's own checks keep a process to itself here; a thread's name, and how soon the kernel
            // kills it for memory, are set by writing (`echo 500 > …` asks to truncate, too).
            What::Processes => READ_FILE | READ_DIR | WRITE_FILE | TRUNCATE,
            What::Directory => match at {
                b"etc" => READ_FILE | READ_DIR,
                b"dev" => READ_FILE | READ_DIR | WRITE_FILE,
                b"ww" => USE,
                _ => return None,
            },
            What::Link(_) | What::Text(_) | What::File { .. } | What::Device(_) => return None,
        };
        Some(Rule { on: On::Place(text(Path::new("/").join(OsStr::from_bytes(at)))), allowed })
    }))
}

fn of_grant(access: Access, directory: bool) -> u64 {
    let allowed = match access {
        Access::Read => USE,
        Access::Write => KEEP,
    };
    if directory { allowed } else { allowed & OF_FILES }
}

/// A file may be opened again (`/dev/stdin`, `/dev/fd/4`) the way it is open already, and no other way.
fn of_files(descriptors: &[(RawFd, Inherited)]) -> impl Iterator<Item = Rule> {
    descriptors.iter().filter_map(|(fd, inherited)| match inherited {
        Inherited::File { read, write } => {
            let reading = if *read { READ_FILE } else { 0 };
            let writing = if *write { WRITE_FILE | TRUNCATE } else { 0 };
            Some(Rule { on: On::Descriptor(*fd), allowed: reading | writing | IOCTL_DEV })
        }
        Inherited::Directory | Inherited::Other => None,
    })
}

fn of_trees(grants: &[(RawFd, Inherited)]) -> impl Iterator<Item = Rule> {
    let trees = grants.iter().filter(|grant| grant.1 == Inherited::Directory);
    trees.map(|(fd, _)| Rule { on: On::Descriptor(*fd), allowed: READ_FILE | READ_DIR })
}

#[cfg(test)]
mod tests;
