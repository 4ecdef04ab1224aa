//! The store as its callers see it: kept, cached, rotten, shared.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use sha2::{Digest, Sha256};
use tempfile::TempDir;

use super::pack::Hash;
use super::*;

const RAW: u64 = 0x55;

pub(super) fn cid_of(block: &[u8]) -> Cid {
    Cid::new_v1(RAW, Hash::wrap(0x12, &Sha256::digest(block)).unwrap())
}

pub(super) struct Home(pub(super) TempDir);

impl Home {
    pub(super) fn new() -> Home {
        Home(tempfile::tempdir().unwrap())
    }

    pub(super) fn path(&self) -> std::path::PathBuf {
        self.0.path().join("store")
    }

    pub(super) fn open(&self) -> Store {
        Store::open(&Place::new(self.path(), None)).unwrap()
    }

    pub(super) fn limited(&self, limit: u64) -> Store {
        Store::open(&Place::new(self.path(), Some(limit))).unwrap()
    }
}

/// Keeps blocks under the first one's CID.
pub(super) fn keep(store: &Store, name: &str, blocks: &[&[u8]]) -> Cid {
    let mut writer = store.writer().unwrap();
    for block in blocks {
        writer.put(&cid_of(block), block).unwrap();
    }
    let cid = cid_of(blocks[0]);
    writer.commit(&Root { cid, name: Some(name.into()) }).unwrap();
    cid
}

/// Flips a bit where these bytes are in any file below a directory.
pub(super) fn rot(at: &Path, bytes: &[u8]) -> bool {
    let mut found = false;
    for entry in fs::read_dir(at).unwrap().map(Result::unwrap) {
        let path = entry.path();
        if path.is_dir() {
            found |= rot(&path, bytes);
            continue;
        }
        let mut content = fs::read(&path).unwrap();
        if let Some(place) = content.windows(bytes.len()).position(|window| window == bytes) {
            content[place] ^= 1;
            fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
            fs::write(&path, content).unwrap();
            found = true;
        }
    }
    found
}

#[test]
fn what_is_kept_is_there_for_the_next_process() {
    let home = Home::new();
    let cid = keep(&home.open(), "a", &[b"one", b"two"]);
    let store = home.open();
    assert_eq!(store.get(&cid).unwrap().as_deref(), Some(&b"one"[..]));
    assert_eq!(store.get(&cid_of(b"two")).unwrap().as_deref(), Some(&b"two"[..]));
    assert!(store.has(&cid).unwrap() && !store.has(&cid_of(b"three")).unwrap());
    assert_eq!(store.get(&cid_of(b"three")).unwrap(), None);
    let roots = store.roots().unwrap();
    assert_eq!(roots.len(), 1);
    assert_eq!((roots[0].cid, roots[0].name.as_deref(), roots[0].size, roots[0].blocks), (cid, Some("a"), 6, 2));
}

#[test]
fn what_another_removes_meanwhile_keeps_nothing() {
    let home = Home::new();
    let (one, other) = (home.open(), home.open());
    keep(&one, "a", &[b"one", b"two"]);
    let listed = one.roots().unwrap();
    other.remove_all(&["a".to_owned()]).unwrap();
    let mut blocks = 0;
    super::root::blocks(one.home(), &listed[0], &mut |_| blocks += 1).unwrap();
    assert_eq!(blocks, 0);
    super::root::remove(one.home(), &listed[0]).unwrap();
}

#[test]
fn a_store_that_is_open_sees_what_others_put() {
    let home = Home::new();
    let (one, other) = (home.open(), home.open());
    assert_eq!(one.get(&cid_of(b"new")).unwrap(), None);
    keep(&other, "n", &[b"new"]);
    assert_eq!(one.get(&cid_of(b"new")).unwrap().as_deref(), Some(&b"new"[..]));
}

#[test]
fn what_is_not_committed_was_never_there() {
    let home = Home::new();
    let store = home.open();
    let mut writer = store.writer().unwrap();
    writer.put(&cid_of(b"lost"), b"lost").unwrap();
    drop(writer);
    assert!(!home.open().has(&cid_of(b"lost")).unwrap());
    assert_eq!(fs::read_dir(home.path().join("tmp")).unwrap().count(), 0);
}

#[test]
fn an_identity_cid_needs_no_store() {
    let home = Home::new();
    let cid = Cid::new_v1(RAW, Hash::wrap(0, b"here").unwrap());
    assert_eq!(home.open().get(&cid).unwrap().as_deref(), Some(&b"here"[..]));
}

