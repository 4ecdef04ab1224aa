//! Faults of sources: who is asked for content, who is believed, what is kept of it, and what is said.

use std::ffi::OsString;
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, ExitCode};
use std::time::Duration;

use super::around::{stood_by, waited};
use super::ipfs::is_ipfs;
use super::model::links;
use super::told::retold;
use super::{Call, Fault, says};

pub const FAULTS: &[Fault] = &[
    Fault::new("store-forgets", "STORE-03 STORE-43 STORE-44", "keeps nothing from run to run", |call| {
        let own = std::env::temp_dir().join("ww-forgets");
        let code = waited(call.real().env("WW_STORE", &own));
        fs::remove_dir_all(own).ok();
        code
    }),
    Fault::new("hashes-few", "STORE-58", "knows no hash but sha2-256", |call| {
        let path = call.rest.first().map(|path| path.to_string_lossy().into_owned()).unwrap_or_default();
        let known = ["bafybei", "bafkrei", "bafyrei", "baguqeera"]
            .iter()
            .any(|start| path[6.min(path.len())..].starts_with(start));
        if path.starts_with("/ipfs/") && !known {
            return says(&format!("ww: failed to get IPFS path: {path}: no such hash"), 1);
        }
        call.become_real()
    }),
    Fault::new("codecs-missing", "STORE-58", "takes a node that is no file for one that can't be had", |call| {
        let path = call.rest.first().map(|path| path.to_string_lossy().into_owned()).unwrap_or_default();
        let code = stood_by(&call, |_| true);
        if code == 126 && path.starts_with("/ipfs/") {
            return says(&format!("ww: failed to get IPFS path: {path}"), 1);
        }
        ExitCode::from(code)
    })
    .control("stands-by"),
    Fault::new("store-unchecked", "STORE-03", "runs what it kept without a look at it", unchecked),
    Fault::new("gateway-flag-ignored", "STORE-33 STORE-37", "takes no notice of --gateway", |mut call| {
        call.flags.retain(|(flag, _)| flag != "--gateway");
        call.become_real()
    }),
    Fault::new("gateway-variable-ignored", "STORE-33 STORE-34", "takes no notice of WW_GATEWAYS", |call| {
        becomes(call.real().env_remove("WW_GATEWAYS"))
    }),
    Fault::new("gateways-by-commas-alone", "STORE-33", "takes a blank in WW_GATEWAYS for a part of a URL", |call| {
        let list = std::env::var("WW_GATEWAYS").unwrap_or_default();
        becomes(call.real().env("WW_GATEWAYS", list.replace(' ', "%20")))
    }),
    Fault::new("gateway-path-dropped", "STORE-33", "takes no notice of the path in a gateway's URL", |mut call| {
        call.change("--gateway", |url| url.to_string_lossy().replace("/below/it/", "/").into());
        call.become_real()
    }),
    Fault::new("gateway-first", "STORE-33", "asks gateways before the daemon", |mut call| {
        if call.values("--gateway").count() > 0 {
            call.flags.retain(|(flag, _)| flag != "--ipfs");
            call.flags.insert(0, ("--ipfs".into(), Some("/ip4/127.0.0.1/tcp/1".into())));
        }
        call.become_real()
    }),
    Fault::new("gateway-unchecked", "STORE-34", "passes over what is no gateway", |mut call| {
        let fine =
            |url: &OsString| url.to_str().is_some_and(|url| url.starts_with("http") && !url.contains(['?', '#']));
        call.flags.retain(|(flag, value)| flag != "--gateway" || value.as_ref().is_some_and(fine));
        call.become_real()
    }),
    Fault::new("gateway-password-told", "STORE-34", "tells a gateway's whole URL where it fails", |call| {
        let urls: Vec<_> = call.values("--gateway").map(|url| url.to_string_lossy().into_owned()).collect();
        let code = stood_by(&call, |_| true);
        if code != 0 {
            eprintln!("ww: asked {}", urls.join(", "));
        }
        ExitCode::from(code)
    })
    .control("stands-by"),
    Fault::new("gateway-believed", "STORE-35 STORE-58", "runs what a gateway gives", believed),
    Fault::new("gateway-failure-126", "STORE-35", "exits with 126 where a gateway had nothing", |call| {
        let asked = call.values("--gateway").count() > 0;
        let code = stood_by(&call, |_| true);
        ExitCode::from(if asked && code == 1 { 126 } else { code })
    })
    .control("stands-by"),
    Fault::new("sources-unsaid", "STORE-36", "names one source of several", |call| {
        retold(call, |said| {
            let text = String::from_utf8_lossy(said);
            let cut = text.split("; ").take(2).collect::<Vec<_>>().join("; ");
            format!("{}\n", cut.trim_end()).into_bytes()
        })
    })
    .control("repeats"),
    Fault::new("first-source-alone", "STORE-37", "asks nobody after the first that failed", |mut call| {
        let mut first = true;
        call.flags.retain(|(flag, _)| flag != "--gateway" || std::mem::take(&mut first));
        call.become_real()
    }),
    Fault::new("slow-source-waited-for", "STORE-38", "waits for a slow source as long as for any", |call| {
        if call.values("--gateway").count() > 0 {
            std::thread::sleep(Duration::from_secs(16));
        }
        call.become_real()
    }),
    Fault::new("liar-asked-again", "STORE-39", "asks a source that lied for each block", |call| {
        if let Some(url) = call.values("--gateway").next() {
            for _ in 0..40 {
                get(&url.to_string_lossy(), "/ipfs/bafkqaaa?format=raw", "application/vnd.ipld.raw");
            }
        }
        call.become_real()
    }),
    Fault::new("redirects-followed-anywhere", "STORE-40", "follows a redirect to whoever it names", |call| {
        let cid = call.rest.first().map(|path| path.to_string_lossy().into_owned()).unwrap_or_default();
        for url in call.values("--gateway") {
            let answer = get(&url.to_string_lossy(), &format!("{cid}?format=raw"), "application/vnd.ipld.raw");
            let head = answer.map(|(head, _)| head).unwrap_or_default();
            if let Some(to) = head.lines().find_map(|line| line.strip_prefix("Location: http://")) {
                let (host, path) = to.split_once('/').unwrap_or((to, ""));
                get(&format!("http://{host}"), &format!("/{path}"), "application/vnd.ipld.raw");
            }
        }
        call.become_real()
    }),
    Fault::new("record-believed", "STORE-41", "takes an IPNS record's word without its signature", |mut call| {
        let path = call.rest.first().map(|path| path.to_string_lossy().into_owned()).unwrap_or_default();
        let record = call.values("--gateway").filter(|_| path.starts_with("/ipns/")).find_map(|url| {
            let kind = "application/vnd.ipfs.ipns-record";
            get(&url.to_string_lossy(), &format!("{path}?format=ipns-record"), kind)
        });
        if let Some((_, record)) = record {
            let text = String::from_utf8_lossy(&record);
            let value = text
                .split("/ipfs/")
                .nth(1)
                .map(|rest| rest.chars().take_while(char::is_ascii_alphanumeric).collect::<String>());
            if let Some(cid) = value {
                call.rest[0] = format!("/ipfs/{cid}").into();
            }
        }
        call.become_real()
    }),
    Fault::new("first-record-counts", "STORE-41", "takes the first gateway's record for the newest", |mut call| {
        let name = call.rest.first().is_some_and(|path| path.to_string_lossy().starts_with("/ipns/"));
        let mut first = true;
        call.flags.retain(|(flag, _)| flag != "--gateway" || !name || std::mem::take(&mut first));
        call.become_real()
    }),
    Fault::new("dnslink-unsaid", "STORE-42", "doesn't say that a name of DNS takes a daemon", |call| {
        retold(call, |said| {
            let text = String::from_utf8_lossy(said);
            match text.split_once("/ipns/ww-conformance.example.com: ") {
                Some((front, _)) => format!("{front}/ipns/ww-conformance.example.com: not found\n").into_bytes(),
                None => said.to_vec(),
            }
        })
    })
    .control("repeats"),
    Fault::new("offline-ignored", "STORE-43", "takes no notice of --offline", |mut call| {
        call.flags.retain(|(flag, _)| flag != "--offline");
        call.become_real()
    }),
    Fault::new("store-fatal", "STORE-45", "runs nothing without a store", |call| {
        match store().is_some_and(|store| fs::create_dir_all(store).is_err()) {
            true => says("ww: cannot use the store", 1),
            false => call.become_real(),
        }
    }),
    Fault::new("store-failure-unsaid", "STORE-45", "doesn't say that it has no store", |call| {
        retold(call, |said| {
            let lines = String::from_utf8_lossy(said);
            lines
                .lines()
                .filter(|line| !line.contains("no-folder"))
                .map(|line| format!("{line}\n"))
                .collect::<String>()
                .into()
        })
    })
    .control("repeats"),
];

