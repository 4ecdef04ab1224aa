//! Faults of a program's retrieval: what is fetched how, where it lies, and which endpoint is asked.
//!
//! Some fetch by the daemon's own `cat`, which verifies nothing, and hand the real one a local file.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::ExitCode;

use super::around::waited;
use super::told::{coded, replaced, retold};
use super::{Call, Fault};

pub const FAULTS: &[Fault] = &[
    Fault::new("ipfs-unverified", "IPFS-21", "runs what the daemon's `cat` gives", |call| fetched(call, "kept-apart")),
    Fault::new("ipfs-cut-runs", "IPFS-14", "runs what came of an answer that was cut", |call| {
        fetched(call, "kept-apart")
    }),
    Fault::new("ipfs-file-shared", "IPFS-24", "keeps the file under a name that all runs share", |call| {
        fetched(call, "")
    }),
    Fault::new("ipfs-file-open", "IPFS-24", "lets everybody write the fetched file", |call| fetched(call, "open")),
    Fault::new("ipfs-in-cwd", "IPFS-23", "fetches into the working directory", |call| fetched(call, "cwd")),
    Fault::new("ipfs-file-left", "IPFS-25 SIG-06", "leaves the fetched file", |call| fetched(call, "left")),
    Fault::new("ipfs-max-size-ignored", "IPFS-16 IPFS-17 IPFS-19", "takes no notice of --max-size", |mut call| {
        call.flags.retain(|(flag, _)| flag != "--max-size");
        call.become_real()
    }),
    Fault::new("ipfs-max-size-2g", "IPFS-18", "takes 2 GiB where no limit is given", |mut call| {
        call.flags.insert(0, ("--max-size".into(), Some("2G".into())));
        call.become_real()
    }),
    Fault::new("ipfs-flag-wins", "EP-03 EP-05", "lets --ipfs beat WW_IPFS", |call| {
        let flag = call.flags.iter().any(|(flag, _)| flag == "--ipfs");
        let mut real = call.real();
        if flag {
            real.env_remove("WW_IPFS");
        }
        failed(&real.exec())
    }),
    Fault::new("ipfs-empty-counts", "EP-04", "takes an empty WW_IPFS for an endpoint", |call| match std::env::var_os(
        "WW_IPFS",
    )
    .is_some_and(|value| value.is_empty())
    {
        true => says("ww: WW_IPFS: : no endpoint", 2),
        false => call.become_real(),
    }),
    Fault::new("ipfs-warning-missing", "EP-05", "says nothing where WW_IPFS beats --ipfs", |mut call| {
        if std::env::var_os("WW_IPFS").is_some_and(|value| !value.is_empty()) {
            call.flags.retain(|(flag, _)| flag != "--ipfs");
        }
        call.become_real()
    }),
    Fault::new("ipfs-flag-ignored", "EP-01", "takes no notice of --ipfs", |mut call| {
        call.flags.retain(|(flag, _)| flag != "--ipfs");
        call.become_real()
    }),
    Fault::new("ipfs-default-other", "EP-02", "asks port 5002 by default", |mut call| {
        if !call.flags.iter().any(|(flag, _)| flag == "--ipfs") {
            call.flags.push(("--ipfs".into(), Some("/ip4/127.0.0.1/tcp/5002".into())));
        }
        call.become_real()
    }),
    Fault::new("ipfs-names-refused", "EP-06", "takes no names in endpoints", |call| refuses(call, "/dns")),
    Fault::new("ipfs-unix-refused", "EP-08", "takes no sockets for endpoints", |call| refuses(call, "/unix")),
    Fault::new("ipfs-urls-refused", "EP-09", "takes no URLs for endpoints", |call| refuses(call, "http")),
    Fault::new("ipfs-tls-left-out", "EP-07", "dials without TLS", |mut call| {
        call.change("--ipfs", |value| {
            let text = value.to_string_lossy().replace("/tls/http", "/http");
            text.replace("/https", "/http").replace("https://", "http://").into()
        });
        call.become_real()
    }),
    Fault::new("ipfs-arguments-dropped", "IPFS-01", "runs fetched programs without arguments", |mut call| {
        if is_ipfs(&call) {
            call.rest.truncate(1);
        }
        call.become_real()
    }),
    Fault::new("ipfs-names-unescaped", "IPFS-02", "takes %20 in a path for a blank", |call| {
        rewritten(call, |path| path.replace("%20", " "))
    }),
    Fault::new("ipns-refused", "IPFS-03", "resolves no names", |call| {
        rewritten(call, |path| path.replace("/ipns/", "/ipns/x/"))
    }),
    Fault::new("ipfs-cid-0-alone", "IPFS-04 IPFS-05 IPFS-06", "knows version 0 of CIDs alone", |call| {
        rewritten(call, |path| path.replace("/ipfs/b", "/ipfs/x"))
    }),
    Fault::new("ipfs-urls-local", "PATH-02", "takes ipfs:// for a local path", |call| {
        rewritten(call, |path| path.replace("ipfs://", "./ipfs://"))
    }),
    Fault::new("ipfs-local-first", "PATH-01", "looks for IPFS paths on disk", |call| {
        rewritten(call, |path| path.replace("/ipfs/", "/./ipfs/").replace("/ipns/", "/./ipns/"))
    }),
    Fault::new(
        "ipfs-directory-unfetched",
        "IPFS-07 IPFS-08 IPFS-09 IPFS-10",
        "says of other nodes that they can't be had",
        |call| retold(call, |said| replaced(said, "unexpected node type", "failed to get IPFS path")),
    )
    .control("repeats"),
    Fault::new("ipfs-kind-unsaid", "MSG-03", "doesn't say what a node is", |call| {
        retold(call, |said| match String::from_utf8_lossy(said).split_once("unexpected node type") {
            Some(_) => b"ww: unexpected node type: it: no file\n".to_vec(),
            None => said.to_vec(),
        })
    })
    .control("repeats"),
    Fault::new("ipfs-kind-1", "EXIT-10", "exits with 1 for another kind of node", |call| {
        coded(call, |code| if code == 126 { 1 } else { code })
    })
    .control("stands-by"),
    Fault::new(
        "ipfs-failure-127",
        "EXIT-11 IPFS-11 IPFS-13 IPFS-20",
        "exits with 127 where nothing can be had",
        |call| coded(call, |code| if code == 1 { 127 } else { code }),
    )
    .control("stands-by"),
    Fault::new("ipfs-daemon-unheard", "IPFS-12", "doesn't repeat what the daemon said", |call| {
        retold(call, |said| match String::from_utf8_lossy(said).split_once("the daemon ") {
            Some((before, _)) => [before.as_bytes(), b"error\n"].concat(),
            None => said.to_vec(),
        })
    })
    .control("repeats"),
    Fault::new("ipfs-timeout-unsaid", "IPFS-15", "doesn't say that it timed out", |call| {
        retold(call, |said| replaced(said, "timed out", "no luck"))
    })
    .control("repeats"),
    Fault::new("ipfs-full-disk-unsaid", "IPFS-26", "doesn't say that the disk is full", |call| {
        retold(call, |said| replaced(said, "pace", "???"))
    })
    .control("repeats"),
    Fault::new("ipfs-tmp-needed", "IPFS-27", "needs a temporary directory for local programs too", |call| {
        match fs::write(std::env::temp_dir().join("ww-try"), "") {
            Ok(()) => {
                fs::remove_file(std::env::temp_dir().join("ww-try")).ok();
                call.become_real()
            }
            Err(fault) => says(&format!("ww: temporary directory: {fault}"), 1),
        }
    }),
    Fault::new("ipfs-failure-panics", "SELF-01 SELF-02 IPFS-22", "panics where nothing can be had", |call| {
        let code = waited(&mut call.real());
        assert_ne!(code, ExitCode::from(1), "unexpected answer");
        code
    })
    .control("stands-by"),
    Fault::new("ipfs-in-memory", "SELF-03", "holds the whole file in memory", |call| fetched(call, "kept-apart")),
];

