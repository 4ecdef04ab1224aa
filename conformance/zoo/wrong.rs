//! Faults that take what is wrong, do something else than was asked, or do it too early.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io::Write;
use std::net::TcpStream;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::Path;
use std::process::{Command, ExitCode};

use nix::fcntl::{FcntlArg, fcntl};

use super::around::waited;
use super::{Call, Fault};

pub const FAULTS: &[Fault] = &[
    Fault::new("runs-nothing", "CLI-01 EXEC-01 ENV-01 SELF-03", "succeeds without running anything", |_| {
        ExitCode::SUCCESS
    }),
    Fault::new("dials-early", "CLI-08 EP-11", "connects to the endpoint before it is needed", dials_early),
    Fault::new("env-cut", "CLI-11", "drops what is too large for execve", |mut call| {
        call.flags.retain(|(_, value)| value.as_ref().is_none_or(|value| value.len() < 100_000));
        call.become_real()
    }),
    Fault::new("script-as-text", "EXEC-03 EXEC-06", "hands a script's text to the shell", script_as_text),
    Fault::new("layout-unchecked", "FD-05", "takes any layout for its own", |mut call| {
        call.flags.retain(|(flag, value)| {
            flag != "--fd-layout" || value.as_ref().is_some_and(|value| value == "grants-first")
        });
        call.become_real()
    }),
    Fault::new("grants-at-most-64", "FD-16", "drops grants beyond the 64th", |mut call| {
        let mut count = 0;
        call.flags.retain(|(flag, _)| {
            count += usize::from(flag == "--with-fd");
            flag != "--with-fd" || count <= 64
        });
        call.become_real()
    }),
    Fault::new("name-made-up", "FD-25", "makes a name up where there is none", |mut call| {
        call.change("--with-fd", |value| {
            if value.as_bytes().starts_with(b"=") {
                [OsStr::new("fd"), value].join(OsStr::new(""))
            } else {
                value.clone()
            }
        });
        call.become_real()
    }),
    Fault::new("number-without-sign", "FD-29", "takes a negative number without its sign", |mut call| {
        call.change("--with-fd", |value| String::from_utf8_lossy(value.as_bytes()).replace("=-", "=").into());
        call.become_real()
    }),
    Fault::new("closed-grant-ignored", "FD-31", "ignores a grant that isn't open", |mut call| {
        call.flags.retain(|(_, value)| value.as_ref().is_none_or(|value| value != "db=8" && value != "db=999"));
        call.become_real()
    }),
    Fault::new("own-files-granted", "FD-32", "grants what it opened itself", |call| {
        let own: Vec<_> = (3..15)
            .filter_map(|_| File::open("/dev/null").ok())
            .filter_map(|file| fcntl(&file, FcntlArg::F_DUPFD(3)).ok())
            .collect();
        drop(own);
        call.become_real()
    }),
    Fault::new("path-below-root", "PATH-04", "looks a relative path up from the root", |call| {
        std::env::set_current_dir("/").ok();
        call.become_real()
    }),
    Fault::new("path-empty-is-here", "PATH-07", "takes an empty path for the working directory", |mut call| {
        if program(&call).is_empty() {
            call.rest[0] = ".".into();
        }
        call.become_real()
    }),
    Fault::new("path-lossy", "PATH-08", "makes the program's path UTF-8", |mut call| {
        let lossy = String::from_utf8_lossy(program(&call)).into_owned();
        call.rest[0] = lossy.into();
        call.become_real()
    }),
    Fault::new("child-lost", "SIG-08", "relies on its caller's SIGCHLD", |call| waited(&mut call.real())),
    Fault::new("status-too-early", "STATUS-02 STATUS-06", "says `started` before it tries", status_too_early),
    Fault::new("status-for-the-cell", "STATUS-07", "lets the cell have the status descriptor", status_for_the_cell),
    Fault::new("status-unchecked", "STATUS-09 STATUS-10", "takes any status descriptor", |mut call| {
        call.flags.retain(|(flag, _)| !flag.as_bytes().starts_with(b"--status-fd"));
        call.become_real()
    }),
    Fault::new(
        "closed-input-filled",
        "STDIO-05",
        "gives the cell another file where the caller had closed its input",
        closed_input_filled,
    ),
    Fault::new(
        "session-of-its-own",
        "STDIO-06 STDIO-07",
        "takes the cell out of the terminal's session",
        session_of_its_own,
    ),
    Fault::new("closed-grant-is-null", "FD-31", "grants /dev/null for a descriptor that isn't open", |mut call| {
        call.change("--with-fd", |value| {
            let Some((name, number)) = value.to_str().and_then(|value| value.split_once('=')) else {
                return value.clone();
            };
            match number
                .parse::<i32>()
                .is_ok_and(|number| number < 1000 && !Path::new("/proc/self/fd").join(number.to_string()).exists())
            {
                true => format!("{name}=0").into(),
                false => value.clone(),
            }
        });
        call.become_real()
    }),
    Fault::new("made-executable", "EXIT-07", "makes a local file executable", |call| {
        let path = Path::new(OsStr::from_bytes(program(&call)));
        if path.is_file() {
            fs::set_permissions(path, fs::Permissions::from_mode(0o755)).ok();
        }
        call.become_real()
    }),
    Fault::new(
        "text-by-shell",
        "EXIT-08",
        "hands a file of unknown format to the shell, as execvp(3) does",
        |mut call| {
            if let Ok(text) = fs::read_to_string(OsStr::from_bytes(program(&call)))
                && !text.starts_with("#!")
                && !text.is_empty()
            {
                call.rest.splice(..1, ["/bin/sh".into(), "-c".into(), text.into(), "sh".into()]);
            }
            call.become_real()
        },
    ),
    Fault::new("noexec-copied", "EXIT-09", "copies a program away from where it can't be executed", |mut call| {
        let own = std::env::temp_dir().join("ww-copy");
        if program(&call).ends_with(b"/cell") && fs::copy(OsStr::from_bytes(program(&call)), &own).is_ok() {
            call.rest[0] = own.clone().into();
            let code = super::around::standing_by(&call, |_| true, |code| code);
            fs::remove_file(own).ok();
            return code;
        }
        call.become_real()
    }),
    Fault::new("path-below-home", "PATH-04", "looks a relative path up from the home directory", |call| {
        std::env::set_current_dir(std::env::var_os("HOME").unwrap_or_default()).ok();
        call.become_real()
    }),
    Fault::new("path-empty-is-success", "PATH-07", "takes an empty path for nothing to do", |call| {
        match program(&call).is_empty() {
            true => ExitCode::SUCCESS,
            false => call.become_real(),
        }
    }),
    Fault::new("script-argument-dropped", "EXEC-03", "drops an interpreter's argument", |mut call| {
        let text = fs::read_to_string(OsStr::from_bytes(program(&call))).unwrap_or_default();
        if let Some((_, body)) = text.strip_prefix("#!/bin/sh -e").and_then(|text| text.split_once('\n')) {
            let shell = ["/bin/sh".into(), "-c".into(), body.into(), "sh".into()];
            call.rest.splice(..1, shell);
        }
        call.become_real()
    }),
    Fault::new(
        "status-unwritable-ignored",
        "STATUS-10",
        "ignores a status descriptor that can't be written",
        |mut call| {
            let path = status_number(&call).map(|number| format!("/proc/self/fdinfo/{}", number.display()));
            let flags = path.and_then(|path| fs::read_to_string(path).ok()).unwrap_or_default();
            let mode =
                flags.split("flags:").nth(1).and_then(|rest| rest.split_whitespace().next()?.chars().next_back());
            if mode == Some('0') {
                call.flags.retain(|(flag, _)| flag != "--status-fd");
            }
            call.become_real()
        },
    ),
];

