//! Running out of the store: what was fetched once is asked of nobody again, and is checked again.

use std::fs;
use std::io::Write;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt, fchown};
use std::path::{Path, PathBuf};

use crate::cases::ipfs::{nobody, runs, script_of};
use crate::cases::sources::{PHRASE, script};
use crate::fake::{Fake, honest_gateway};
use crate::invocation::Invocation;
use crate::node::Import;
use crate::registry::{Case, case};
use crate::suite::Suite;
use crate::verdict::{Stop, Verdict, holds};

pub(crate) const CASES: &[Case] = &[
    case!(store_03_what_came_once_is_asked_of_nobody_again),
    case!(store_03_what_a_gateway_gave_is_kept_too),
    case!(store_03_what_is_kept_is_checked_again),
    case!(store_43_offline_asks_nobody),
    case!(store_44_a_large_file_runs_out_of_the_store),
    case!(store_45_a_store_that_cant_be_had_is_told_once),
];

/// A run whose store is in a folder that the caller has.
pub(crate) fn in_store<'a>(suite: &'a Suite<'a>, name: &str) -> Verdict<Invocation<'a>> {
    let path = suite.path("data").join(name);
    Ok(suite.ww().env("WW_STORE", path.as_os_str().as_encoded_bytes()))
}

/// A daemon that fails whatever it is asked, and tells whether it was.
pub(crate) fn failing() -> Verdict<Fake> {
    Ok(Fake::sending("HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n")?)
}

fn store_03_what_came_once_is_asked_of_nobody_again(suite: &Suite<'_>) -> Verdict {
    let node = suite.node()?;
    let path = script(node, 5)?;
    let folder = node.directory([("bin/name", script_of(3_000))])?;
    for path in [path, format!("/ipfs/{folder}/bin/name")] {
        runs(in_store(suite, "store")?.flags(["--ipfs", &node.endpoint()]), &path)?;
        let (daemon, gateway) = (failing()?, failing()?);
        let run = in_store(suite, "store")?.flags(["--ipfs", &daemon.endpoint(), "--gateway", &gateway.url()]);
        runs(run, &path)?;
        runs(in_store(suite, "store")?.flags(["--ipfs", &nobody()?]), &path)?;
        let asked = daemon.connections() + gateway.connections();
        holds("a second run asks nobody", asked == 0, [daemon.targets(), gateway.targets()])?;
        // Another store has nothing of it.
        let run = in_store(suite, "other")?.flags(["--ipfs", &daemon.endpoint()]).binary(&path, ["x"]).run()?;
        run.refuses(1, PHRASE, &path)?;
        holds("with another store the daemon is asked", daemon.connections() > 0, ())?;
    }
    Ok(())
}

fn store_03_what_a_gateway_gave_is_kept_too(suite: &Suite<'_>) -> Verdict {
    let node = suite.node()?;
    let path = script(node, 5)?;
    let gateway = honest_gateway(node)?;
    runs(in_store(suite, "store")?.flags(["--ipfs", &nobody()?, "--gateway", &gateway.url()]), &path)?;
    runs(in_store(suite, "store")?.flags(["--ipfs", &nobody()?]), &path)
}

/// Every file below a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => found.extend(files(&entry.path())),
            _ => found.push(entry.path()),
        }
    }
    found
}

/// Changes one bit of the last byte of `mark` wherever a file of a store has it.
pub(crate) fn rots(store: &Path, mark: &[u8]) -> Verdict {
    let (mut found, owner) = (0, fs::metadata(store)?);
    for path in files(store) {
        let mut bytes = fs::read(&path)?;
        while let Some(at) = bytes.windows(mark.len()).position(|window| window == mark) {
            bytes[at + mark.len() - 1] ^= 1;
            found += 1;
        }
        let mode = fs::metadata(&path)?.permissions().mode();
        fs::remove_file(&path)?;
        let mut file = fs::File::options().write(true).create_new(true).mode(mode).open(&path)?;
        file.write_all(&bytes)?;
        fchown(&file, Some(owner.uid()), Some(owner.gid()))?;
    }
    match found {
        // Compressed, it may be: what can't be found can't be changed.
        0 => Err(Stop::NotVerifiable("no file of the store has the content as it is".into())),
        _ => Ok(()),
    }
}