fn failed(fault: &io::Error) -> ExitCode {
    says(&format!("ww-faulty: {fault}"), 99)
}

fn says(line: &str, code: u8) -> ExitCode {
    eprintln!("{line}");
    ExitCode::from(code)
}

fn is_ipfs(call: &Call) -> bool {
    call.rest.first().is_some_and(|path| path.to_string_lossy().starts_with("/ipfs/"))
}

fn rewritten(mut call: Call, change: fn(&str) -> String) -> ExitCode {
    if let Some(path) = call.rest.first_mut() {
        *path = change(&path.to_string_lossy()).into();
    }
    call.become_real()
}

fn refuses(call: Call, start: &str) -> ExitCode {
    let value = |(flag, value): &(OsString, Option<OsString>)| {
        flag == "--ipfs" && value.as_ref().is_some_and(|value| value.to_string_lossy().starts_with(start))
    };
    if call.flags.iter().any(value) {
        return says("ww: --ipfs: no endpoint", 2);
    }
    call.become_real()
}

/// Fetches by `cat`, and has the real one run the file; `how` says where it lies.
fn fetched(mut call: Call, how: &str) -> ExitCode {
    let endpoint = call.flags.iter().find(|(flag, _)| flag == "--ipfs").and_then(|(_, value)| value.clone());
    let (true, Some(endpoint)) = (is_ipfs(&call), endpoint) else { return call.become_real() };
    let Some(content) = cat(&endpoint, &call.rest[0]) else {
        return says(&format!("ww: failed to get IPFS path: {}: no answer", call.rest[0].display()), 1);
    };
    let own = format!("ww-own-{}", std::process::id());
    let path: PathBuf = match how {
        "" => std::env::temp_dir().join("ww-shared"),
        "cwd" => PathBuf::from("./ww-fetched"),
        _ => std::env::temp_dir().join(own),
    };
    let mode = if how == "open" { 0o777 } else { 0o700 };
    // One that another run is executing can't be written.
    fs::write(&path, content).ok();
    fs::set_permissions(&path, fs::Permissions::from_mode(mode)).ok();
    call.rest[0] = path.clone().into();
    let code = waited(&mut call.real());
    if how != "left" {
        fs::remove_file(path).ok();
    }
    code
}

