//! The calls that are allowed for some arguments only, and for which.
//!
//! At the level without namespaces they also stand in for the view: Landlock keeps nobody from changing the rights and
//! times of a file (landlock(7)), nor do user ids keep a cell from the limits of its caller's other processes.
//!
//! A check looks at the low 32 bits of one argument, which is all that the kernel looks at in each of these: an
//! `ioctl` number is an `unsigned int`, a family, an option and a mode are `int`s, and clone(2) takes the lower
//! half of its flags. A filter that compares 64 bits is passed by `TIOCSTI | 1 << 32` (CVE-2019-10063).
//! What must stay true: no check looks behind a pointer, where a second thread could change what was checked. So
//! openat2(2), whose mode lies there, is closed as clone3(2) is: libraries fall back on openat(2).
//! Clauses: JAIL-21, JAIL-39.

use libc::{EAFNOSUPPORT, EINVAL};

use super::check::Verdict::Allow;
use super::check::{Check, Decision, REFUSED, Range, Rule, Verdict, from};
use super::{Subject, modes};

impl Check {
    /// The check as it is made for a subject.
    pub const fn of(self, subject: Subject) -> Decision {
        use Subject::{Cell, Host, Restricted};
        match (self, subject) {
            (Check::Clone, Cell | Restricted) => by(0, NAMESPACES, NO_BIT),
            (Check::Clone, Host) => by(0, NAMESPACES | THREAD, THREAD_ALONE),
            (Check::Ioctl, _) => by(1, ALL_BITS, IOCTLS),
            (Check::Socket | Check::Pair, Cell) => by(0, ALL_BITS, FAMILIES),
            (Check::Socket | Check::Pair, Host) => by(0, ALL_BITS, FAMILIES_OF_HOST),
            (Check::Socket, Restricted) => Decision::Always(NO_FAMILY),
            (Check::Pair, Restricted) => by(0, ALL_BITS, FAMILIES_OF_RESTRICTED),
            (Check::PairType, _) => by(1, SOCKET_TYPE, CONNECTED_TYPES),
            (Check::Prctl, _) => by(0, ALL_BITS, OPTIONS),
            (Check::Mknod, _) => by(1, libc::S_IFMT, modes::KINDS),
            (Check::Mknodat, _) => by(2, libc::S_IFMT, modes::KINDS_AT),
            (Check::Open, Cell | Restricted) => by(1, modes::MAKES, modes::MADE),
            (Check::Openat, Cell | Restricted) => by(2, modes::MAKES, modes::MADE_AT),
            (Check::Chmod, Cell) => Decision::Always(Verdict::Depends(Check::ModeSecond)),
            (Check::Fchmodat, Cell) => Decision::Always(Verdict::Depends(Check::ModeThird)),
            (Check::ModeSecond, Cell | Restricted) => by(1, modes::SET_ID, NO_BIT),
            (Check::ModeThird, Cell | Restricted) => by(2, modes::SET_ID, NO_BIT),
            (Check::ModeFourth, Cell | Restricted) => by(3, modes::SET_ID, NO_BIT),
            (Check::Personality, _) => by(0, ALL_BITS, PERSONALITIES),
            (Check::ByName | Check::Chmod | Check::Fchmodat, Restricted) => Decision::Always(REFUSED),
            (Check::Utimensat, Restricted) => by(1, ALL_BITS, NO_NAME),
            (Check::UtimensatUpper, _) => Decision::By(Rule { half: 2 + 1, mask: ALL_BITS, verdicts: NO_BIT }),
            (Check::Itself, Restricted) => by(0, ALL_BITS, NO_BIT),
            (Check::ItselfSecond, Restricted) => by(1, ALL_BITS, NO_BIT),
            (Check::ByName | Check::Utimensat | Check::Itself | Check::ItselfSecond, Cell | Host)
            | (
                Check::Open
                | Check::Openat
                | Check::Chmod
                | Check::Fchmodat
                | Check::ModeSecond
                | Check::ModeThird
                | Check::ModeFourth,
                Host,
            ) => Decision::Always(Allow),
        }
    }
}

const ALL_BITS: u32 = u32::MAX;

/// By the lower half of an argument.
const fn by(argument: u32, mask: u32, verdicts: &'static [Range]) -> Decision {
    Decision::By(Rule { half: 2 * argument, mask, verdicts })
}

