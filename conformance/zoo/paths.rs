//! Faults of `--ro`, `--rw` and `--workdir` that change what the real one is asked for.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use super::around::stood_by;
use super::words::fault;
use super::{Call, Fault, says};

pub const FAULTS: &[Fault] = &[
    fault!("ro-forgotten", "LIMIT-02", "takes no notice of --ro", |call| call.flags.retain(|(flag, _)| flag != "--ro")),
    fault!("ro-writable", "LIMIT-02", "grants for writing what is for reading", |call| renamed(call, "--ro", "--rw")),
    fault!("ro-at-its-own-place", "LIMIT-02 LIMIT-05", "shows everything where it lies", |call| {
        each(call, |value| parts(value).0);
    }),
    Fault::new("ro-of-a-copy-without-programs", "LIMIT-02", "grants files that can't be executed", |call| {
        of_a_copy(call, &["cp", "-r", "--no-preserve=mode"])
    })
    .control("stands-by"),
    fault!("rw-for-reading", "LIMIT-03", "grants for reading what is for writing", |call| renamed(
        call, "--rw", "--ro"
    )),
    Fault::new("rw-of-a-copy", "LIMIT-03", "grants a copy", |call| of_a_copy(call, &["cp", "-a"])).control("stands-by"),
    Fault::new("links-resolved", "LIMIT-04", "shows in the place of a link what it leads to on the host", |call| {
        of_a_copy(call, &["cp", "-rL", "--preserve=mode"])
    })
    .control("stands-by"),
    fault!("workdir-forgotten", "LIMIT-05", "takes no notice of --workdir", |call| {
        call.flags.retain(|(flag, _)| flag != "--workdir");
    }),
    fault!("workdir-of-the-host", "LIMIT-05", "takes --workdir for a path of the host", |call| {
        let grants: Vec<_> = call.values("--ro").map(|value| parts(value)).collect();
        call.change("--workdir", |value| {
            let granted = grants.iter().find(|(path, _)| path == value);
            granted.and_then(|(_, at)| at.clone()).unwrap_or_else(|| value.clone())
        });
    }),
    fault!("missing-grant-skipped", "LIMIT-11", "leaves out a grant of a path that isn't there", |call| {
        skipped(call, |path| !path.exists());
    }),
    fault!("missing-grant-made", "LIMIT-11", "makes a directory where a granted path isn't there", |call| {
        for (path, _) in granted(call) {
            fs::create_dir_all(path).ok();
        }
    }),
    Fault::new("missing-grant-is-usage", "LIMIT-11", "exits with 2 where a granted path isn't there", |call| {
        let missing = granted(&call).find(|(path, _)| !path.exists());
        match missing {
            Some((path, flag)) => says(&format!("ww: {flag} {}: it isn't there", path.display()), 2),
            None => call.become_real(),
        }
    }),
    fault!("place-at-first-colon", "LIMIT-21", "ends PATH at its first `:`", |call| {
        each(call, |value| {
            let (path, at) = parts(value);
            let path = path.as_bytes().split(|byte| *byte == b':').next().unwrap_or_default();
            joined(OsStr::from_bytes(path), at.as_deref())
        });
    }),
    fault!("place-relative-taken", "LIMIT-21", "takes a place without a slash for one below /", |call| {
        each(call, |value| match (parts(value), value.to_str().and_then(|value| value.rsplit_once(':'))) {
            ((_, None), Some((path, at))) => joined(path.as_ref(), Some(format!("/place/{at}").as_ref())),
            _ => value.clone(),
        });
    }),
    fault!("place-upwards-taken", "LIMIT-21", "resolves `..` in a place", |call| {
        each(call, |value| value.to_string_lossy().replace("/given/..", "").into());
    }),
    fault!("grant-over-grant-taken", "LIMIT-22", "lets a later grant hide an earlier one", |call| {
        let places: Vec<PathBuf> = paths(call).filter_map(|(_, value)| parts(value).1).map(PathBuf::from).collect();
        let mut at = 0;
        call.flags.retain(|(flag, _)| {
            let is_one = flag == "--ro" || flag == "--rw";
            at += usize::from(is_one);
            let later = places.get(at..).unwrap_or_default();
            let hidden = |one: &PathBuf| later.iter().any(|it| it.starts_with(one) || one.starts_with(it));
            !is_one || !places.get(at - 1).is_some_and(hidden)
        });
    }),
    fault!("grant-over-grant-same-place", "LIMIT-22", "sees two grants collide at one place alone", |call| {
        let mut seen: Vec<PathBuf> = Vec::new();
        each(call, |value| {
            let (path, at) = parts(value);
            let Some(at) = at.map(PathBuf::from) else { return value.clone() };
            let beneath = seen.iter().any(|it| at != *it && (at.starts_with(it) || it.starts_with(&at)));
            seen.push(at.clone());
            if beneath { joined(&path, Some("/elsewhere".as_ref())) } else { value.clone() }
        });
    }),
    fault!("grant-over-the-jail-moved", "LIMIT-23", "shows what is granted over /proc or /dev elsewhere", |call| {
        moved(call, |at| ["/proc", "/dev"].iter().any(|own| at.starts_with(own)));
    }),
    fault!("grant-over-the-system-moved", "LIMIT-23", "shows what is granted over the system elsewhere", |call| {
        moved(call, |at| ["/", "/usr", "/etc"].iter().any(|own| at == Path::new(own)));
    }),
    fault!("special-grant-skipped", "LIMIT-24", "leaves out a grant that is no file and no directory", |call| {
        skipped(call, |path| path.exists() && !path.is_file() && !path.is_dir());
    }),
    fault!("workdir-relative-taken", "LIMIT-25", "takes a relative --workdir for one below /", |call| {
        call.change("--workdir", |value| Path::new("/").join(value).into());
    }),
    Fault::new("workdir-missing-skipped", "LIMIT-25", "starts elsewhere where --workdir isn't there", |mut call| {
        if call.values("--workdir").next().is_none() {
            return call.become_real();
        }
        let mut first = call.real();
        first.stderr(Stdio::null()).stdout(Stdio::null());
        if first.status().is_ok_and(|status| status.code() == Some(1)) {
            call.flags.retain(|(flag, _)| flag != "--workdir");
        }
        call.become_real()
    }),
    Fault::new("made-by-nobody", "LIMIT-27", "leaves what root's cells make in a grant to nobody", |call| {
        let code = stood_by(&call, |_| true);
        if nix::unistd::geteuid().is_root() {
            for (path, _) in granted(&call).filter(|(_, flag)| *flag == "--rw") {
                Command::new("chown").args(["-hR", "65534:65534"]).arg(path).status().ok();
            }
        }
        ExitCode::from(code)
    })
    .control("stands-by"),
    Fault::new("roots-grants-are-nobodys", "LIMIT-27", "shows root's cells what anybody may use", |mut call| {
        use std::os::unix::fs::PermissionsExt;
        let closed = |path: &Path| fs::metadata(path).is_ok_and(|about| about.permissions().mode() & 0o7 == 0);
        if nix::unistd::geteuid().is_root() {
            skipped(&mut call, closed);
        }
        call.become_real()
    }),
];

