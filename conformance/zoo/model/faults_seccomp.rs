//! Faults of the seccomp filter. The model that bubblewrap jails, and filters, is their control.

use super::super::Fault;

pub const FAULTS: &[Fault] = &[
    Fault::jailed("seccomp-missing", "JAIL-04 JAIL-19 JAIL-20 JAIL-21 JAIL-39", "has no filter"),
    Fault::jailed("seccomp-closed-is-eperm", "JAIL-19", "answers EPERM to what its filter closes"),
    Fault::jailed(
        "seccomp-clone3-is-eperm",
        "JAIL-19 JAIL-22",
        "answers EPERM to clone3, so that libraries don't fall back on clone",
    ),
    Fault::jailed("seccomp-io-uring-open", "JAIL-19", "knows nothing of io_uring"),
    Fault::jailed("seccomp-32-bit-open", "JAIL-20", "allows what 32-bit x86 calls"),
    Fault::jailed("seccomp-x32-open", "JAIL-20", "takes x32 for x86_64"),
    Fault::jailed("seccomp-foreign-missing", "JAIL-20", "answers ENOSYS to calls of another interface"),
    Fault::jailed("seccomp-clone-unchecked", "JAIL-21", "lets clone make namespaces"),
    Fault::jailed("seccomp-ioctl-unchecked", "JAIL-21", "lets any ioctl through"),
    Fault::jailed("seccomp-ioctl-line-unchecked", "JAIL-21", "lets TIOCSETD through"),
    Fault::jailed("seccomp-ioctl-of-64-bits", "JAIL-21", "compares 64 bits of an ioctl's number"),
    Fault::jailed("seccomp-sockets-open", "JAIL-21", "allows sockets of any family"),
    Fault::jailed("seccomp-pairs-open", "JAIL-21", "allows pairs of sockets of any family"),
    Fault::jailed("seccomp-devices-open", "JAIL-21", "allows devices to be made"),
    Fault::jailed("seccomp-personality-open", "JAIL-21", "allows any personality"),
    Fault::jailed("seccomp-set-id-by-fchmod", "JAIL-39", "lets fchmod make a file set-user-ID"),
    Fault::jailed("seccomp-set-id-by-fchmodat2", "JAIL-39", "knows nothing of fchmodat2"),
    Fault::jailed("seccomp-set-id-by-open", "JAIL-39", "takes any mode for a file that is made by being opened"),
    Fault::jailed("seccomp-set-id-by-tmpfile", "JAIL-39", "takes any mode for a file without a name"),
    Fault::jailed("seccomp-set-id-by-mknod", "JAIL-39", "takes any mode for a file that mknodat makes"),
    Fault::jailed("seccomp-set-id-by-openat2", "JAIL-39", "leaves openat2 open, whose mode a filter can't see"),
    Fault::jailed("seccomp-mode-of-64-bits", "JAIL-39", "compares 64 bits of a mode"),
    Fault::jailed("seccomp-modes-closed", "JAIL-39", "refuses all modes"),
    Fault::jailed("seccomp-without-epoll", "JAIL-22", "closes epoll, by which programs wait"),
    Fault::jailed("seccomp-without-rename", "JAIL-22", "closes an old call that programs still make"),
];
