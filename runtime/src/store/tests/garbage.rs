//! What goes, and what is found to be damaged.

use std::fs;
use std::path::Path;

use super::{Home, cid_of, keep, rot};
use crate::store::*;

/// The only pack of a directory.
fn pack_of(folder: &Path) -> std::path::PathBuf {
    fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).next().unwrap()
}

#[test]
fn who_watches_hears_how_far_it_is() {
    let home = Home::new();
    let store = home.open();
    let shared = [b's'; 1000];
    keep(&store, "a", &[b"only in a", &shared]);
    keep(&store, "b", &[b"only in b"]);
    let size = |folder: &Path| -> u64 {
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().metadata().unwrap().len()).sum()
    };
    let whole = size(&home.path().join("kept"));
    let mut heard = Vec::new();
    store.verify_watched(&mut |done, of| heard.push((done, of))).unwrap();
    assert!(matches!(heard[..], [.., (1018, of)] if (1018..=whole).contains(&of)), "{heard:?}");
    keep(&store, "shared", &[&shared]);
    store.remove_all(&["a".to_string()]).unwrap();
    heard.clear();
    store.collect_watched(&mut |done, of| heard.push((done, of))).unwrap();
    // The one block that is copied, of that pack or of those before it too.
    assert!(matches!(heard[..], [(done, of)] if (1000..=of).contains(&done) && of >= whole), "{heard:?}");
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
