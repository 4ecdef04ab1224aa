//! Trees from a gateway of these tests' own: what is asked of it, and what is kept of what it says.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::*;
use crate::content::import::{Link as Made, Profile, dagpb};
use crate::content::shelf::{Memory, Shelf};
use crate::content::{Timeouts, wide};
use crate::endpoint::Gateway;

/// Blocks in the order of a walk, their root first.
type Blocks = Vec<(Cid, Vec<u8>)>;

/// The link to a file of one block.
fn leaf(data: &[u8]) -> Made {
    dagpb::leaf(Profile::V1, [&[0; dagpb::ROOM], data].concat()).link
}

/// A directory of files of so many bytes each, that says that it has `declared` bytes in each.
fn directory(files: &[usize], declared: u64) -> Blocks {
    let mut leaves = Vec::new();
    let mut links: Vec<(String, Made)> = Vec::new();
    for (number, size) in files.iter().enumerate() {
        let data = vec![number as u8; *size];
        links.push((format!("f{number}"), Made { tsize: declared, ..leaf(&data) }));
        leaves.push((wide(&Profile::V1.cid(links[number].1.id)), data));
    }
    let entries = links.iter().map(|(name, link)| (name.as_bytes(), link));
    let root = dagpb::directory(Profile::V1, entries);
    let root = (wide(&Profile::V1.cid(root.link.id)), root.bytes().to_vec());
    [vec![root], leaves].concat()
}

/// A CAR of these blocks.
fn car(blocks: &[(Cid, Vec<u8>)]) -> Vec<u8> {
    let mut car = b"\x0a\xa1gversion\x01".to_vec();
    for (cid, block) in blocks {
        let part = [&cid.to_bytes()[..], block].concat();
        let mut length = Vec::new();
        dagpb::varint(&mut length, part.len() as u64);
        car.extend([length, part].concat());
    }
    car
}

/// A gateway that has these blocks, and gives this where a CAR is wanted; and what it was asked.
fn gateway(blocks: Blocks, car: Vec<u8>) -> (Gateway, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let blocks: HashMap<String, Vec<u8>> = blocks.into_iter().map(|(cid, block)| (cid.to_string(), block)).collect();
    let asked = Arc::new(Mutex::new(Vec::new()));
    let heard = asked.clone();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut lines = BufReader::new(stream.try_clone().expect("a copy")).lines().map_while(Result::ok);
            while let Some(line) = lines.next() {
                lines.by_ref().take_while(|line| !line.is_empty()).for_each(drop);
                let target = line.split(' ').nth(1).expect("a target").to_owned();
                let cid = target.trim_start_matches("/ipfs/").split('?').next().expect("a CID");
                let body = if target.ends_with("=car") { &car } else { &blocks[cid] };
                heard.lock().expect("no panic").push(target.rsplit('=').next().expect("a format").to_owned());
                let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
                // It may be broken off.
                let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body));
            }
        }
    });
    (Gateway::parse(&format!("http://127.0.0.1:{port}")).expect("a gateway"), asked)
}

/// What of a tree is here after it was to come ahead, and what was asked for, where a CAR is this.
fn come(tree: &Blocks, car: Vec<u8>, most: u64) -> (usize, String) {
    let (gateway, asked) = gateway(tree.clone(), car);
    let shelf = Rc::new(Memory::default());
    let timeouts = Timeouts { connect: Duration::from_secs(2), idle: Duration::from_secs(2) };
    let sources = Sources::new(Some(shelf.clone()), None, &[gateway], timeouts);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(sources.ahead(&tree[0].0, most)).expect("the first block");
    let kept = tree.iter().filter(|(cid, block)| shelf.get(cid).as_ref() == Some(block)).count();
    let asked = asked.lock().expect("no panic").join(" ");
    (kept, asked)
}

#[test]
fn a_tree_comes_in_one_answer() {
    let tree = directory(&[5, 70_000, 1 << 20], 1 << 20);
    assert_eq!(come(&tree, car(&tree), 1 << 30), (4, "raw car".to_owned()));
    // Each block once, in whatever order: the root is here.
    let other: Blocks = tree[1..].iter().rev().cloned().collect();
    assert_eq!(come(&tree, car(&other), 1 << 30).0, 4);
}

