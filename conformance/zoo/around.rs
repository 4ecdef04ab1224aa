//! Faults that stand around the real one while it runs: streams, signals, what is left.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, BufRead, Read};
use std::os::fd::AsFd;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, ExitCode, ExitStatus, Stdio};

use nix::sys::signal::{SigSet, Signal, kill};
use nix::sys::signalfd::SignalFd;
use nix::sys::termios::{FlowArg, SetArg, cfmakeraw, tcflow, tcgetattr, tcsetattr};
use nix::unistd::Pid;

use super::{Call, Fault};

pub const FAULTS: &[Fault] = &[
    Fault::new("output-piped", "STDIO-04", "copies the cell's output through a pipe", output_piped),
    Fault::new("input-piped", "STDIO-04", "copies the cell's input through a pipe", input_piped),
    Fault::new("input-missing", "STDIO-01", "gives the cell no input", |call| waited(call.real().stdin(Stdio::null())))
        .control("stands-by"),
    Fault::new("errors-missing", "STDIO-02 STDIO-03", "drops what the cell writes to fd 2", |call| {
        waited(call.real().stderr(Stdio::null()))
    })
    .control("stands-by"),
    Fault::new("host-unguarded", "SELF-08", "stays as it was when it was called", |call| waited(&mut call.real())),
    Fault::new("host-holds-streams", "FD-22 FD-23", "keeps 0, 1 and the grants open while the cell runs", |call| {
        waited(&mut call.real())
    }),
    Fault::new("signals-swallowed", "SIG-01 SIG-02 SIG-03", "passes no signal on", signals_swallowed)
        .control("stands-by"),
    Fault::new("signals-doubled", "SIG-04", "delivers a SIGINT of the terminal a second time", signals_doubled),
    Fault::new("cell-outlives-host", "SIG-05 JAIL-38", "lets the cell live on when the host is killed", |call| {
        waited(&mut call.real())
    }),
    Fault::new("host-spins", "SELF-09", "keeps a processor busy while the cell runs", |call| {
        SigSet::all().thread_block().ok();
        std::thread::spawn(|| {
            loop {
                std::hint::spin_loop();
            }
        });
        stands_by(call)
    })
    .control("stands-by"),
    Fault::new("process-left", "SIG-07", "leaves a process behind", process_left).control("stands-by"),
    Fault::new("file-left", "CLI-01", "leaves a file in the temporary directory", |call| {
        fs::write(std::env::temp_dir().join("ww-left"), "x").ok();
        call.become_real()
    })
    .control("stands-by"),
    Fault::new("file-left-on-failure", "EXIT-01", "leaves a file when the exit code isn't 0", file_left_on_failure)
        .control("stands-by"),
    Fault::new("terminal-left-raw", "STDIO-08", "leaves the terminal raw", terminal_left_raw).control("stands-by"),
    Fault::new("terminal-left-exclusive", "JAIL-37", "leaves the terminal closed to others", |call| {
        let code = waited(&mut call.real());
        rustix::termios::ioctl_tiocexcl(io::stdin()).ok();
        code
    })
    .control("stands-by"),
    Fault::new("terminal-left-stopped", "JAIL-37", "leaves the terminal's output stopped", |call| {
        let code = waited(&mut call.real());
        tcflow(io::stdin(), FlowArg::TCOOFF).ok();
        code
    })
    .control("stands-by"),
    Fault::new("output-reopened", "JAIL-24", "opens standard output for reading, too", output_reopened),
    Fault::new("exits-early", "EXIT-01 SIG-03", "doesn't wait for the cell", exits_early).control("stands-by"),
    Fault::new("grant-reopened", "FD-11", "opens granted files anew", grant_reopened),
    Fault::new("sigterm-swallowed", "SIG-01 SIG-03", "passes SIGTERM alone not on", |call| {
        standing_by(&call, |signal| signal != Signal::SIGTERM, |code| code)
    })
    .control("stands-by"),
    Fault::new("sighup-swallowed", "SIG-01", "passes SIGHUP alone not on", |call| {
        standing_by(&call, |signal| signal != Signal::SIGHUP, |code| code)
    })
    .control("stands-by"),
    Fault::new("sigusr2-swallowed", "SIG-01", "passes SIGUSR2 alone not on", |call| {
        standing_by(&call, |signal| signal != Signal::SIGUSR2, |code| code)
    })
    .control("stands-by"),
    Fault::new("sigwinch-swallowed", "SIG-02", "passes SIGWINCH alone not on", |call| {
        standing_by(&call, |signal| signal != Signal::SIGWINCH, |code| code)
    })
    .control("stands-by"),
    Fault::new("sigcont-swallowed", "SIG-02", "passes SIGCONT alone not on", |call| {
        standing_by(&call, |signal| signal != Signal::SIGCONT, |code| code)
    })
    .control("stands-by"),
    Fault::new("errors-piped", "STDIO-04", "copies the cell's fd 2 through a pipe, line by line", |call| {
        let Ok(mut child) = call.real().stderr(Stdio::piped()).spawn() else { return ExitCode::from(99) };
        for line in child.stderr.take().into_iter().flat_map(|errors| io::BufReader::new(errors).lines()).flatten() {
            eprintln!("{line}");
        }
        child.wait().map_or(ExitCode::from(99), |status| ExitCode::from(code_of(status)))
    }),
    Fault::new("errors-to-output", "STDIO-03", "leads the cell's fd 2 to its fd 1", |call| {
        let output = io::stdout().as_fd().try_clone_to_owned();
        output.map_or(ExitCode::from(99), |output| waited(call.real().stderr(output)))
    })
    .control("stands-by"),
    Fault::new("output-missing", "STDIO-02", "drops what the cell writes to fd 1", |call| {
        waited(call.real().stdout(Stdio::null()))
    })
    .control("stands-by"),
    Fault::new(
        "terminal-left-raw-on-signal",
        "STDIO-08",
        "leaves the terminal raw where a signal ended the cell",
        |call| {
            let code = stood_by(&call, |_| true);
            if code > 128 {
                raw_terminal();
            }
            ExitCode::from(code)
        },
    )
    .control("stands-by"),
    Fault::new("input-cut", "STDIO-01", "passes the first 64 KiB of its input on", |call| {
        let Ok(mut child) = call.real().stdin(Stdio::piped()).spawn() else { return ExitCode::from(99) };
        if let Some(mut input) = child.stdin.take() {
            std::thread::spawn(move || io::copy(&mut io::stdin().take(64 << 10), &mut input));
        }
        child.wait().map_or(ExitCode::from(99), |status| ExitCode::from(code_of(status)))
    }),
    Fault::new("stop-unheard", "STDIO-07", "goes on when the terminal stops its cell", stands_by),
];

