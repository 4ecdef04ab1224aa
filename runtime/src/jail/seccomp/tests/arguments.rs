//! What is allowed for some arguments only, and what of it a subject may do.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::super::check::{Check, Decision, Rule};
use super::super::ranges::NUMBERS;
use super::super::{Machine, Subject};
use super::{ALLOW, ENOSYS, MACHINES, SUBJECTS, answer, checked, names, wanted};

#[test]
fn the_host_starts_nothing() {
    for machine in MACHINES {
        let numbers: BTreeMap<_, _> = names(machine).into_iter().map(|(number, name)| (name, number)).collect();
        for name in ["execve", "execveat", "fork", "vfork", "mknodat", "personality", "fchmod", "setuid", "shmget"] {
            let Some(number) = numbers.get(name) else { continue };
            assert_eq!(answer(machine, Subject::Host, *number, [0; 6]), ENOSYS, "{name} on {machine:?}");
        }
        let clone = |flags: i32| answer(machine, Subject::Host, numbers["clone"], [flags as u64, 0, 0, 0, 0, 0]);
        assert_ne!(clone(libc::SIGCHLD), ALLOW);
        assert_ne!(clone(libc::CLONE_VM | libc::CLONE_VFORK | libc::SIGCHLD), ALLOW);
        assert_ne!(clone(libc::CLONE_VM | libc::CLONE_THREAD | libc::CLONE_NEWNET), ALLOW);
        assert_eq!(clone(libc::CLONE_VM | libc::CLONE_SIGHAND | libc::CLONE_THREAD), ALLOW);
    }
}

/// What neither Landlock nor user ids keep a cell from that has no namespaces (landlock(7), "Current limitations").
#[test]
fn jail_44_a_restricted_cell_reaches_nothing_of_others() {
    let eperm = libc::SECCOMP_RET_ERRNO | libc::EPERM as u32;
    let no_family = libc::SECCOMP_RET_ERRNO | libc::EAFNOSUPPORT as u32;
    for machine in MACHINES {
        let numbers: BTreeMap<_, _> = names(machine).into_iter().map(|(number, name)| (name, number)).collect();
        let made = |name: &str, [one, two]: [u64; 2]| {
            answer(machine, Subject::Restricted, numbers[name], [one, two, 0, 0, 0, 0])
        };
        for name in ["truncate", "fchmodat", "fchownat", "setxattr", "chmod", "chown", "utime"] {
            if numbers.contains_key(name) {
                assert_eq!(made(name, [0, 0]), eperm, "{name} on {machine:?}");
            }
        }
        for (name, file) in [(0, ALLOW), (1, eperm), (1 << 32, eperm), (u64::MAX, eperm)] {
            assert_eq!(made("utimensat", [3, name]), file, "{name:#x}");
        }
        assert_eq!((made("prlimit64", [0, 7]), made("prlimit64", [4711, 7])), (ALLOW, eperm));
        assert_eq!((made("setpriority", [0, 0]), made("setpriority", [0, 4711])), (ALLOW, eperm));
        for family in 0..64 {
            assert_eq!(made("socket", [family, libc::SOCK_STREAM as u64]), no_family, "family {family}");
        }
        for (kind, answer) in [(libc::SOCK_STREAM, ALLOW), (libc::SOCK_SEQPACKET, ALLOW), (libc::SOCK_DGRAM, no_family)]
        {
            let kind = (kind | libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK) as u64;
            assert_eq!(made("socketpair", [libc::AF_UNIX as u64, kind]), answer, "{kind:#x}");
            assert_eq!(made("socketpair", [libc::AF_INET as u64, kind]), no_family, "{kind:#x}");
        }
        for name in ["shmget", "shmat", "semget", "msgget", "inotify_init1", "ptrace", "process_vm_readv"] {
            assert_eq!(made(name, [0, 0]), ENOSYS, "{name} on {machine:?}");
        }
    }
}

/// Calls that give a file a mode: the flags' place and the mode's.
const GIVE_MODES: [(&str, Option<usize>, usize); 9] = [
    ("chmod", None, 1),
    ("fchmod", None, 1),
    ("fchmodat", None, 2),
    ("fchmodat2", None, 2),
    ("creat", None, 1),
    ("open", Some(1), 2),
    ("openat", Some(2), 3),
    ("mknod", None, 1),
    ("mknodat", None, 2),
];