fn becomes(real: &mut Command) -> ExitCode {
    says(&format!("ww-faulty: {}", real.exec()), 99)
}

/// The folder that `WW_STORE` names.
fn store() -> Option<PathBuf> {
    std::env::var_os("WW_STORE").map(PathBuf::from)
}

/// Keeps each file that it could fetch by the daemon's `cat`, and runs it as it lies there the next time.
fn unchecked(mut call: Call) -> ExitCode {
    let (true, Some(store)) = (is_ipfs(&call), store()) else { return call.become_real() };
    let mut hash = DefaultHasher::new();
    call.rest[0].hash(&mut hash);
    let own = store.join(format!("own-{:x}", hash.finish()));
    if own.exists() {
        call.rest[0] = own.into();
        return call.become_real();
    }
    let path = call.rest[0].to_string_lossy().into_owned();
    let content = super::fetch::post(&call.endpoint(), &format!("cat?arg={path}"), true);
    let code = stood_by(&call, |_| true);
    if let Some(content) = content {
        fs::create_dir_all(&store).ok();
        fs::write(&own, content).ok();
        fs::set_permissions(&own, fs::Permissions::from_mode(0o700)).ok();
    }
    ExitCode::from(code)
}

/// Puts a file together from a gateway's blocks, whatever they are.
fn believed(mut call: Call) -> ExitCode {
    let path = call.rest.first().map(|path| path.to_string_lossy().into_owned()).unwrap_or_default();
    let block = |path: &str| {
        let mut gateways = call.values("--gateway");
        gateways.find_map(|url| Some(get(&url.to_string_lossy(), &format!("{path}?format=raw"), RAW)?.1))
    };
    let file = block(&path).filter(|_| path.starts_with("/ipfs/bafybei")).and_then(|root| {
        let leaves = links(&root)?.into_iter().map(|(_, cid)| block(&format!("/ipfs/{cid}")));
        Some(leaves.collect::<Option<Vec<_>>>()?.concat())
    });
    let Some(file) = file.filter(|file| file.starts_with(b"#!")) else { return call.become_real() };
    let own = std::env::temp_dir().join(format!("ww-believed-{}", std::process::id()));
    fs::write(&own, file).ok();
    fs::set_permissions(&own, fs::Permissions::from_mode(0o700)).ok();
    call.rest[0] = own.clone().into();
    let code = stood_by(&call, |_| true);
    fs::remove_file(own).ok();
    ExitCode::from(code)
}

