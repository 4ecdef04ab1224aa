//! The readers of dag-cbor and dag-json: what they find, and what they refuse; against those of others in [`others`],
//! and beside other tasks in [`turns`].

mod others;
mod turns;

use std::collections::BTreeMap;

use futures::executor::block_on;
use ipld_core::ipld::Ipld;

use super::*;

fn cid() -> Cid {
    crate::block::cid_from_bytes(&[&[1, 0x55, 0x12, 32][..], &[7; 32]].concat()).unwrap()
}

fn of(codec: u64) -> Cid {
    Cid::new_v1(codec, *cid().hash())
}

fn read<'a>(cid: &'a Cid, bytes: &'a [u8]) -> Result<Block<'a>, ContentError> {
    block_on(Block::new(cid, bytes))
}

fn links(cid: &Cid, bytes: &[u8]) -> Result<Vec<String>, ContentError> {
    let mut names = Vec::new();
    let block = read(cid, bytes)?;
    block_on(block.links(|link| {
        names.push(link.name.to_string());
        Ok(())
    }))?;
    Ok(names)
}

fn tree(cid: &Cid, bytes: &[u8], path: &[&str], depth: usize) -> Result<Vec<String>, ContentError> {
    let mut paths = Vec::new();
    let block = read(cid, bytes)?;
    block_on(block.tree(&text(path), depth, |path| {
        paths.push(path.to_owned());
        Ok(())
    }))?;
    Ok(paths)
}

fn text(path: &[&str]) -> Vec<String> {
    path.iter().map(|name| (*name).to_owned()).collect()
}

/// A map with a link in a list in a map, in both codecs.
fn samples() -> [(Cid, Vec<u8>); 2] {
    let link = Ipld::Link(cid::CidGeneric::try_from(cid().to_bytes().as_slice()).unwrap());
    let inner = BTreeMap::from([("x".to_owned(), link)]);
    let list = Ipld::List(vec![Ipld::Integer(1), Ipld::Map(inner)]);
    let odd =
        BTreeMap::from([("a/b".to_owned(), Ipld::Bool(true)), ("n".to_owned(), list), (String::new(), Ipld::Null)]);
    let value = Ipld::Map(BTreeMap::from([("m".to_owned(), Ipld::Map(odd)), ("z".to_owned(), Ipld::Bytes(vec![1]))]));
    [
        (of(DAG_CBOR), serde_ipld_dagcbor::to_vec(&value).unwrap()),
        (of(DAG_JSON), serde_ipld_dagjson::to_vec(&value).unwrap()),
    ]
}

#[test]
fn rpc_31_a_path_is_followed_to_the_first_link() {
    for (codec, bytes) in samples() {
        let block = read(&codec, &bytes).unwrap();
        let found = |path: &[&str]| match block_on(block.find(&text(path))).unwrap() {
            Found::Link { link, left } => format!("link {} left {left}", link.name),
            Found::Inside => "inside".to_owned(),
            Found::Missing { at } => format!("missing {at}"),
        };
        assert_eq!(found(&["m", "n", "1", "x"]), "link m/n/1/x left 0");
        assert_eq!(found(&["m", "n", "1", "x", "more", "of it"]), "link m/n/1/x left 2");
        for path in [&[][..], &["m"], &["m", "n"], &["m", "n", "1"], &["m", "a/b"], &["m", ""], &["z"]] {
            assert_eq!(found(path), "inside", "{path:?}");
        }
        for (path, at) in
            [(&["q"][..], 0), (&["m", "a"], 1), (&["m", "n", "2"], 2), (&["m", "n", "-1"], 2), (&["z", "0"], 1)]
        {
            assert_eq!(found(path), format!("missing {at}"), "{path:?}");
        }
    }
}