fn store_03_what_is_kept_is_checked_again(suite: &Suite<'_>) -> Verdict {
    let node = suite.node()?;
    let import = Import { version: Some(1), chunker: Some("size-4096"), ..Import::default() };
    let mut content = script_of(20_480);
    let mark = b"\n#rotten-mark";
    content[10_000..10_000 + mark.len()].copy_from_slice(mark);
    let path = format!("/ipfs/{}", node.add(content, import)?);
    runs(in_store(suite, "store")?.flags(["--ipfs", &node.endpoint()]), &path)?;
    rots(&suite.path("data").join("store"), mark)?;
    let run = in_store(suite, "store")?.flags(["--ipfs", &nobody()?]).binary(&path, ["x"]).run()?;
    run.exits(1)?.nothing_ran()?;
    // A daemon that has it makes it whole again.
    let run = in_store(suite, "store")?.flags(["--ipfs", &node.endpoint()]).binary(&path, ["a"]).run()?;
    run.exits(0)?.prints("ran a\n")?;
    Ok(())
}

fn store_43_offline_asks_nobody(suite: &Suite<'_>) -> Verdict {
    let node = suite.node()?;
    let path = script(node, 3)?;
    let (daemon, gateway) = (failing()?, honest_gateway(node)?);
    let offline = || -> Verdict<Invocation<'_>> {
        let run = in_store(suite, "store")?.flags(["--offline", "--ipfs", &daemon.endpoint()]);
        Ok(run.env("WW_GATEWAYS", gateway.url()).flags(["--gateway", &gateway.url()]))
    };
    for path in [path.as_str(), "/ipns/k51qzi5uqu5dgutdk6i1ynyzgkqngpha5xpgia3a5qqp4jsh0u4csozksxel2r"] {
        let run = offline()?.binary(path, ["x"]).run()?;
        run.refuses(1, PHRASE, path)?;
        run.holds("the line says why", run.first_line().contains("offline"))?;
    }
    runs(in_store(suite, "store")?.flags(["--ipfs", &node.endpoint()]), &path)?;
    runs(offline()?, &path)?;
    offline()?.probe(["exit", "3"]).run()?.exits(3)?.is_silent()?;
    let asked = daemon.connections() + gateway.connections();
    holds("nobody was asked", asked == 0, [daemon.targets(), gateway.targets()])
}

fn store_44_a_large_file_runs_out_of_the_store(suite: &Suite<'_>) -> Verdict {
    let node = suite.node()?;
    let import = Import { version: Some(1), chunker: Some("size-262144"), ..Import::default() };
    let path = format!("/ipfs/{}", node.add(script_of(20 << 20), import)?);
    runs(in_store(suite, "store")?.flags(["--ipfs", &node.endpoint()]), &path)?;
    let daemon = failing()?;
    for _ in 0..3 {
        runs(in_store(suite, "store")?.flags(["--ipfs", &daemon.endpoint()]), &path)?;
    }
    holds("nobody was asked", daemon.connections() == 0, daemon.targets())
}

fn store_45_a_store_that_cant_be_had_is_told_once(suite: &Suite<'_>) -> Verdict {
    let node = suite.node()?;
    let path = script(node, 5)?;
    suite.file("no-folder", "x")?;
    let below = suite.path("files").join("no-folder").join("store");
    let run = || suite.ww().env("WW_STORE", below.as_os_str().as_encoded_bytes());
    let ended = run().flags(["--ipfs", &node.endpoint()]).binary(&path, ["a", "b c"]).run()?;
    ended.exits(0)?.prints("ran a b c\n")?;
    let said = String::from_utf8_lossy(&ended.stderr).into_owned();
    ended.holds("one line says so", said.lines().count() == 1 && said.contains("no-folder"))?;
    // A program that isn't content needs no store.
    run().probe(["exit", "3"]).run()?.exits(3)?.is_silent()?;
    Ok(())
}
