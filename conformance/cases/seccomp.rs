//! The cell's seccomp filter, seen from inside: what it closes, and how that is answered.

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, chown};

use serde_json::{Value, json};

use crate::adapter::Caller;
use crate::cases::levels::at;
use crate::invocation::Invocation;
use crate::registry::{Case, case};
use crate::suite::Suite;
use crate::terminal::Terminal;
use crate::verdict::{Stop, Verdict, fail, holds, same};

pub(crate) const CASES: &[Case] = &[
    case!(jail_04_the_cell_is_filtered),
    case!(jail_04_what_the_cell_starts_is_filtered),
    case!(jail_19_calls_that_are_closed_arent_there),
    case!(jail_20_calls_of_32_bit_x86_kill),
    case!(jail_20_calls_of_x32_kill),
    case!(jail_21_clone_makes_no_namespace),
    case!(jail_21_nothing_is_typed_into_the_terminal),
    case!(jail_21_the_upper_half_of_an_ioctl_opens_nothing),
    case!(jail_21_sockets_are_of_unix_alone),
    case!(jail_21_no_devices_are_made),
    case!(jail_21_data_isnt_made_executable_by_personality),
    case!(jail_44_restricted_changes_nothing_of_its_callers),
];

/// Mode of `Seccomp:` in proc_pid_status(5).
const FILTERED: i32 = 2;

fn jail_04_the_cell_is_filtered(suite: &Suite<'_>) -> Verdict {
    for caller in [suite.setup().adapter().user, Caller::Ordinary] {
        let facts = suite.ww().by(caller).probe(["facts"]).run()?.facts()?;
        same(format!("mode of seccomp, run by {caller:?}"), facts.seccomp, Some(FILTERED))?;
    }
    Ok(())
}

fn jail_04_what_the_cell_starts_is_filtered(suite: &Suite<'_>) -> Verdict {
    let script = "cat /proc/self/status | sed -n 's/^Seccomp:[^0-9]*//p'";
    let run = suite.ww().flags(["--env", "PATH=/bin:/usr/bin", "/bin/sh", "-c", script]).run()?;
    run.exits(0)?.prints(format!("{FILTERED}\n"))?;
    Ok(())
}

/// The calls that JAIL-19 names. None takes -1 for each of its arguments, so that a kernel without a filter
/// says so, and does nothing.
const CLOSED: [(&str, i64); 20] = [
    ("clone3", libc::SYS_clone3),
    ("unshare", libc::SYS_unshare),
    ("setns", libc::SYS_setns),
    ("mount", libc::SYS_mount),
    ("umount2", libc::SYS_umount2),
    ("pivot_root", libc::SYS_pivot_root),
    ("fsopen", libc::SYS_fsopen),
    ("open_tree", libc::SYS_open_tree),
    ("move_mount", libc::SYS_move_mount),
    ("open_by_handle_at", libc::SYS_open_by_handle_at),
    ("bpf", libc::SYS_bpf),
    ("perf_event_open", libc::SYS_perf_event_open),
    ("userfaultfd", libc::SYS_userfaultfd),
    ("io_uring_setup", libc::SYS_io_uring_setup),
    ("io_uring_enter", libc::SYS_io_uring_enter),
    ("io_uring_register", libc::SYS_io_uring_register),
    ("keyctl", libc::SYS_keyctl),
    ("add_key", libc::SYS_add_key),
    ("request_key", libc::SYS_request_key),
    ("kexec_load", libc::SYS_kexec_load),
];

/// How each of the closed calls fails in a run.
fn errors(outcome: Result<Value, i32>) -> Verdict<Vec<Option<i32>>> {
    match outcome.as_ref().map(|errors| serde_json::from_value(errors.clone())) {
        Ok(Ok(errors)) => Ok(errors),
        _ => fail("an error for each call", format!("{outcome:?}")),
    }
}

fn jail_19_calls_that_are_closed_arent_there(suite: &Suite<'_>) -> Verdict {
    let mut words = vec!["syscalls".to_owned()];
    words.extend(CLOSED.iter().map(|(_, number)| number.to_string()));
    let outside = suite.command([suite.probe().as_os_str().as_encoded_bytes()]).by(Caller::Ordinary);
    let outside = errors(outside.flags(&words).run()?.deed()?)?;
    let there = outside.iter().filter(|error| **error != Some(libc::ENOSYS)).count();
    if there < CLOSED.len() / 2 {
        return Err(Stop::NotVerifiable(format!("this kernel has {there} of the {} calls", CLOSED.len())));
    }
    let inside = errors(suite.ww().probe(&words).run()?.deed()?)?;
    let named = |errors: Vec<Option<i32>>| -> Vec<_> { CLOSED.iter().map(|(name, _)| *name).zip(errors).collect() };
    let wanted = vec![Some(libc::ENOSYS); CLOSED.len()];
    same("how closed calls fail", named(inside), named(wanted))
}

