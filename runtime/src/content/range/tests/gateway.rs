//! The daemon's gateway: used where it is of use, and never believed.

use std::cell::RefCell;

use super::*;
use crate::content::walk;

/// 8 MiB in leaves of 1 MiB.
pub(super) fn large() -> (Tree, Cid) {
    let mut tree = Tree::default();
    let root = tree.file(&data(8 << 20), 1 << 20, 16, true, false);
    (tree, root)
}

pub(super) fn part(range: Range<usize>) -> Vec<u8> {
    let body = &data(8 << 20)[range];
    [format!("HTTP/1.1 206 Part\r\nContent-Length: {}\r\n\r\n", body.len()).as_bytes(), body].concat()
}

/// A whole file, as it is fetched.
fn whole(client: &Sources, root: Cid) -> Result<Vec<u8>, ContentError> {
    let data = RefCell::default();
    run(walk::fetch(client, root, &data, u64::MAX)).map(|_| data.into_inner())
}

#[test]
fn a_whole_file_comes_in_one_answer_of_the_gateway() {
    let (tree, root) = large();
    let (client, asked) = daemon_with_gateway(tree.blocks, |_, range| Some(range.map(part).unwrap_or_default()));
    assert!(whole(&client, root).expect("the file") == data(8 << 20));
    let asked = asked.lock().expect("no panic").clone();
    assert!(asked.len() == 3 && asked[2] == format!("/ipfs/{root}"), "{asked:?}");
}

#[test]
fn leaves_come_in_one_answer_of_the_gateway() {
    let (tree, root) = large();
    let (client, asked) = daemon_with_gateway(tree.blocks, |_, range| Some(range.map(part).unwrap_or_default()));
    let reading = Ranged::new(client, root, 1_500_000, u64::MAX);
    assert!(run(taken(reading, 1 << 20, usize::MAX)).expect("the range") == data(8 << 20)[1_500_000..]);
    let asked = asked.lock().expect("no panic").clone();
    assert!(asked.len() == 3 && asked[2] == format!("/ipfs/{root}"), "{asked:?}");
}

#[test]
fn a_gateway_that_is_of_no_use_changes_nothing() {
    let refuses: Gateway = |_, _| Some(b"HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n".to_vec());
    let ways: [(&str, Gateway); 5] = [
        ("it refuses", refuses),
        ("it says nothing", |_, _| Some(Vec::from("HTTP/1.1 206 Part\r\nContent-Length: 0\r\n\r\n"))),
        ("it has other bytes", |_, range| {
            let mut part = range.map_or_else(|| Vec::from("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n?"), part);
            *part.last_mut()? ^= 1;
            Some(part)
        }),
        ("it leads away", |_, _| {
            Some(Vec::from("HTTP/1.1 302 There\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n"))
        }),
        ("it isn't one", |_, _| Some(b"220 mail.example ESMTP\r\n".to_vec())),
    ];
    for (way, gateway) in ways {
        let (tree, root) = large();
        let (client, _) = daemon_with_gateway(tree.blocks.clone(), gateway);
        assert!(whole(&client, root).expect(way) == data(8 << 20), "{way}");
        let (client, asked) = daemon_with_gateway(tree.blocks, gateway);
        let reading = Ranged::new(client, root, 0, u64::MAX);
        assert!(run(taken(reading, 1 << 20, usize::MAX)).expect(way) == data(8 << 20), "{way}");
        let asked = asked.lock().expect("no panic").clone();
        // One answer of many leaves, one block, and not again.
        let tried = asked.iter().filter(|target| target.starts_with("/ipfs/")).count();
        assert!((1..=6).contains(&tried), "{way}: {asked:?}");
    }
}