#[test]
fn what_came_before_a_fault_is_kept() {
    let tree = directory(&[5, 6, 7], 10);
    let other = directory(&[900], 10);
    let mut flipped = tree[..3].to_vec();
    flipped[2].1[0] ^= 1;
    let cut = car(&tree);
    let broken = [
        car(&tree[..3]),
        cut[..cut.len() - 1].to_vec(),
        car(&[&tree[..3], &other[1..]].concat()),
        [car(&tree[..3]), vec![0; 5]].concat(),
    ];
    for car in broken {
        assert_eq!(come(&tree, car, 1 << 30), (3, "raw car".to_owned()));
    }
    assert_eq!(come(&tree, car(&flipped), 1 << 30).0, 2);
    assert_eq!(come(&tree, b"<html>".to_vec(), 1 << 30).0, 1);
}

#[test]
fn what_may_not_be_so_large_is_not_asked_for() {
    let tree = directory(&[5, 6, 7], 2 << 20);
    assert_eq!(come(&tree, car(&tree), 1 << 20), (1, "raw".to_owned()));
    // One that says less than it has is broken off: some 100 KiB more than a mebibyte.
    let tree = directory(&[1 << 20, 90_000, 90_000], 10);
    assert_eq!(come(&tree, car(&tree), 1 << 10), (2, "raw car".to_owned()));
}

#[test]
fn what_is_here_may_come_again_for_a_while() {
    let tree = directory(&[1 << 20, 7], 1 << 20);
    let again = |times| car(&[vec![tree[1].clone(); times], tree[2..].to_vec()].concat());
    assert_eq!(come(&tree, again(9), 1 << 30).0, 3);
    assert_eq!(come(&tree, again(10), 1 << 30).0, 2);
}

#[test]
fn a_file_that_is_near_is_not_asked_for_so() {
    let links = vec![leaf(b"x"); 9];
    let node = dagpb::node(Profile::V1.shape(), &links);
    assert_eq!((worth(node.bytes(), false), worth(node.bytes(), true)), (None, Some(9)));
    let few = dagpb::node(Profile::V1.shape(), &links[..IN_FLIGHT]);
    assert_eq!(worth(few.bytes(), true), None);
    let deep = dagpb::node(Profile::V1.shape(), &[node.link]);
    assert_eq!(worth(deep.bytes(), true), Some(node.link.tsize));
    assert_eq!(worth(dagpb::symlink(Profile::V1, b"to").bytes(), true), None);
    assert_eq!(worth(dagpb::directory(Profile::V1, std::iter::empty()).bytes(), true), None);
}

#[test]
fn what_is_here_buys_no_time() {
    let tree = directory(&[1, 7], 10);
    let again = car(&vec![tree[0].clone(); 200]);
    let (header, parts) = again.split_at(11);
    let part = parts.len() / 200;
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let gateway = format!("http://{}", listener.local_addr().expect("an address"));
    let (root, header, parts) = (tree[0].1.clone(), header.to_vec(), parts.to_vec());
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("a client");
        let mut lines = BufReader::new(stream.try_clone().expect("a copy")).lines().map_while(Result::ok);
        let mut asked = || lines.by_ref().take_while(|line| !line.is_empty()).for_each(drop);
        let head = |length: usize| format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n").into_bytes();
        asked();
        let _ = stream.write_all(&[head(root.len()), root].concat());
        asked();
        let _ = stream.write_all(&[head(1 << 20), header].concat());
        // It goes on for 10 s.
        parts.chunks(part).all(|part| {
            std::thread::sleep(Duration::from_millis(50));
            stream.write_all(part).is_ok()
        });
    });
    let timeouts = Timeouts { connect: Duration::from_secs(2), idle: Duration::from_millis(200) };
    let gateway = Gateway::parse(&gateway).expect("a gateway");
    let sources = Sources::new(Some(Rc::new(Memory::default())), None, &[gateway], timeouts);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let began = std::time::Instant::now();
    runtime.block_on(sources.ahead(&tree[0].0, 1 << 20)).expect("the first block");
    assert!(began.elapsed() < Duration::from_secs(5), "four times the idle timeout are 0.8 s: {:?}", began.elapsed());
}
