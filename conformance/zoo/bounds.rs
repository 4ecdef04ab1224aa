//! Faults of bounds: of time, memory, processes, descriptors.

use std::ffi::OsString;
use std::fs;
use std::process::{Command, ExitCode};
use std::time::Duration;

use nix::sys::signal::{SigSet, Signal, kill};
use nix::unistd::Pid;

use super::around::{accompany, descendants, waited};
use super::told::{coded, replaced, retold};
use super::{Call, Fault};

pub const FAULTS: &[Fault] = &[
    Fault::new("timeout-ignored", "LIMIT-06 LIMIT-07 LIMIT-10", "takes no notice of `--timeout`", |call| {
        without(call, "--timeout").become_real()
    }),
    Fault::new("timeout-kills-at-once", "LIMIT-06", "sends SIGKILL where SIGTERM is due", |call| {
        let after = timeout(&call);
        ended_after(&without(call, "--timeout"), &[(after, Signal::SIGKILL)])
    })
    .control("stands-by"),
    Fault::new("timeout-never-kills", "LIMIT-06 LIMIT-07", "sends SIGTERM and nothing after it", |call| {
        let after = timeout(&call);
        ended_after(&without(call, "--timeout"), &[(after, Signal::SIGTERM)])
    })
    .control("stands-by"),
    Fault::new("timeout-kills-soon", "LIMIT-06", "sends SIGKILL one second after SIGTERM", |call| {
        let after = timeout(&call);
        let all = [(after, Signal::SIGTERM), (Duration::from_secs(1), Signal::SIGKILL)];
        ended_after(&without(call, "--timeout"), &all)
    })
    .control("stands-by"),
    Fault::new("timeout-stopped-sleeps-on", "LIMIT-06", "leaves a stopped cell to wake by itself", |call| {
        let after = timeout(&call) - Duration::from_millis(100);
        SigSet::all().thread_block().ok();
        let child = call.start();
        let real = Pid::from_raw(child.id().cast_signed());
        // A host that sleeps for four seconds more is one that doesn't wake its cell.
        std::thread::spawn(move || {
            std::thread::sleep(after);
            if descendants(real).iter().any(|pid| is_stopped(*pid)) {
                kill(real, Signal::SIGSTOP).ok();
                std::thread::sleep(Duration::from_secs(5));
                kill(real, Signal::SIGCONT).ok();
            }
        });
        ExitCode::from(accompany(child, |_| true))
    })
    .control("stands-by"),
    Fault::new("timeout-143", "LIMIT-07", "exits with 143 when the time is over", |call| {
        coded(call, |code| if code == 124 { 143 } else { code })
    })
    .control("stands-by"),
    Fault::new("timeout-in-milliseconds", "LIMIT-10", "takes a number without a unit for milliseconds", |mut call| {
        call.change("--timeout", |value| {
            let bare = value.as_encoded_bytes().iter().all(u8::is_ascii_digit);
            if bare { format!("{}ms", value.display()).into() } else { value.clone() }
        });
        call.become_real()
    }),
    Fault::new("memory-ignored", "LIMIT-08 LIMIT-10 LIMIT-12", "takes no notice of `--memory`", |call| {
        without(call, "--memory").become_real()
    }),
    Fault::new("memory-of-each-process", "LIMIT-08", "bounds the memory of each process by itself", |mut call| {
        let most = call.values("--memory").last().and_then(bytes);
        call = without(call, "--memory");
        let Some(most) = most else { return call.become_real() };
        // Root without the right to raise a limit: what it has is what its cell gets.
        let real = call.real();
        let mut command = Command::new("setpriv");
        command.args(["--bounding-set", "-sys_resource", "prlimit", &format!("--data={most}:{most}")]);
        waited(command.arg(real.get_program()).args(real.get_args()))
    })
    .control("stands-by"),
    Fault::new("memory-in-thousands", "LIMIT-10", "takes K, M and G for powers of a thousand", |mut call| {
        call.change("--memory", |value| {
            let text = value.to_string_lossy();
            let thousand = [("K", "000"), ("M", "000000"), ("G", "000000000")];
            let unit = thousand.iter().find_map(|(unit, zeros)| Some(format!("{}{zeros}", text.strip_suffix(unit)?)));
            unit.map_or(value.clone(), OsString::from)
        });
        call.become_real()
    }),
    Fault::new("memory-where-possible", "LIMIT-12", "runs without the bound where it can't be enforced", |call| {
        let status = call.real().stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null()).status();
        if status.is_ok_and(|status| status.code() == Some(1)) {
            return without(call, "--memory").become_real();
        }
        call.become_real()
    }),
    Fault::new("memory-refusal-is-usage", "LIMIT-12", "exits with 2 where memory can't be bounded", |call| {
        coded(call, |code| if code == 1 { 2 } else { code })
    })
    .control("stands-by"),
    Fault::new("pids-ignored", "LIMIT-09", "takes no notice of `--pids`", |call| without(call, "--pids").become_real()),
    Fault::new("pids-of-all-runs", "LIMIT-09", "counts the processes of other runs too", |mut call| {
        let others = processes_named("ww-probe").max(processes_named("probe"));
        call.change("--pids", |value| {
            let most: usize = value.to_str().and_then(|value| value.parse().ok()).unwrap_or(1);
            most.saturating_sub(others).max(2).to_string().into()
        });
        call.become_real()
    }),
    Fault::new("bounds-unchecked", "LIMIT-10", "takes an ill-formed bound for none", |mut call| {
        for (flag, units) in [("--timeout", "smh"), ("--memory", "KMG"), ("--pids", "")] {
            call.flags.retain(|(name, value)| {
                let value = value.as_ref().map_or(String::new(), |value| value.to_string_lossy().into_owned());
                let number = value.trim_end_matches(|c| units.contains(c));
                name != flag || (!number.is_empty() && number.len() < 12 && number.bytes().all(|b| b.is_ascii_digit()))
            });
        }
        call.become_real()
    }),
    Fault::new("processes-unbounded", "LIMIT-13", "bounds no processes unless asked to", |mut call| {
        if call.values("--pids").next().is_none() {
            call.flags.push(("--pids".into(), Some("100000".into())));
        }
        call.become_real()
    }),
    Fault::new("processes-of-root-unbounded", "LIMIT-13", "bounds no processes of root's", |mut call| {
        if nix::unistd::geteuid().is_root() && call.values("--pids").next().is_none() {
            call.flags.push(("--pids".into(), Some("100000".into())));
        }
        call.become_real()
    }),
    Fault::new("bounds-unwatched", "LIMIT-14 LIMIT-16", "bounds each process, and never all together", unwatched)
        .control("stands-by"),
    Fault::new("bound-unnamed", "LIMIT-17", "doesn't say which flag raises a bound", |call| {
        retold(call, |said| {
            let flags = ["--timeout", "--memory", "--pids"];
            flags.into_iter().fold(said.to_vec(), |said, flag| replaced(&said, flag, "it"))
        })
    })
    .control("repeats"),
];

