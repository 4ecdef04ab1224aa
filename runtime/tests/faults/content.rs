//! Content that is what its hash says, and lies or explodes.

use ww::content::{Cid, ContentError, NodeKind};

use crate::fake::{DAG_PB, Fake, RAW, cid_of, directory, file, inline, path, wait};

/// Reads the file whose root is `block` and whose parts the fake serves.
fn cat(block: &[u8], parts: &[(Cid, Vec<u8>)], max: u64) -> Result<Vec<u8>, ContentError> {
    let root = cid_of(DAG_PB, block);
    let mut blocks = parts.to_vec();
    blocks.push((root, block.to_vec()));
    wait(Fake::serves(blocks).content.cat(&path(&root), max))
}

fn leaf(data: &[u8]) -> (Cid, Vec<u8>) {
    (cid_of(RAW, data), data.to_vec())
}

#[test]
fn r7_4_parts_have_the_size_that_is_declared() {
    let raw = leaf(b"12345");
    let node = file(5, b"12345", &[]);
    let node = (cid_of(DAG_PB, &node), node);
    for (part, block) in [&raw, &node] {
        let whole = |size| file(size + 1, b"0", &[(*part, size)]);
        let parts = [(*part, block.clone())];
        assert_eq!(cat(&whole(5), &parts, 6).unwrap(), b"012345");
        for lie in [0, 4, 6, 1 << 40] {
            let error = cat(&whole(lie), &parts, 1 << 50).unwrap_err();
            assert!(
                matches!(&error, ContentError::Size { cid, declared, .. } if **cid == *part && *declared == lie),
                "{lie}: {error}"
            );
        }
    }
}

#[test]
fn r7_4_a_block_agrees_with_itself() {
    let (cid, data) = leaf(b"12345");
    let parts = [(cid, data)];
    for (lie, links) in [(4, &[(cid, 5)][..]), (6, &[(cid, 5)]), (5, &[(cid, 5), (cid, 5)])] {
        assert!(matches!(cat(&file(lie, b"", links), &parts, 100), Err(ContentError::Size { .. })));
    }
    let overflow = cat(&file(0, b"x", &[(cid, u64::MAX)]), &parts, u64::MAX).unwrap_err();
    assert!(matches!(overflow, ContentError::Malformed { .. }), "{overflow}");
}

#[test]
fn r7_4_too_large_by_declaration_asks_for_no_part() {
    let root = file(1 << 40, b"", &[(cid_of(RAW, b"nowhere"), 1 << 40)]);
    assert!(matches!(cat(&root, &[], 1 << 30), Err(ContentError::TooLarge { limit }) if limit == 1 << 30));
}

#[test]
fn r8_a_full_disk_is_not_the_daemons_fault() {
    let (cid, _) = leaf(b"12345");
    let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
    let fetched = wait(Fake::serves(vec![leaf(b"12345")]).content.fetch(&path(&cid), &full, 5));
    assert!(matches!(fetched, Err(ContentError::Write(cause)) if cause.kind() == std::io::ErrorKind::StorageFull));
}

#[test]
fn r20_malformed_blocks_and_parts_are_named() {
    let malformed = cat(b"\xff", &[], 10).unwrap_err();
    assert!(matches!(malformed, ContentError::Malformed { .. }), "{malformed}");
    for codec in [DAG_PB, 0x71] {
        let part = directory(&[8, 1], &[]);
        let cid = cid_of(codec, &part);
        let error = cat(&file(1, b"", &[(cid, 1)]), &[(cid, part)], 10).unwrap_err();
        assert!(matches!(error, ContentError::Malformed { .. }), "{error}");
    }
}

#[test]
fn r20_a_deep_tree_is_refused() {
    let mut blocks = vec![leaf(b"1")];
    for _ in 0..100 {
        let block = file(1, b"", &[(blocks.last().unwrap().0, 1)]);
        blocks.push((cid_of(DAG_PB, &block), block));
    }
    let read = |height: usize| cat(&blocks[height].1, &blocks, 10);
    assert_eq!(read(64).unwrap(), b"1");
    assert!(matches!(read(65), Err(ContentError::Bomb(_))));
    assert!(matches!(read(100), Err(ContentError::Bomb(_))));
}

