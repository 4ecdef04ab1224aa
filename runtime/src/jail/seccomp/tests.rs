//! The filters, interpreted: every number of both tables, other interfaces, and how long they are.

mod arguments;

use std::collections::BTreeMap;

use super::allowed::{ALLOWED, Call, Group};
use super::check::{Check, Decision, Range, Verdict};
use super::interpreter::{self, run};
use super::ranges::{NUMBERS, X32};
use super::{Filter, Machine, Subject};

const MACHINES: [Machine; 2] = [Machine::X86_64, Machine::Aarch64];
const SUBJECTS: [Subject; 3] = [Subject::Cell, Subject::Restricted, Subject::Host];
const ENOSYS: u32 = libc::SECCOMP_RET_ERRNO | libc::ENOSYS as u32;
const KILL: u32 = libc::SECCOMP_RET_KILL_PROCESS;
const ALLOW: u32 = libc::SECCOMP_RET_ALLOW;

/// Another table of the numbers than ours.
fn names(machine: Machine) -> BTreeMap<u32, &'static str> {
    let numbers = 0..NUMBERS as u32;
    match machine {
        Machine::X86_64 => {
            numbers.filter_map(|nr| Some((nr, syscalls::x86_64::Sysno::new(nr as usize)?.name()))).collect()
        }
        Machine::Aarch64 => {
            numbers.filter_map(|nr| Some((nr, syscalls::aarch64::Sysno::new(nr as usize)?.name()))).collect()
        }
    }
}

fn listed(subject: Subject) -> impl Iterator<Item = &'static Call> {
    ALLOWED.iter().filter(move |group| group.is_for(subject)).flat_map(|group| group.calls)
}

/// What the list says of a call, looked up the slow way.
fn wanted(machine: Machine, subject: Subject, number: u32, arguments: &[u64; 6]) -> u32 {
    let Some(call) = listed(subject).find(|call| call.number(machine) == Some(number)) else {
        return ENOSYS;
    };
    call.check.map_or(ALLOW, |check| checked(check, subject, arguments))
}

fn checked(check: Check, subject: Subject, arguments: &[u64; 6]) -> u32 {
    let found = match check.of(subject) {
        Decision::Always(verdict) => verdict,
        Decision::By(rule) => {
            let argument = arguments[rule.half as usize / 2];
            let half = if rule.half % 2 == 0 { argument } else { argument >> 32 };
            verdict(rule.verdicts, half as u32 & rule.mask)
        }
    };
    match found {
        Verdict::Depends(next) => checked(next, subject, arguments),
        found => found.answer(),
    }
}

fn verdict(ranges: &[Range], value: u32) -> Verdict {
    ranges.iter().rev().find(|range| range.from <= value).expect("the first begins at 0").verdict
}

fn answer(machine: Machine, subject: Subject, number: u32, arguments: [u64; 6]) -> u32 {
    let call = interpreter::Call { number, architecture: machine.architecture(), arguments };
    run(Filter::new(machine, subject), &call).0
}

#[test]
fn every_number_of_either_table_is_answered_as_the_list_says() {
    for machine in MACHINES {
        for subject in SUBJECTS {
            for number in (0..1024).chain([X32 - 1, 0x7fff_ffff / 3]) {
                for arguments in [[0; 6], [1; 6], [u64::MAX; 6], [u64::from(u32::MAX) << 32; 6]] {
                    let wanted = wanted(machine, subject, number, &arguments);
                    let got = answer(machine, subject, number, arguments);
                    assert_eq!(got, wanted, "{machine:?} {subject:?} call {number}, arguments {arguments:x?}");
                }
            }
        }
    }
}

#[test]
fn numbers_are_those_of_another_table() {
    for machine in MACHINES {
        let names = names(machine);
        for call in listed(Subject::Cell) {
            let other = names.iter().find(|(_, name)| **name == call.name).map(|(number, _)| *number);
            assert_eq!(call.number(machine), other, "{} on {machine:?}", call.name);
        }
    }
}

#[test]
fn no_call_is_listed_twice() {
    let mut names: Vec<_> = listed(Subject::Cell).map(|call| call.name).collect();
    let all = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), all);
}