/// Whether a call of another interface killed the cell, where a program outside of any cell survives it.
fn kills(suite: &Suite<'_>, verb: &str, native: bool) -> Verdict {
    if !cfg!(target_arch = "x86_64") {
        return Err(Stop::NotVerifiable("a 64-bit program of this machine has one interface alone".into()));
    }
    let outside = suite.command([suite.probe().as_os_str().as_encoded_bytes(), verb.as_bytes()]).run()?;
    if native && outside.report.code != Some(0) {
        return Err(Stop::NotVerifiable("this kernel has no 32-bit interface: it kills who calls it".into()));
    }
    let run = suite.ww().probe([verb]).run()?;
    run.exits(128 + libc::SIGSYS)?.prints("")?;
    Ok(())
}

fn jail_20_calls_of_32_bit_x86_kill(suite: &Suite<'_>) -> Verdict {
    kills(suite, "int80", true)
}

fn jail_20_calls_of_x32_kill(suite: &Suite<'_>) -> Verdict {
    kills(suite, "x32", false)
}

/// What came of one deed of the probe in a cell.
fn deed(suite: &Suite<'_>, words: &[&str]) -> Verdict<Result<Value, i32>> {
    suite.ww().probe(words).run()?.deed()
}

fn jail_21_clone_makes_no_namespace(suite: &Suite<'_>) -> Verdict {
    const NAMESPACES: [(&str, i32); 7] = [
        ("user", libc::CLONE_NEWUSER),
        ("pid", libc::CLONE_NEWPID),
        ("mount", libc::CLONE_NEWNS),
        ("network", libc::CLONE_NEWNET),
        ("ipc", libc::CLONE_NEWIPC),
        ("uts", libc::CLONE_NEWUTS),
        ("cgroup", libc::CLONE_NEWCGROUP),
    ];
    same("clone without a namespace", deed(suite, &["clone", "0"])?, Ok(json!(0)))?;
    for (name, flag) in NAMESPACES {
        // With a user namespace, anybody could have the others.
        for flags in [flag, flag | libc::CLONE_NEWUSER] {
            let cloned = deed(suite, &["clone", &(flags as u32).to_string()])?;
            holds(format!("no {name} namespace by clone({flags:#x})"), cloned.is_err(), cloned)?;
        }
    }
    Ok(())
}

fn jail_21_nothing_is_typed_into_the_terminal(suite: &Suite<'_>) -> Verdict {
    let mut terminal = Terminal::open(suite)?;
    let run = |upper: &str| {
        let words = suite.ww().probe(["type", "typed", upper]).words().to_vec();
        words.iter().map(|word| format!("'{}' ", String::from_utf8_lossy(word))).collect::<String>()
    };
    // What a cell types is read by who reads next: here the shell that started it.
    let script = format!("{}; {}; read -r line; echo \"heard=$line\"", run("0"), run("1"));
    let shell = terminal.with(suite.command(["/bin/sh", "-c", &script])).start()?;
    terminal.shows("\"errno\":", 2)?;
    terminal.types("end\n")?;
    terminal.shows("heard=end", 1)?;
    shell.finish()?.exits(0)?;
    Ok(())
}

fn jail_21_the_upper_half_of_an_ioctl_opens_nothing(suite: &Suite<'_>) -> Verdict {
    // A pipe has no such ioctl, and says so; a filter answers before the pipe is asked.
    let ioctls = [("TIOCSTI", 0x5412_u64), ("TIOCLINUX", 0x541c), ("TIOCSETD", 0x5423)];
    for (name, number) in ioctls {
        for upper in [0, 1 << 32, 0xffff_ffff << 32] {
            let number = (number | upper).cast_signed().to_string();
            let outside = suite.command([suite.probe().as_os_str().as_encoded_bytes(), b"ioctl-nowhere"]);
            same("the ioctl on a pipe, outside", outside.flags([&number]).run()?.deed()?, Err(libc::ENOTTY))?;
            let inside = deed(suite, &["ioctl-nowhere", &number])?;
            let closed = inside.as_ref().is_err_and(|errno| *errno != libc::ENOTTY);
            holds(format!("the filter answers to {name} ({number})"), closed, inside)?;
        }
    }
    let other = libc::FIONREAD.to_string();
    same("an ioctl that programs use", deed(suite, &["ioctl-nowhere", &other])?, Err(libc::EFAULT))
}

