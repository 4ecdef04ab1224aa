//! The readers of dag-cbor and dag-json: against hostile bytes, and against readers of others.

use std::collections::BTreeMap;

use ipld_core::ipld::Ipld;
use proptest::prelude::*;

use super::*;

fn cid() -> Cid {
    super::super::path::cid_from_bytes(&[&[1, 0x55, 0x12, 32][..], &[7; 32]].concat()).unwrap()
}

fn of(codec: u64) -> Cid {
    Cid::new_v1(codec, *cid().hash())
}

fn links(cid: &Cid, bytes: &[u8]) -> Result<Vec<String>, ContentError> {
    let mut names = Vec::new();
    Block::new(cid, bytes)?.links(|link| {
        names.push(link.name.to_string());
        Ok(())
    })?;
    Ok(names)
}

fn tree(cid: &Cid, bytes: &[u8], path: &[&str], depth: usize) -> Result<Vec<String>, ContentError> {
    let mut paths = Vec::new();
    Block::new(cid, bytes)?.tree(&text(path), depth, |path| {
        paths.push(path.to_owned());
        Ok(())
    })?;
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
        let block = Block::new(&codec, &bytes).unwrap();
        let found = |path: &[&str]| match block.find(&text(path)).unwrap() {
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
        assert!(Block::new(&of(DAG_CBOR), bytes).is_err(), "{bytes:?}");
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
        assert!(Block::new(&of(DAG_JSON), text.as_bytes()).is_err(), "{text}");
    }
    assert!(Block::new(&of(DAG_JSON), b"{\"\xff\":1}").is_err());
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
        assert!(Block::new(&of(codec), &nested(codec, DEPTH)).is_ok());
        // On a stack that no recursion of such depth fits.
        let deep = move || Block::new(&of(codec), &nested(codec, 1 << 20)).map(drop).unwrap_err().to_string();
        let why = std::thread::Builder::new().stack_size(64 << 10).spawn(deep).unwrap().join().unwrap();
        assert!(why.contains(TOO_DEEP), "{why}");
    }
}

/// Values whose links are known.
fn values() -> impl Strategy<Value = Ipld> {
    let link = Just(Ipld::Link(cid::CidGeneric::try_from(cid().to_bytes().as_slice()).unwrap()));
    let leaf = prop_oneof![
        Just(Ipld::Null),
        any::<bool>().prop_map(Ipld::Bool),
        any::<i64>().prop_map(|number| Ipld::Integer(number.into())),
        (-1e9..1e9f64).prop_map(Ipld::Float),
        ".{0,6}".prop_map(Ipld::String),
        prop::collection::vec(any::<u8>(), 0..6).prop_map(Ipld::Bytes),
        link,
    ];
    leaf.prop_recursive(5, 40, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Ipld::List),
            prop::collection::btree_map("[a-z/\"\\\\ä\n]{0,3}", inner, 0..6).prop_map(Ipld::Map),
        ]
    })
}

/// All that is below a value, with its path.
fn below(value: &Ipld, path: &[String], found: &mut Vec<(Vec<String>, bool)>) {
    let children: Vec<(String, &Ipld)> = match value {
        Ipld::List(list) => (0..).zip(list).map(|(index, value): (u32, _)| (index.to_string(), value)).collect(),
        Ipld::Map(map) => map.iter().map(|(name, value)| (name.clone(), value)).collect(),
        _ => Vec::new(),
    };
    for (name, child) in children {
        let path = [path, &[name]].concat();
        found.push((path.clone(), matches!(child, Ipld::Link(_))));
        below(child, &path, found);
    }
}

fn agrees(value: &Ipld, cid: &Cid, bytes: &[u8]) -> Result<(), TestCaseError> {
    let block = Block::new(cid, bytes).map_err(|fault| TestCaseError::fail(fault.to_string()))?;
    let mut found = Vec::new();
    below(value, &[], &mut found);
    for (path, link) in &found {
        let here = block.find(path).unwrap();
        prop_assert_eq!(matches!(here, Found::Link { left: 0, .. }), *link, "{:?}", path);
        prop_assert_eq!(here == Found::Inside, !link, "{:?}", path);
    }
    let count = found.iter().filter(|(_, link)| *link).count() + usize::from(matches!(value, Ipld::Link(_)));
    prop_assert_eq!(block.sizes().links, count);
    let told = |path: &Vec<String>| path.iter().all(|name| !name.is_empty() && !name.contains('/'));
    let mut wanted: Vec<_> = found.iter().filter(|(path, _)| told(path)).map(|(path, _)| path.join("/")).collect();
    let mut paths = Vec::new();
    block
        .tree(&[], usize::MAX, |path| {
            paths.push(path.to_owned());
            Ok(())
        })
        .unwrap();
    wanted.sort();
    paths.sort();
    prop_assert_eq!(paths, wanted);
    Ok(())
}

/// Whether a map in it is one that dag-json keeps for itself: others write such a map and read something else.
fn reserved(value: &Ipld) -> bool {
    match value {
        Ipld::Map(map) => map.keys().next().is_some_and(|name| name == "/") || map.values().any(reserved),
        Ipld::List(list) => list.iter().any(reserved),
        _ => false,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]

    #[test]
    fn dag_cbor_is_read_as_others_write_it(value in values()) {
        agrees(&value, &of(DAG_CBOR), &serde_ipld_dagcbor::to_vec(&value).unwrap())?;
    }

    #[test]
    fn dag_json_is_read_as_others_write_it(value in values().prop_filter("reserved", |value| !reserved(value))) {
        agrees(&value, &of(DAG_JSON), &serde_ipld_dagjson::to_vec(&value).unwrap())?;
    }

    /// Nothing panics, and what is taken is taken whole, whatever is asked of it.
    #[test]
    fn no_block_panics(value in values(), at in any::<prop::sample::Index>(), byte in any::<u8>(), cut in any::<bool>()) {
        for (codec, mut bytes) in [
            (of(DAG_CBOR), serde_ipld_dagcbor::to_vec(&value).unwrap()),
            (of(DAG_JSON), serde_ipld_dagjson::to_vec(&value).unwrap()),
        ] {
            let at = at.index(bytes.len());
            if cut { bytes.truncate(at) } else { bytes[at] = byte }
            if let Ok(block) = Block::new(&codec, &bytes) {
                let _ = block.find(&text(&["a", "0"])).unwrap();
                block.tree(&[], usize::MAX, |_| Ok(())).unwrap();
                prop_assert!(block.sizes().links <= bytes.len());
            }
        }
    }

    /// What another reader takes is taken too, if it is written as it would be: others aren't all as strict as Kubo.
    #[test]
    fn the_other_reader_of_dag_cbor_agrees(
        bytes in prop::collection::vec(prop_oneof![any::<u8>(), 0x40..0xa4u8, 0..0x20u8], 0..40),
    ) {
        if let Ok(other) = serde_ipld_dagcbor::from_slice::<Ipld>(&bytes)
            && serde_ipld_dagcbor::to_vec(&other).is_ok_and(|again| again == bytes)
        {
            agrees(&other, &of(DAG_CBOR), &bytes)?;
        }
    }

    #[test]
    fn any_bytes_are_no_harm(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        for codec in [RAW, DAG_PB, DAG_CBOR, DAG_JSON] {
            let codec = of(codec);
            if let Ok(block) = Block::new(&codec, &bytes) {
                let _ = block.find(&text(&["a", "0"])).unwrap();
                let _ = block.sizes();
            }
        }
    }
}
