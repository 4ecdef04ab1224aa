//! The jail, by bubblewrap (`bwrap`): each argument has a fault that leaves it out or makes it worse.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use nix::unistd::geteuid;

use super::Wrong;
use super::cell::Plan;
use super::program::{Refusal, interpreter};
use crate::Call;

const BWRAP: &str = "bwrap";
/// Bytes that fit into each place that a cell can write to.
const SIZE: &str = "67108864";
/// Where the cell sees its program.
const PROGRAM: &str = "/cell/program";
/// Where it sees this program, if there is no /proc to find it by.
const OWN: &str = "/cell/host";

/// Whether the jail can be had here.
pub fn possible(wrong: Wrong) -> Result<(), Refusal> {
    let none = fs::read_to_string("/proc/sys/user/max_user_namespaces").is_ok_and(|most| most.trim() == "0");
    let refused = "user namespace: none may be made";
    let remedy = "raise /proc/sys/user/max_user_namespaces";
    match (wrong.0, none, geteuid().is_root()) {
        ("jail-refusal-unexplained", true, _) => Err(Refusal::new(1, refused.into())),
        ("jail-refusal-is-usage", true, _) => Err(Refusal::new(2, format!("{refused}: {remedy}"))),
        ("jail-best-effort", true, _) => Ok(()),
        (_, true, _) => Err(Refusal::new(1, format!("{refused}: {remedy}"))),
        ("jail-not-for-root", _, true) | ("jail-for-root-alone", _, false) => {
            Err(Refusal::new(1, "not for this user".into()))
        }
        _ => Ok(()),
    }
}

/// Whether this caller gets no jail at all.
fn none(wrong: Wrong) -> bool {
    let root = geteuid().is_root();
    let kernel = fs::read_to_string("/proc/sys/user/max_user_namespaces").is_ok_and(|most| most.trim() == "0");
    match wrong.0 {
        "jail-best-effort" => kernel,
        "jail-less-for-root" => root,
        "jail-less-for-users" => !root,
        _ => false,
    }
}

/// Namespaces, each with the fault that leaves it out.
const NAMESPACES: [(&str, &str); 6] = [
    ("--unshare-user", "jail-user-shared"),
    ("--unshare-pid", "jail-pid-shared"),
    ("--unshare-net", "jail-net-shared"),
    ("--unshare-ipc", "jail-ipc-shared"),
    ("--unshare-uts", "jail-uts-shared"),
    ("--unshare-cgroup", "jail-cgroup-shared"),
];

/// Words of a command line, put together.
struct Words(Vec<OsString>);

impl Words {
    fn add<W: Into<OsString>>(&mut self, words: impl IntoIterator<Item = W>) {
        self.0.extend(words.into_iter().map(Into::into));
    }

    fn bind(&mut self, how: &str, from: impl AsRef<Path>, to: impl AsRef<Path>) {
        self.add([how.into(), from.as_ref().as_os_str().to_owned(), to.as_ref().as_os_str().to_owned()]);
    }
}

/// What starts the trampoline in a jail that shows what the plan names.
pub fn command(trampoline: &str, call: &Call, plan: &mut Plan, wrong: Wrong) -> Command {
    if none(wrong) {
        return Command::new(trampoline);
    }
    let mut words = Words(Vec::new());
    words.add(NAMESPACES.iter().filter(|(_, fault)| !wrong.is(fault)).map(|(flag, _)| *flag));
    if !wrong.is("jail-outlives-host") {
        words.add(["--die-with-parent"]);
    }
    if !wrong.is("jail-group-shared") {
        words.add(["--new-session"]);
    }
    if !wrong.is("jail-capabilities-kept") && !wrong.is("jail-bounding-set-kept") {
        words.add(["--cap-drop", "ALL"]);
    }
    system(&mut words, wrong);
    devices(&mut words, wrong);
    private(&mut words, wrong);
    let script = fs::read(&plan.program).unwrap_or_default();
    words.bind("--ro-bind", &plan.program, PROGRAM);
    if let (true, Some(path)) = (wrong.is("interpreter-of-the-host"), script.strip_prefix(b"#!").and_then(interpreter))
    {
        words.bind("--ro-bind-try", &path, &path);
    }
    plan.program = PROGRAM.into();
    if let (true, Ok(own)) = (wrong.is("jail-proc-missing"), std::env::current_exe()) {
        words.bind("--ro-bind", own, OWN);
    }
    for (path, number) in &mut plan.folders {
        folder(&mut words, path, *number, wrong);
    }
    paths(&mut words, call, wrong);
    if !wrong.is("jail-root-writable") {
        words.add(["--remount-ro", "/"]);
    }
    match super::seccomp::filter(wrong) {
        Some(Ok(number)) => words.add(["--seccomp", &number.to_string()]),
        // Bubblewrap says which number it can't read, and doesn't start.
        Some(Err(_)) => words.add(["--seccomp", "-1"]),
        None => {}
    }
    words.add(["--"]);
    if wrong.is("jail-bounding-set-kept") {
        let setpriv = ["/usr/bin/setpriv", "--no-new-privs", "--securebits", "+noroot"];
        words.add(setpriv.into_iter().chain(["--ambient-caps=-all", "--inh-caps=-all"]));
    }
    words.add([if wrong.is("jail-proc-missing") { OWN } else { trampoline }]);
    let mut command = Command::new(BWRAP);
    command.args(words.0);
    command
}