/// A control: the real one is waited for, and hears every signal.
pub fn stands_by(call: Call) -> ExitCode {
    standing_by(&call, |_| true, |code| code)
}

/// Starts the real one, passes on the signals that `heard` lets through, and gives what `told` makes of its code.
pub fn standing_by(call: &Call, heard: fn(Signal) -> bool, told: fn(u8) -> u8) -> ExitCode {
    ExitCode::from(told(stood_by(call, heard)))
}

/// Starts the real one, passes on the signals that `heard` lets through, and gives its code.
pub fn stood_by(call: &Call, heard: fn(Signal) -> bool) -> u8 {
    SigSet::all().thread_block().ok();
    accompany(call.start(), heard)
}

/// Waits for a child that was started with all signals blocked here.
pub fn accompany(mut child: Child, heard: fn(Signal) -> bool) -> u8 {
    let real = Pid::from_raw(child.id().cast_signed());
    let Ok(news) = SignalFd::new(&SigSet::all()) else { return 99 };
    while let Ok(Some(info)) = news.read_signal() {
        match Signal::try_from(info.ssi_signo.cast_signed()).ok() {
            Some(Signal::SIGCHLD) => {
                if let Ok(Some(status)) = child.try_wait() {
                    return code_of(status);
                }
            }
            Some(signal) if heard(signal) => _ = kill(real, signal),
            _ => {}
        }
    }
    99
}

pub fn code_of(status: ExitStatus) -> u8 {
    let code = status.code().or(status.signal().map(|signal| 128 + signal));
    u8::try_from(code.unwrap_or(99)).unwrap_or(99)
}

pub fn waited(command: &mut Command) -> ExitCode {
    command.status().map_or(ExitCode::from(99), |status| ExitCode::from(code_of(status)))
}

