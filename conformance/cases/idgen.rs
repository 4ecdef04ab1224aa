//! `ww idgen`: a new identity, and where it goes.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use libp2p_identity::{KeyType, Keypair};
use multibase::Base;

use crate::registry::{Case, case};
use crate::suite::Suite;
use crate::verdict::{Verdict, fail, holds, same};

pub(crate) const CASES: &[Case] = &[
    case!(store_13_an_identity_is_new_each_time),
    case!(store_13_a_run_takes_it),
    case!(store_24_a_file_is_the_owners_alone),
    case!(store_24_a_file_that_is_there_stays),
];

/// One line: an Ed25519 key as libp2p encodes it, in base64.
fn key(text: &[u8]) -> Verdict<Keypair> {
    let read = || {
        let line = std::str::from_utf8(text).ok()?.strip_suffix('\n')?;
        let key = Keypair::from_protobuf_encoding(&Base::Base64Pad.decode(line).ok()?).ok()?;
        (key.key_type() == KeyType::Ed25519).then_some(key)
    };
    match read() {
        Some(key) => Ok(key),
        None => fail("one line with an Ed25519 key of libp2p in base64", text.escape_ascii()),
    }
}

fn store_13_an_identity_is_new_each_time(suite: &Suite<'_>) -> Verdict {
    let one = suite.tool("idgen").run()?;
    let other = suite.tool("idgen").run()?;
    one.exits(0)?.is_silent()?;
    other.exits(0)?;
    let (one, other) = (key(&one.stdout)?.public().to_peer_id(), key(&other.stdout)?.public().to_peer_id());
    holds("two are two", one != other, one)
}

fn store_13_a_run_takes_it(suite: &Suite<'_>) -> Verdict {
    let made = suite.tool("idgen").run()?;
    made.exits(0)?;
    key(&made.stdout)?;
    let file = suite.path("home").join("identity");
    written(suite, &file, &made.stdout)?;
    let word = file.as_os_str().as_encoded_bytes();
    suite.ww().flags(["--identity"]).flags([word]).probe(["exit", "7"]).run()?.exits(7).map(drop)
}

/// Writes a file that belongs to whoever runs the implementation, and is for nobody else.
fn written(suite: &Suite<'_>, file: &Path, content: &[u8]) -> Verdict {
    fs::write(file, content)?;
    fs::set_permissions(file, fs::Permissions::from_mode(0o600))?;
    if let Some(user) = suite.user_of(suite.setup().adapter().user)? {
        std::os::unix::fs::chown(file, Some(user.uid), Some(user.gid))?;
    }
    Ok(())
}

fn store_24_a_file_is_the_owners_alone(suite: &Suite<'_>) -> Verdict {
    let file = suite.path("home").join("identity");
    let run = suite.tool("idgen").umask(0).flags(["--out"]).flags([file.as_os_str().as_encoded_bytes()]);
    let ended = run.may_leave_files().run()?;
    ended.exits(0)?.is_silent()?;
    ended.holds("the file is there", file.is_file())?;
    same("its mode", format!("{:o}", fs::metadata(&file)?.permissions().mode() & 0o7777), "600".to_owned())?;
    ended.prints(format!("{}\n", key(&fs::read(&file)?)?.public().to_peer_id()))?;
    same("what is in its folder", fs::read_dir(suite.path("home"))?.count(), 1)
}

fn store_24_a_file_that_is_there_stays(suite: &Suite<'_>) -> Verdict {
    let file = suite.path("home").join("identity");
    written(suite, &file, b"mine")?;
    let word = file.as_os_str().as_encoded_bytes();
    let refused = suite.tool("idgen").flags(["--out"]).flags([word]).run()?;
    refused.exits(1)?.nothing_ran()?;
    refused.holds("it names the file", refused.first_line().contains("identity"))?;
    same("the file", fs::read(&file)?, b"mine".to_vec())?;
    let forced = suite.tool("idgen").flags(["--force", "--out"]).flags([word]).run()?;
    forced.exits(0)?;
    key(&fs::read(&file)?).map(drop)
}