const NO_FAMILY: Verdict = Verdict::Errno(EAFNOSUPPORT);
const NO_OPTION: Verdict = Verdict::Errno(EINVAL);

/// Seven namespaces. clone(2) can't ask for the eighth, time: that bit is of the signal at its child's end, and
/// only clone3(2) and unshare(2), which are closed, know it by another name.
const NAMESPACES: u32 = (libc::CLONE_NEWUSER
    | libc::CLONE_NEWPID
    | libc::CLONE_NEWNS
    | libc::CLONE_NEWNET
    | libc::CLONE_NEWIPC
    | libc::CLONE_NEWUTS
    | libc::CLONE_NEWCGROUP) as u32;
const NO_BIT: &[Range] = &[from(0, Allow), from(1, REFUSED)];

const THREAD: u32 = libc::CLONE_THREAD as u32;
const THREAD_ALONE: &[Range] = &[from(0, REFUSED), from(THREAD, Allow), from(THREAD + 1, REFUSED)];

/// An ioctl belongs to what its descriptor leads to, and a cell is handed its descriptors: a device that its
/// caller grants works whole. What doesn't stay with the descriptor are terminals, which the caller goes on to
/// use: of theirs (`0x54..`, `asm-generic/ioctls.h`) those are allowed that programs need, so that the next
/// TIOCSTI is closed before it is known; of the console's keyboard and screens (`0x4b..`, `0x56..`: a key can be
/// made to type a line) none. Closed among them: TIOCSTI, TIOCLINUX, TIOCCONS, TIOCSETD, TIOCEXCL, TIOCSWINSZ, TIOCVHANGUP.
const IOCTLS: &[Range] = &[
    from(0, Allow),
    from(0x4b00, REFUSED), // KDSKBENT, KDSKBSENT, KDSETMODE, …
    from(0x4c00, Allow),
    from(0x5400, REFUSED),
    from(0x5401, Allow),   // TCGETS to TCFLSH
    from(0x540c, REFUSED), // TIOCEXCL, TIOCNXCL
    from(0x540e, Allow),   // TIOCSCTTY, TIOCGPGRP, TIOCSPGRP, TIOCOUTQ
    from(0x5412, REFUSED), // TIOCSTI
    from(0x5413, Allow),   // TIOCGWINSZ
    from(0x5414, REFUSED), // TIOCSWINSZ: it would stay after the cell, whose host can't tell it from the user's own
    from(0x5415, Allow),   // the modem's lines
    from(0x5419, REFUSED),
    from(0x541b, Allow),   // FIONREAD
    from(0x541c, REFUSED), // TIOCLINUX, TIOCCONS, TIOCGSERIAL, TIOCSSERIAL
    from(0x5420, Allow),   // TIOCPKT, FIONBIO, TIOCNOTTY
    from(0x5423, REFUSED), // TIOCSETD
    from(0x5424, Allow),   // TIOCGETD, TCSBRKP
    from(0x5426, REFUSED),
    from(0x5427, Allow),   // TIOCSBRK, TIOCCBRK, TIOCGSID
    from(0x542a, REFUSED), // TIOCVHANGUP, …
    from(0x5441, Allow),   // TIOCGPTPEER, by which openpty(3) opens the other end
    from(0x5442, REFUSED),
    from(0x5450, Allow),   // FIONCLEX, FIOCLEX, FIOASYNC
    from(0x5453, REFUSED), // TIOCSERCONFIG, TIOCSLCKTRMIOS, …
    from(0x5460, Allow),   // FIOQSIZE
    from(0x5461, REFUSED),
    from(0x5500, Allow),
    from(0x5600, REFUSED), // VT_ACTIVATE, VT_LOCKSWITCH, …
    from(0x5700, Allow),
];

/// AF_UNIX leads to what the cell's view shows. The network namespace has no way out, so a socket of the
/// Internet's would be of no use; netlink, packet, vsock and AF_ALG are doors of the kernel.
const FAMILIES: &[Range] = &[from(0, NO_FAMILY), from(UNIX, Allow), from(UNIX + 1, NO_FAMILY)];
const UNIX: u32 = libc::AF_UNIX as u32;

/// Without a view, a socket would lead to the host's services; one of a pair is connected, and stays so. Not where it is
/// of datagrams: those can be sent to another address (unix(7)).
const FAMILIES_OF_RESTRICTED: &[Range] =
    &[from(0, NO_FAMILY), from(UNIX, Verdict::Depends(Check::PairType)), from(UNIX + 1, NO_FAMILY)];