fn output_piped(call: Call) -> ExitCode {
    let Ok(mut child) = call.real().stdout(Stdio::piped()).spawn() else { return ExitCode::from(99) };
    if let Some(mut output) = child.stdout.take() {
        io::copy(&mut output, &mut io::stdout()).ok();
    }
    child.wait().map_or(ExitCode::from(99), |status| ExitCode::from(code_of(status)))
}

fn input_piped(call: Call) -> ExitCode {
    let Ok(mut child) = call.real().stdin(Stdio::piped()).spawn() else { return ExitCode::from(99) };
    if let Some(mut input) = child.stdin.take() {
        std::thread::spawn(move || io::copy(&mut io::stdin(), &mut input));
    }
    child.wait().map_or(ExitCode::from(99), |status| ExitCode::from(code_of(status)))
}

fn signals_swallowed(call: Call) -> ExitCode {
    // Blocked in this process alone: the real one sets its own mask.
    SigSet::all().thread_block().ok();
    waited(&mut call.real())
}

#[expect(clippy::zombie_processes, reason = "not to wait is the fault")]
fn exits_early(call: Call) -> ExitCode {
    call.start();
    ExitCode::SUCCESS
}

#[expect(clippy::zombie_processes, reason = "try_wait has seen its end where this returns before")]
fn signals_doubled(call: Call) -> ExitCode {
    let mut signals = SigSet::empty();
    for signal in [Signal::SIGUSR1, Signal::SIGCHLD] {
        signals.add(signal);
    }
    signals.thread_block().ok();
    let mut child = call.start();
    let real = Pid::from_raw(child.id().cast_signed());
    let Ok(news) = SignalFd::new(&signals) else { return ExitCode::from(99) };
    while let Ok(Some(info)) = news.read_signal() {
        if let Ok(Some(status)) = child.try_wait() {
            return ExitCode::from(code_of(status));
        }
        if info.ssi_signo.cast_signed() == Signal::SIGUSR1 as i32 {
            // To the cell itself, which is a descendant of the real one.
            descendants(real).into_iter().for_each(|pid| _ = kill(pid, Signal::SIGINT));
            kill(real, Signal::SIGUSR1).ok();
        }
    }
    ExitCode::from(99)
}

pub fn descendants(of: Pid) -> Vec<Pid> {
    let children = fs::read_to_string(format!("/proc/{of}/task/{of}/children")).unwrap_or_default();
    let children = children.split_whitespace().filter_map(|pid| pid.parse().ok()).map(Pid::from_raw);
    children.flat_map(|child| std::iter::once(child).chain(descendants(child)).collect::<Vec<_>>()).collect()
}

pub fn process_left(call: Call) -> ExitCode {
    let quiet =
        Command::new("/bin/sleep").arg("1000").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    drop(quiet);
    waited(&mut call.real())
}

fn file_left_on_failure(call: Call) -> ExitCode {
    let code = call.real().status().map_or(99, code_of);
    if code != 0 {
        fs::write(std::env::temp_dir().join("ww-left"), "x").ok();
    }
    ExitCode::from(code)
}

fn terminal_left_raw(call: Call) -> ExitCode {
    let code = waited(&mut call.real());
    raw_terminal();
    code
}

fn raw_terminal() {
    let terminal = io::stdin();
    if let Ok(mut settings) = tcgetattr(terminal.as_fd()) {
        cfmakeraw(&mut settings);
        tcsetattr(terminal.as_fd(), SetArg::TCSANOW, &settings).ok();
    }
}

fn output_reopened(call: Call) -> ExitCode {
    match File::options().read(true).append(true).open("/proc/self/fd/1") {
        Ok(both) => {
            eprintln!("ww-faulty: {}", call.real().stdout(both).exec());
            ExitCode::from(99)
        }
        Err(_) => call.become_real(),
    }
}

fn grant_reopened(mut call: Call) -> ExitCode {
    let mut opened = Vec::new();
    for (_, value) in call.flags.iter_mut().filter(|(flag, _)| flag == "--with-fd") {
        let Some((name, number)) = value.as_ref().and_then(|value| value.to_str()?.split_once('=')) else { continue };
        if let Ok(file) = File::options().read(true).write(true).open(format!("/proc/self/fd/{number}")) {
            let kept = nix::fcntl::fcntl(&file, nix::fcntl::FcntlArg::F_DUPFD(100)).unwrap_or(-1);
            let changed = OsString::from(format!("{name}={kept}"));
            *value = Some(changed);
            opened.push(file);
        }
    }
    call.become_real()
}