#[test]
fn a_rotten_block_is_missing_and_can_be_put_again() {
    let home = Home::new();
    let block = b"a block that is going to rot".as_slice();
    let cid = keep(&home.open(), "a", &[block]);
    assert!(rot(&home.path().join("kept"), block));
    let store = home.open();
    assert_eq!(store.get(&cid).unwrap(), None);
    assert_eq!(fs::read_dir(home.path().join("aside")).unwrap().count(), 1);
    keep(&store, "a", &[block]);
    assert_eq!(home.open().get(&cid).unwrap().as_deref(), Some(block));
}

#[test]
fn a_rotten_block_of_the_cache_is_replaced_by_what_was_fetched_again() {
    let home = Home::new();
    let block = b"a cached block that is going to rot".as_slice();
    let cid = cid_of(block);
    home.open().cache(&cid, block).unwrap();
    assert!(rot(&home.path().join("cache"), block));
    let store = home.open();
    assert_eq!(store.get(&cid).unwrap(), None);
    assert!(!store.has(&cid).unwrap());
    store.cache(&cid, block).unwrap();
    drop(store);
    assert_eq!(home.open().get(&cid).unwrap().as_deref(), Some(block));
}

#[test]
fn what_is_cached_is_seen_at_once_here_and_later_elsewhere() {
    let home = Home::new();
    let store = home.open();
    let cid = cid_of(b"cached");
    store.cache(&cid, b"cached").unwrap();
    assert_eq!(store.get(&cid).unwrap().as_deref(), Some(&b"cached"[..]));
    let other = home.open();
    assert_eq!(other.get(&cid).unwrap(), None);
    drop(store);
    assert_eq!(other.get(&cid).unwrap().as_deref(), Some(&b"cached"[..]));
}

#[test]
fn the_cache_stays_below_its_limit_and_loses_what_was_used_longest_ago() {
    let home = Home::new();
    let block = |n: u8| vec![n; 10_000];
    for n in 0..20 {
        let store = home.limited(100_000);
        store.cache(&cid_of(&block(n)), &block(n)).unwrap();
        // The first is used all the time.
        assert!(store.get(&cid_of(&block(0))).unwrap().is_some(), "{n}");
    }
    let store = home.limited(100_000);
    let there: Vec<u8> = (0..20).filter(|n| store.has(&cid_of(&block(*n))).unwrap()).collect();
    assert!(there.contains(&0) && there.contains(&19) && !there.contains(&1), "{there:?}");
    let sum: u64 = fs::read_dir(home.path().join("cache")).unwrap().map(|e| e.unwrap().metadata().unwrap().len()).sum();
    assert!(sum <= 100_000, "{sum}");
}

#[test]
fn no_cache_is_asked_for_by_a_limit_of_nothing() {
    let home = Home::new();
    let store = home.limited(0);
    store.cache(&cid_of(b"x"), b"x").unwrap();
    drop(store);
    assert!(!home.open().has(&cid_of(b"x")).unwrap());
}

#[test]
fn a_directory_that_is_no_store_is_refused() {
    let home = Home::new();
    fs::create_dir(home.path()).unwrap();
    fs::write(home.path().join("letter"), "dear").unwrap();
    let error = Store::open(&Place::new(home.path(), None)).unwrap_err().to_string();
    assert!(error.contains("not a store") && error.contains("letter"), "{error}");
    assert_eq!(fs::read_dir(home.path()).unwrap().count(), 1);
}

#[test]
fn a_store_is_the_users_alone() {
    let home = Home::new();
    fs::create_dir(home.path()).unwrap();
    fs::set_permissions(home.path(), fs::Permissions::from_mode(0o777)).unwrap();
    home.open();
    for name in ["", "kept", "cache", "roots", "tmp"] {
        let mode = fs::metadata(home.path().join(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700, "{name}");
    }
}

#[test]
fn what_was_planted_is_not_followed() {
    let home = Home::new();
    let cid = keep(&home.open(), "a", &[b"planted"]);
    let kept = home.path().join("kept");
    let pack = fs::read_dir(&kept).unwrap().next().unwrap().unwrap().path();
    let elsewhere = home.0.path().join("elsewhere");
    fs::rename(&pack, &elsewhere).unwrap();
    std::os::unix::fs::symlink(&elsewhere, &pack).unwrap();
    nix::unistd::mkfifo(&kept.join("0000000000000000.car"), nix::sys::stat::Mode::S_IRWXU).unwrap();
    assert_eq!(home.open().get(&cid).unwrap(), None);
    fs::remove_dir_all(&kept).unwrap();
    std::os::unix::fs::symlink(home.0.path(), &kept).unwrap();
    assert!(Store::open(&Place::new(home.path(), None)).is_err());
}

mod garbage;
mod pinned;
