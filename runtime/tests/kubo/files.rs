//! Files: each layout comes back byte for byte, into a file and into memory; what isn't a file is named.

use std::io::Read;

use ww::content::{ContentError, NodeKind};

use crate::daemon::{Kubo, noise, path, wait};

/// Options of `ipfs add`, and the size of the file.
const LAYOUTS: &[(&str, usize)] = &[
    ("--cid-version=0 --raw-leaves=false", 0),
    ("--cid-version=0 --raw-leaves=false", 1),
    ("--cid-version=0 --raw-leaves=false", 1_000_000),
    ("--cid-version=0 --raw-leaves=true", 1_000_000),
    ("--cid-version=1", 0),
    ("--cid-version=1", 100_000),
    ("--cid-version=1 --chunker=size-262144", 3_000_000),
    ("--cid-version=1 --raw-leaves=false", 1_000_000),
    ("--cid-version=1 --chunker=size-1000", 1_000_000),
    ("--cid-version=1 --chunker=size-1000 --max-file-links=2", 100_000),
    ("--cid-version=1 --chunker=size-16", 20_000),
    ("--cid-version=0 --chunker=size-1 --raw-leaves=false", 1_000),
    ("--cid-version=1 --chunker=size-1048576", 5_000_000),
    ("--cid-version=1 --chunker=size-2096896 --raw-leaves=false", 5_000_000),
    ("--cid-version=1 --chunker=rabin-1000-2000-4000", 300_000),
    ("--cid-version=1 --chunker=buzhash", 3_000_000),
    ("--trickle --cid-version=0", 3_000_000),
    ("--trickle --cid-version=1 --chunker=size-1000", 3_000_000),
    ("--trickle --cid-version=1 --chunker=size-1000 --raw-leaves=false", 1_000_000),
    ("--trickle --cid-version=1 --chunker=size-1000 --max-file-links=3", 100_000),
    ("--inline --cid-version=1", 5),
    ("--inline --inline-limit=128 --cid-version=1", 128),
    ("--inline --inline-limit=128 --cid-version=1 --chunker=size-50", 1_000),
    ("--inline --inline-limit=128 --cid-version=1 --raw-leaves=false", 100),
    ("--hash=sha2-512 --cid-version=1", 1_000_000),
    ("--hash=blake2b-256 --cid-version=1", 1_000_000),
    ("--hash=blake2b-160 --cid-version=1 --raw-leaves=false", 1_000_000),
    ("--hash=blake2b-512 --cid-version=1", 1_000_000),
    ("--hash=blake2s-256 --cid-version=1", 1_000_000),
    ("--hash=blake3 --cid-version=1", 1_000_000),
    ("--hash=sha3-256 --cid-version=1", 1_000_000),
    ("--hash=sha3-512 --cid-version=1", 1_000_000),
    ("--hash=keccak-256 --cid-version=1", 1_000_000),
    ("--hash=dbl-sha2-256 --cid-version=1", 1_000_000),
    ("--mode=493 --mtime=1700000000 --cid-version=1", 1_000_000),
];

#[test]
fn r7_every_layout_of_a_file_comes_back() {
    let kubo = Kubo::start();
    let content = kubo.content();
    for (options, size) in LAYOUTS {
        let data = noise(*size);
        let args: Vec<&str> = ["add", "-Q", "--pin=false"].into_iter().chain(options.split(' ')).collect();
        let cid = kubo.ipfs_with(&args, &data);
        let path = path(format!("/ipfs/{cid}"));
        let (mut file, mut bytes) = (tempfile::tempfile().unwrap(), Vec::new());
        let fetched = wait(content.fetch(&path, &file, *size as u64));
        assert_eq!(fetched.unwrap_or_else(|e| panic!("{options} of {size} ({cid}): {e}")), *size as u64);
        std::io::Seek::rewind(&mut file).unwrap();
        file.read_to_end(&mut bytes).unwrap();
        assert!(bytes == data, "{options} of {size}: other bytes");
        assert!(wait(content.cat(&path, *size as u64)).unwrap() == data, "{options} of {size}: other bytes in memory");
        let stat = wait(content.stat(&path)).unwrap();
        assert_eq!(stat.size, *size as u64);
        let cumulative = kubo.ipfs(&["files", "stat", "--format=<cumulsize>", &format!("/ipfs/{cid}")]);
        assert_eq!(stat.cumulative_size.to_string(), cumulative, "{options} of {size} ({cid})");
        if *size > 0 {
            let small = wait(content.fetch(&path, &tempfile::tempfile().unwrap(), *size as u64 - 1));
            assert!(matches!(small, Err(ContentError::TooLarge { .. })), "{options} of {size}: {small:?}");
        }
    }
}

#[test]
fn r7_2_what_is_not_a_file_is_named() {
    let kubo = Kubo::start();
    let put = |codec: &str, data: &str| {
        kubo.ipfs_with(&["dag", "put", "--store-codec", codec, "--input-codec=dag-json"], data.as_bytes())
    };
    let directory = kubo.ipfs(&["add", "-Qr", &empty_directory()]);
    let plain = put("dag-pb", r#"{"Data":{"/":{"bytes":"eHg"}},"Links":[]}"#);
    let cases = [
        (directory, NodeKind::Directory),
        (put("dag-cbor", r#"{"a":1}"#), NodeKind::Codec(0x71)),
        (put("dag-json", r#"{"a":1}"#), NodeKind::Codec(0x129)),
        (plain, NodeKind::PlainDagPb),
    ];
    for (cid, expected) in cases {
        let fetched = wait(kubo.content().cat(&path(format!("/ipfs/{cid}")), 1000));
        assert!(matches!(fetched, Err(ContentError::NodeType { kind }) if kind == expected), "{cid}: {fetched:?}");
    }
}

#[test]
fn r7_5_content_that_is_nowhere_is_the_daemons_error() {
    let kubo = Kubo::start();
    let missing = path("/ipfs/bafkreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy");
    let error = wait(kubo.content().cat(&missing, 1000)).unwrap_err();
    assert!(matches!(&error, ContentError::Daemon { message } if message.contains("not found")), "{error:?}");
}

#[test]
fn r16_an_upload_has_the_cid_of_the_profile_unixfs_v1_2025() {
    let other = r#"{"CidVersion":0,"UnixFSRawLeaves":false,"UnixFSFileMaxLinks":2,"UnixFSChunker":"size-1000"}"#;
    let kubo = Kubo::start_with(&[("Import", other)]);
    for size in [0, 1, 1 << 20, (1 << 20) + 1, 8 << 20] {
        let data = noise(size);
        let options = ["--cid-version=1", "--raw-leaves", "--chunker=size-1048576", "--max-file-links=1024"];
        let expected = kubo.ipfs_with(&[&["add", "-Q", "-n"], &options[..]].concat(), &data);
        let cid = wait(kubo.content().add(data.clone())).unwrap();
        assert_eq!(cid.to_string(), expected, "{size} bytes");
        assert!(wait(kubo.content().cat(&path(format!("/ipfs/{cid}")), size as u64)).unwrap() == data);
        let pins = kubo.ipfs(&["pin", "ls", "--type=recursive", "-q"]);
        assert!(!pins.contains(&expected), "{size} bytes: pinned");
    }
}

fn empty_directory() -> String {
    tempfile::tempdir().unwrap().keep().to_str().unwrap().to_owned()
}