/// The rest of that argument is SOCK_CLOEXEC and SOCK_NONBLOCK (socket(2)).
const SOCKET_TYPE: u32 = 0xf;
const CONNECTED_TYPES: &[Range] = &[
    from(0, NO_FAMILY),
    from(libc::SOCK_STREAM as u32, Allow),
    from(libc::SOCK_STREAM as u32 + 1, NO_FAMILY),
    from(libc::SOCK_SEQPACKET as u32, Allow),
    from(libc::SOCK_SEQPACKET as u32 + 1, NO_FAMILY),
];

/// A null pointer: the file is the one that the first argument has open.
const NO_NAME: &[Range] = &[from(0, Verdict::Depends(Check::UtimensatUpper)), from(1, REFUSED)];

/// The IPFS daemon and name servers; netlink is how libc asks which addresses this machine has (getaddrinfo(3)).
const FAMILIES_OF_HOST: &[Range] = &[
    from(0, NO_FAMILY),
    from(UNIX, Allow), // AF_INET is the next
    from(libc::AF_INET as u32 + 1, NO_FAMILY),
    from(libc::AF_INET6 as u32, Allow),
    from(libc::AF_INET6 as u32 + 1, NO_FAMILY),
    from(libc::AF_NETLINK as u32, Allow),
    from(libc::AF_NETLINK as u32 + 1, NO_FAMILY),
];

/// By their numbers (`linux/prctl.h`), as some are newer than libc. Closed: memory maps set from outside
/// (PR_SET_MM), system call dispatch, I/O flushers, core scheduling, tracers named (PR_SET_PTRACER).
const OPTIONS: &[Range] = &[
    from(0, NO_OPTION),
    from(1, Allow), // PR_SET_PDEATHSIG to PR_SET_DUMPABLE
    from(5, NO_OPTION),
    from(7, Allow), // PR_GET_KEEPCAPS, PR_SET_KEEPCAPS
    from(9, NO_OPTION),
    from(15, Allow), // PR_SET_NAME, PR_GET_NAME
    from(17, NO_OPTION),
    from(21, Allow), // PR_GET_SECCOMP, PR_SET_SECCOMP, PR_CAPBSET_READ, PR_CAPBSET_DROP
    from(25, NO_OPTION),
    from(27, Allow), // PR_GET_SECUREBITS
    from(28, NO_OPTION),
    from(29, Allow), // PR_SET_TIMERSLACK, PR_GET_TIMERSLACK
    from(31, NO_OPTION),
    from(36, Allow), // PR_SET_CHILD_SUBREAPER to PR_GET_NO_NEW_PRIVS
    from(40, NO_OPTION),
    from(41, Allow), // PR_SET_THP_DISABLE, PR_GET_THP_DISABLE
    from(43, NO_OPTION),
    from(47, Allow), // PR_CAP_AMBIENT
    from(48, NO_OPTION),
    from(50, Allow), // PR_SVE_SET_VL to PR_GET_TAGGED_ADDR_CTRL, PR_SET_SPECULATION_CTRL among them
    from(57, NO_OPTION),
    from(60, Allow), // PR_PAC_SET_ENABLED_KEYS, PR_PAC_GET_ENABLED_KEYS
    from(62, NO_OPTION),
    from(63, Allow), // PR_SME_SET_VL, PR_SME_GET_VL, PR_SET_MDWE, PR_GET_MDWE
    from(67, NO_OPTION),
    from(74, Allow), // PR_GET_SHADOW_STACK_STATUS, PR_SET_…, PR_LOCK_…
    from(77, NO_OPTION),
    from(0x4155_5856, Allow), // PR_GET_AUXV
    from(0x4155_5857, NO_OPTION),
    from(0x5356_4d41, Allow), // PR_SET_VMA: allocators and the runtimes of Go and Node name their memory
    from(0x5356_4d42, NO_OPTION),
];

/// Another personality opens code that few have looked at, or makes data executable (READ_IMPLIES_EXEC); the
/// last is the question which one it is.
const PERSONALITIES: &[Range] = &[
    from(0, Allow),
    from(1, REFUSED),
    from(libc::ADDR_NO_RANDOMIZE as u32, Allow),
    from(libc::ADDR_NO_RANDOMIZE as u32 + 1, REFUSED),
    from(u32::MAX, Allow),
];
