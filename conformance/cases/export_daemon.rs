//! `ww export` and the daemon: content goes there too, and what is said where it can't.

use std::fs;
use std::net::TcpStream;

use crate::cases::export::printed;
use crate::cases::ipfs::nobody;
use crate::fake::Fake;
use crate::registry::{Case, case};
use crate::suite::Suite;
use crate::verdict::{Stop, Verdict, holds, same};

pub(crate) const CASES: &[Case] = &[
    case!(store_06_a_daemon_that_was_named_must_answer),
    case!(store_06_without_one_the_store_alone_has_it),
    case!(store_20_the_daemon_has_it_and_pins_it),
    case!(store_20_a_daemon_that_fails_is_an_error),
];

fn store_06_a_daemon_that_was_named_must_answer(suite: &Suite<'_>) -> Verdict {
    let file = suite.path("files").join("file");
    fs::write(&file, "content")?;
    let (nobody, word) = (nobody()?, file.as_os_str().as_encoded_bytes());
    let other = Fake::sending("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")?;
    for endpoint in [nobody, other.endpoint()] {
        let named = suite.tool("export").flags(["--ipfs", &endpoint]).flags([word]);
        let variable = suite.tool("export").env("WW_IPFS", &endpoint).flags([word]);
        for run in [named, variable] {
            let ended = run.run()?;
            ended.exits(1)?.nothing_ran()?;
            ended.holds("it names the daemon", ended.first_line().contains(&endpoint))?;
        }
    }
    Ok(())
}

fn store_06_without_one_the_store_alone_has_it(suite: &Suite<'_>) -> Verdict {
    if TcpStream::connect(("localhost", 5001)).is_ok() {
        return Err(Stop::NotVerifiable("something listens where an IPFS daemon does by default, port 5001".into()));
    }
    let script = suite.program("script", "#!/bin/sh\necho ran $1\n")?;
    let store = suite.path("data").join("store");
    let store = store.as_os_str().as_encoded_bytes();
    let run = suite.tool("export").env("WW_STORE", store).flags([script.as_os_str().as_encoded_bytes()]);
    let ended = run.run()?;
    let paths = printed(&ended)?;
    let said = String::from_utf8_lossy(&ended.stderr).into_owned();
    ended.same("lines on standard error", said.lines().count(), 1)?;
    ended.holds("the line says that the store alone has it", said.starts_with("ww: ") && said.contains("store"))?;
    // And so it has.
    suite.ww().env("WW_STORE", store).binary(&paths[0], ["x"]).run()?.exits(0)?.prints("ran x\n").map(drop)
}

fn store_20_the_daemon_has_it_and_pins_it(suite: &Suite<'_>) -> Verdict {
    let node = suite.node()?;
    let top = suite.path("files").join("top");
    fs::create_dir_all(top.join("sub"))?;
    let large: Vec<u8> = (0..2_500_000u32).map(|at| (at / 7 + at % 251) as u8).collect();
    // Content of this run's own, so that the node has it from nobody else.
    let own = format!("{}", suite.scratch().display());
    fs::write(top.join("sub/own"), &own)?;
    fs::write(top.join("large"), &large)?;
    for profile in ["unixfs-v1-2025", "unixfs-v0-2015"] {
        let run = suite.tool("export").flags(["--ipfs", &node.endpoint(), "--profile", profile]);
        let ended = run.flags([top.as_os_str().as_encoded_bytes()]).run()?;
        let paths = printed(&ended)?;
        ended.is_silent()?;
        same("the file", node.cat(&format!("{}/sub/own", paths[0]))?, own.clone().into_bytes())?;
        holds("the large file", node.cat(&format!("{}/large", paths[0]))? == large, ())?;
        let cid = paths[0].trim_start_matches("/ipfs/").to_owned();
        holds("its root is pinned", node.pins()?.contains(&cid), &cid)?;
    }
    Ok(())
}

fn store_20_a_daemon_that_fails_is_an_error(suite: &Suite<'_>) -> Verdict {
    let file = suite.path("files").join("file");
    fs::write(&file, "content")?;
    // It says who it is, and takes whatever it is asked for that.
    let body = r#"{"Version":"0.43.0","Commit":"","Repo":"18","System":"amd64/linux","Golang":"go1.26"}"#;
    let length = body.len();
    let daemon = Fake::sending(format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
    ))?;
    let run = suite.tool("export").flags(["--ipfs", &daemon.endpoint()]).flags([file.as_os_str().as_encoded_bytes()]);
    let ended = run.run()?;
    ended.exits(1)?.nothing_ran()?;
    ended.holds("it names the daemon", ended.first_line().contains(&daemon.endpoint())).map(drop)
}
