//! The calls that are allowed, by group, each group with its reason. What isn't here answers ENOSYS.
//!
//! Numbers stand beside names, x86_64's and aarch64's (`-`: that machine has no such call), because a filter
//! knows numbers alone, and because both tables are compiled, and tested, on either machine. They are ABI and
//! never change; a test compares them with another table of them.
//! What must stay true: a call gets here because a program needs it, and not because it does no harm.
//! Clauses: JAIL-04, JAIL-19, JAIL-22.

use super::check::Check;
use super::{Machine, Subject};

/// Calls that are allowed for one reason.
#[derive(Debug, Clone, Copy)]
pub struct Group {
    /// Who may make them.
    pub subjects: &'static [Subject],
    /// What they do.
    pub what: &'static str,
    /// Which programs need that, or why it is no harm.
    pub why: &'static str,
    /// The calls.
    pub calls: &'static [Call],
}

/// A system call.
#[derive(Debug, Clone, Copy)]
pub struct Call {
    /// Its name, without a prefix.
    pub name: &'static str,
    x86_64: Option<u32>,
    aarch64: Option<u32>,
    /// What its arguments must be; `None` is anything.
    pub check: Option<Check>,
}

impl Call {
    /// Its number, where the machine has it.
    pub const fn number(&self, machine: Machine) -> Option<u32> {
        match machine {
            Machine::X86_64 => self.x86_64,
            Machine::Aarch64 => self.aarch64,
        }
    }
}

macro_rules! number {
    (-) => {
        None
    };
    ($number:literal) => {
        Some($number)
    };
}

macro_rules! check {
    () => {
        None
    };
    ($check:ident) => {
        Some(Check::$check)
    };
}

/// Who: `all`, `cells` at either level, or by name. A call is its name, its two numbers, and its check.
macro_rules! group {
    (all $($rest:tt)*) => { group!(@ [Subject::Cell, Subject::Restricted, Subject::Host], $($rest)*) };
    (cells $($rest:tt)*) => { group!(@ [Subject::Cell, Subject::Restricted], $($rest)*) };
    (cell_and_host $($rest:tt)*) => { group!(@ [Subject::Cell, Subject::Host], $($rest)*) };
    (cell $($rest:tt)*) => { group!(@ [Subject::Cell], $($rest)*) };
    (@ $who:expr, $what:literal: $why:literal, $($name:ident $x86_64:tt $aarch64:tt $($check:ident)?),+ $(,)?) => {
        Group {
            subjects: &$who,
            what: $what,
            why: $why,
            calls: &[$(Call {
                name: stringify!($name),
                x86_64: number!($x86_64),
                aarch64: number!($aarch64),
                check: check!($($check)?),
            }),+],
        }
    };
}

