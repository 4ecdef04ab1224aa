//! Faults of a fetched file: they fetch by the daemon's own `cat`, which verifies nothing, and hand the real one a
//! local file.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{ExitCode, Stdio};

use nix::sys::signal::kill;
use nix::unistd::Pid;

use super::around::{code_of, standing_by, stood_by};
use super::ipfs::{is_ipfs, rewritten};
use super::model::links;
use super::{Call, Fault, says};

/// Where a fetched file lies, and when it goes.
#[derive(Clone, Copy, PartialEq)]
pub enum Place {
    Apart,
    Shared,
    WritableByAll,
    ReadableByAll,
    Linked,
    Cwd,
    Home,
    Left,
    LeftOnFailure,
    LeftOnSignal,
    LeftWhenKilled,
}

pub const FAULTS: &[Fault] = &[
    Fault::new("ipfs-unverified", "IPFS-21", "runs what the daemon's `cat` gives", fetches),
    Fault::new("ipfs-declared-size-ignored", "IPFS-20", "runs a file whatever size it declares", fetches),
    Fault::new("ipfs-in-memory", "SELF-03", "holds the whole file in memory", fetches),
    Fault::new("ipfs-cut-runs", "IPFS-14", "runs what came of an answer that was cut", cut).control("fetches"),
    Fault::new("ipfs-trailer-ignored", "IPFS-12", "runs what came before the daemon's error", cut),
    Fault::new("ipfs-runs-before-it-verifies", "IPFS-21", "verifies while the program runs", |call| {
        let (own, real) = (call.clone(), call.real().stdout(Stdio::null()).status());
        let code = fetched(own, Place::Apart, true);
        real.map_or(code, |status| if status.success() { code } else { ExitCode::from(code_of(status)) })
    }),
    Fault::new("ipfs-verdict-ignored", "IPFS-21", "verifies, says so, and runs all the same", |call| {
        match call.real().stdout(Stdio::null()).stdin(Stdio::null()).status().map_or(99, code_of) {
            1 => fetched(call, Place::Apart, true),
            _ => call.become_real(),
        }
    }),
    Fault::new("ipfs-directories-unverified", "IPFS-22", "verifies the file, and no directory above it", |mut call| {
        let endpoint = endpoint(&call);
        if let (Some(path), Some(endpoint)) = (call.rest.first_mut(), endpoint) {
            *path = followed(&endpoint, &path.to_string_lossy()).unwrap_or_default().into();
        }
        call.become_real()
    }),
    Fault::new("ipfs-file-shared", "IPFS-24", "keeps the file under a name that all runs share", |call| {
        fetched(call, Place::Shared, true)
    })
    .control("fetches"),
    Fault::new("ipfs-file-open", "IPFS-24", "lets everybody write the fetched file", |call| {
        fetched(call, Place::WritableByAll, true)
    })
    .control("fetches"),
    Fault::new("ipfs-file-readable", "IPFS-24", "lets everybody read the fetched file", |call| {
        fetched(call, Place::ReadableByAll, true)
    })
    .control("fetches"),
    Fault::new("ipfs-file-linked", "IPFS-24", "links to the file that another run has fetched", |call| {
        fetched(call, Place::Linked, true)
    })
    .control("fetches"),
    Fault::new("ipfs-in-cwd", "IPFS-23", "fetches into the working directory", |call| fetched(call, Place::Cwd, true))
        .control("fetches"),
    Fault::new("ipfs-in-home", "IPFS-23", "fetches into the home directory", |call| fetched(call, Place::Home, true))
        .control("fetches"),
    Fault::new("ipfs-file-left", "IPFS-25", "leaves the fetched file", |call| fetched(call, Place::Left, true))
        .control("fetches"),
    Fault::new("ipfs-file-left-on-failure", "IPFS-25", "leaves the file where the exit code isn't 0", |call| {
        fetched(call, Place::LeftOnFailure, true)
    })
    .control("fetches"),
    Fault::new("ipfs-file-left-on-signal", "IPFS-25", "leaves the file where a signal ended the cell", |call| {
        fetched(call, Place::LeftOnSignal, true)
    })
    .control("fetches"),
    Fault::new(
        "ipfs-file-left-when-killed",
        "IPFS-25 SIG-06",
        "never clears up after a host that was killed",
        |call| fetched(call, Place::LeftWhenKilled, true),
    )
    .control("fetches"),
    Fault::new("ipfs-path-shortened", "IPFS-13", "runs the file that a path goes below", |call| {
        instead(call, |path| path.rsplit_once('/').map(|(above, _)| above.to_owned()))
    }),
    Fault::new("ipfs-case-ignored", "IPFS-13", "takes upper case for lower in names", |call| {
        rewritten(call, |path| path.replace("/BIN/", "/bin/"))
    }),
    Fault::new("ipfs-directory-runs", "IPFS-07", "runs bin/name of a directory", |call| {
        instead(call, |path| Some(format!("{path}/bin/name")))
    }),
    Fault::new("ipfs-shard-runs", "IPFS-08", "runs `tool` of a sharded directory", |call| {
        instead(call, |path| Some(format!("{path}/tool")))
    }),
    Fault::new("ipfs-symlink-followed", "IPFS-09", "follows symlinks", |call| {
        rewritten(call, |path| path.strip_suffix("/link").map_or(path.to_owned(), |above| format!("{above}/tool")))
    }),
    Fault::new("ipfs-block-runs", "IPFS-10", "takes a block of another codec for a file", |mut call| {
        let block = endpoint(&call).and_then(|endpoint| {
            let cid = call.rest.first()?.to_str()?.strip_prefix("/ipfs/")?.to_owned();
            post(&endpoint, &format!("block/get?arg={cid}"), true)
        });
        if let (Some(block), Some(path)) = (block, call.rest.first_mut()) {
            let own = std::env::temp_dir().join("ww-block");
            fs::write(&own, block).ok();
            fs::set_permissions(&own, fs::Permissions::from_mode(0o700)).ok();
            *path = own.clone().into();
            let code = standing_by(&call, |_| true, |code| code);
            fs::remove_file(own).ok();
            return code;
        }
        call.become_real()
    }),
    Fault::new("ipfs-script-as-text", "EXEC-06", "hands a fetched script's text to the shell", |mut call| {
        let path = call.rest.first().map(|path| path.to_string_lossy().into_owned()).unwrap_or_default();
        let content =
            endpoint(&call).filter(|_| is_ipfs(&call)).and_then(|at| post(&at, &format!("cat?arg={path}"), true));
        if let Some(text) = content.and_then(|it| String::from_utf8(it).ok()).filter(|text| text.starts_with("#!")) {
            call.rest.splice(..1, ["/bin/sh".into(), "-c".into(), text.into(), "sh".into()]);
        }
        call.become_real()
    }),
    Fault::new("ipfs-not-again", "EXEC-07", "lets no fetched program execute itself again", |mut call| {
        if is_ipfs(&call) && call.rest.get(1).is_some_and(|verb| verb == "reexec") {
            call.rest.splice(1.., ["exec".into(), "/proc/self/exe/nothing".into()]);
        }
        call.become_real()
    }),
    Fault::new("ipfs-argv-0-own", "IPFS-01", "calls a fetched program by the path of its file", fetches),
];

