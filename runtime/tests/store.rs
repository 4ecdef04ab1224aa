//! `ww store`, as its callers see it: what it prints, what it refuses, what it says of a store that is not as it must be.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use cid::multihash::Multihash;
use serde_json::Value;
use sha2::{Digest, Sha256};
use tempfile::TempDir;
use ww::content::Cid;
use ww::store::{Place, Root, Store};

const WW: &str = env!("CARGO_BIN_EXE_ww");

struct Home(TempDir);

impl Home {
    fn new() -> Home {
        Home(tempfile::tempdir().expect("a temporary directory"))
    }

    fn path(&self) -> PathBuf {
        self.0.path().join("store")
    }

    fn ww(&self, words: &[&str]) -> Output {
        self.with(self.path(), words)
    }

    fn with(&self, store: impl AsRef<std::ffi::OsStr>, words: &[&str]) -> Output {
        let mut command = Command::new(WW);
        command.env_clear().env("WW_STORE", store).current_dir(self.0.path()).args(words);
        command.output().expect("ww starts")
    }

    fn keep(&self, name: &str, block: &[u8]) -> Cid {
        let store = Store::open(&Place::new(self.path(), None)).expect("a store");
        let cid = cid_of(block);
        let mut writer = store.writer().expect("a writer");
        writer.put(&cid, block).expect("a block is put");
        writer.commit(&Root { cid, name: Some(name.to_owned()) }).expect("it is kept");
        cid
    }

    fn cache(&self, block: &[u8]) {
        let store = Store::open(&Place::new(self.path(), None)).expect("a store");
        store.cache(&cid_of(block), block).expect("a block is cached");
    }
}

fn cid_of(block: &[u8]) -> Cid {
    Cid::new_v1(0x55, Multihash::wrap(0x12, &Sha256::digest(block)).expect("32 bytes fit"))
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("UTF-8")
}

fn json(output: &Output) -> Value {
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("JSON")
}

/// Flips a bit where these bytes are, in the one file of a directory that has them.
fn rot(folder: &Path, bytes: &[u8]) {
    for entry in fs::read_dir(folder).expect("a directory").map(|entry| entry.expect("an entry").path()) {
        let mut content = fs::read(&entry).expect("a file");
        if let Some(at) = content.windows(bytes.len()).position(|window| window == bytes) {
            content[at] ^= 1;
            fs::set_permissions(&entry, fs::Permissions::from_mode(0o600)).expect("its mode");
            fs::write(&entry, content).expect("it is written");
            return;
        }
    }
    panic!("no file in {} has it", folder.display());
}

