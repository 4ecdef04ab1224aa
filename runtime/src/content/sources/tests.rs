//! Sources of these tests' own, on the loopback: who is asked, when, and what is made of what they say.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use multihash::Multihash;
use sha2::{Digest, Sha256};

use super::*;
use crate::content::shelf::Memory;

/// What a server does with each block that it is asked for.
#[derive(Clone, Copy, PartialEq)]
enum Does {
    Gives,
    Lies,
    Refuses,
    /// Nothing, for so many milliseconds; then it gives.
    Waits(u64),
    /// Redirects once to a path of its own.
    Leads,
}

struct Server {
    port: u16,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Server {
    /// One that has these blocks, by their CIDs as text.
    fn new(blocks: &[Vec<u8>], does: Does) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let blocks: HashMap<String, Vec<u8>> = blocks.iter().map(|it| (cid(it).to_string(), it.clone())).collect();
        let (blocks, asked) = (Arc::new(blocks), Arc::new(Mutex::new(Vec::new())));
        let shared = asked.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (mut stream, blocks, asked) = (stream, blocks.clone(), shared.clone());
                std::thread::spawn(move || {
                    let mut reader = BufReader::new(stream.try_clone().expect("a copy"));
                    let mut line = String::new();
                    while reader.read_line(&mut line).is_ok_and(|read| read > 0) {
                        let target = line.split(' ').nth(1).unwrap_or_default().to_owned();
                        let mut rest = String::new();
                        while reader.read_line(&mut rest).is_ok_and(|read| read > 2) {
                            rest.clear();
                        }
                        line.clear();
                        asked.lock().expect("no panic").push(target.clone());
                        let cid = target.split(['=', '/', '?']).find(|part| part.starts_with("bafk")).unwrap_or("");
                        let answer = answer(does, &target, blocks.get(cid));
                        if stream.write_all(&answer).is_err() {
                            break;
                        }
                    }
                });
            }
        });
        Server { port, asked }
    }

    fn endpoint(&self) -> Option<Endpoint> {
        Endpoint::parse(&format!("/ip4/127.0.0.1/tcp/{}", self.port)).ok()
    }

    fn gateway(&self) -> Gateway {
        Gateway::parse(&format!("http://127.0.0.1:{}", self.port)).expect("a gateway")
    }

    fn asked(&self) -> usize {
        self.asked.lock().expect("no panic").len()
    }
}

fn answer(does: Does, target: &str, block: Option<&Vec<u8>>) -> Vec<u8> {
    let whole = |status: &str, body: &[u8]| {
        [format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n", body.len()).as_bytes(), body].concat()
    };
    match (does, block) {
        (Does::Leads, _) if !target.starts_with("/led") => {
            format!("HTTP/1.1 301 There\r\nLocation: /led{target}\r\nContent-Length: 0\r\n\r\n").into_bytes()
        }
        (Does::Refuses, _) | (_, None) => whole("404 Not Found", b"no"),
        (Does::Lies, Some(block)) => whole("200 OK", &[&block[..], b"?"].concat()),
        (Does::Waits(ms), Some(block)) => {
            std::thread::sleep(Duration::from_millis(ms));
            whole("200 OK", block)
        }
        (_, Some(block)) => whole("200 OK", block),
    }
}

fn cid(block: &[u8]) -> Cid {
    Cid::new_v1(0x55, Multihash::wrap(0x12, &Sha256::digest(block)).expect("32 bytes"))
}

/// Blocks of several sizes, none of which is another.
fn blocks(count: u8) -> Vec<Vec<u8>> {
    (0..count).map(|at| vec![at; 100 + usize::from(at) * 50_000]).collect()
}

fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime").block_on(future)
}

fn sources(daemon: Option<&Server>, gateways: &[&Server]) -> Sources {
    let gateways: Vec<Gateway> = gateways.iter().map(|server| server.gateway()).collect();
    let timeouts = Timeouts { connect: Duration::from_secs(2), idle: Duration::from_secs(2) };
    Sources::new(Some(Rc::new(Memory::default())), daemon.and_then(Server::endpoint), &gateways, timeouts)
}

fn all(sources: &Sources, blocks: &[Vec<u8>]) {
    run(async {
        for block in blocks {
            assert!(sources.block(&cid(block)).await.expect("a block") == *block);
        }
    });
}

#[test]
fn the_first_that_has_it_gives_it_and_the_shelf_keeps_it() {
    let blocks = blocks(3);
    let (daemon, gateway) = (Server::new(&blocks[..1], Does::Gives), Server::new(&blocks, Does::Gives));
    let sources = sources(Some(&daemon), &[&gateway]);
    all(&sources, &blocks);
    assert_eq!((daemon.asked(), gateway.asked()), (3, 2));
    all(&sources, &blocks);
    assert_eq!((daemon.asked(), gateway.asked()), (3, 2), "the second time nobody is asked");
    let served: Vec<(String, u64)> = sources.served().into_iter().map(|it| (it.source, it.blocks)).collect();
    let names =
        [failures::STORE.to_owned(), daemon.endpoint().expect("one").to_string(), gateway.gateway().to_string()];
    assert_eq!(served, names.into_iter().zip([3, 1, 2]).collect::<Vec<_>>());
}

