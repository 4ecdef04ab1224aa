//! Takes ownership of descriptors that the host left open in this process: the only unsafe code of this crate.
//!
//! - What it does: turns `WW_FD_<NAME>` and `WW_RPC_FD` into an `OwnedFd`, close-on-exec.
//! - What must stay true: a number is given at most once in a process, and only while it is open.
//! - Serves: rulings 1, 3, from the cell's side.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::sync::{Mutex, PoisonError};

use nix::fcntl::{FcntlArg, FdFlag, fcntl};

use crate::CellError;

/// The numbers that have an owner.
static TAKEN: Mutex<BTreeSet<RawFd>> = Mutex::new(BTreeSet::new());

/// The descriptor that `ww run --with-fd <name>=N` granted, with close-on-exec set.
///
/// It is the same open file description as the host's: offset and status flags are shared. The case of
/// `name` doesn't matter. The descriptor is the caller's; dropping it closes it, and a second call fails.
///
/// # Errors
/// [`CellError::Name`], [`CellError::NotGranted`], [`CellError::Number`], [`CellError::Closed`],
/// [`CellError::Taken`].
pub fn grant(name: &str) -> Result<OwnedFd, CellError> {
    let variable = grant_variable(name)?;
    let value = std::env::var_os(&variable);
    let value = value.ok_or_else(|| CellError::NotGranted { name: name.to_owned(), variable: variable.clone() })?;
    take(&variable, &value)
}

/// `WW_FD_` and the name in ASCII upper case (ruling 3).
fn grant_variable(name: &str) -> Result<String, CellError> {
    let letter = |byte: u8| byte.is_ascii_alphabetic() || byte == b'_';
    let first = name.bytes().next().is_some_and(letter);
    if !first || !name.bytes().all(|byte| letter(byte) || byte.is_ascii_digit()) {
        return Err(CellError::Name { name: name.to_owned() });
    }
    Ok(format!("WW_FD_{}", name.to_ascii_uppercase()))
}

/// The host's socket, not yet looked at.
pub(crate) fn host_socket() -> Result<OwnedFd, CellError> {
    take("WW_RPC_FD", &std::env::var_os("WW_RPC_FD").ok_or(CellError::NoHost)?)
}

/// Gives a descriptor back that turned out not to be usable: it stays open, and may be taken again.
pub(crate) fn put_back(fd: OwnedFd) {
    let mut taken = TAKEN.lock().unwrap_or_else(PoisonError::into_inner);
    taken.remove(&std::os::fd::IntoRawFd::into_raw_fd(fd));
}

fn take(variable: &str, value: &OsStr) -> Result<OwnedFd, CellError> {
    let variable = variable.to_owned();
    let Some(fd) = number(value) else {
        return Err(CellError::Number { variable, value: value.to_string_lossy().into_owned() });
    };
    let mut taken = TAKEN.lock().unwrap_or_else(PoisonError::into_inner);
    if taken.contains(&fd) {
        return Err(CellError::Taken { variable, fd });
    }
    // SAFETY: F_GETFD reads one flag of a number in the descriptor table, whatever the number is.
    if unsafe { libc::fcntl(fd, libc::F_GETFD) } < 0 {
        return Err(CellError::Closed { variable, fd });
    }
    // SAFETY: the number is open, by the line above. The host left it in this process for whoever reads the
    // variable; TAKEN, locked here, makes that one owner. (Code that closes numbers that it doesn't own
    // breaks any `OwnedFd`, this one too.)
    let owned = unsafe { OwnedFd::from_raw_fd(fd) };
    taken.insert(owned.as_raw_fd());
    drop(taken);
    // The host cleared close-on-exec so that the descriptor got here; it needn't go further by itself.
    if let Err(errno) = fcntl(&owned, FcntlArg::F_SETFD(FdFlag::FD_CLOEXEC)) {
        put_back(owned);
        return Err(io::Error::from(errno).into());
    }
    Ok(owned)
}

/// A descriptor's number above the standard streams, in plain digits.
fn number(value: &OsStr) -> Option<RawFd> {
    let value = value.to_str().filter(|value| value.bytes().all(|byte| byte.is_ascii_digit()))?;
    value.parse().ok().filter(|fd| *fd > 2)
}

#[cfg(test)]
mod tests {
    use std::os::fd::IntoRawFd;

    use std::ffi::OsString;

    use super::*;

    fn taken(value: &str) -> Result<OwnedFd, CellError> {
        take("WW_FD_TEST", &OsString::from(value))
    }

    #[test]
    fn an_open_descriptor_is_given_once_and_close_on_exec() {
        let (ours, theirs) = std::io::pipe().expect("a pipe");
        let fd = theirs.into_raw_fd();
        fcntl(&ours, FcntlArg::F_SETFD(FdFlag::empty())).expect("fcntl");

        let owned = taken(&fd.to_string()).expect("an open descriptor");
        assert_eq!(owned.as_raw_fd(), fd);
        let flags = fcntl(&owned, FcntlArg::F_GETFD).expect("fcntl");
        assert_eq!(flags, libc::FD_CLOEXEC);

        assert!(matches!(taken(&fd.to_string()), Err(CellError::Taken { .. })));
        drop(owned);
        assert!(matches!(taken(&fd.to_string()), Err(CellError::Taken { .. })));
    }

    #[test]
    fn a_closed_number_is_refused() {
        // Above any limit on open files that a test runs under, and never opened by it.
        let error = taken("1073741823").expect_err("nothing is open there");
        assert_eq!(error.to_string(), "WW_FD_TEST=1073741823: the descriptor isn't open");
    }

    #[test]
    fn values_that_arent_descriptors_are_refused() {
        for value in ["", "x", "-1", "+4", " 4", "4 ", "0x4", "0", "1", "2", "2147483648", "99999999999999999999"] {
            assert!(matches!(taken(value), Err(CellError::Number { .. })), "{value:?}");
        }
    }

    #[test]
    fn names_are_upper_cased_and_checked() {
        assert_eq!(grant_variable("db").expect("a name"), "WW_FD_DB");
        assert_eq!(grant_variable("_Cache9").expect("a name"), "WW_FD__CACHE9");
        for name in ["", "9db", "d-b", "d b", "dä", "db=3"] {
            assert!(matches!(grant_variable(name), Err(CellError::Name { .. })), "{name:?}");
        }
    }
}