/// PATH, and AT where there is one.
pub fn parts(value: &OsStr) -> (OsString, Option<OsString>) {
    let bytes = value.as_bytes();
    match bytes.windows(2).rposition(|pair| pair == b":/") {
        Some(at) => (OsStr::from_bytes(&bytes[..at]).to_owned(), Some(OsStr::from_bytes(&bytes[at + 1..]).to_owned())),
        None => (value.to_owned(), None),
    }
}

pub fn joined(path: &OsStr, at: Option<&OsStr>) -> OsString {
    at.map_or(path.to_owned(), |at| [path, ":".as_ref(), at].into_iter().collect())
}

/// Flags and values of path grants, in order.
fn paths(call: &Call) -> impl Iterator<Item = (&'static str, &OsString)> {
    call.flags.iter().filter_map(|(flag, value)| {
        let flag = ["--ro", "--rw"].into_iter().find(|name| flag == name)?;
        Some((flag, value.as_ref()?))
    })
}

/// What is granted, and by which flag.
fn granted(call: &Call) -> impl Iterator<Item = (PathBuf, &'static str)> {
    paths(call).map(|(flag, value)| (PathBuf::from(parts(value).0), flag))
}

/// Changes each path grant.
fn each(call: &mut Call, mut change: impl FnMut(&OsString) -> OsString) {
    for (flag, value) in &mut call.flags {
        if let (true, Some(old)) = (flag == "--ro" || flag == "--rw", value.as_ref()) {
            *value = Some(change(old));
        }
    }
}

pub fn renamed(call: &mut Call, from: &str, to: &str) {
    for (flag, _) in call.flags.iter_mut().filter(|(flag, _)| flag == from) {
        *flag = to.into();
    }
}

/// Drops path grants whose path is so.
fn skipped(call: &mut Call, so: impl Fn(&Path) -> bool) {
    call.flags.retain(|(flag, value)| {
        let path = value.as_ref().map(|value| parts(value).0);
        !((flag == "--ro" || flag == "--rw") && path.is_some_and(|path| so(Path::new(&path))))
    });
}

/// Shows at another place what is granted at one that is so.
fn moved(call: &mut Call, so: impl Fn(&Path) -> bool) {
    each(call, |value| {
        let (path, at) = parts(value);
        let place: PathBuf = Path::new(at.as_ref().unwrap_or(&path)).components().collect();
        if so(&place) { joined(&path, Some("/elsewhere".as_ref())) } else { value.clone() }
    });
}

/// Runs the real one with copies of all that is granted, made by this command.
fn of_a_copy(mut call: Call, copies: &[&str]) -> ExitCode {
    let own = std::env::temp_dir().join(format!("ww-copies-{}", std::process::id()));
    fs::create_dir_all(&own).ok();
    let mut number = 0;
    each(&mut call, |value| {
        let (path, at) = parts(value);
        number += 1;
        let copy = own.join(number.to_string());
        // A link that leads above itself can't be resolved; the rest is copied.
        Command::new(copies[0]).args(&copies[1..]).arg(&path).arg(&copy).stderr(Stdio::null()).status().ok();
        match copy.exists() {
            true => joined(copy.as_os_str(), Some(&at.unwrap_or(path))),
            false => value.clone(),
        }
    });
    let code = stood_by(&call, |_| true);
    fs::remove_dir_all(own).ok();
    ExitCode::from(code)
}