pub fn program(call: &Call) -> &[u8] {
    call.rest.first().map_or(&[], |word| word.as_bytes())
}

fn dials_early(call: Call) -> ExitCode {
    let named = call.flags.iter().find(|(flag, _)| flag == "--ipfs").and_then(|(_, value)| value.clone());
    let text = named.or_else(|| std::env::var_os("WW_IPFS")).unwrap_or_default().to_string_lossy().into_owned();
    if let Some(port) = text.split('/').nth(4).and_then(|port| port.parse::<u16>().ok()) {
        TcpStream::connect(("127.0.0.1", port)).ok();
    }
    call.become_real()
}

fn script_as_text(mut call: Call) -> ExitCode {
    if let Ok(text) = fs::read_to_string(OsStr::from_bytes(program(&call)))
        && text.starts_with("#!")
    {
        let shell = ["/bin/sh".into(), "-c".into(), text.into(), "sh".into()];
        call.rest.splice(..1, shell);
    }
    call.become_real()
}

fn status_number(call: &Call) -> Option<OsString> {
    call.flags.iter().find(|(flag, _)| flag == "--status-fd").and_then(|(_, value)| value.clone())
}

fn status_too_early(call: Call) -> ExitCode {
    let path = status_number(&call).map(|number| format!("/proc/self/fd/{}", number.display()));
    if let Some(mut file) = path.and_then(|path| File::options().append(true).open(path).ok()) {
        writeln!(file, r#"{{"event":"started","pid":1,"jail":"full"}}"#).ok();
    }
    call.become_real()
}

fn status_for_the_cell(mut call: Call) -> ExitCode {
    let path = status_number(&call).map(|number| format!("/proc/self/fd/{}", number.display()));
    if let Some(file) = path.and_then(|path| File::options().append(true).open(path).ok())
        && let Ok(kept) = fcntl(&file, FcntlArg::F_DUPFD(50))
    {
        call.flags.push(("--with-fd".into(), Some(format!("status={kept}").into())));
    }
    call.become_real()
}

fn closed_input_filled(call: Call) -> ExitCode {
    // What its caller had closed, Rust's start-up has made /dev/null.
    let null = fs::metadata("/proc/self/fd/0").is_ok_and(|file| file.file_type().is_char_device());
    match (null, File::open("/etc/passwd")) {
        (true, Ok(file)) => call.real().stdin(file).status().map_or(ExitCode::from(99), |_| ExitCode::SUCCESS),
        _ => call.become_real(),
    }
}

fn session_of_its_own(call: Call) -> ExitCode {
    let real = call.real();
    let mut command = Command::new("/usr/bin/setsid");
    command.arg("--wait").arg(real.get_program()).args(real.get_args()).env_remove("WW_REAL");
    waited(&mut command)
}