fn without(mut call: Call, flag: &str) -> Call {
    call.flags.retain(|(name, _)| name != flag);
    call
}

/// What `--timeout` says; a long time where it says nothing.
fn timeout(call: &Call) -> Duration {
    let text = call.values("--timeout").last().map(|value| value.to_string_lossy().into_owned()).unwrap_or_default();
    let number = |text: &str| text.parse::<u64>().unwrap_or(1_000_000);
    match (text.strip_suffix("ms"), text.strip_suffix('s')) {
        (Some(milliseconds), _) => Duration::from_millis(number(milliseconds)),
        (_, Some(seconds)) => Duration::from_secs(number(seconds)),
        _ => Duration::from_secs(number(&text)),
    }
}

fn bytes(size: &OsString) -> Option<u64> {
    let text = size.to_str()?;
    let shift = [('K', 10), ('M', 20), ('G', 30)].into_iter().find(|(unit, _)| text.ends_with(*unit));
    let number: u64 = text.trim_end_matches(['K', 'M', 'G']).parse().ok()?;
    Some(number << shift.map_or(0, |(_, shift)| shift))
}

/// Sends the real one signals, each so long after the one before, and exits with 124.
fn ended_after(call: &Call, signals: &[(Duration, Signal)]) -> ExitCode {
    SigSet::all().thread_block().ok();
    let child = call.start();
    let real = Pid::from_raw(child.id().cast_signed());
    let signals = signals.to_vec();
    std::thread::spawn(move || {
        for (after, signal) in signals {
            std::thread::sleep(after);
            kill(real, signal).ok();
        }
    });
    accompany(child, |_| true);
    ExitCode::from(124)
}

/// The real one sleeps while its cell takes what it wants.
fn unwatched(call: Call) -> ExitCode {
    SigSet::all().thread_block().ok();
    let child = call.start();
    let real = Pid::from_raw(child.id().cast_signed());
    std::thread::spawn(move || {
        // Its init has a child when the cell has started.
        while descendants(real).len() < 2 && fs::exists(format!("/proc/{real}")).unwrap_or(false) {
            std::thread::sleep(Duration::from_millis(1));
        }
        kill(real, Signal::SIGSTOP).ok();
        while descendants(real).len() > 1 {
            std::thread::sleep(Duration::from_millis(10));
        }
        kill(real, Signal::SIGCONT).ok();
    });
    ExitCode::from(accompany(child, |_| true))
}

fn is_stopped(process: Pid) -> bool {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with('T'))
}

fn processes_named(name: &str) -> usize {
    let all = fs::read_dir("/proc").into_iter().flatten().flatten();
    all.filter(|entry| fs::read_to_string(entry.path().join("comm")).is_ok_and(|comm| comm.trim() == name)).count()
}