#[test]
fn ls_names_what_is_kept_and_rm_lets_it_go() {
    let home = Home::new();
    let (a, b) = (home.keep("a", b"first"), home.keep("b\x1b[31m", b"second"));
    let listed = json(&home.ww(&["store", "ls", "--json"]));
    let roots = listed["roots"].as_array().expect("a list");
    assert_eq!(roots.len(), 2);
    let first = roots.iter().find(|root| root["name"] == "a").expect("a");
    assert_eq!((&first["cid"], &first["size"], &first["blocks"]), (&a.to_string().into(), &5.into(), &1.into()));
    assert!(first["since"].as_u64().is_some_and(|since| since > 1_700_000_000), "{first}");
    let table = text(&home.ww(&["store", "ls"]).stdout);
    assert!(table.contains(&a.to_string()) && table.contains(&b.to_string()) && !table.contains('\x1b'), "{table}");

    let refused = home.ww(&["store", "rm", "a", "nothing"]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(text(&refused.stderr).starts_with("ww: nothing is kept as 'nothing'"), "{}", text(&refused.stderr));
    assert_eq!(json(&home.ww(&["store", "ls", "--json"]))["roots"].as_array().map(Vec::len), Some(2));

    let gone = json(&home.ww(&["store", "rm", "--json", "a", &format!("/ipfs/{b}")]));
    assert_eq!(gone["removed"].as_array().map(Vec::len), Some(2));
    let freed = json(&home.ww(&["store", "gc", "--json"]));
    assert_eq!(freed["blocks"], 2);
    assert!(freed["freed"].as_u64().is_some_and(|bytes| bytes > 11));
    assert_eq!(json(&home.ww(&["store", "stat", "--json"]))["kept"]["blocks"], 0);
}

#[test]
fn stat_tells_what_is_kept_from_what_is_cached() {
    let home = Home::new();
    home.keep("a", b"kept");
    home.cache(b"cached");
    let stat = json(&home.ww(&["store", "stat", "--json"]));
    assert_eq!(stat["path"], home.path().to_str().expect("UTF-8"));
    assert_eq!((&stat["kept"]["roots"], &stat["kept"]["blocks"]), (&1.into(), &1.into()));
    assert_eq!(stat["cache"]["blocks"], 1);
    assert!(stat["cache"]["limit"].as_u64().is_some_and(|limit| limit <= 10 << 30 && limit > 0));
    json(&home.ww(&["store", "gc", "--json"]));
    let stat = json(&home.ww(&["store", "stat", "--json"]));
    assert_eq!((&stat["kept"]["blocks"], &stat["cache"]["blocks"]), (&1.into(), &0.into()));
}

#[test]
fn verify_says_what_is_rotten_once_and_is_1_as_long_as_something_is_missing() {
    let home = Home::new();
    let cid = home.keep("a", b"a block that rots");
    home.keep("b", b"a block that doesn't");
    assert_eq!(home.ww(&["store", "verify"]).status.code(), Some(0));
    rot(&home.path().join("kept"), b"a block that rots");
    let found = home.ww(&["store", "verify", "--json"]);
    assert_eq!(found.status.code(), Some(1));
    let found: Value = serde_json::from_slice(&found.stdout).expect("JSON");
    assert_eq!((&found["clean"], &found["blocks"]), (&false.into(), &1.into()));
    assert_eq!(found["rotten"][0]["cid"], cid.to_string());
    assert_eq!(found["missing"][0]["blocks"], 1);
    let again = home.ww(&["store", "verify"]);
    assert_eq!(again.status.code(), Some(1));
    let again = text(&again.stdout);
    assert!(!again.contains("rotten") && again.contains("missing") && again.contains("(a)"), "{again}");
    home.keep("a", b"a block that rots");
    assert_eq!(home.ww(&["store", "verify"]).status.code(), Some(0));
}

#[test]
fn a_place_that_moves_is_a_usage_error() {
    let home = Home::new();
    for (store, why) in [("", "empty"), ("store", "relative")] {
        let output = home.with(store, &["store", "stat"]);
        assert_eq!(output.status.code(), Some(2), "{store}");
        let error = text(&output.stderr);
        assert!(error.starts_with("ww: ") && error.contains("WW_STORE") && error.contains(why), "{error}");
        assert_eq!(error.lines().count(), 1);
    }
    assert_eq!(fs::read_dir(home.0.path()).expect("a directory").count(), 0);
}

#[test]
fn what_is_no_store_is_refused_and_left_alone() {
    let home = Home::new();
    fs::create_dir(home.path()).expect("a directory");
    fs::write(home.path().join("letter"), "dear").expect("a file");
    let refused = home.ww(&["store", "gc"]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(text(&refused.stderr).contains("'letter'"), "{}", text(&refused.stderr));
    assert_eq!(fs::read_dir(home.path()).expect("a directory").count(), 1);
    fs::remove_file(home.path().join("letter")).expect("it goes");
    fs::write(home.path().join("version"), "ww store 99\n").expect("a file");
    let refused = home.ww(&["store", "stat"]);
    assert!(text(&refused.stderr).contains("another version"), "{}", text(&refused.stderr));
}

#[test]
fn a_link_in_the_place_of_a_part_is_not_followed() {
    let home = Home::new();
    home.keep("a", b"kept");
    let elsewhere = home.0.path().join("elsewhere");
    fs::create_dir(&elsewhere).expect("a directory");
    fs::write(elsewhere.join("0123456789abcdef.car"), "somebody's").expect("a file");
    fs::remove_dir_all(home.path().join("cache")).expect("it goes");
    symlink(&elsewhere, home.path().join("cache")).expect("a link");
    assert_eq!(home.ww(&["store", "gc"]).status.code(), Some(1));
    assert!(elsewhere.join("0123456789abcdef.car").exists());
}

#[test]
fn a_disk_that_is_full_is_named_and_costs_nothing_that_is_kept() {
    let home = Home::new();
    let store = Store::open(&Place::new(home.path(), None)).expect("a store");
    let (one, other) = (vec![1; 50_000], vec![2; 50_000]);
    for (name, blocks) in [("both", vec![&one, &other]), ("other", vec![&other])] {
        let mut writer = store.writer().expect("a writer");
        for block in &blocks {
            writer.put(&cid_of(block), block).expect("a block is put");
        }
        writer.commit(&Root { cid: cid_of(blocks[0]), name: Some(name.to_owned()) }).expect("it is kept");
    }
    // What stays has to be copied, and there is no room for it.
    let script = format!(
        "mount -t tmpfs -o size=256k,mode=700 none /mnt && cp -a {0} /mnt/s && export WW_STORE=/mnt/s && \
         {WW} store rm both && ! head -c 300k /dev/zero 2>/dev/null >/mnt/ballast && ! {WW} store gc && \
         {WW} store verify && {WW} store ls && rm /mnt/ballast && {WW} store gc --json && {WW} store verify",
        home.path().display()
    );
    let words = ["--user", "--map-root-user", "--mount", "/bin/sh", "-c", &script];
    let output = Command::new("unshare").args(words).output().expect("unshare(1) of util-linux is here");
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let error = text(&output.stderr);
    assert!(
        error.starts_with("ww: cannot write to the store /mnt/s: no space left") && error.lines().count() == 1,
        "{error}"
    );
    let said = text(&output.stdout);
    assert!(
        said.contains("2 good blocks") && said.contains("\"blocks\":1") && said.contains("1 good blocks"),
        "{said}"
    );
}

#[test]
fn a_store_that_is_read_only_can_be_looked_at() {
    let home = Home::new();
    home.keep("a", b"kept");
    let script = format!(
        "mount --bind {0} {0} && mount -o remount,bind,ro {0} && {WW} store ls && {WW} store verify && ! {WW} store gc",
        home.path().display()
    );
    let words = ["--user", "--map-root-user", "--mount", "/bin/sh", "-c", &script];
    let output = Command::new("unshare")
        .args(words)
        .env("WW_STORE", home.path())
        .output()
        .expect("unshare(1) of util-linux is here");
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert!(text(&output.stdout).contains("1 good blocks"), "{}", text(&output.stdout));
    assert!(text(&output.stderr).contains("read-only"), "{}", text(&output.stderr));
}