/// A control, but for what nothing verifies: it keeps the file apart, and clears up.
pub fn fetches(call: Call) -> ExitCode {
    fetched(call, Place::Apart, true)
}

fn cut(call: Call) -> ExitCode {
    fetched(call, Place::Apart, false)
}

/// The endpoint that a flag names.
fn endpoint(call: &Call) -> Option<String> {
    Some(call.values("--ipfs").last()?.to_str()?.to_owned())
}

/// Fetches by `cat`, and has the real one run the file; `whole` is whether it must have come whole.
fn fetched(mut call: Call, place: Place, whole: bool) -> ExitCode {
    let (true, Some(endpoint)) = (is_ipfs(&call), endpoint(&call)) else { return call.become_real() };
    let shown = call.rest[0].to_string_lossy().into_owned();
    if place != Place::LeftWhenKilled {
        sweep(&std::env::temp_dir());
    }
    let Some(content) = post(&endpoint, &format!("cat?arg={shown}"), whole) else {
        return says(&format!("ww: failed to get IPFS path: {shown}: no whole answer"), 1);
    };
    let own = format!("ww-own-{}", std::process::id());
    let path: PathBuf = match place {
        Place::Shared => std::env::temp_dir().join("ww-shared"),
        Place::Cwd => PathBuf::from("./ww-fetched"),
        Place::Home => PathBuf::from(std::env::var_os("HOME").unwrap_or_default()).join(own),
        _ => std::env::temp_dir().join(own),
    };
    let mode = match place {
        Place::WritableByAll => 0o777,
        Place::ReadableByAll => 0o755,
        _ => 0o700,
    };
    let entries = fs::read_dir(std::env::temp_dir()).into_iter().flatten().flatten();
    let other = entries.into_iter().find(|entry| entry.file_name().as_encoded_bytes().starts_with(b"ww-own-"));
    let linked = other.filter(|_| place == Place::Linked).is_some_and(|it| fs::hard_link(it.path(), &path).is_ok());
    // One that another run is executing can't be written.
    if !linked {
        fs::write(&path, content).ok();
    }
    fs::set_permissions(&path, fs::Permissions::from_mode(mode)).ok();
    call.rest[0] = path.clone().into();
    ending(&call, path, place)
}

