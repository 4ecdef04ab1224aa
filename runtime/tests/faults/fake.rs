//! A scripted daemon on a socket of its own, and the blocks that it serves.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use ww::content::{Cid, Content, ContentPath, Timeouts};
use ww::endpoint::Endpoint;

/// What the fake does with one request: it writes to the stream, and says whether the connection goes on.
pub type Script = dyn Fn(&str, &mut TcpStream) -> bool + Send + Sync;

/// A daemon that follows a script.
pub struct Fake {
    pub content: Content,
    connections: Arc<AtomicUsize>,
}

/// Long enough for a busy machine.
pub const PATIENT: Timeouts = Timeouts { connect: Duration::from_secs(20), idle: Duration::from_secs(20) };
/// For tests in which the daemon is at fault for being slow.
pub const HASTY: Timeouts = Timeouts { connect: Duration::from_millis(1000), idle: Duration::from_millis(300) };

impl Fake {
    pub fn new(script: impl Fn(&str, &mut TcpStream) -> bool + Send + Sync + 'static) -> Fake {
        Fake::timed(PATIENT, script)
    }

    /// As [`Fake::new`], with other timeouts than [`PATIENT`].
    pub fn timed(timeouts: Timeouts, script: impl Fn(&str, &mut TcpStream) -> bool + Send + Sync + 'static) -> Fake {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let endpoint = Endpoint::parse(&format!("/ip4/127.0.0.1/tcp/{}", listener.local_addr().unwrap().port()));
        let connections = Arc::new(AtomicUsize::new(0));
        let (script, count): (Arc<Script>, _) = (Arc::new(script), connections.clone());
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                count.fetch_add(1, Ordering::SeqCst);
                let (script, stream) = (script.clone(), stream.unwrap());
                std::thread::spawn(move || serve(&*script, stream));
            }
        });
        Fake { content: Content::new(endpoint.unwrap(), timeouts), connections }
    }

    /// Every request gets these bytes, then the end of the connection.
    pub fn answers(bytes: impl Into<Vec<u8>>) -> Fake {
        let bytes = bytes.into();
        Fake::new(move |_, stream| {
            stream.write_all(&bytes).unwrap_or_default();
            false
        })
    }

    /// Serves blocks honestly.
    pub fn serves(blocks: Vec<(Cid, Vec<u8>)>) -> Fake {
        Fake::new(move |request, stream| {
            let cid = request.split("arg=").nth(1).unwrap();
            let (_, block) = blocks.iter().find(|(known, _)| known.to_string() == cid).unwrap();
            stream.write_all(&ok(block)).is_ok()
        })
    }

    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

/// Reads requests off a connection until the script or the peer ends it.
fn serve(script: &Script, mut stream: TcpStream) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    loop {
        let (mut target, mut length) = (String::new(), 0);
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line).unwrap_or(0) == 0 {
                return;
            }
            if target.is_empty() {
                target = line.split(' ').nth(1).unwrap().to_owned();
            } else if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().unwrap();
            } else if line == "\r\n" {
                break;
            }
        }
        reader.read_exact(&mut vec![0; length]).unwrap();
        if !script(&target, &mut stream) {
            return;
        }
    }
}

/// An answer with a length.
pub fn ok(body: &[u8]) -> Vec<u8> {
    [format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len()).as_bytes(), body].concat()
}

pub fn wait<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

pub fn path(cid: &Cid) -> ContentPath {
    ContentPath::from(*cid)
}

pub const DAG_PB: u64 = 0x70;
pub const RAW: u64 = 0x55;

/// The CID (blake3, for its crate is at hand) of a block.
pub fn cid_of(codec: u64, block: &[u8]) -> Cid {
    Cid::new_v1(codec, multihash::Multihash::wrap(0x1e, blake3::hash(block).as_bytes()).unwrap())
}

/// An identity CID, which holds its block.
pub fn inline(codec: u64, block: &[u8]) -> Cid {
    Cid::new_v1(codec, multihash::Multihash::wrap(0, block).unwrap())
}

/// A UnixFS file of these parts, each with its declared size.
pub fn file(file_size: u64, data: &[u8], parts: &[(Cid, u64)]) -> Vec<u8> {
    let mut unixfs = [&[8, 2][..], &bytes(2, data), &[0x18], &varint(file_size)].concat();
    for (_, size) in parts {
        unixfs.extend([&[0x20][..], &varint(*size)].concat());
    }
    let links = parts.iter().flat_map(|(cid, _)| bytes(2, &bytes(1, &cid.to_bytes())));
    links.chain(bytes(1, &unixfs)).collect()
}

/// A directory, or a part of one.
pub fn directory(unixfs: &[u8], links: &[(&str, Cid)]) -> Vec<u8> {
    let link = |(name, cid): &(&str, Cid)| bytes(2, &[bytes(1, &cid.to_bytes()), bytes(2, name.as_bytes())].concat());
    links.iter().flat_map(link).chain(bytes(1, unixfs)).collect()
}

fn bytes(field: u8, bytes: &[u8]) -> Vec<u8> {
    [&[field << 3 | 2][..], &varint(bytes.len() as u64), bytes].concat()
}

fn varint(mut number: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while number > 0x7f {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
    bytes
}
