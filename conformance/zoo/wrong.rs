//! Faults that take what is wrong, do something else than was asked, or do it too early.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io::Write;
use std::net::TcpStream;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::FileTypeExt;
use std::process::{Command, ExitCode};

use nix::fcntl::{FcntlArg, fcntl};

use super::around::waited;
use super::{Call, Fault};

pub const FAULTS: &[Fault] = &[
    Fault {
        name: "runs-nothing",
        clauses: "CLI-01 EXEC-01 EXEC-07 FD-12 FD-13 RPC-06 RPC-07 STATUS-11 ENV-01",
        what: "succeeds without running anything",
        act: |_| ExitCode::SUCCESS,
    },
    Fault {
        name: "dials-early",
        clauses: "CLI-08 EP-11",
        what: "connects to the endpoint before it is needed",
        act: dials_early,
    },
    Fault {
        name: "env-cut",
        clauses: "CLI-11",
        what: "drops what is too large for execve",
        act: |mut call| {
            call.flags.retain(|(_, value)| value.as_ref().is_none_or(|value| value.len() < 100_000));
            call.become_real()
        },
    },
    Fault {
        name: "ww-env-ignored",
        clauses: "ENV-02",
        what: "takes no notice of WW_ENV",
        act: |call| with_ww_env(call, |_| Some(vec![])),
    },
    Fault {
        name: "ww-env-escapes",
        clauses: "ENV-08",
        what: "takes a backslash before a comma for an escape",
        act: |call| with_ww_env(call, |text| Some(text.replace("\\,", ";").into_bytes())),
    },
    Fault {
        name: "ww-env-empty-refused",
        clauses: "ENV-09",
        what: "refuses empty pieces of WW_ENV",
        act: |call| {
            with_ww_env(call, |text| {
                (!text.split(',').any(str::is_empty) || text.is_empty()).then(|| text.as_bytes().to_vec())
            })
        },
    },
    Fault {
        name: "env-keys-ignored",
        clauses: "ENV-04",
        what: "ignores entries without a value",
        act: |mut call| {
            call.flags.retain(|(flag, value)| {
                flag != "--env" || value.as_ref().is_some_and(|value| value.as_bytes().contains(&b'='))
            });
            call.become_real()
        },
    },
    Fault {
        name: "script-as-text",
        clauses: "EXEC-03 EXEC-06",
        what: "hands a script's text to the shell",
        act: script_as_text,
    },
    Fault {
        name: "layout-unchecked",
        clauses: "FD-05",
        what: "takes any layout for its own",
        act: |mut call| {
            call.flags.retain(|(flag, value)| {
                flag != "--fd-layout" || value.as_ref().is_some_and(|value| value == "grants-first")
            });
            call.become_real()
        },
    },
    Fault {
        name: "grants-at-most-64",
        clauses: "FD-16",
        what: "drops grants beyond the 64th",
        act: |mut call| {
            let mut count = 0;
            call.flags.retain(|(flag, _)| {
                count += usize::from(flag == "--with-fd");
                flag != "--with-fd" || count <= 64
            });
            call.become_real()
        },
    },
    Fault {
        name: "name-made-up",
        clauses: "FD-25",
        what: "makes a name up where there is none",
        act: |mut call| {
            call.change("--with-fd", |value| {
                if value.as_bytes().starts_with(b"=") {
                    [OsStr::new("fd"), value].join(OsStr::new(""))
                } else {
                    value.clone()
                }
            });
            call.become_real()
        },
    },
    Fault {
        name: "number-without-sign",
        clauses: "FD-29",
        what: "takes a negative number without its sign",
        act: |mut call| {
            call.change("--with-fd", |value| String::from_utf8_lossy(value.as_bytes()).replace("=-", "=").into());
            call.become_real()
        },
    },
    Fault {
        name: "closed-grant-ignored",
        clauses: "FD-31",
        what: "ignores a grant that isn't open",
        act: |mut call| {
            call.flags.retain(|(_, value)| value.as_ref().is_none_or(|value| value != "db=8" && value != "db=999"));
            call.become_real()
        },
    },
    Fault {
        name: "own-files-granted",
        clauses: "FD-32",
        what: "grants what it opened itself",
        act: |call| {
            let own: Vec<_> = (3..15)
                .filter_map(|_| File::open("/dev/null").ok())
                .filter_map(|file| fcntl(&file, FcntlArg::F_DUPFD(3)).ok())
                .collect();
            drop(own);
            call.become_real()
        },
    },
    Fault {
        name: "path-below-root",
        clauses: "PATH-04",
        what: "looks a relative path up from the root",
        act: |call| {
            std::env::set_current_dir("/").ok();
            call.become_real()
        },
    },
    Fault {
        name: "path-empty-is-here",
        clauses: "PATH-07",
        what: "takes an empty path for the working directory",
        act: |mut call| {
            if program(&call).is_empty() {
                call.rest[0] = ".".into();
            }
            call.become_real()
        },
    },
    Fault {
        name: "path-lossy",
        clauses: "PATH-08",
        what: "makes the program's path UTF-8",
        act: |mut call| {
            let lossy = String::from_utf8_lossy(program(&call)).into_owned();
            call.rest[0] = lossy.into();
            call.become_real()
        },
    },
    Fault {
        name: "child-lost",
        clauses: "SIG-08",
        what: "relies on its caller's SIGCHLD",
        act: |call| waited(&mut call.real()),
    },
    Fault {
        name: "status-too-early",
        clauses: "STATUS-02 STATUS-06",
        what: "says `started` before it tries",
        act: status_too_early,
    },
    Fault {
        name: "status-for-the-cell",
        clauses: "STATUS-07",
        what: "lets the cell have the status descriptor",
        act: status_for_the_cell,
    },
    Fault {
        name: "status-unchecked",
        clauses: "STATUS-09 STATUS-10",
        what: "takes any status descriptor",
        act: |mut call| {
            call.flags.retain(|(flag, _)| !flag.as_bytes().starts_with(b"--status-fd"));
            call.become_real()
        },
    },
    Fault {
        name: "closed-input-filled",
        clauses: "STDIO-05",
        what: "gives the cell another file where the caller had closed its input",
        act: closed_input_filled,
    },
    Fault {
        name: "session-of-its-own",
        clauses: "STDIO-06 STDIO-07",
        what: "takes the cell out of the terminal's session",
        act: session_of_its_own,
    },
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

fn with_ww_env(call: Call, change: fn(&str) -> Option<Vec<u8>>) -> ExitCode {
    use std::os::unix::process::CommandExt;
    let text = std::env::var("WW_ENV").unwrap_or_default();
    match change(&text) {
        Some(changed) => {
            eprintln!("ww-faulty: {}", call.real().env("WW_ENV", OsStr::from_bytes(&changed)).exec());
            ExitCode::from(99)
        }
        None => ExitCode::from(2),
    }
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
