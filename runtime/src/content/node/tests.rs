//! The decoder against hostile bytes, and against a decoder of others.

use proptest::prelude::*;

use super::*;

fn message(fields: &[(u64, &[u8])]) -> Vec<u8> {
    let mut message = Vec::new();
    for (number, bytes) in fields {
        message.extend([(number << 3 | 2) as u8, bytes.len() as u8]);
        message.extend_from_slice(bytes);
    }
    message
}

fn cid() -> Vec<u8> {
    [&[1, 0x55, 0x12, 32][..], &[7; 32]].concat()
}

#[test]
fn a_link_has_a_cid_and_maybe_more() {
    let link = [message(&[(1, &cid()), (2, b"name")]), vec![0x18, 0xac, 0x02]].concat();
    let block = message(&[(2, &link), (2, &message(&[(1, &cid())])), (1, &[8, 2])]);
    let node = Node::decode(&block).unwrap();
    let links: Vec<_> = node.links().map(|link| (link.name, link.tsize)).collect();
    assert_eq!(links, [(&b"name"[..], Some(300)), (b"", None)]);
    assert_eq!(node.unixfs.as_ref().unwrap().kind, Kind::File);
    for link in [message(&[(2, b"name")]), message(&[(1, &cid()[..35])]), message(&[(1, &[cid(), vec![0]].concat())])] {
        assert!(Node::decode(&message(&[(2, &link)])).is_err());
    }
}

#[test]
fn block_sizes_are_read_packed_and_unpacked() {
    let unixfs = UnixFs::decode(&[8, 2, 0x18, 6, 0x20, 1, 0x22, 3, 2, 0x81, 1, 0x38, 9]).unwrap();
    assert_eq!((unixfs.file_size, unixfs.block_sizes), (Some(6), vec![1, 2, 129]));
}

#[test]
fn attributes_are_read_where_they_can_be() {
    let of = |fields: &[u8]| UnixFs::decode(&[&[8, 2][..], fields].concat()).unwrap().attributes;
    let time = |seconds, nanoseconds| Some(Time { seconds, nanoseconds });
    assert_eq!(of(&[]), Attributes::default());
    assert_eq!(of(&[0x38, 0xa4, 0x03]), Attributes { mode: Some(0o644), mtime: None });
    assert_eq!(of(&[0x42, 2, 8, 9]).mtime, time(9, 0));
    assert_eq!(of(&[0x42, 7, 8, 9, 0x15, 1, 0, 0, 0]).mtime, time(9, 1));
    assert_eq!(of(&[&[0x42, 11, 8][..], &[0xff; 9], &[1]].concat()).mtime, time(-1, 0));
    // No seconds; too many nanoseconds; seconds of another type; cut off.
    for odd in [&[0x42, 0][..], &[0x42, 7, 8, 9, 0x15, 0, 0xca, 0x9a, 0x3b], &[0x42, 2, 10, 0], &[0x42, 1, 8]] {
        assert_eq!(of(odd), Attributes::default(), "{odd:?}");
    }
}

#[test]
fn what_is_not_dag_pb_or_unixfs_is_refused() {
    let twice = message(&[(1, b""), (1, b"")]);
    let blocks: [&[u8]; 9] = [
        &[0x0a],
        &[0x0a, 5, 1],
        &[0x1a, 0],
        &[0x08, 1],
        &[0x0b],
        &[0x80; 11],
        &[0xff; 10],
        &[0x0a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1],
        &twice,
    ];
    for block in blocks {
        assert!(Node::decode(block).is_err(), "{block:?}");
    }
    let messages: [&[u8]; 6] = [&[], &[8, 6], &[0x0a, 1, 1], &[8, 2, 0x19], &[8, 2, 0x22, 1, 0x80], &[0x18, 1]];
    for message in messages {
        assert!(UnixFs::decode(message).is_err(), "{message:?}");
    }
}

fn blocks() -> impl Strategy<Value = Vec<u8>> {
    let bytes = || prop::collection::vec(any::<u8>(), 0..40);
    let link = (prop::bool::weighted(0.9), bytes())
        .prop_map(|(whole, name)| message(&[(1, if whole { &[1, 0x55, 0x12, 2, 3, 4] } else { &[9] }), (2, &name)]));
    let field = prop_oneof![
        link.prop_map(|link| message(&[(2, &link)])),
        bytes().prop_map(|data| message(&[(1, &data)])),
        bytes(),
    ];
    prop_oneof![bytes(), prop::collection::vec(field, 0..6).prop_map(|fields| fields.concat())]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4096))]

    #[test]
    fn no_block_panics(block in blocks()) {
        if let Ok(node) = Node::decode(&block) {
            prop_assert!(node.links().count() <= block.len());
        }
        let _ = UnixFs::decode(&block);
    }

    /// What `ipld-dagpb` takes is taken too, and read alike.
    #[test]
    fn the_other_decoder_agrees(block in blocks()) {
        let other = ipld_dagpb::PbNode::from_bytes(block.clone().into());
        if let (Ok(node), Ok(other)) = (Node::decode(&block), other) {
            let ours: Vec<_> = node.links().map(|link| (link.cid.to_bytes(), link.name.to_vec(), link.tsize)).collect();
            let theirs: Vec<_> = other.links.into_iter()
                .map(|link| (link.cid.to_bytes(), link.name.unwrap_or_default().into_bytes(), link.size)).collect();
            prop_assert_eq!(ours, theirs);
        }
    }
}