/// A granted directory: by itself, for reading.
fn folder(words: &mut Words, path: &mut PathBuf, number: i32, wrong: Wrong) {
    let seen = PathBuf::from(format!("/cell/grants/{number}"));
    let (how, from, at) = match (wrong.0, path.parent(), path.file_name()) {
        ("grant-directory-with-parent", Some(above), Some(name)) => ("--ro-bind", above.to_owned(), seen.join(name)),
        ("grant-directory-writable", ..) => ("--bind", path.clone(), seen.clone()),
        _ => ("--ro-bind", path.clone(), seen.clone()),
    };
    match wrong.is("grant-directory-empty") {
        true => words.add([OsString::from("--tmpfs"), seen.into()]),
        false => words.bind(how, from, seen),
    }
    *path = at;
}

/// What `--ro` and `--rw` grant.
fn paths(words: &mut Words, call: &Call, wrong: Wrong) {
    for (flag, how) in [("--ro", "--ro-bind"), ("--rw", "--bind")] {
        let how = match wrong.0 {
            "path-grant-with-devices" => "--dev-bind",
            "path-grant-for-reading-writable" => "--bind",
            _ => how,
        };
        for value in call.values(flag).filter_map(|value| value.to_str()) {
            let (path, at) =
                value.rsplit_once(":/").map_or((value, value.to_owned()), |(path, at)| (path, format!("/{at}")));
            words.bind(how, path, at);
        }
    }
}

/// What dynamic programs and interpreters need.
fn system(words: &mut Words, wrong: Wrong) {
    words.bind(if wrong.is("jail-system-writable") { "--bind" } else { "--ro-bind" }, "/usr", "/usr");
    for name in ["bin", "lib", "lib64", "sbin"] {
        let (inside, path) = (format!("usr/{name}"), format!("/{name}"));
        match fs::symlink_metadata(&path) {
            Ok(about) if about.is_symlink() => words.add(["--symlink", &inside, &path]),
            Ok(_) => words.bind("--ro-bind", &path, &path),
            Err(_) => {}
        }
    }
    if wrong.is("jail-utilities-missing") {
        words.add(["--tmpfs", "/usr/bin", "--ro-bind", "/bin/sh", "/usr/bin/sh"]);
    }
    match wrong.0 {
        "jail-etc-shown" => words.bind("--ro-bind", "/etc", "/etc"),
        "jail-var-shown" => words.bind("--ro-bind", "/var", "/var"),
        "jail-sys-shown" => words.bind("--ro-bind", "/sys", "/sys"),
        "jail-home-shown" => {
            words.bind("--ro-bind", std::env::var_os("HOME").unwrap_or_default(), "/home");
        }
        "jail-caller-tmp-shown" => {
            words.bind("--ro-bind", std::env::temp_dir(), "/opt");
        }
        _ => {}
    }
    if wrong.is("jail-proc-hosts") {
        words.bind("--ro-bind", "/proc", "/proc");
    } else if !wrong.is("jail-proc-missing") {
        words.add(["--proc", "/proc"]);
    }
}

fn devices(words: &mut Words, wrong: Wrong) {
    if wrong.is("jail-dev-whole") {
        return words.bind("--dev-bind", "/dev", "/dev");
    }
    words.add(["--tmpfs", "/dev"]);
    for name in ["null", "zero", "full", "random", "urandom", "tty"] {
        let path = format!("/dev/{name}");
        match (wrong.0, name) {
            ("jail-dev-without-tty", "tty") => {}
            ("jail-dev-null-for-all", _) => words.bind("--dev-bind", "/dev/null", path),
            _ => words.bind("--dev-bind", &path, &path),
        }
    }
    if wrong.is("jail-dev-kmsg") {
        words.bind("--dev-bind", "/dev/kmsg", "/dev/kmsg");
    }
    words.add(["--symlink", "/proc/self/fd", "/dev/fd", "--symlink", "/tmp", "/dev/shm"]);
    if wrong.is("jail-dev-closed") {
        words.add(["--chmod", "0111", "/dev"]);
    }
    if !wrong.is("jail-dev-writable") {
        words.add(["--remount-ro", "/dev"]);
    }
}

/// `/tmp` and the working directory.
fn private(words: &mut Words, wrong: Wrong) {
    let shared = |name: &str| {
        let path = std::env::temp_dir().join(name);
        fs::create_dir_all(&path).ok();
        path
    };
    match wrong.0 {
        "jail-tmp-shared" => words.bind("--bind", "/tmp", "/tmp"),
        "jail-tmp-of-all-runs" => words.bind("--bind", shared("ww-tmp"), "/tmp"),
        "jail-tmp-read-only" => words.add(["--tmpfs", "/tmp", "--remount-ro", "/tmp"]),
        "jail-tmp-unsized" => words.add(["--tmpfs", "/tmp"]),
        _ => words.add(["--size", SIZE, "--tmpfs", "/tmp"]),
    }
    match wrong.0 {
        "jail-cwd-callers" => words.bind("--bind", ".", "/cell/work"),
        "jail-cwd-of-all-runs" => words.bind("--bind", shared("ww-work"), "/cell/work"),
        "jail-cwd-read-only" => words.add(["--tmpfs", "/cell/work", "--remount-ro", "/cell/work"]),
        "jail-cwd-unsized" => words.add(["--tmpfs", "/cell/work"]),
        _ => words.add(["--size", SIZE, "--tmpfs", "/cell/work"]),
    }
    words.add(["--chdir", if wrong.is("jail-cwd-is-root") { "/" } else { "/cell/work" }]);
}
