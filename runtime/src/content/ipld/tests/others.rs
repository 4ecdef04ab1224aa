//! The readers of dag-cbor and dag-json against those of others, and against any bytes.

use proptest::prelude::*;

use super::*;

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
    let block = read(cid, bytes).map_err(|fault| TestCaseError::fail(fault.to_string()))?;
    let mut found = Vec::new();
    below(value, &[], &mut found);
    for (path, link) in &found {
        let here = block_on(block.find(path)).unwrap();
        prop_assert_eq!(matches!(here, Found::Link { left: 0, .. }), *link, "{:?}", path);
        prop_assert_eq!(here == Found::Inside, !link, "{:?}", path);
    }
    let count = found.iter().filter(|(_, link)| *link).count() + usize::from(matches!(value, Ipld::Link(_)));
    prop_assert_eq!(block_on(block.sizes()).links, count);
    let told = |path: &Vec<String>| path.iter().all(|name| !name.is_empty() && !name.contains('/'));
    let mut wanted: Vec<_> = found.iter().filter(|(path, _)| told(path)).map(|(path, _)| path.join("/")).collect();
    let mut paths = Vec::new();
    block_on(block.tree(&[], usize::MAX, |path| {
        paths.push(path.to_owned());
        Ok(())
    }))
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
            if let Ok(block) = read(&codec, &bytes) {
                let _ = block_on(block.find(&text(&["a", "0"]))).unwrap();
                block_on(block.tree(&[], usize::MAX, |_| Ok(()))).unwrap();
                prop_assert!(block_on(block.sizes()).links <= bytes.len());
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
            if let Ok(block) = read(&codec, &bytes) {
                let _ = block_on(block.find(&text(&["a", "0"]))).unwrap();
                let _ = block_on(block.sizes());
            }
        }
    }
}