#[test]
fn rpc_32_a_tree_is_as_deep_as_asked() {
    for (codec, bytes) in samples() {
        let sorted = |path: &[&str], depth| {
            let mut paths = tree(&codec, &bytes, path, depth).unwrap();
            paths.sort();
            paths
        };
        assert_eq!(sorted(&[], usize::MAX), ["m", "m/n", "m/n/0", "m/n/1", "m/n/1/x", "z"]);
        assert_eq!(sorted(&[], 2), ["m", "m/n", "z"]);
        assert_eq!(sorted(&[], 0), [""; 0]);
        assert_eq!(sorted(&["m", "n"], 1), ["0", "1"]);
        assert_eq!(sorted(&["m", "n", "1", "x"], 9), [""; 0]);
        assert!(tree(&codec, &bytes, &["m", "q"], 1).is_err());
        assert!(tree(&codec, &bytes, &["m", "n", "1", "x", "out"], 1).is_err());
        assert_eq!(links(&codec, &bytes).unwrap(), ["m/n/1/x"]);
    }
}

#[test]
fn what_only_looks_like_a_link_is_a_map() {
    let json = of(DAG_JSON);
    let link = format!(r#"{{"/":"{}"}}"#, cid());
    assert_eq!(links(&json, link.as_bytes()).unwrap(), [""]);
    for map in [
        r#"{"/":1}"#,
        r#"{"/":"x","a":1}"#,
        r#"{"/":{"bytes":"aGk","a":1}}"#,
        r#"{"/":{"b":"aGk"}}"#,
        r#"{"a":1,"/":"x"}"#,
    ] {
        assert_eq!(links(&json, map.as_bytes()).unwrap(), [""; 0], "{map}");
    }
    assert_eq!(tree(&json, br#"{"/":{"bytes":"aGk"}}"#, &[], 9).unwrap(), [""; 0]);
    assert!(links(&json, br#"{"/":"no cid"}"#).is_err());
    assert_eq!(links(&json, format!(r#" {{ "\u002f" : "{}" }} "#, cid()).as_bytes()).unwrap(), [""]);
}

#[test]
fn what_is_not_of_its_codec_is_refused() {
    let cbor: [&[u8]; 20] = [
        b"",
        b"\xa1",
        b"\xa1\x61a",
        b"\x18\x05",
        b"\x9f\x01\xff",
        b"\xa1\x01\x61a",
        b"\xa1\x61\xff\x01",
        b"\x01\x00",
        b"\xd8\x2a\x44\x01\x55\x00\x00",
        b"\xd8\x2a\x00",
        b"\xc0\x01",
        b"\xd8\x2a\x41\x00",
        b"\xfb\x7f\xf8\0\0\0\0\0\0",
        b"\xf9\x7c\x00",
        b"\xe0",
        b"\x5b\xff\xff\xff\xff\xff\xff\xff\xff",
        b"\xbb\xff\xff\xff\xff\xff\xff\xff\xff",
        b"\x9b\xff\xff\xff\xff\xff\xff\xff\xff",
        b"\xff",
        b"\x1c",
    ];
    for bytes in cbor {
        assert!(read(&of(DAG_CBOR), bytes).is_err(), "{bytes:?}");
    }
    let json = [
        "",
        "{",
        "[1,]",
        "[,1]",
        "{\"a\"}",
        "{\"a\":}",
        "{a:1}",
        "[1 2]",
        "1 2",
        "\"",
        "\"\\",
        "\"\\x\"",
        "tru",
        "01",
        "1e999",
        "-",
        "]",
        "{\"a\":1,}",
        "[}",
        "\u{7f}",
    ];
    for text in json {
        assert!(read(&of(DAG_JSON), text.as_bytes()).is_err(), "{text}");
    }
    assert!(read(&of(DAG_JSON), b"{\"\xff\":1}").is_err());
}

fn nested(codec: u64, depth: usize) -> Vec<u8> {
    match codec {
        DAG_CBOR => [vec![0x81; depth], vec![1]].concat(),
        _ => [vec![b'['; depth], vec![b'1'], vec![b']'; depth]].concat(),
    }
}

#[test]
fn nesting_is_bounded_and_needs_no_stack() {
    for codec in [DAG_CBOR, DAG_JSON] {
        assert!(read(&of(codec), &nested(codec, DEPTH)).is_ok());
        // On a stack that no recursion of such depth fits.
        let deep = move || read(&of(codec), &nested(codec, 1 << 20)).map(drop).unwrap_err().to_string();
        let why = std::thread::Builder::new().stack_size(64 << 10).spawn(deep).unwrap().join().unwrap();
        assert!(why.contains(TOO_DEEP), "{why}");
    }
}