/// The body of an answer to `cat`, whole or not.
fn cat(endpoint: &OsStr, path: &OsStr) -> Option<Vec<u8>> {
    let endpoint = endpoint.to_str()?;
    let port = endpoint.split('/').nth(4)?;
    let mut stream = TcpStream::connect(format!("127.0.0.1:{port}")).ok()?;
    let target = path.to_str()?;
    let head = "Host: localhost\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
    write!(stream, "POST /api/v0/cat?arg={target} HTTP/1.1\r\n{head}").ok()?;
    let mut all = Vec::new();
    stream.read_to_end(&mut all).ok();
    let end = all.windows(4).position(|window| window == b"\r\n\r\n")?;
    let head = String::from_utf8_lossy(&all[..end]).to_lowercase();
    let mut body = all.split_off(end + 4);
    if !head.starts_with("http/1.1 200") {
        return None;
    }
    if !head.contains("transfer-encoding: chunked") {
        return Some(body);
    }
    let mut content = Vec::new();
    while let Some(line) = body.windows(2).position(|window| window == b"\r\n") {
        let size = usize::from_str_radix(String::from_utf8_lossy(&body[..line]).trim(), 16).unwrap_or(0);
        let from = (line + 2).min(body.len());
        let to = (from + size).min(body.len());
        content.extend_from_slice(&body[from..to]);
        if size == 0 {
            break;
        }
        body.drain(..(to + 2).min(body.len()));
    }
    Some(content)
}
