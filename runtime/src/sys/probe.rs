//! Each part of the jail, tried by itself in a child that does nothing else: for `ww doctor`, and for the error of a
//! run whose start was refused.
//!
//! What must stay true: it finds out by trying, with the calls of a start; nothing of a trial outlives it.
//! Clauses: JAIL-18, JAIL-42, JAIL-45.

mod trial;

use std::ffi::CString;
use std::os::fd::RawFd;

use super::image::init_image;
use super::landlock_abi;
use super::mounts;
use super::raw::{self, Errno, call};
use super::report::Failure;
use super::seccomp;
use super::sole::SoleThread;
use crate::jail::view::{Entry, View, What};
use crate::jail::{Filter, Identity, Level, Part};
use trial::{in_child, in_namespaces};

/// Tries a part; says more about one that can be had, where there is more to say.
pub fn try_part(sole: &SoleThread, part: Part, identity: &Identity) -> Result<Option<String>, Errno> {
    const USER: i32 = libc::CLONE_NEWUSER;
    const MOUNTS: i32 = USER | libc::CLONE_NEWNS;
    let own = |namespace| in_namespaces(sole, USER, Some(identity), || unshare(namespace));
    match part {
        Part::UserNamespace => in_namespaces(sole, USER, None, || Ok(())),
        Part::IdMaps => in_namespaces(sole, USER, Some(identity), || Ok(())),
        Part::PidNamespace => own(libc::CLONE_NEWPID),
        Part::MountNamespace => own(libc::CLONE_NEWNS),
        Part::NetworkNamespace => own(libc::CLONE_NEWNET),
        Part::IpcNamespace => own(libc::CLONE_NEWIPC),
        Part::UtsNamespace => own(libc::CLONE_NEWUTS),
        Part::CgroupNamespace => own(libc::CLONE_NEWCGROUP),
        Part::Memfd => in_child(sole, || {
            // Its own words are for a run; here the error number tells the cause.
            init_image().map(drop).map_err(|fault| fault.raw_os_error().unwrap_or(libc::EACCES))
        }),
        Part::Mounts => in_namespaces(sole, MOUNTS, Some(identity), || furnished(system(), false)),
        Part::Processes => {
            let processes = vec![Entry { at: c"proc".into(), what: What::Processes }];
            in_namespaces(sole, MOUNTS | libc::CLONE_NEWPID, Some(identity), || furnished(processes, false))
        }
        Part::Pivot => in_namespaces(sole, MOUNTS, Some(identity), || furnished(Vec::new(), true)),
        Part::Privileges => in_child(sole, no_privileges),
        Part::Keyring => in_child(sole, keyring),
        Part::Landlock => return landlock(sole).map(|abi| Some(format!("ABI {abi}"))),
        Part::Seccomp => in_child(sole, filter),
        Part::Clone => in_child(sole, clone),
        Part::Handles => in_child(sole, handles),
        Part::Descriptors => in_child(sole, || raw::close_range(RawFd::MAX - 1, RawFd::MAX)),
    }
    .map(|()| None)
}

/// The first part of a level that this machine refuses, and how.
pub fn first_refused(sole: &SoleThread, level: Level, identity: &Identity) -> Option<(Part, Errno)> {
    let mut parts = Part::ALL.into_iter().filter(|part| level.has(*part) && !is_absent(*part));
    parts.find_map(|part| try_part(sole, part, identity).err().map(|errno| (part, errno)))
}

/// Whether a run does without a part, which this kernel hasn't got.
fn is_absent(part: Part) -> bool {
    match part {
        Part::Landlock => landlock_abi().is_err(),
        Part::Keyring => true,
        _ => false,
    }
}

fn unshare(namespaces: i32) -> Result<(), Errno> {
    // SAFETY: an integer; the child that calls this has one thread and ends right after.
    unsafe { call(libc::SYS_unshare, [namespaces as usize, 0, 0, 0, 0, 0]) }.map(drop)
}

/// One of each kind of entry but /proc.
fn system() -> Vec<Entry> {
    let entry = |at: &CString, what| Entry { at: at.clone(), what };
    let options = [(c"size", c"64k"), (c"mode", c"0700")].map(|(key, value)| (key.into(), value.into())).to_vec();
    vec![
        entry(&c"usr".into(), What::Tree(c"/usr".into())),
        entry(&c"null".into(), What::Device(c"/dev/null".into())),
        entry(&c"tmp".into(), What::Scratch { options }),
    ]
}

/// A root with these entries, and the host's left for it where that is asked.
fn furnished(entries: Vec<Entry>, leaves: bool) -> Result<(), Errno> {
    let errno = |failure: Failure| failure.errno;
    let view = View { entries };
    let mut parts = vec![-1; view.entries.len()];
    mounts::take(&view, &mut parts).map_err(errno)?;
    let root = mounts::make_root()?;
    mounts::furnish(root, &view, &parts).map_err(errno)?;
    if leaves { mounts::pivot(root) } else { Ok(()) }
}

fn no_privileges() -> Result<(), Errno> {
    raw::prctl(libc::PR_SET_NO_NEW_PRIVS, 1)
}

fn keyring() -> Result<(), Errno> {
    const JOIN_SESSION_KEYRING: usize = 1;
    // SAFETY: a null name asks for a new anonymous keyring.
    unsafe { call(libc::SYS_keyctl, [JOIN_SESSION_KEYRING, 0, 0, 0, 0, 0]) }.map(drop)
}

/// The ABI, once a ruleset was made and put over a child.
fn landlock(sole: &SoleThread) -> Result<u32, Errno> {
    let abi = landlock_abi()?;
    in_child(sole, || {
        // struct landlock_ruleset_attr of ABI 1: executing files is handled.
        let handled = 1u64;
        // SAFETY: `handled` is alive, and its size is the first ABI's.
        let ruleset = unsafe { call(libc::SYS_landlock_create_ruleset, [&raw const handled as usize, 8, 0, 0, 0, 0])? };
        raw::prctl(libc::PR_SET_NO_NEW_PRIVS, 1)?;
        // SAFETY: integers.
        unsafe { call(libc::SYS_landlock_restrict_self, [ruleset, 0, 0, 0, 0, 0]) }.map(drop)
    })?;
    Ok(abi)
}

/// The cell's own.
fn filter() -> Result<(), Errno> {
    raw::prctl(libc::PR_SET_NO_NEW_PRIVS, 1)?;
    seccomp::install(Filter::CELL)
}

/// A child by clone3.
fn clone() -> Result<(), Errno> {
    // SAFETY: clone_args is plain integers, for which all zero is valid.
    let mut arguments = unsafe { std::mem::zeroed::<libc::clone_args>() };
    arguments.exit_signal = libc::SIGCHLD as u64;
    let (address, size) = (&raw mut arguments as usize, size_of::<libc::clone_args>());
    // SAFETY: no CLONE_VM and no stack, so this is a fork of a process that has one thread.
    if unsafe { call(libc::SYS_clone3, [address, size, 0, 0, 0, 0])? } == 0 {
        // SAFETY: ends the child.
        unsafe { libc::_exit(0) };
    }
    Ok(())
}

/// A pidfd of its own that takes a signal.
fn handles() -> Result<(), Errno> {
    // SAFETY: integers; and a null siginfo. Signal 0 asks whether one could be sent.
    unsafe {
        let pidfd = call(libc::SYS_pidfd_open, [libc::getpid() as usize, 0, 0, 0, 0, 0])?;
        call(libc::SYS_pidfd_send_signal, [pidfd, 0, 0, 0, 0, 0]).map(drop)
    }
}
