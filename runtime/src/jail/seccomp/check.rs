//! The words of a filter: what may become of a call, and what that may depend on.
//!
//! What must stay true: a check's number is its place in [`Check::ALL`], by which a filter tells it from an answer.
//! Clauses: JAIL-21, JAIL-39.

use libc::EPERM;

/// What becomes of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It is made.
    Allow,
    /// It fails with this.
    Errno(i32),
    /// The process is killed.
    Kill,
    /// It depends on an argument.
    Depends(Check),
}

impl Verdict {
    /// As a filter answers it (seccomp(2)); a check is no answer.
    pub const fn answer(self) -> u32 {
        match self {
            Verdict::Allow => libc::SECCOMP_RET_ALLOW,
            Verdict::Errno(errno) => libc::SECCOMP_RET_ERRNO | errno as u32,
            Verdict::Kill => libc::SECCOMP_RET_KILL_PROCESS,
            Verdict::Depends(_) => panic!("a check isn't an answer"),
        }
    }

    /// Where a jump for it leads: answers are told from checks by their upper half.
    pub const fn label(self) -> u32 {
        match self {
            Verdict::Depends(check) => check as u32,
            other => other.answer(),
        }
    }
}

/// Numbers from `from` to the next range's.
#[derive(Debug, Clone, Copy)]
pub struct Range {
    /// The first.
    pub from: u32,
    /// What becomes of them.
    pub verdict: Verdict,
}

/// A range that begins there.
pub(super) const fn from(from: u32, verdict: Verdict) -> Range {
    Range { from, verdict }
}

/// What isn't the cell's to do.
pub(super) const REFUSED: Verdict = Verdict::Errno(EPERM);

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
    /// Of the type that can't be sent anywhere else.
    PairType,
    /// prctl(2): the options that programs set on themselves.
    Prctl,
    /// mknod(2): no devices, and a mode as below.
    Mknod,
    /// mknodat(2): the same.
    Mknodat,
    /// open(2): a mode, where a file is made.
    Open,
    /// openat(2): the same.
    Openat,
    /// chmod(2): by name, and a mode.
    Chmod,
    /// fchmodat(2): the same.
    Fchmodat,
    /// A mode, the second argument: of no file that others execute by its owner's or group's rights.
    ModeSecond,
    /// The same, where it is the third.
    ModeThird,
    /// The same, where it is the fourth.
    ModeFourth,
    /// personality(2): the usual one, and one without randomised addresses.
    Personality,
    /// What changes a file by its name.
    ByName,
    /// utimensat(2), which takes no name where the file is open.
    Utimensat,
    /// The upper half of that.
    UtimensatUpper,
    /// What is done to a process, the first argument: to itself.
    Itself,
    /// The same, where it is the second.
    ItselfSecond,
}

/// What a check comes to.
#[derive(Debug, Clone, Copy)]
pub enum Decision {
    /// This, whatever the arguments are.
    Always(Verdict),
    /// By an argument.
    By(Rule),
}

/// A look at half of an argument.
#[derive(Debug, Clone, Copy)]
pub struct Rule {
    /// Which half: twice the argument's place, from 0, and one more for the upper.
    pub half: u32,
    /// The bits of it that count.
    pub mask: u32,
    /// What they come to.
    pub verdicts: &'static [Range],
}

impl Check {
    /// Every check: its place here is its number in a filter. One that another leads to comes after it.
    pub const ALL: [Check; 21] = [
        Check::Clone,
        Check::Ioctl,
        Check::Socket,
        Check::Pair,
        Check::PairType,
        Check::Prctl,
        Check::Mknod,
        Check::Mknodat,
        Check::Open,
        Check::Openat,
        Check::Chmod,
        Check::Fchmodat,
        Check::ModeSecond,
        Check::ModeThird,
        Check::ModeFourth,
        Check::Personality,
        Check::ByName,
        Check::Utimensat,
        Check::UtimensatUpper,
        Check::Itself,
        Check::ItselfSecond,
    ];
}