/// Every call that is allowed.
pub const ALLOWED: &[Group] = &[
    group! { all "files that are open": "every program reads, writes and copies",
        read 0 63, write 1 64, readv 19 65, writev 20 66, pread64 17 67, pwrite64 18 68, preadv 295 69,
        pwritev 296 70, preadv2 327 286, pwritev2 328 287, lseek 8 62, close 3 57, close_range 436 436, dup 32 23,
        dup2 33 -, dup3 292 24, fcntl 72 25, flock 73 32, fsync 74 82, fdatasync 75 83, sync 162 81, syncfs 306 267,
        sync_file_range 277 84, ftruncate 77 46, fallocate 285 47, fadvise64 221 223, readahead 187 213, fstat 5 80,
        fstatfs 138 44, getdents 78 -, getdents64 217 61, sendfile 40 71, splice 275 76, tee 276 77,
        copy_file_range 326 285, pipe 22 -, pipe2 293 59,
    },
    group! { all "files by name": "what the cell reaches by name is its view's to say",
        open 2 - Open, openat 257 56 Openat, creat 85 - ModeSecond, stat 4 -, lstat 6 -, newfstatat 262 -, statx 332 291,
        statfs 137 43, access 21 -, faccessat 269 48, faccessat2 439 439, readlink 89 -, readlinkat 267 78,
        truncate 76 45 ByName, mkdir 83 -, mkdirat 258 34, rmdir 84 -, unlink 87 -, unlinkat 263 35, rename 82 -,
        renameat 264 38, renameat2 316 276, link 86 -, linkat 265 37, symlink 88 -, symlinkat 266 36, chdir 80 49,
        fchdir 81 50, getcwd 79 17, umask 95 166,
    },
    group! { all "rights of files by name": "git, tar, installers; the host, of directories that it is to remove",
        chmod 90 - Chmod, fchmodat 268 53 Fchmodat, fchmodat2 452 452 Fchmodat,
    },
    group! { cells "rights, times and attributes of files": "git, tar, cp -a and installers; mounts are nosuid",
        fchmod 91 52 ModeSecond, fchown 93 55, chown 92 - ByName, lchown 94 - ByName, fchownat 260 54 ByName,
        utimensat 280 88 Utimensat, utime 132 - ByName, utimes 235 - ByName, futimesat 261 - ByName, getxattr 191 8,
        lgetxattr 192 9, fgetxattr 193 10, listxattr 194 11, llistxattr 195 12, flistxattr 196 13, getxattrat 464 464,
        listxattrat 465 465, fsetxattr 190 7, fremovexattr 199 16, setxattr 188 5 ByName, lsetxattr 189 6 ByName,
        removexattr 197 14 ByName, lremovexattr 198 15 ByName, setxattrat 463 463 ByName,
        removexattrat 466 466 ByName,
    },
    group! { all "waiting": "event loops: libuv, tokio, the runtimes of Go and Python",
        poll 7 -, ppoll 271 73, select 23 -, pselect6 270 72, epoll_create 213 -, epoll_create1 291 20,
        epoll_ctl 233 21, epoll_wait 232 -, epoll_pwait 281 22, epoll_pwait2 441 441, eventfd 284 -, eventfd2 290 19,
        signalfd 282 -, signalfd4 289 74, timerfd_create 283 85, timerfd_settime 286 86, timerfd_gettime 287 87,
    },
    group! { cell "watching files": "build tools, editors; Landlock doesn't keep a cell without a view from it",
        inotify_init 253 -, inotify_init1 294 26, inotify_add_watch 254 27, inotify_rm_watch 255 28,
    },
    group! { all "memory": "allocators, loaders, garbage collectors, JIT compilers; a page's own keys",
        mmap 9 222, munmap 11 215, mremap 25 216, mprotect 10 226, madvise 28 233, msync 26 227, mincore 27 232,
        brk 12 214, mlock 149 228, mlock2 325 284, munlock 150 229, mlockall 151 230, munlockall 152 231,
        memfd_create 319 279, pkey_alloc 330 289, pkey_free 331 290, pkey_mprotect 329 288, mseal 462 462,
        map_shadow_stack 453 453, membarrier 324 283,
    },
    group! { all "threads": "libc's threads and locks",
        futex 202 98, futex_waitv 449 449, futex_wake 454 454, futex_wait 455 455, futex_requeue 456 456,
        set_robust_list 273 99, get_robust_list 274 100, set_tid_address 218 96, rseq 334 293, arch_prctl 158 -,
        gettid 186 178, getcpu 309 168, sched_yield 24 124, sched_getaffinity 204 123, sched_setaffinity 203 122 Itself,
        sched_getparam 143 121, sched_setparam 142 118 Itself, sched_getscheduler 145 120, sched_setscheduler 144 119 Itself,
        sched_getattr 315 275, sched_setattr 314 274 Itself, sched_get_priority_max 146 125, sched_get_priority_min 147 126,
        sched_rr_get_interval 148 127, getpriority 140 141, setpriority 141 140 ItselfSecond, get_mempolicy 239 236,
        ioprio_get 252 31, ioprio_set 251 30 ItselfSecond,
    },
    group! { all "signals": "they end at the cell's pid namespace, or at Landlock's scope",
        rt_sigaction 13 134, rt_sigprocmask 14 135, rt_sigpending 127 136, rt_sigsuspend 130 133,
        rt_sigtimedwait 128 137, rt_sigqueueinfo 129 138, rt_tgsigqueueinfo 297 240, rt_sigreturn 15 139,
        restart_syscall 219 128, sigaltstack 131 132, kill 62 129, tkill 200 130, tgkill 234 131, pause 34 -,
        pidfd_open 434 434, pidfd_send_signal 424 424,
    },
    group! { all "time": "reading clocks and waiting for them; none is set",
        time 201 -, gettimeofday 96 169, clock_gettime 228 113, clock_getres 229 114, clock_nanosleep 230 115,
        nanosleep 35 101, alarm 37 -, getitimer 36 102, setitimer 38 103, timer_create 222 107, timer_settime 223 110,
        timer_gettime 224 108, timer_getoverrun 225 109, timer_delete 226 111, times 100 153,
    },
    group! { all "this process": "its own numbers, its end, its children's ends",
        exit 60 93, exit_group 231 94, wait4 61 260, waitid 247 95, getpid 39 172, getppid 110 173, getpgrp 111 -,
        getpgid 121 155, getsid 124 156, getuid 102 174, geteuid 107 175, getgid 104 176, getegid 108 177,
        getresuid 118 148, getresgid 120 150, getgroups 115 158, capget 125 90, capset 126 91, getrlimit 97 163,
        setrlimit 160 164, prlimit64 302 261 Itself, getrusage 98 165, sysinfo 99 179, uname 63 160, getrandom 318 278,
    },
    group! { cells "programs": "starting programs is what shells, make, git and compilers do",
        execve 59 221, execveat 322 281, fork 57 -, vfork 58 -, setpgid 109 154, setsid 112 157,
    },
    group! { cells "changing users": "daemons and test suites call them; one user is mapped, so that there is none to become",
        setuid 105 146, setgid 106 144, setreuid 113 145, setregid 114 143, setresuid 117 147, setresgid 119 149,
        setfsuid 122 151, setfsgid 123 152, setgroups 116 159,
    },
    group! { all "sockets": "of the families that may be made: see the checks below",
        bind 49 200, listen 50 201, accept 43 202, accept4 288 242, connect 42 203, getsockname 51 204,
        getpeername 52 205, sendto 44 206, recvfrom 45 207, sendmsg 46 211, sendmmsg 307 269, recvmsg 47 212,
        recvmmsg 299 243, shutdown 48 210, setsockopt 54 208, getsockopt 55 209,
    },
    group! { cell "System V IPC": "PostgreSQL, fakeroot; in an ipc namespace of the cell's own",
        shmget 29 194, shmat 30 196, shmdt 67 197, shmctl 31 195, semget 64 190, semop 65 193, semtimedop 220 192,
        semctl 66 191, msgget 68 186, msgsnd 69 189, msgrcv 70 188, msgctl 71 187,
    },
    group! { cells "tightening": "a cell may bind itself further: a filter adds to this one and can't take from it",
        seccomp 317 277, landlock_create_ruleset 444 444, landlock_add_rule 445 445, landlock_restrict_self 446 446,
    },
    group! { all "the kernel's own": "an administrator's probes call them from a program that they are put into (uprobes)",
        uretprobe 335 -, uprobe 336 -,
    },
    group! { all "what depends on its arguments": "each has programs that need it, and a way out: see the checks",
        clone 56 220 Clone, socket 41 198 Socket, socketpair 53 199 Pair, ioctl 16 29 Ioctl, prctl 157 167 Prctl,
    },
    group! { cells "what depends on its arguments, for programs": "mkfifo; setarch and sanitizers, which ask for it",
        mknod 133 - Mknod, mknodat 259 33 Mknodat, personality 135 92 Personality,
    },
];
