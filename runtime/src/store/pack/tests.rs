//! Packs as they are written and read, damaged ones too.

use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::store::folder::Folder;
use crate::store::tests::cid_of;

/// A pack of these blocks.
fn pack(blocks: &[Vec<u8>]) -> (tempfile::TempDir, Pack) {
    let home = tempfile::tempdir().unwrap();
    let folder = Arc::new(Folder::open(home.path()).unwrap());
    let mut writer = PackWriter::begin(Arc::clone(&folder)).unwrap();
    for block in blocks {
        writer.put(&cid_of(block), block).unwrap();
    }
    let finished = writer.finish(&folder, false).unwrap();
    let pack = Pack::open(folder.file(&finished.name).unwrap()).unwrap();
    (home, pack)
}

#[test]
fn a_pack_of_many_finds_each_and_no_other() {
    let blocks: Vec<Vec<u8>> = (0..5000u32).map(|n| n.to_le_bytes().to_vec()).collect();
    let (_home, pack) = pack(&blocks);
    for block in &blocks {
        let offset = pack.find(cid_of(block).hash()).unwrap().unwrap();
        assert_eq!(pack.section(offset).unwrap().block, *block);
        assert_eq!(pack.cid(offset).unwrap(), cid_of(block));
    }
    for n in 5000..6000u32 {
        assert_eq!(pack.find(cid_of(&n.to_le_bytes()).hash()).unwrap(), None);
    }
    assert_eq!(pack.blocks(), 5000);
}

#[test]
fn an_index_in_the_wrong_order_ends_the_search() {
    let blocks: Vec<Vec<u8>> = (0..2000u32).map(|n| n.to_le_bytes().to_vec()).collect();
    let (home, pack) = pack(&blocks);
    let path = std::fs::read_dir(home.path()).unwrap().next().unwrap().unwrap().path();
    let mut bytes = std::fs::read(&path).unwrap();
    let records = pack.header.index as usize + 2 + 4 + 8 + 4 + 4 + 8;
    bytes[records..].reverse();
    let turned = home.path().join("turned");
    std::fs::write(&turned, bytes).unwrap();
    let pack = Pack::open(File::open(turned).unwrap()).unwrap();
    for block in &blocks {
        let _ = pack.find(cid_of(block).hash()).unwrap();
    }
}

proptest! {
    /// What is put is found, by the index and without it.
    #[test]
    fn what_is_put_is_found(blocks in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..300), 1..40)) {
        let (_home, pack) = pack(&blocks);
        for block in &blocks {
            let offset = pack.find(cid_of(block).hash()).unwrap().unwrap();
            prop_assert_eq!(&pack.section(offset).unwrap().block, block);
        }
        let mut scanned = 0;
        prop_assert!(pack.scan(&mut |_, _| scanned += 1).unwrap());
        prop_assert_eq!(scanned, pack.blocks());
    }

    /// Whatever a file holds, reading it ends, without a panic and within its own size.
    #[test]
    fn a_file_that_is_broken_is_no_more_than_that(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..20),
        cut in prop::option::of(any::<prop::sample::Index>()),
    ) {
        let blocks: Vec<Vec<u8>> = (0..20u8).map(|n| vec![n; usize::from(n) * 7]).collect();
        let (home, _) = pack(&blocks);
        let path = std::fs::read_dir(home.path()).unwrap().next().unwrap().unwrap().path();
        let mut bytes = std::fs::read(path).unwrap();
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        bytes.truncate(cut.map_or(bytes.len(), |cut| cut.index(bytes.len())));
        let broken = home.path().join("broken");
        std::fs::write(&broken, bytes).unwrap();
        for open in [Pack::open, Pack::without_index] {
            let Ok(pack) = open(File::open(&broken).unwrap()) else { continue };
            for block in &blocks {
                if let Ok(Some(offset)) = pack.find(cid_of(block).hash()) {
                    let _ = pack.section(offset);
                    let _ = pack.cid(offset);
                }
            }
            let _ = pack.entries();
            let _ = pack.scan(&mut |_, _| {});
        }
    }
}
