//! Modes of files, as arguments of calls: of which kind a cell may make files, and with which bits.
//!
//! A cell's mounts are nosuid, so itself gains nothing by a set-user-ID bit. But what it makes by `--rw` is its caller's
//! or, as a cell of root's, the directory's owner's, and whoever sees it on the host could execute it by their rights.
//! What must stay true: every call that gives a file a mode is checked by [`SET_ID`], or closed. A directory can be made
//! without: mkdir(2) takes neither bit, and gives a directory that of the one around it.
//! Clauses: JAIL-21, JAIL-39.

use super::check::Verdict::{Allow, Depends};
use super::check::{Check, REFUSED, Range, from};

/// Set-user-ID and set-group-ID: none of these bits, be it a directory, which a filter can't tell from a file.
pub const SET_ID: u32 = libc::S_ISUID | libc::S_ISGID;

/// The flags of open(2) by which it makes a file: O_CREAT, and of O_TMPFILE the bit that isn't O_DIRECTORY's
/// (`asm-generic/fcntl.h`, the same on both machines). Without either there is no mode, and its register holds anything.
pub const MAKES: u32 = 0o100 | 0o20_000_000;
/// What they come to for open(2).
pub const MADE: &[Range] = &made(Check::ModeThird);
/// For openat(2).
pub const MADE_AT: &[Range] = &made(Check::ModeFourth);

const fn made(mode: Check) -> [Range; 2] {
    [from(0, Allow), from(1, Depends(mode))]
}

/// The kinds of files for mknod(2): a file, a named pipe, a socket. The kernel keeps an ordinary user from devices but
/// for one: a character device 0/0, the "whiteout" of overlay file systems (mknod(2), Linux 5.8).
pub const KINDS: &[Range] = &kinds(Check::ModeSecond);
/// For mknodat(2).
pub const KINDS_AT: &[Range] = &kinds(Check::ModeThird);

const fn kinds(mode: Check) -> [Range; 6] {
    [
        from(0, Depends(mode)),
        from(libc::S_IFIFO + 1, REFUSED),
        from(libc::S_IFREG, Depends(mode)),
        from(libc::S_IFREG + 1, REFUSED),
        from(libc::S_IFSOCK, Depends(mode)),
        from(libc::S_IFSOCK + 1, REFUSED),
    ]
}