#[test]
fn one_that_lies_is_asked_once() {
    let blocks = blocks(5);
    let (liar, honest) = (Server::new(&blocks, Does::Lies), Server::new(&blocks, Does::Gives));
    for sources in [sources(Some(&liar), &[&honest]), sources(None, &[&liar, &honest])] {
        let before = liar.asked();
        all(&sources, &blocks);
        assert_eq!(liar.asked() - before, 1);
    }
    let sources = sources(None, &[&liar]);
    let said = |block: &[u8]| run(sources.block(&cid(block))).expect_err("a lie").to_string();
    assert!(said(&blocks[0]).contains("hash differs"));
    assert!(said(&blocks[1]).contains(&format!("{}: it gave a block that isn't the content", liar.gateway())));
}

#[test]
fn a_slow_one_is_waited_for_once() {
    let blocks = blocks(5);
    let (slow, quick) = (Server::new(&blocks, Does::Waits(1_900)), Server::new(&blocks, Does::Gives));
    let sources = sources(None, &[&slow, &quick]);
    let began = Instant::now();
    all(&sources, &blocks);
    assert!(began.elapsed() < Duration::from_millis(1_500), "{:?}", began.elapsed());
    assert_eq!((slow.asked(), quick.asked()), (1, 5));
}

#[test]
fn a_slow_one_counts_where_it_is_the_only_one() {
    let blocks = blocks(1);
    let (slow, none) = (Server::new(&blocks, Does::Waits(1_200)), Server::new(&blocks, Does::Refuses));
    all(&sources(None, &[&slow, &none]), &blocks);
    assert_eq!((slow.asked(), none.asked()), (1, 1));
}

#[test]
fn a_redirect_of_its_own_is_followed_on_the_same_connections() {
    let blocks = blocks(2);
    let leads = Server::new(&blocks, Does::Leads);
    all(&sources(None, &[&leads]), &blocks);
    assert_eq!(leads.asked(), 4);
    let daemon = Server::new(&blocks, Does::Leads);
    let said = run(sources(Some(&daemon), &[]).block(&cid(&blocks[0]))).expect_err("a redirect").to_string();
    assert!(said.contains("a redirect (HTTP status 301), which isn't followed"), "{said}");
}

#[test]
fn every_source_is_named_with_its_failure() {
    let blocks = blocks(1);
    let (daemon, gateway) = (Server::new(&[], Does::Gives), Server::new(&blocks, Does::Refuses));
    let said = run(sources(Some(&daemon), &[&gateway]).block(&cid(&blocks[0]))).expect_err("nothing").to_string();
    let parts: Vec<&str> = said.split("; ").collect();
    assert_eq!(parts.len(), 3, "{said}");
    assert_eq!(parts[0], "not in the store");
    assert!(parts[1].starts_with(&format!("/ip4/127.0.0.1/tcp/{}: ", daemon.port)), "{said}");
    assert_eq!(parts[2], format!("{}: HTTP status 404 Not Found: no", gateway.gateway()));
    let said = run(sources(Some(&daemon), &[]).block(&cid(&blocks[0]))).expect_err("nothing").to_string();
    assert!(said.ends_with("; no gateway is named (--gateway)"), "{said}");
    let said = run(sources(None, &[]).block(&cid(&blocks[0]))).expect_err("nothing").to_string();
    assert_eq!(said, "not in the store; nobody else is asked (--offline)");
}

#[test]
fn what_is_larger_than_wanted_is_verified_and_not_kept() {
    let blocks = blocks(4);
    let server = Server::new(&blocks, Does::Gives);
    let sources = sources(None, &[&server]);
    let got = run(sources.block_within(&cid(&blocks[3]), 1000, async || ()));
    assert!(matches!(got, Ok(Got::Larger(size)) if size == blocks[3].len() as u64));
    assert!(!sources.has(&cid(&blocks[3])));
    let liar = Server::new(&blocks, Does::Lies);
    let got = run(self::sources(None, &[&liar]).block_within(&cid(&blocks[3]), 1000, async || ()));
    assert!(got.is_err(), "its size is a lie too");
}

#[test]
fn room_for_large_blocks_comes_back() {
    // More than may be on their way at a time, of two sources, the first of which is slow.
    let blocks: Vec<Vec<u8>> = (0..6).map(|at| vec![at; 1 << 20]).collect();
    let (slow, quick) = (Server::new(&blocks, Does::Waits(900)), Server::new(&blocks, Does::Gives));
    let sources = sources(None, &[&slow, &quick]);
    run(async {
        let cids: Vec<Cid> = blocks.iter().map(|block| cid(block)).collect();
        let got = futures::future::join_all(cids.iter().map(|cid| sources.block(cid))).await;
        assert!(got.into_iter().zip(&blocks).all(|(got, block)| got.is_ok_and(|got| got == *block)));
    });
    assert_eq!((sources.large.available_permits(), sources.again.available_permits()), (AT_ONCE, AGAIN));
    let wide = sources.wide();
    assert_eq!(sources.large.available_permits(), 2 * AT_ONCE);
    drop(wide);
    assert_eq!(sources.large.available_permits(), AT_ONCE);
}

#[test]
fn a_daemon_gets_what_is_put_where_it_was_named_or_answers() {
    let nobody = TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address").port();
    let endpoint = || Endpoint::parse(&format!("/ip4/127.0.0.1/tcp/{nobody}")).expect("an endpoint");
    let shelf = || Some(Rc::new(Memory::default()) as Rc<dyn Shelf>);
    let of = |shelf, daemon, named| {
        let sources = Sources::new(shelf, daemon, &[], Timeouts::default()).named(named);
        run(async { sources.receiver().await.is_some() })
    };
    assert!(of(shelf(), Some(endpoint()), true), "one that was named must answer");
    assert!(of(None, Some(endpoint()), false), "there is nobody else");
    assert!(!of(shelf(), Some(endpoint()), false) && !of(shelf(), None, false));
}
