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

/// The only pack of a directory.
fn pack_of(folder: &Path) -> std::path::PathBuf {
    fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).next().unwrap()
}

#[test]
fn garbage_is_what_no_root_keeps() {
    let home = Home::new();
    let store = home.open();
    let shared = b"in both".as_slice();
    keep(&store, "a", &[b"only in a", shared]);
    keep(&store, "b", &[b"only in b", shared]);
    store.cache(&cid_of(b"cached"), b"cached").unwrap();
    assert_eq!(store.remove_all(&["a".to_string()]).unwrap().len(), 1);
    let collected = store.collect().unwrap();
    assert_eq!(collected.blocks, 2, "{collected:?}");
    assert!(collected.freed > 0);
    let store = home.open();
    let there =
        [&b"only in a"[..], b"only in b", b"in both", b"cached"].map(|block| store.has(&cid_of(block)).unwrap());
    assert_eq!(there, [false, true, true, false]);
    assert!(store.verify().unwrap().is_clean());
}

#[test]
fn one_name_of_two_for_the_same_content_keeps_it() {
    let home = Home::new();
    let store = home.open();
    let cid = keep(&store, "a", &[b"same"]);
    keep(&store, "b", &[b"same"]);
    store.remove_all(&["a".to_string()]).unwrap();
    store.collect().unwrap();
    assert!(home.open().has(&cid).unwrap());
    // The CID is a name too.
    store.remove_all(&[format!("/ipfs/{cid}")]).unwrap();
    assert!(matches!(store.remove_all(&["b".to_string()]), Err(StoreError::Unknown(name)) if name == "b"));
    store.collect().unwrap();
    assert!(!home.open().has(&cid).unwrap());
}

#[test]
fn nothing_is_collected_while_somebody_writes() {
    let home = Home::new();
    let (store, other) = (home.open(), home.open());
    let mut writer = other.writer().unwrap();
    writer.put(&cid_of(b"on its way"), b"on its way").unwrap();
    std::thread::scope(|scope| {
        let collecting = scope.spawn(|| store.collect().unwrap());
        std::thread::sleep(std::time::Duration::from_millis(50));
        assert!(!collecting.is_finished());
        writer.commit(&Root { cid: cid_of(b"on its way"), name: None }).unwrap();
        collecting.join().unwrap();
    });
    assert!(home.open().has(&cid_of(b"on its way")).unwrap());
}

#[test]
fn what_a_killed_process_left_is_cleared_and_what_a_living_one_writes_is_not() {
    let home = Home::new();
    let (store, other) = (home.open(), home.open());
    fs::write(home.path().join("tmp/0123456789abcdef.car"), "half").unwrap();
    other.cache(&cid_of(b"alive"), b"alive").unwrap();
    store.collect().unwrap();
    assert_eq!(fs::read_dir(home.path().join("tmp")).unwrap().count(), 1);
    drop(other);
    assert!(home.open().has(&cid_of(b"alive")).unwrap());
}

#[test]
fn a_list_that_cannot_be_read_stops_a_collection() {
    let home = Home::new();
    let cid = keep(&home.open(), "a", &[b"kept"]);
    assert!(rot(&home.path().join("roots"), &cid.hash().to_bytes()));
    let store = home.open();
    let error = store.collect().unwrap_err().to_string();
    assert!(error.contains("what keeps blocks"), "{error}");
    assert!(store.has(&cid).unwrap());
    assert_eq!(store.verify().unwrap().unreadable.len(), 1);
}

#[test]
fn verify_names_what_is_rotten_and_keeps_the_rest() {
    let home = Home::new();
    let blocks: Vec<Vec<u8>> = (0..50u8).map(|n| vec![n; 1000 + usize::from(n)]).collect();
    keep(&home.open(), "a", &blocks.iter().map(Vec::as_slice).collect::<Vec<_>>());
    assert!(rot(&home.path().join("kept"), &blocks[7]));
    let store = home.open();
    let verified = store.verify().unwrap();
    assert_eq!((verified.blocks, verified.rotten.len(), verified.missing.len()), (49, 1, 1), "{verified:?}");
    assert_eq!(verified.rotten[0].0, cid_of(&blocks[7]));
    let again = home.open().verify().unwrap();
    assert_eq!((again.blocks, again.rotten.len(), again.missing.len()), (49, 0, 1), "{again:?}");
    keep(&store, "a", &blocks.iter().map(Vec::as_slice).collect::<Vec<_>>());
    assert!(home.open().verify().unwrap().is_clean());
}

#[test]
fn a_flipped_bit_anywhere_in_a_pack_costs_one_block_at_most() {
    let home = Home::new();
    let blocks: Vec<Vec<u8>> = (0..6u8).map(|n| vec![n; 40]).collect();
    keep(&home.open(), "a", &blocks.iter().map(Vec::as_slice).collect::<Vec<_>>());
    let pack = pack_of(&home.path().join("kept"));
    let whole = fs::read(&pack).unwrap();
    for at in 0..whole.len() {
        let (name, mut bad) = (pack.file_name().unwrap(), whole.clone());
        bad[at] ^= 0x10;
        for old in fs::read_dir(home.path().join("kept")).unwrap() {
            fs::remove_file(old.unwrap().path()).unwrap();
        }
        fs::write(home.path().join("kept").join(name), &bad).unwrap();
        let found = home.open().verify().unwrap();
        let store = home.open();
        let lost = blocks.iter().filter(|block| store.get(&cid_of(block)).unwrap().is_none()).count();
        // A length that is wrong hides what comes after it only where the index is of no use either.
        assert!(lost <= 1, "byte {at}: {lost} lost, {found:?}");
        assert!(lost == 0 || found.rotten.len() + found.damaged.len() > 0, "byte {at}: not noticed");
        let again = store.verify().unwrap();
        assert!(again.rotten.is_empty() && again.damaged.is_empty(), "byte {at}: {again:?}");
    }
}

#[test]
fn many_small_packs_become_one() {
    let home = Home::new();
    let store = home.open();
    for n in 0..100u32 {
        keep(&store, &n.to_string(), &[&n.to_le_bytes()]);
        store.cache(&cid_of(&[n as u8; 7]), &[n as u8; 7]).unwrap();
        store.flush().unwrap();
    }
    for folder in ["kept", "cache"] {
        let many = fs::read_dir(home.path().join(folder)).unwrap().count();
        assert!(many <= 50, "{folder}: {many}");
    }
    for n in 0..100u32 {
        assert!(store.get(&cid_of(&n.to_le_bytes())).unwrap().is_some(), "{n}");
        assert!(store.get(&cid_of(&[n as u8; 7])).unwrap().is_some(), "{n}");
    }
    assert!(store.verify().unwrap().is_clean());
}