fn jail_21_sockets_are_of_unix_alone(suite: &Suite<'_>) -> Verdict {
    let families = [
        ("unix", libc::AF_UNIX),
        ("inet", libc::AF_INET),
        ("inet6", libc::AF_INET6),
        ("netlink", libc::AF_NETLINK),
        ("packet", libc::AF_PACKET),
        ("vsock", libc::AF_VSOCK),
        ("alg", libc::AF_ALG),
        ("bluetooth", libc::AF_BLUETOOTH),
        ("can", libc::AF_CAN),
        ("xdp", libc::AF_XDP),
    ];
    let mut words = vec!["sockets".to_owned()];
    words.extend(families.iter().map(|(_, family)| family.to_string()));
    let made = suite.ww().probe(&words).run()?.deed()?;
    let made: Vec<[Option<i32>; 2]> = match made.as_ref().map(|made| serde_json::from_value(made.clone())) {
        Ok(Ok(made)) => made,
        _ => return fail("what came of each family", format!("{made:?}")),
    };
    let made: Vec<_> = families.iter().map(|(name, _)| *name).zip(made).collect();
    let refused = [Some(libc::EAFNOSUPPORT); 2];
    let wanted =
        |(name, family): &(&'static str, i32)| (*name, if *family == libc::AF_UNIX { [None; 2] } else { refused });
    same("how sockets and pairs of them fail", made, families.iter().map(wanted).collect())
}

fn jail_21_no_devices_are_made(suite: &Suite<'_>) -> Verdict {
    for (what, mode, may) in [
        ("a file", libc::S_IFREG, true),
        ("a named pipe", libc::S_IFIFO, true),
        ("a character device", libc::S_IFCHR, false),
        ("a block device", libc::S_IFBLK, false),
    ] {
        let made = deed(suite, &["mknod", "made", &(mode | 0o600).to_string()])?;
        holds(format!("{what} {} be made", if may { "can" } else { "can't" }), made.is_ok() == may, made)?;
    }
    Ok(())
}

fn jail_21_data_isnt_made_executable_by_personality(suite: &Suite<'_>) -> Verdict {
    const READ_IMPLIES_EXEC: i64 = 0x0040_0000;
    const WHICH: i64 = 0xffff_ffff;
    let number = libc::SYS_personality.to_string();
    let asked = |personality: i64| deed(suite, &["syscall", &number, &personality.to_string()]);
    same("the personality", asked(WHICH)?, Ok(json!(0)))?;
    same("the usual personality, set", asked(0)?, Ok(json!(0)))?;
    let set = asked(READ_IMPLIES_EXEC)?;
    holds("another personality can't be set", set.is_err(), set)
}

/// A restricted cell is its caller, and sees the names of its caller's files: user ids keep it from nothing here.
fn jail_44_restricted_changes_nothing_of_its_callers(suite: &Suite<'_>) -> Verdict {
    let restricted = || -> Verdict<Invocation<'_>> {
        Ok(at(suite, "restricted", Caller::Ordinary)?.flags(["--env", "PATH=/usr/bin:/bin"]))
    };
    let own = ["/bin/sh", "-c", "touch new && touch -d @0 new && cp -p new other && stat -c %Y other"];
    restricted()?.flags(own).run()?.exits(0)?.prints("0\n")?;

    let path = suite.path("files/callers");
    fs::write(&path, "the caller's")?;
    if let Some(user) = suite.user_of(Caller::Ordinary)? {
        chown(&path, Some(user.uid), Some(user.gid))?;
    }
    let state = || fs::metadata(&path).map(|file| (file.mode(), file.mtime(), file.len()));
    let before = state()?;
    for [program, argument] in [["chmod", "777"], ["touch", "-d@0"], ["truncate", "-s0"]] {
        let run = restricted()?.flags([&format!("/usr/bin/{program}"), argument]).flags([path.as_os_str().as_bytes()]);
        run.run()?.exits(1)?.same(format!("the file after {program}"), state()?, before)?;
    }

    let witness = suite.command([suite.probe().as_os_str().as_encoded_bytes(), b"catch", b"0", b"23"]);
    let witness = witness.by(Caller::Ordinary).with_input().start()?;
    witness.hears("ready", 1)?;
    let (pid, priority, limits) =
        (witness.pid().to_string(), libc::SYS_setpriority.to_string(), libc::SYS_prlimit64.to_string());
    for words in [["syscall", &priority, "0", &pid, "5"], ["syscall", &limits, &pid, "7", "0"]] {
        let done = restricted()?.probe(words).run()?.deed()?;
        holds(format!("{words:?} to a process outside fails"), done.is_err(), done)?;
    }
    witness.finish()?.exits(0)?;
    Ok(())
}