/// What a hostile cell asks for, and programs do without.
#[test]
fn what_a_hostile_cell_asks_for_is_closed() {
    const CLOSED: &str = "acct add_key adjtimex bpf chroot clock_adjtime clock_settime clone3 delete_module \
        fanotify_init fanotify_mark finit_module fsconfig fsmount fsopen fspick init_module io_setup io_submit \
        io_uring_enter io_uring_register io_uring_setup ioperm iopl kcmp kexec_file_load kexec_load keyctl \
        listmount lookup_dcookie mbind memfd_secret migrate_pages modify_ldt mount mount_setattr move_mount \
        move_pages mq_open name_to_handle_at nfsservctl open_by_handle_at openat2 open_tree open_tree_attr \
        perf_event_open pidfd_getfd pivot_root process_madvise process_vm_readv process_vm_writev ptrace quotactl \
        quotactl_fd reboot request_key set_mempolicy setdomainname sethostname setns settimeofday statmount \
        swapoff swapon syslog umount2 unshare uselib userfaultfd vhangup vmsplice";
    for machine in MACHINES {
        let numbers: BTreeMap<_, _> = names(machine).into_iter().map(|(number, name)| (name, number)).collect();
        for name in CLOSED.split_whitespace() {
            let Some(number) = numbers.get(name) else {
                assert_eq!(machine, Machine::Aarch64, "{name} is a call of x86_64's");
                continue;
            };
            for subject in SUBJECTS {
                assert_eq!(answer(machine, subject, *number, [0; 6]), ENOSYS, "{name} on {machine:?}");
            }
        }
    }
}

#[test]
fn another_architecture_is_killed() {
    // i386, ARM, a big-endian one, none, and each other's.
    for machine in MACHINES {
        let other = MACHINES.into_iter().find(|other| *other != machine).expect("two").architecture();
        for architecture in [0x4000_0003, 0x4000_0028, 0x8000_0015, 0, u32::MAX, other] {
            for number in 0..NUMBERS as u32 {
                let call = interpreter::Call { number, architecture, arguments: [0; 6] };
                for subject in SUBJECTS {
                    assert_eq!(run(Filter::new(machine, subject), &call).0, KILL, "{call:x?} on {machine:?}");
                }
            }
        }
    }
}

#[test]
fn x32_is_killed_where_there_is_one() {
    for number in (0..1024).map(|number| X32 | number).chain([0x8000_0000, u32::MAX - 1]) {
        for subject in SUBJECTS {
            let killed = answer(Machine::X86_64, subject, number, [0; 6]) == KILL;
            assert_eq!(killed, number & X32 != 0 || number > X32, "{number:#x}");
            assert_eq!(answer(Machine::Aarch64, subject, number, [0; 6]), ENOSYS, "{number:#x}");
        }
    }
    assert_eq!(answer(Machine::X86_64, Subject::Cell, u32::MAX, [0; 6]), ENOSYS, "a call that a tracer passes over");
}

/// The kernel walks the filter for each number at a start: depth is what that costs, length what the rest costs.
#[test]
fn filters_are_short_and_shallow() {
    for machine in MACHINES {
        for subject in SUBJECTS {
            let filter = Filter::new(machine, subject);
            let deepest = (0..NUMBERS as u32).filter(|number| answer(machine, subject, *number, [0; 6]) == ENOSYS).map(
                |number| {
                    let call = interpreter::Call { number, architecture: machine.architecture(), arguments: [0; 6] };
                    run(filter, &call).1
                },
            );
            assert!(filter.program.len() <= 215, "{machine:?} {subject:?}: {}", filter.program.len());
            assert!(deepest.max() <= Some(12), "{machine:?} {subject:?}");
        }
    }
}

#[test]
fn an_instruction_is_as_the_kernel_has_it() {
    use super::tree::Instruction;
    use std::mem::{align_of, offset_of};
    assert_eq!(size_of::<Instruction>(), size_of::<libc::sock_filter>());
    assert_eq!(align_of::<Instruction>(), align_of::<libc::sock_filter>());
    assert_eq!(offset_of!(Instruction, if_true), offset_of!(libc::sock_filter, jt));
    assert_eq!(offset_of!(Instruction, if_false), offset_of!(libc::sock_filter, jf));
    assert_eq!(offset_of!(Instruction, operand), offset_of!(libc::sock_filter, k));
}

#[test]
fn each_group_has_its_reason() {
    for Group { what, why, calls, .. } in ALLOWED {
        assert!(!what.is_empty() && !why.is_empty() && !calls.is_empty(), "{what}");
    }
}
