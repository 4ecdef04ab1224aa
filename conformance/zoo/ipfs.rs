//! Faults of a program's retrieval: which paths are taken how, and what is said and done where nothing can be had.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::Write;
use std::net::TcpStream;
use std::process::{ExitCode, Stdio};

use ww_conformance::node::unixfs::cid_bytes;

use super::around::{code_of, waited};
use super::told::{coded, replaced, retold};
use super::{Call, Fault, says};

pub const FAULTS: &[Fault] = &[
    Fault::new("ipfs-max-size-ignored", "IPFS-16 IPFS-17 IPFS-19", "takes no notice of --max-size", |mut call| {
        call.flags.retain(|(flag, _)| flag != "--max-size");
        call.become_real()
    }),
    Fault::new("ipfs-max-size-2g", "IPFS-18", "takes 2 GiB where no limit is given", |mut call| {
        call.flags.insert(0, ("--max-size".into(), Some("2G".into())));
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
    Fault::new("ipfs-failure-127", "EXIT-11", "exits with 127 where nothing can be had", |call| {
        coded(call, |code| if code == 1 { 127 } else { code })
    })
    .control("stands-by"),
    Fault::new("ipfs-nobody-is-missing", "IPFS-11", "looks for the path on disk where nothing answers", |call| {
        let port = call.values("--ipfs").last().and_then(|it| it.to_str()?.split('/').nth(4)?.parse::<u16>().ok());
        match port.map(|port| TcpStream::connect(("127.0.0.1", port))) {
            Some(Err(_)) => rewritten(call, |path| path.replace("/ipfs/", "/./ipfs/")),
            _ => call.become_real(),
        }
    }),
    Fault::new("ipfs-cause-unsaid", "IPFS-11", "doesn't say that nothing answers", |call| {
        retold(call, |said| match String::from_utf8_lossy(said).split(": ").collect::<Vec<_>>()[..] {
            [ww, phrase, path, ..] if phrase.starts_with("failed to get") => {
                format!("{ww}: {phrase}: {path}\n").into_bytes()
            }
            _ => said.to_vec(),
        })
    })
    .control("repeats"),
    Fault::new("ipfs-waits-long", "IPFS-15", "waits much longer for a silent daemon than is asked", |mut call| {
        call.change("--ipfs-timeout", |_| "20s".into());
        call.become_real()
    }),
    Fault::new("ipfs-max-size-one-more", "IPFS-16 IPFS-17", "takes one byte more than --max-size", |mut call| {
        call.change("--max-size", |value| counted(value, |number| number + 1));
        call.become_real()
    }),
    Fault::new("ipfs-max-size-one-less", "IPFS-16 IPFS-19", "refuses a file of exactly --max-size", |mut call| {
        call.change("--max-size", |value| counted(value, |number| number.saturating_sub(1)));
        call.become_real()
    }),
    Fault::new("ipfs-max-size-1-gb", "IPFS-18", "takes 1 GB where no limit is given", |mut call| {
        call.flags.insert(0, ("--max-size".into(), Some("1000000000".into())));
        if call.values("--max-size").count() > 1 {
            call.flags.remove(0);
        }
        call.become_real()
    }),
    Fault::new("ipfs-k-is-1000", "IPFS-19", "takes K for 1,000", |mut call| {
        call.change("--max-size", |value| value.to_string_lossy().replace('K', "000").into());
        call.become_real()
    }),
    Fault::new("ipfs-kb-too", "IPFS-19", "takes KB for K", |mut call| {
        call.change("--max-size", |value| value.to_string_lossy().replace("KB", "K").into());
        call.become_real()
    }),
    Fault::new("ipfs-cid-1-alone", "IPFS-04", "knows version 1 of CIDs alone", |call| {
        rewritten(call, |path| path.replace("/ipfs/Qm", "/ipfs/x"))
    }),
    Fault::new("ipfs-raw-refused", "IPFS-05", "runs no raw blocks", |call| {
        rewritten(call, |path| path.replace("/ipfs/bafkrei", "/ipfs/x"))
    }),
    Fault::new("ipfs-inline-refused", "IPFS-06", "takes no content inside a CID", |call| {
        rewritten(call, |path| path.replace("/ipfs/bafkqa", "/ipfs/x"))
    }),
    Fault::new("ipfs-sha2-256-alone", "IPFS-06", "knows one hash alone", |call| {
        let path = call.rest.first().map(|path| path.to_string_lossy().into_owned()).unwrap_or_default();
        let cid = path.trim_start_matches("/ipfs/").split('/').next().and_then(cid_bytes);
        match cid.is_some_and(|cid| cid.get(2).is_some_and(|hash| ![0, 0x12].contains(hash))) {
            true => says(&format!("ww: failed to get IPFS path: {path}: another hash"), 1),
            false => call.become_real(),
        }
    }),
    Fault::new("ipfs-query-cut", "IPFS-02", "takes what follows a question mark for a query", |call| {
        rewritten(call, |path| path.split('?').next().unwrap_or_default().to_owned())
    }),
    Fault::new("ipns-not-a-url", "IPFS-03", "takes ipns:// for a local path", |call| {
        rewritten(call, |path| path.replace("ipns://", "./ipns://"))
    }),
    Fault::new("ipfs-timeout-is-124", "EXIT-11", "exits with 124 for a retrieval that timed out", |call| {
        let Ok(output) = call.real().stdin(Stdio::inherit()).stdout(Stdio::inherit()).output() else {
            return ExitCode::from(99);
        };
        std::io::stderr().write_all(&output.stderr).ok();
        let late = String::from_utf8_lossy(&output.stderr).contains("timed out");
        ExitCode::from(if late { 124 } else { code_of(output.status) })
    })
    .control("repeats"),
    Fault::new("ipfs-daemon-unheard", "IPFS-12", "doesn't repeat what the daemon said", |call| {
        retold(call, |said| match String::from_utf8_lossy(said).split_once("the daemon ") {
            Some((before, _)) => [before.as_bytes(), b"error\n"].concat(),
            None => said.to_vec(),
        })
    })
    .control("repeats"),
    Fault::new("ipfs-nobody-unsaid", "IPFS-11", "doesn't say that nobody answers", |call| {
        retold(call, |said| match String::from_utf8_lossy(said).splitn(4, ": ").collect::<Vec<_>>()[..] {
            [ww, phrase, path, _] => format!("{ww}: {phrase}: {path}: something went wrong\n").into_bytes(),
            _ => said.to_vec(),
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
    Fault::new("ipfs-failure-panics", "SELF-01 SELF-02", "panics where nothing can be had", |call| {
        let code = waited(&mut call.real());
        assert_ne!(code, ExitCode::from(1), "unexpected answer");
        code
    })
    .control("stands-by"),
    Fault::new("ipns-local-first", "PATH-01", "looks for /ipns/ on disk", |call| {
        rewritten(call, |path| path.replace("/ipns/", "/./ipns/"))
    }),
    Fault::new("ipfs-urls-without-path", "PATH-02", "drops what follows the CID of a URL", |call| {
        rewritten(call, |path| match path.strip_prefix("ipfs://").and_then(|rest| rest.split('/').next()) {
            Some(cid) => format!("ipfs://{cid}"),
            None => path.to_owned(),
        })
    }),
];

pub fn is_ipfs(call: &Call) -> bool {
    call.rest.first().is_some_and(|path| path.to_string_lossy().starts_with("/ipfs/"))
}

pub fn rewritten(mut call: Call, change: fn(&str) -> String) -> ExitCode {
    if let Some(path) = call.rest.first_mut() {
        *path = change(&path.to_string_lossy()).into();
    }
    call.become_real()
}

/// A number without a unit, changed; anything else as it is.
fn counted(value: &OsStr, change: fn(u64) -> u64) -> OsString {
    let number = value.to_str().and_then(|value| value.parse().ok()).map(change);
    number.map_or(value.to_owned(), |number| number.to_string().into())
}