#[test]
fn jail_39_no_file_becomes_set_id() {
    // O_TMPFILE has O_DIRECTORY in it, which is another bit on each machine; the kernel's own is enough to make a file.
    const MAKE: [u64; 5] = [0o100, 0o100 | 0o2_000_001, 0o20_000_000, 0o20_200_002, 0o20_040_002];
    const MAKE_NOTHING: [u64; 4] = [0, 2, 0o2_200_000, 0o40_000];
    let refused = libc::SECCOMP_RET_ERRNO | libc::EPERM as u32;
    for machine in MACHINES {
        let numbers: BTreeMap<_, _> = names(machine).into_iter().map(|(number, name)| (name, number)).collect();
        for subject in [Subject::Cell, Subject::Restricted] {
            for (name, flags, mode) in GIVE_MODES {
                let Some(number) = numbers.get(name) else { continue };
                let by_name = matches!(name, "chmod" | "fchmodat" | "fchmodat2");
                let usual = if by_name && subject == Subject::Restricted { refused } else { ALLOW };
                let made = |flag: u64, bits: u64| {
                    let mut arguments = [0; 6];
                    arguments[mode] = bits;
                    flags.inspect(|at| arguments[*at] = flag);
                    answer(machine, subject, *number, arguments)
                };
                for bits in [0, 0o755, 0o777, 0o1777, 0o644, 1 << 32 | 0o755] {
                    for flag in MAKE {
                        assert_eq!(made(flag, bits), usual, "{name} {flag:o} {bits:o} {machine:?} {subject:?}");
                    }
                }
                for set in [0o4000, 0o2000, 0o6000, 0o4755, 0o2755, 0o7777] {
                    for bits in [set, set | 1 << 32, set | u64::from(u32::MAX) << 32] {
                        for flag in MAKE.into_iter().flat_map(|flag| [flag, flag | 1 << 32]) {
                            assert_eq!(made(flag, bits), refused, "{name} {flag:o} {bits:o} {machine:?} {subject:?}");
                        }
                        // Without a file that is made there is no mode: its register holds what was there before.
                        for flag in MAKE_NOTHING.into_iter().filter(|_| flags.is_some()) {
                            assert_eq!(made(flag, bits), ALLOW, "{name} {flag:o} {bits:o} {machine:?} {subject:?}");
                        }
                    }
                }
            }
        }
    }
}

#[test]
fn the_upper_half_of_an_argument_opens_nothing() {
    const TIOCSTI: u64 = 0x5412;
    const TIOCLINUX: u64 = 0x541c;
    let refused = libc::SECCOMP_RET_ERRNO | libc::EPERM as u32;
    for number in [TIOCSTI, TIOCLINUX, 0x541d, 0x5423, 0x540c, 0x5414, 0x5437, 0x4b47, 0x4b49, 0x5606] {
        for upper in [0, 1 << 32, u64::from(u32::MAX) << 32] {
            assert_eq!(answer(Machine::X86_64, Subject::Cell, 16, [0, number | upper, 0, 0, 0, 0]), refused);
            assert_eq!(answer(Machine::Aarch64, Subject::Cell, 29, [0, number | upper, 0, 0, 0, 0]), refused);
        }
    }
}

#[test]
fn terminals_can_be_used() {
    let numbers = [
        libc::TCGETS,
        libc::TCSETS,
        libc::TCSETSW,
        libc::TCSETSF,
        libc::TIOCGWINSZ,
        libc::TIOCGPGRP,
        libc::TIOCSPGRP,
        libc::TIOCSCTTY,
        libc::TIOCNOTTY,
        libc::TIOCGSID,
        libc::FIONREAD,
        libc::FIONBIO,
        libc::FIOCLEX,
        libc::TCFLSH,
        libc::TIOCGPTN,
        libc::TIOCSPTLCK,
        libc::TIOCGPTPEER,
        libc::TCSBRK,
    ];
    for number in numbers {
        assert_eq!(checked(Check::Ioctl, Subject::Cell, &[0, number, 0, 0, 0, 0]), ALLOW, "{number:#x}");
    }
}

#[test]
fn the_ranges_of_a_check_rise_from_0() {
    for check in Check::ALL {
        assert_eq!(Check::ALL[check as usize], check);
        for subject in SUBJECTS {
            let Decision::By(Rule { verdicts: ranges, .. }) = check.of(subject) else { continue };
            assert!(ranges.len() > 1, "{check:?} has nothing to look for");
            assert_eq!(ranges[0].from, 0, "{check:?}");
            assert!(ranges.windows(2).all(|two| two[0].from < two[1].from), "{check:?}");
            assert!(ranges.windows(2).all(|two| two[0].verdict != two[1].verdict), "{check:?}");
        }
    }
}

proptest! {
    #[test]
    fn any_call_is_answered_as_the_list_says(
        call in 0..NUMBERS as u32,
        small in 0..0x6000_u64,
        any: [u64; 6],
        upper: u32,
    ) {
        for machine in MACHINES {
            for subject in SUBJECTS {
                for arguments in [any, [small; 6], [small | u64::from(upper) << 32; 6]] {
                    let wanted = wanted(machine, subject, call, &arguments);
                    prop_assert_eq!(answer(machine, subject, call, arguments), wanted);
                }
            }
        }
    }

    #[test]
    fn the_upper_half_changes_nothing(call in 0..NUMBERS as u32, low: [u32; 6], upper: [u32; 6]) {
        let whole: Vec<u64> = low.iter().zip(upper).map(|(low, upper)| u64::from(*low) | u64::from(upper) << 32).collect();
        for machine in MACHINES {
            let plain = answer(machine, Subject::Cell, call, low.map(u64::from));
            let other = answer(machine, Subject::Cell, call, whole.clone().try_into().expect("six"));
            prop_assert_eq!(plain, other);
        }
    }
}