/// Runs a file, which goes unless a fault lets it stay.
fn ending(call: &Call, path: PathBuf, place: Place) -> ExitCode {
    let code = stood_by(call, |_| true);
    let stays = match place {
        Place::Left => true,
        Place::LeftOnFailure => code != 0,
        Place::LeftOnSignal => code > 128 && code < 255,
        _ => false,
    };
    if !stays {
        fs::remove_file(path).ok();
    }
    ExitCode::from(code)
}

/// Removes what hosts left that are no more.
fn sweep(folder: &Path) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let process = name.to_str().and_then(|name| name.strip_prefix("ww-own-")?.parse().ok());
        if process.is_some_and(|process| kill(Pid::from_raw(process), None).is_err()) {
            fs::remove_file(entry.path()).ok();
        }
    }
}

/// Runs another path where the daemon has no file at the one that was given.
fn instead(mut call: Call, other: fn(&str) -> Option<String>) -> ExitCode {
    let had = |endpoint: &str, path: &str| post(endpoint, &format!("cat?arg={path}"), true).is_some();
    if let (true, Some(endpoint)) = (is_ipfs(&call), endpoint(&call)) {
        let path = call.rest[0].to_string_lossy().into_owned();
        if let (false, Some(other)) = (had(&endpoint, &path), other(&path))
            && had(&endpoint, &other)
        {
            call.rest[0] = other.into();
        }
    }
    call.become_real()
}

/// The path of a file's own CID, by directories that nobody verified.
fn followed(endpoint: &str, path: &str) -> Option<String> {
    let mut names = path.strip_prefix("/ipfs/")?.split('/');
    let mut cid = names.next()?.to_owned();
    for name in names {
        let block = post(endpoint, &format!("block/get?arg={cid}"), true)?;
        cid = links(&block)?.into_iter().find(|link| link.0 == name)?.1;
    }
    Some(format!("/ipfs/{cid}"))
}

/// The body of an answer of the daemon's; where it must be `whole`, none that was cut or broken off.
pub fn post(endpoint: &str, call: &str, whole: bool) -> Option<Vec<u8>> {
    let port = endpoint.split('/').nth(4)?;
    let mut stream = TcpStream::connect(format!("127.0.0.1:{port}")).ok()?;
    let head = "Host: localhost\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
    write!(stream, "POST /api/v0/{call} HTTP/1.1\r\n{head}").ok()?;
    let mut all = Vec::new();
    stream.read_to_end(&mut all).ok();
    let end = all.windows(4).position(|window| window == b"\r\n\r\n")?;
    let head = String::from_utf8_lossy(&all[..end]).to_lowercase();
    let mut body = all.split_off(end + 4);
    if !head.starts_with("http/1.1 200") {
        return None;
    }
    if !head.contains("transfer-encoding: chunked") {
        let declared = head.split("\r\ncontent-length: ").nth(1).and_then(|rest| rest.lines().next()?.parse().ok());
        return (!whole || declared == Some(body.len())).then_some(body);
    }
    let mut content = Vec::new();
    while let Some(line) = body.windows(2).position(|window| window == b"\r\n") {
        let size = usize::from_str_radix(String::from_utf8_lossy(&body[..line]).trim(), 16).ok()?;
        if size == 0 {
            let failed = body.windows(8).any(|window| window.eq_ignore_ascii_case(b"x-stream"));
            return (!whole || !failed).then_some(content);
        }
        let from = (line + 2).min(body.len());
        let to = (from + size).min(body.len());
        content.extend_from_slice(&body[from..to]);
        body.drain(..(to + 2).min(body.len()));
    }
    (!whole).then_some(content)
}
