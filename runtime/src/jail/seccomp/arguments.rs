//! The calls that are allowed for some arguments only, and for which.
//!
//! A check looks at the low 32 bits of one argument, which is all that the kernel looks at in each of these: an
//! `ioctl` number is an `unsigned int`, a family, an option and a mode are `int`s, and clone(2) takes the lower
//! half of its flags. A filter that compares 64 bits is passed by `TIOCSTI | 1 << 32` (CVE-2019-10063).
//! What must stay true: no check looks behind a pointer, where a second thread could change what was checked.
//! Clauses: JAIL-21.

use libc::{EAFNOSUPPORT, EINVAL, EPERM};

use super::Subject;
use super::tree::Verdict::Allow;
use super::tree::{Range, Verdict};

/// What an argument must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Check {
    /// clone(2): no new namespaces; in the host, threads alone.
    Clone,
    /// ioctl(2): of terminals and consoles, what is known to stay with them.
    Ioctl,
    /// socket(2): the families that lead nowhere else.
    Socket,
    /// socketpair(2): the same.
    Pair,
    /// prlimit64(2): without a pid namespace, its own limits alone.
    Prlimit,
    /// setpriority(2): without a pid namespace, its own alone.
    Priority,
    /// prctl(2): the options that programs set on themselves.
    Prctl,
    /// mknod(2): no devices.
    Mknod,
    /// mknodat(2): no devices.
    Mknodat,
    /// personality(2): the usual one, and one without randomised addresses.
    Personality,
}

/// A check as the filter makes it.
#[derive(Debug, Clone, Copy)]
pub struct Rule {
    /// Which argument, from 0.
    pub argument: u32,
    /// The bits of it that count.
    pub mask: u32,
    /// What they come to.
    pub verdicts: &'static [Range],
}

impl Check {
    /// Every check: its place here is its number in a filter.
    pub const ALL: [Check; 10] = [
        Check::Clone,
        Check::Ioctl,
        Check::Socket,
        Check::Pair,
        Check::Prlimit,
        Check::Priority,
        Check::Prctl,
        Check::Mknod,
        Check::Mknodat,
        Check::Personality,
    ];

    /// The check as it is made for a subject.
    pub const fn rule(self, subject: Subject) -> Rule {
        match (self, subject) {
            (Check::Clone, Subject::Cell | Subject::Restricted) => {
                Rule { argument: 0, mask: NAMESPACES, verdicts: NO_BIT }
            }
            (Check::Clone, Subject::Host) => Rule { argument: 0, mask: NAMESPACES | THREAD, verdicts: THREAD_ALONE },
            (Check::Ioctl, _) => Rule { argument: 1, mask: u32::MAX, verdicts: IOCTLS },
            (Check::Socket, Subject::Restricted) => Rule { argument: 0, mask: u32::MAX, verdicts: NO_FAMILIES },
            (Check::Socket, Subject::Cell) | (Check::Pair, Subject::Cell | Subject::Restricted) => {
                Rule { argument: 0, mask: u32::MAX, verdicts: FAMILIES }
            }
            (Check::Prlimit, Subject::Restricted) => Rule { argument: 0, mask: u32::MAX, verdicts: NO_BIT },
            (Check::Priority, Subject::Restricted) => Rule { argument: 1, mask: u32::MAX, verdicts: NO_BIT },
            (Check::Prlimit | Check::Priority, Subject::Cell | Subject::Host) => {
                Rule { argument: 0, mask: u32::MAX, verdicts: ANY }
            }
            (Check::Socket | Check::Pair, Subject::Host) => {
                Rule { argument: 0, mask: u32::MAX, verdicts: FAMILIES_OF_HOST }
            }
            (Check::Prctl, _) => Rule { argument: 0, mask: u32::MAX, verdicts: OPTIONS },
            (Check::Mknod, _) => Rule { argument: 1, mask: libc::S_IFMT, verdicts: KINDS },
            (Check::Mknodat, _) => Rule { argument: 2, mask: libc::S_IFMT, verdicts: KINDS },
            (Check::Personality, _) => Rule { argument: 0, mask: u32::MAX, verdicts: PERSONALITIES },
        }
    }
}

impl Rule {
    /// What it comes to whatever the argument is, where that is so: then nothing need be checked.
    pub const fn always(self) -> Option<Verdict> {
        if self.verdicts.len() == 1 { Some(self.verdicts[0].verdict) } else { None }
    }
}

/// Nothing to check.
const ANY: &[Range] = &[from(0, Allow)];

const REFUSED: Verdict = Verdict::Errno(EPERM);
const NO_FAMILY: Verdict = Verdict::Errno(EAFNOSUPPORT);
const NO_OPTION: Verdict = Verdict::Errno(EINVAL);

const fn from(from: u32, verdict: Verdict) -> Range {
    Range { from, verdict }
}

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
/// made to type a line) none. Closed among them: TIOCSTI, TIOCLINUX, TIOCCONS, TIOCSETD, TIOCEXCL, TIOCVHANGUP.
const IOCTLS: &[Range] = &[
    from(0, Allow),
    from(0x4b00, REFUSED), // KDSKBENT, KDSKBSENT, KDSETMODE, …
    from(0x4c00, Allow),
    from(0x5400, REFUSED),
    from(0x5401, Allow),   // TCGETS to TCFLSH
    from(0x540c, REFUSED), // TIOCEXCL, TIOCNXCL
    from(0x540e, Allow),   // TIOCSCTTY, TIOCGPGRP, TIOCSPGRP, TIOCOUTQ
    from(0x5412, REFUSED), // TIOCSTI
    from(0x5413, Allow),   // TIOCGWINSZ, TIOCSWINSZ, the modem's lines
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
/// Without a view, a socket of the file system's leads to the services of the host, and no filter sees to which. Pairs
/// lead nowhere.
const NO_FAMILIES: &[Range] = &[from(0, NO_FAMILY)];
const UNIX: u32 = libc::AF_UNIX as u32;

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

/// A file, a named pipe, a socket. The kernel keeps an ordinary user from devices but for one: a character
/// device 0/0, the "whiteout" of overlay file systems (mknod(2), Linux 5.8).
const KINDS: &[Range] = &[
    from(0, Allow),
    from(libc::S_IFIFO + 1, REFUSED),
    from(libc::S_IFREG, Allow),
    from(libc::S_IFREG + 1, REFUSED),
    from(libc::S_IFSOCK, Allow),
    from(libc::S_IFSOCK + 1, REFUSED),
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