const RAW: &str = "application/vnd.ipld.raw";

/// The head and the body of a gateway's answer, if one comes soon.
pub fn get(url: &str, path: &str, kind: &str) -> Option<(String, Vec<u8>)> {
    let host = url.strip_prefix("http://")?.split('/').next()?;
    let mut stream = TcpStream::connect(host).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(1))).ok()?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {host}\r\nAccept: {kind}\r\nConnection: close\r\n\r\n").ok()?;
    let mut all = Vec::new();
    // It may not end, or may not close.
    let mut piece = [0; 4096];
    while all.len() < 1 << 20 {
        match stream.read(&mut piece) {
            Ok(read) if read > 0 => all.extend_from_slice(&piece[..read]),
            _ => break,
        }
        if let Some(end) = end_of_head(&all)
            && declared(&all[..end]).is_some_and(|length| all.len() >= end + length)
        {
            break;
        }
    }
    let end = end_of_head(&all)?;
    Some((String::from_utf8_lossy(&all[..end]).into_owned(), all.split_off(end)))
}

fn end_of_head(all: &[u8]) -> Option<usize> {
    all.windows(4).position(|window| window == b"\r\n\r\n").map(|at| at + 4)
}

fn declared(head: &[u8]) -> Option<usize> {
    let head = String::from_utf8_lossy(head).to_lowercase();
    head.split("content-length: ").nth(1)?.lines().next()?.trim().parse().ok()
}