#[test]
fn r20_a_wide_tree_of_nothing_is_refused() {
    let none = inline(RAW, b"");
    let below = file(0, b"", &vec![(none, 0); 4_000]);
    let below = (cid_of(DAG_PB, &below), below);
    let above = file(0, b"", &vec![(below.0, 0); 4_000]);
    let error = cat(&above, &[below], 10).unwrap_err();
    assert!(matches!(error, ContentError::Bomb(_)), "{error}");
}

#[test]
fn r20_inner_blocks_full_of_links_are_refused() {
    // 40,000 links a block, one after another down the levels: 1.8 MB a level.
    let mut below = leaf(b"1");
    let mut parts = vec![below.clone(), leaf(b"")];
    for _ in 0..4 {
        let mut links = vec![(below.0, 1)];
        links.extend(vec![(cid_of(RAW, b""), 0); 40_000]);
        let block = file(1, b"", &links);
        below = (cid_of(DAG_PB, &block), block);
        parts.push(below.clone());
    }
    let error = cat(&below.1, &parts, 10).unwrap_err();
    assert!(error.to_string().contains("inner blocks are larger"), "{error}");
}

#[test]
fn r7_2_every_kind_that_is_not_a_file_is_named() {
    let unixfs = |kind: u8| directory(&[8, kind], &[]);
    let kinds = [
        (unixfs(1), "a directory"),
        (unixfs(5), "a sharded directory"),
        (unixfs(4), "a symlink"),
        (unixfs(3), "UnixFS metadata"),
        (unixfs(9), "a dag-pb node that isn't UnixFS"),
        (vec![], "a dag-pb node that isn't UnixFS"),
    ];
    for (block, name) in kinds {
        let error = cat(&block, &[], 10).unwrap_err();
        assert!(matches!(error, ContentError::NodeType { .. }));
        assert_eq!(error.to_string(), name);
    }
    for (codec, name) in [(0x71, "dag-cbor"), (0x0129, "dag-json"), (0x1234, "a block of codec 0x1234")] {
        let error = wait(Fake::serves(vec![]).content.cat(&path(&inline(codec, b"x")), 10)).unwrap_err();
        assert!(matches!(error, ContentError::NodeType { kind: NodeKind::Codec(c) } if c == codec));
        assert_eq!(error.to_string(), name);
    }
}

#[test]
fn r7_5_digests_that_prove_nothing_are_refused() {
    let hashes: [(u64, &[u8]); 5] =
        [(0x11, &[0; 20]), (0x12, &[0; 31]), (0x1e, &[0; 19]), (0xd5, &[0; 16]), (0xb210, &[0; 16])];
    for (code, digest) in hashes {
        let cid = Cid::new_v1(RAW, multihash::Multihash::wrap(code, digest).unwrap());
        let fake = Fake::serves(vec![]);
        assert!(matches!(wait(fake.content.cat(&path(&cid), 10)), Err(ContentError::Hash { .. })), "{code:#x}");
        assert_eq!(fake.connections(), 0);
    }
}

#[test]
fn a_listing_that_no_message_could_hold_is_refused() {
    let name = "x".repeat(200);
    let block = directory(&[8, 1], &vec![(name.as_str(), inline(RAW, b"")); 8_000]);
    let root = cid_of(DAG_PB, &block);
    let list = |blocks| wait(Fake::serves(blocks).content.ls(&path(&root)));
    let listed = list(vec![(root, block)]).unwrap();
    assert_eq!(listed.len(), 8_000);
    let small = directory(&[8, 1], &vec![("", inline(RAW, b"")); 70_000]);
    let root = cid_of(DAG_PB, &small);
    let error = wait(Fake::serves(vec![(root, small)]).content.ls(&path(&root))).unwrap_err();
    assert!(matches!(error, ContentError::TooLarge { .. }), "{error}");
}
