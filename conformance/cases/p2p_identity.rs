//! As whom the host meets peers, and whom it admits: its identity, and theirs.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, chown};

use crate::cases::p2p::known;
use crate::registry::{Case, case};
use crate::suite::Suite;
use crate::verdict::{Verdict, holds, same};

pub(crate) const CASES: &[Case] = &[
    case!(p2p_07_an_identity_is_kept),
    case!(p2p_07_without_one_each_run_is_another).also(&["STATUS-05"]),
    case!(p2p_08_only_those_that_are_named_come_in),
    case!(p2p_25_an_identity_that_cannot_be_used_is_a_failure),
];

/// A file for `--identity` with this mode, which whoever runs the implementation owns.
fn key_file(suite: &Suite<'_>, name: &str, text: &str, mode: u32) -> Verdict<String> {
    suite.file(name, text)?;
    let path = suite.path("files").join(name);
    fs::set_permissions(&path, Permissions::from_mode(mode))?;
    if let Some(user) = suite.user_of(suite.setup().adapter().user)? {
        chown(&path, Some(user.uid), Some(user.gid))?;
    }
    Ok(path.to_string_lossy().into_owned())
}

fn p2p_07_an_identity_is_kept(suite: &Suite<'_>) -> Verdict {
    for seed in ["one", "another"] {
        let (key, id) = (suite.peer_says("key", seed)?, suite.peer_says("id", seed)?);
        // With a line's end, and without.
        for text in [format!("{key}\n"), key.clone()] {
            let file = key_file(suite, "key", &text, 0o600)?;
            let hosting = suite.hosting(&["--identity", &file], &["serve"], "ready")?;
            same("the id that is told", known(hosting.address()?)?.2, id.clone())?;
            let found = hosting.peer(&["connect"])?;
            same("the id that a peer finds", found["peer"].as_str(), Some(id.as_str()))?;
            hosting.finish()?.exits(0)?.is_silent()?;
        }
    }
    Ok(())
}

fn p2p_07_without_one_each_run_is_another(suite: &Suite<'_>) -> Verdict {
    let mut ids = Vec::new();
    for _ in 0..3 {
        let hosting = suite.hosting(&[], &["serve"], "ready")?;
        ids.push(known(hosting.address()?)?.2);
        hosting.finish()?.exits(0)?;
    }
    ids.sort();
    ids.dedup();
    same("peer ids of three runs", ids.len(), 3)
}

fn p2p_08_only_those_that_are_named_come_in(suite: &Suite<'_>) -> Verdict {
    let (a, b) = (suite.peer_says("id", "a")?, suite.peer_says("id", "b")?);
    let hosting = suite.hosting(&["--allow-peer", &a, "--allow-peer", &b], &["serve"], "ready")?;
    for seed in ["a", "b"] {
        hosting.answers(&["--key", seed, "echo", "10"], true.into())?;
    }
    for seed in ["c", "d"] {
        let said = hosting.peer(&["--key", seed, "echo", "10"])?;
        holds("a peer that isn't named isn't served", said.get("ok").is_none(), &said)?;
        let said = hosting.peer(&["--key", seed, "identify"])?;
        holds("nor told anything", said.get("protocols").is_none(), said)?;
    }
    hosting.answers(&["--key", "a", "echo", "10"], true.into())?;
    hosting.finish()?.exits(0)?;
    let open = suite.hosting(&[], &["serve"], "ready")?;
    open.answers(&["--key", "c", "echo", "10"], true.into())?;
    open.finish()?.exits(0)?;
    Ok(())
}

fn p2p_25_an_identity_that_cannot_be_used_is_a_failure(suite: &Suite<'_>) -> Verdict {
    let key = suite.peer_says("key", "a")?;
    let refused = |path: &str| -> Verdict {
        suite.ww().flags(["--identity", path]).probe(["print", "ran"]).run()?.refuses(1, "", path).map(drop)
    };
    refused(&suite.path("missing").to_string_lossy())?;
    refused(&suite.path("files").to_string_lossy())?;
    for text in
        ["", "\n", "x", "not base64!", "AAAA", &key[..key.len() / 2], &format!("{key}\n{key}\n"), &format!("{key} ")]
    {
        refused(&key_file(suite, "ill", text, 0o600)?)?;
    }
    for mode in [0o644, 0o640, 0o604, 0o620] {
        refused(&key_file(suite, "open", &key, mode)?)?;
    }
    let sound = key_file(suite, "sound", &key, 0o600)?;
    let run = suite.ww().flags(["--identity", &sound]).probe(["print", "ran"]).run()?;
    run.exits(0)?.prints("ran")?;
    Ok(())
}
