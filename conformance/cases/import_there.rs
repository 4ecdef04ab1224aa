//! `ww import` to where something is already: what stays, and what is replaced.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;

use crate::cases::import::{import, imported, place, tree};
use crate::cases::import_hostile::{PHRASE, ending, many};
use crate::cases::ipfs_faults::hasty;
use crate::registry::{Case, case};
use crate::suite::Suite;
use crate::verdict::{Verdict, holds, same};

pub(crate) const CASES: &[Case] = &[
    case!(store_10_what_is_there_stays),
    case!(store_10_what_is_there_survives_a_broken_transfer),
    case!(store_27_force_replaces_what_is_there),
    case!(store_27_force_replaces_nothing_by_another_kind),
];

/// What is in the way of an import to `x`, in each kind.
fn in_the_way(suite: &Suite<'_>) -> Verdict<Vec<PathBuf>> {
    let mut all = Vec::new();
    for kind in ["file", "empty", "directory", "link", "dangling"] {
        let folder = place(suite, kind)?;
        let at = folder.join("x");
        match kind {
            "file" => fs::write(&at, "mine")?,
            "empty" => fs::create_dir(&at)?,
            "directory" => {
                fs::create_dir(&at)?;
                fs::write(at.join("mine"), "mine")?;
            }
            "link" => {
                fs::write(folder.join("other"), "mine")?;
                symlink("other", &at)?;
            }
            _ => symlink("nowhere", &at)?,
        }
        all.push(folder);
    }
    Ok(all)
}

fn store_10_what_is_there_stays(suite: &Suite<'_>) -> Verdict {
    let cid = suite.node()?.directory([("x", b"theirs".to_vec())])?;
    for folder in in_the_way(suite)? {
        let before = tree(&folder)?;
        for path in [format!("/ipfs/{cid}/x"), format!("/ipfs/{cid}")] {
            let to = folder.join("x").to_string_lossy().into_owned();
            import(suite)?.flags([&path, &to]).run()?.refuses(1, "", &to)?;
            holds("it is as it was", tree(&folder)? == before, folder.display())?;
        }
    }
    Ok(())
}

fn store_10_what_is_there_survives_a_broken_transfer(suite: &Suite<'_>) -> Verdict {
    let (node, to) = (suite.node()?, place(suite, "to")?);
    let path = many(node, 20, "survives")?;
    fs::create_dir(to.join("x"))?;
    fs::write(to.join("x/mine"), "mine")?;
    fs::write(to.join("d0"), "mine")?;
    let before = tree(&to)?;
    for most in [0, 8] {
        let daemon = ending(node, most)?.endpoint();
        let run = hasty(suite, suite.tool("import")).flags(["--ipfs", &daemon, "--force"]);
        run.flags([path.as_bytes(), to.join("x").as_os_str().as_encoded_bytes()]).run()?.refuses(1, PHRASE, &path)?;
        holds("it is as it was", tree(&to)? == before, most)?;
    }
    Ok(())
}

fn store_27_force_replaces_what_is_there(suite: &Suite<'_>) -> Verdict {
    let cid = suite.node()?.directory([("x", b"theirs".to_vec())])?;
    for folder in in_the_way(suite)? {
        let at = folder.join("x");
        let directory = fs::symlink_metadata(&at)?.is_dir();
        let path = if directory { format!("/ipfs/{cid}") } else { format!("/ipfs/{cid}/x") };
        let mut wanted = tree(&folder)?;
        wanted.remove("x/mine");
        if directory {
            wanted.insert("x/x".into(), b"theirs".to_vec());
        } else {
            wanted.insert("x".into(), b"theirs".to_vec());
        }
        imported(import(suite)?.flags(["--force"]), &path, &at)?;
        holds("it is replaced, and nothing else", tree(&folder)? == wanted, folder.display())?;
    }
    let folder = place(suite, "none")?;
    imported(import(suite)?.flags(["--force"]), &format!("/ipfs/{cid}"), &folder.join("x"))?;
    same("where nothing was", tree(&folder)?.len(), 2)
}

fn store_27_force_replaces_nothing_by_another_kind(suite: &Suite<'_>) -> Verdict {
    let cid = suite.node()?.directory([("x", b"theirs".to_vec())])?;
    for folder in in_the_way(suite)? {
        let at = folder.join("x");
        let directory = fs::symlink_metadata(&at)?.is_dir();
        let path = if directory { format!("/ipfs/{cid}/x") } else { format!("/ipfs/{cid}") };
        let before = tree(&folder)?;
        let to = at.to_string_lossy().into_owned();
        import(suite)?.flags(["--force", &path, &to]).run()?.refuses(1, "", &to)?;
        holds("it is as it was", tree(&folder)? == before, folder.display())?;
    }
    Ok(())
}
