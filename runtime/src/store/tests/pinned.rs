//! Pins, and writers that take their time.

use super::*;
use crate::store::StoreError;

/// Whether another process finds a block.
fn has(home: &Home, block: &[u8]) -> bool {
    home.open().get(&cid_of(block)).unwrap().is_some()
}

fn pins(store: &Store) -> Vec<Cid> {
    let mut pins = Vec::new();
    store
        .pins(&mut |cid| {
            pins.push(*cid);
            true
        })
        .unwrap();
    pins
}

#[test]
fn a_pin_keeps_what_is_removed_by_name_until_it_ends() {
    let home = Home::new();
    let store = home.open();
    let cid = keep(&store, "a", &[b"one", b"two"]);
    assert!(!store.is_pinned(&cid).unwrap() && !store.unpin(&cid).unwrap() && pins(&store).is_empty());
    assert!(store.pin_known(&cid).unwrap() && store.pin_known(&cid).unwrap());
    assert!(store.is_pinned(&cid).unwrap());
    assert_eq!(pins(&store), [cid]);
    let roots = store.roots().unwrap();
    let named: Vec<_> = roots.iter().map(|kept| (kept.name.as_deref(), kept.pinned, kept.blocks)).collect();
    assert!(named.contains(&(Some("a"), false, 2)) && named.contains(&(None, true, 2)) && named.len() == 2);
    store.remove_all(&["a".into()]).unwrap();
    store.collect().unwrap();
    assert!(has(&home, b"one") && has(&home, b"two"));
    assert!(store.unpin(&cid).unwrap() && !store.unpin(&cid).unwrap());
    store.collect().unwrap();
    assert!(!has(&home, b"one") && !has(&home, b"two"));
}

#[test]
fn the_end_of_a_pin_leaves_what_was_put() {
    let home = Home::new();
    let store = home.open();
    let cid = keep(&store, "a", &[b"one"]);
    let mut writer = store.slow_writer().unwrap();
    writer.put(&cid, b"one").unwrap();
    writer.commit_pin(cid).unwrap();
    assert!(store.unpin(&cid).unwrap());
    store.collect().unwrap();
    assert!(has(&home, b"one"));
}

#[test]
fn what_is_not_known_whole_is_not_pinned_unseen() {
    let home = Home::new();
    let store = home.open();
    store.cache(&cid_of(b"fetched"), b"fetched").unwrap();
    assert!(!store.pin_known(&cid_of(b"fetched")).unwrap());
    let cid = keep(&store, "a", &[b"one", b"two"]);
    for entry in fs::read_dir(home.path().join("kept")).unwrap() {
        fs::remove_file(entry.unwrap().path()).unwrap();
    }
    let store = home.open();
    assert!(!store.pin_known(&cid).unwrap() && !store.is_pinned(&cid).unwrap());
}

#[test]
fn a_writer_that_takes_its_time_hinders_nobody_and_keeps_nothing_that_is_gone() {
    let home = Home::new();
    let store = home.open();
    keep(&store, "a", &[b"old"]);
    let begin = || {
        let mut writer = store.slow_writer().unwrap();
        writer.put(&cid_of(b"old"), b"old").unwrap();
        writer.put(&cid_of(b"new"), b"new").unwrap();
        writer
    };
    // Garbage goes meanwhile; what is on its way isn't that.
    let writer = begin();
    store.collect().unwrap();
    writer.commit(&Root { cid: cid_of(b"new"), name: None }).unwrap();
    store.remove_all(&["a".into()]).unwrap();
    store.collect().unwrap();
    assert!(has(&home, b"old") && has(&home, b"new"));
    // What was found went meanwhile.
    let writer = begin();
    store.remove_all(&[cid_of(b"new").to_string()]).unwrap();
    store.collect().unwrap();
    let refused = writer.commit(&Root { cid: cid_of(b"new"), name: None });
    assert!(matches!(refused, Err(StoreError::Removed(_))));
    assert!(store.roots().unwrap().is_empty());
    assert_eq!(fs::read_dir(home.path().join("tmp")).unwrap().count(), 0);
}

#[test]
fn what_another_process_removed_is_put_again() {
    let home = Home::new();
    let (store, other) = (home.open(), home.open());
    keep(&store, "a", &[b"one"]);
    assert!(store.get(&cid_of(b"one")).unwrap().is_some());
    other.remove_all(&["a".into()]).unwrap();
    other.collect().unwrap();
    keep(&store, "a", &[b"one"]);
    assert!(has(&home, b"one") && home.open().verify().unwrap().is_clean());
}
